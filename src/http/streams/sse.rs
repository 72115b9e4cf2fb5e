//! Server-sent events: the distinct connections mode of the GraphQL over SSE protocol.

use axum::{
    body::{Body, Bytes},
    http::header::{CACHE_CONTROL, CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use futures_util::{Stream, StreamExt, stream};

use super::answers::Item;
use crate::http::negotiate::Media;

/// Writes a stream as events.
pub(in crate::http) fn events(items: impl Stream<Item = Item> + Send + 'static) -> Response {
    // Some proxies forward the head only with the first byte of the body.
    let opening = stream::iter([event(&Item::Heartbeat)]);
    let events = opening.chain(items.map(|item| event(&item)));
    let events = events.map(Ok::<_, std::convert::Infallible>);
    let media = Media::EventStream.content_type();
    // Without these headers, some proxies buffer the stream or compress it.
    let buffering = ("x-accel-buffering", "no");
    let caching = (CACHE_CONTROL.as_str(), "no-store, no-transform");
    (
        [(CONTENT_TYPE.as_str(), media), buffering, caching],
        Body::from_stream(events),
    )
        .into_response()
}

fn event(item: &Item) -> Bytes {
    match item {
        // The serialized JSON has no line breaks.
        Item::Next(json) => [b"event: next\ndata: ", &**json, b"\n\n"].concat().into(),
        Item::Heartbeat => Bytes::from_static(b":\n\n"),
        Item::Complete => Bytes::from_static(b"event: complete\ndata:\n\n"),
    }
}
