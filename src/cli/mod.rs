//! The commands that look after a running service, and what they say.

use indicatif::{ProgressBar, ProgressStyle};

pub(crate) mod doctor;
pub(crate) mod health;
pub(crate) mod transfer;
pub(crate) mod user;

/// How far something has come. It is drawn where somebody looks, and not into a file.
pub(crate) fn bar(count: u64, of: &str) -> ProgressBar {
    let template = format!("{{bar:40}} {{human_pos}} of {{human_len}} {of}, {{eta}} left");
    let style = ProgressStyle::with_template(&template);
    ProgressBar::new(count).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
