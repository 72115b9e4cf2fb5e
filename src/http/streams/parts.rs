//! Multipart subscriptions over HTTP, as Apollo Client and Apollo Router speak them.

use axum::{
    body::{Body, Bytes},
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};
use futures_util::{Stream, StreamExt};

use super::{super::answer, Item};
use crate::http::negotiate::Media;

/// Writes a stream as parts, each an object with a `payload`.
pub(in crate::http) fn parts(items: impl Stream<Item = Item> + Send + 'static) -> Response {
    let parts = items.map(|item| Ok::<_, std::convert::Infallible>(part(&item)));
    let media = Media::Multipart.content_type();
    ([(CONTENT_TYPE, media)], Body::from_stream(parts)).into_response()
}

fn part(item: &Item) -> Bytes {
    const HEAD: &[u8] = b"\r\n--graphql\r\ncontent-type: application/json\r\n\r\n";
    match item {
        Item::Next(response) => [HEAD, b"{\"payload\":", &*answer::body(response), b"}"]
            .concat()
            .into(),
        Item::Heartbeat => [HEAD, b"{}"].concat().into(),
        Item::Complete => Bytes::from_static(b"\r\n--graphql--\r\n"),
    }
}
