//! Progress bars on standard error, and the verbs of their final messages.

use indicatif::{ProgressBar, ProgressStyle};

/// Returns a progress bar on standard error, which is drawn only on a terminal.
pub(super) fn bar(count: u64, unit: &str) -> ProgressBar {
    let template = format!("{{bar:40}} {{human_pos}} of {{human_len}} {unit}, {{eta}} left");
    let style = ProgressStyle::with_template(&template);
    ProgressBar::new(count).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Returns the verb before "stored" or "skipped": "would be" in a dry run, otherwise "was" or "were".
pub(super) fn were(count: u64, is_dry_run: bool) -> &'static str {
    match (is_dry_run, count) {
        (true, _) => "would be",
        (false, 1) => "was",
        (false, _) => "were",
    }
}
