//! How far the bytes have come: a line that is drawn again and again, on a terminal only.

use std::{
    io::{IsTerminal, stderr},
    sync::{Mutex, MutexGuard, PoisonError},
};

use indicatif::{DecimalBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The line: the amounts, the rate, the time that remains, and a bar where there is room left for one.
const LINE: &str =
    "{decimal_bytes} of {decimal_total_bytes}, {decimal_bytes_per_sec}, {eta} left {wide_bar}";

/// Where a line of progress is, while there is one: whatever else is written goes around it.
#[derive(Default)]
pub(crate) struct Place(Mutex<Option<ProgressBar>>);

impl Place {
    /// Does what writes to the terminal, and draws the line again below it.
    pub(super) fn beside<T>(&self, write: impl FnOnce() -> T) -> T {
        let line = self.line().clone();
        match line {
            Some(line) => line.suspend(write),
            None => write(),
        }
    }

    fn line(&self) -> MutexGuard<'_, Option<ProgressBar>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A line of progress, which goes away when it is dropped.
pub(crate) struct Progress<'a> {
    line: ProgressBar,
    place: &'a Place,
}

impl<'a> Progress<'a> {
    /// The progress of `total` bytes; nothing is drawn where it is not wanted, or not seen, or where there
    /// is nothing to move, such as for a text.
    pub(crate) fn new(place: &'a Place, total: u64, wanted: bool) -> Self {
        let target = if wanted && total > 0 && stderr().is_terminal() {
            ProgressDrawTarget::stderr_with_hz(8)
        } else {
            ProgressDrawTarget::hidden()
        };
        let style =
            ProgressStyle::with_template(LINE).unwrap_or_else(|_| ProgressStyle::default_bar());
        let line = ProgressBar::with_draw_target(Some(total), target).with_style(style);
        *place.line() = Some(line.clone());
        Self { line, place }
    }

    /// The bytes begin to move: the time that the other side took to consent is not theirs.
    pub(crate) fn begins(&self) {
        self.line.reset_eta();
        self.line.reset_elapsed();
    }

    /// So many bytes have been moved.
    pub(crate) fn at(&self, bytes: u64) {
        self.line.set_position(bytes);
    }

    /// No more will be, and the line goes away.
    pub(crate) fn ends(&self) {
        *self.place.line() = None;
        self.line.finish_and_clear();
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        self.ends();
    }
}

/// An amount as people read it: 1.50 MB.
pub(crate) fn amount(bytes: u64) -> String {
    DecimalBytes(bytes).to_string()
}
