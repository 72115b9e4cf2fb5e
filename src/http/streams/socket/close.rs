//! The reasons to close a socket, with the codes of the protocol and of RFC 6455 section 7.4.1.

use std::error::Error;

use axum::extract::ws::{CloseFrame, Utf8Bytes};

/// The maximum length of a reason, in bytes: a control frame has 125, of which the code takes 2.
const MAX_REASON_BYTES: usize = 123;

#[derive(Clone, Debug)]
pub(super) enum Close {
    /// The socket has no session, and no operation has run for a while.
    Idle,
    GoingAway,
    ProtocolError,
    InvalidText,
    TooLong,
    InvalidMessage,
    Unauthorized,
    Forbidden,
    InitialisationTimeout,
    /// Another operation with this id is still running.
    SubscriberExists(String),
    TooManyInitialisations,
    TooManySockets,
    /// The socket has no session, and its permit was needed for another.
    Evicted,
    Unavailable,
}

impl Close {
    /// Returns the reason for a message that cannot be read.
    pub(super) fn of(error: &axum::Error) -> Self {
        match error.source().and_then(|source| source.downcast_ref()) {
            Some(tungstenite::Error::Capacity(_)) => Self::TooLong,
            Some(tungstenite::Error::Utf8(_)) => Self::InvalidText,
            _ => Self::ProtocolError,
        }
    }

    pub(super) fn frame(self) -> CloseFrame {
        let fixed = Utf8Bytes::from_static;
        let (code, reason) = match self {
            Self::Idle => (1000, fixed("Idle without a session")),
            Self::GoingAway => (1001, fixed("Going away")),
            Self::ProtocolError => (1002, fixed("Protocol error")),
            Self::InvalidText => (1007, fixed("Text is not UTF-8")),
            Self::TooLong => (1009, fixed("Message too long")),
            Self::Unavailable => (1013, fixed("Try again later")),
            Self::Evicted => (1013, fixed("Too many sockets without a session")),
            Self::InvalidMessage => (4400, fixed("Invalid message")),
            Self::Unauthorized => (4401, fixed("Unauthorized")),
            Self::Forbidden => (4403, fixed("Forbidden")),
            Self::InitialisationTimeout => (4408, fixed("Connection initialisation timeout")),
            Self::SubscriberExists(id) => (4409, subscriber_exists(&id).into()),
            Self::TooManyInitialisations => (4429, fixed("Too many initialisation requests")),
            Self::TooManySockets => (4429, fixed("Too many sockets")),
        };
        CloseFrame { code, reason }
    }
}

/// Returns the reason of code 4409 as the protocol words it. A long id is truncated.
fn subscriber_exists(id: &str) -> String {
    let whole = format!("Subscriber for {id} already exists");
    if whole.len() <= MAX_REASON_BYTES {
        return whole;
    }
    let room = MAX_REASON_BYTES - "Subscriber for … already exists".len();
    let id = &id[..id.floor_char_boundary(room)];
    format!("Subscriber for {id}… already exists")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_reason_truncates_a_long_id() {
        let reason = |id: &str| Close::SubscriberExists(id.to_owned()).frame().reason;
        assert_eq!(reason("7").as_str(), "Subscriber for 7 already exists");
        let longest = "x".repeat(93);
        let whole = format!("Subscriber for {longest} already exists");
        assert_eq!(reason(&longest).as_str(), whole);
        let cut = format!("Subscriber for {}… already exists", "x".repeat(90));
        assert_eq!(reason(&"x".repeat(94)).as_str(), cut);
        let cut = format!("Subscriber for {}… already exists", "\u{1f600}".repeat(22));
        assert_eq!(reason(&"\u{1f600}".repeat(50)).as_str(), cut);
    }
}
