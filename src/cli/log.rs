//! The log on standard error: text in development, JSON in production.

use std::io::{self, IsTerminal};

use crate::config::{Config, Mode};

/// Starts logging.
pub(super) fn start(config: &Config, mode: Mode) {
    let lines = tracing_subscriber::fmt()
        .with_env_filter(config.log.filter())
        .with_ansi(io::stderr().is_terminal())
        // A line that cannot be written, for example on a full disk, is dropped: reporting the failure on
        // standard error would panic.
        .log_internal_errors(false)
        .with_writer(io::stderr);
    match mode {
        Mode::Development => lines.init(),
        Mode::Production => lines.json().init(),
    }
}
