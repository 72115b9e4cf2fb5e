//! GraphQL over WebSocket: the handshake of the `graphql-transport-ws` protocol.

mod close;
mod connection;
mod messages;

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, ws::WebSocketUpgrade},
    http::{StatusCode, header::ORIGIN, request::Parts},
    response::Response,
};
use tracing::{Instrument, Span};

use self::connection::Connection;
use crate::{
    error::{Error, code},
    http::{AppState, graphql_response::GraphqlResponse, json},
    id::RequestId,
    identity::{Cookies, Device, Network},
};

const PROTOCOL: &str = "graphql-transport-ws";

/// The maximum size of a message, in bytes.
const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// The size of the buffer for received bytes, which each socket has. Most messages are shorter.
const READ_BUFFER_BYTES: usize = 4 * 1024;

/// The maximum number of bytes that wait for the client to read them: one response, and the pongs
/// for the client's pings.
const MAX_UNREAD_BYTES: usize = json::MAX_RESPONSE_BYTES + 512 * 1024;

/// Opens a socket if the client requests the protocol and its origin is allowed.
pub(in crate::http) async fn upgrade(
    app: Arc<AppState>,
    mut head: Parts,
    device: Device,
    cookies: Cookies,
    request_id: RequestId,
) -> Result<Response, GraphqlResponse> {
    let refuse =
        |status, message: &str| GraphqlResponse::rejection(status, code::BAD_REQUEST, message);
    let upgrade = WebSocketUpgrade::from_request_parts(&mut head, &())
        .await
        .map_err(|rejection| refuse(StatusCode::BAD_REQUEST, &rejection.body_text()))?;
    // Only browsers send `Origin`.
    if head.headers.contains_key(ORIGIN) && !app.origins.is_allowed(&head.headers) {
        return Err(refuse(
            StatusCode::FORBIDDEN,
            "Pages of this origin may not open a socket. See CUBBY_CORS_ORIGINS.",
        ));
    }
    let upgrade = upgrade.protocols([PROTOCOL]);
    if upgrade.selected_protocol().is_none() {
        return Err(refuse(
            StatusCode::BAD_REQUEST,
            "Ask for the subprotocol graphql-transport-ws.",
        ));
    }
    let permit = app
        .streams
        .anonymous_permit(Network::of(device.ip_address))
        .ok_or_else(|| GraphqlResponse::from_error(Error::Unavailable))?;
    let upgrade = upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .max_message_size(MAX_MESSAGE_BYTES)
        .max_write_buffer_size(MAX_UNREAD_BYTES)
        .max_frame_size(MAX_MESSAGE_BYTES);
    let span = Span::current();
    Ok(upgrade.on_upgrade(move |socket| {
        let connection = Connection::new(app, socket, (device, cookies), request_id, permit);
        connection.run().instrument(span)
    }))
}
