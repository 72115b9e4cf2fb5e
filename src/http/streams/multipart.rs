//! Multipart subscriptions over HTTP: the protocol of Apollo Client and Apollo Router.

use axum::{
    body::{Body, Bytes},
    http::header::{CACHE_CONTROL, CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use futures_util::{Stream, StreamExt, stream};

use super::answers::Item;
use crate::http::negotiate::Media;

/// Writes a stream as parts, each of them an object with a `payload`.
pub(in crate::http) fn parts(items: impl Stream<Item = Item> + Send + 'static) -> Response {
    // A client processes a part when it has read the next boundary, so each part is sent together
    // with it.
    let opening = stream::iter([Bytes::from_static(b"\r\n--graphql")]);
    let parts = opening.chain(items.map(|item| part(&item)));
    let media = Media::Multipart.content_type();
    let body = Body::from_stream(parts.map(Ok::<_, std::convert::Infallible>));
    // Without `no-transform`, some proxies buffer the stream to compress it.
    let caching = (CACHE_CONTROL, "no-store, no-transform");
    ([(CONTENT_TYPE, media), caching], body).into_response()
}

fn part(item: &Item) -> Bytes {
    const HEAD: &[u8] = b"\r\ncontent-type: application/json\r\n\r\n";
    const END: &[u8] = b"\r\n--graphql";
    match item {
        Item::Next(json) => [HEAD, b"{\"payload\":", json, b"}", END].concat().into(),
        Item::Heartbeat => [HEAD, b"{}", END].concat().into(),
        Item::Complete => Bytes::from_static(b"--\r\n"),
    }
}
