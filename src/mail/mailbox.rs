//! The mailbox of a server in development, which sends no mail.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use serde::Serialize;

/// The number of mails that the mailbox stores. A further one removes the oldest.
const CAPACITY: usize = 100;

/// The last mails, in memory.
#[derive(Clone, Default)]
pub(crate) struct DevMailbox(Arc<Mutex<VecDeque<ReceivedMail>>>);

/// A mail that would have been sent.
#[derive(Clone, Serialize)]
pub(crate) struct ReceivedMail {
    pub(crate) to: String,
    pub(crate) subject: String,
    pub(crate) text: String,
    pub(crate) html: String,
}

impl DevMailbox {
    pub(super) fn receive(&self, mail: ReceivedMail) {
        let mut mails = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        mails.push_front(mail);
        mails.truncate(CAPACITY);
    }

    /// Returns the mails, newest first.
    pub(crate) fn mails(&self) -> Vec<ReceivedMail> {
        let mails = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        mails.iter().cloned().collect()
    }
}
