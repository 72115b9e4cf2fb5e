//! Progress bars, and the words for finished and simulated work.

use indicatif::{ProgressBar, ProgressStyle};

/// A progress bar on standard error, drawn only if that is a terminal.
pub(super) fn bar(count: u64, unit: &str) -> ProgressBar {
    let template = format!("{{bar:40}} {{human_pos}} of {{human_len}} {unit}, {{eta}} left");
    let style = ProgressStyle::with_template(&template);
    ProgressBar::new(count).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// The auxiliary verb for a number of things that were stored, or would be without `--dry-run`.
pub(super) fn were(count: u64, is_dry_run: bool) -> &'static str {
    match (is_dry_run, count) {
        (true, _) => "would be",
        (false, 1) => "was",
        (false, _) => "were",
    }
}
