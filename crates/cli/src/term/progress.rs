//! How far the bytes have come: a line that is drawn again and again, on a terminal only.

use std::io::{IsTerminal, stderr};

use indicatif::{DecimalBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The line: the amounts, the rate, the time that remains, and a bar where there is room left for one.
const LINE: &str =
    "{decimal_bytes} of {decimal_total_bytes}, {decimal_bytes_per_sec}, {eta} left {wide_bar}";

/// A line of progress, which goes away when it is dropped.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// The progress of `total` bytes; nothing is drawn where it is not wanted, or not seen, or where there
    /// is nothing to move, such as for a text.
    pub(crate) fn new(total: u64, wanted: bool) -> Self {
        let target = if wanted && total > 0 && stderr().is_terminal() {
            ProgressDrawTarget::stderr_with_hz(8)
        } else {
            ProgressDrawTarget::hidden()
        };
        let style =
            ProgressStyle::with_template(LINE).unwrap_or_else(|_| ProgressStyle::default_bar());
        Self(ProgressBar::with_draw_target(Some(total), target).with_style(style))
    }

    /// The bytes begin to move: the time that the other side took to consent is not theirs.
    pub(crate) fn begins(&self) {
        self.0.reset_eta();
        self.0.reset_elapsed();
    }

    /// So many bytes have been moved.
    pub(crate) fn at(&self, bytes: u64) {
        self.0.set_position(bytes);
    }

    /// Does what writes to the terminal itself, and draws the line again below it.
    pub(crate) fn beside<T>(&self, write: impl FnOnce() -> T) -> T {
        self.0.suspend(write)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// An amount as people read it: 1.50 MB.
pub(crate) fn amount(bytes: u64) -> String {
    DecimalBytes(bytes).to_string()
}
