//! Why a socket is closed: the protocol's codes, and those of RFC 6455 section 7.4.1.

use axum::extract::ws::{CloseFrame, Utf8Bytes};

#[derive(Clone, Copy, Debug)]
pub(super) enum Close {
    GoingAway,
    ProtocolError,
    TooLong,
    InvalidMessage,
    Unauthorized,
    Forbidden,
    InitialisationTimeout,
    SubscriberExists,
    TooManyInitialisations,
    TooManySockets,
    Unavailable,
}

impl Close {
    /// For what is no message. The library's error has no type that could be asked.
    pub(super) fn of(error: &axum::Error) -> Self {
        if error.to_string().contains("too long") {
            Self::TooLong
        } else {
            Self::ProtocolError
        }
    }

    pub(super) fn frame(self) -> CloseFrame {
        let (code, reason) = match self {
            Self::GoingAway => (1001, "Going away"),
            Self::ProtocolError => (1002, "Protocol error"),
            Self::TooLong => (1009, "Message too long"),
            Self::Unavailable => (1013, "Try again later"),
            Self::InvalidMessage => (4400, "Invalid message"),
            Self::Unauthorized => (4401, "Unauthorized"),
            Self::Forbidden => (4403, "Forbidden"),
            Self::InitialisationTimeout => (4408, "Connection initialisation timeout"),
            Self::SubscriberExists => (4409, "Subscriber already exists"),
            Self::TooManyInitialisations => (4429, "Too many initialisation requests"),
            Self::TooManySockets => (4429, "Too many sockets"),
        };
        CloseFrame {
            code,
            reason: Utf8Bytes::from_static(reason),
        }
    }
}
