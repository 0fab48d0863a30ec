//! What the server holds, looked at again and again.

use std::{fmt, io, time::Duration};

use tokio::time::{Instant, sleep, sleep_until};
use wormhole_sync_bench::server::{open_files, resident, threads};

/// How often the server is looked at.
const LOOK: Duration = Duration::from_secs(10);

/// What counts as the beginning, and as the end.
const MINUTE: Duration = Duration::from_secs(60);

/// Looks during each of them, however short.
const LOOKS: u32 = 6;

/// How long the server may take to let go of everything once everybody is gone.
const PATIENCE: Duration = Duration::from_secs(60);

/// Files that a server opens once, when there is more to do than in its first exchange.
const LATER: usize = 4;

pub(crate) struct Watch {
    process: u32,
    length: Duration,
}

/// Memory in the beginning, in the end and at the most, in KiB.
pub(crate) struct Growth {
    first: f64,
    last: f64,
    most: f64,
}

/// What a server without clients has.
pub(crate) struct Nobody {
    process: u32,
    files: usize,
    threads: usize,
}

impl Watch {
    pub(crate) const fn new(process: u32, length: Duration) -> Self {
        Self { process, length }
    }

    /// Looks until the end.
    pub(crate) async fn run(&self) -> io::Result<Growth> {
        let part = MINUTE.min(self.length / 4);
        let look = LOOK.min(part / LOOKS);
        let started = Instant::now();
        let mut seen = Vec::new();
        while started.elapsed() + look <= self.length {
            sleep_until(started + look * u32::try_from(seen.len() + 1).unwrap_or(u32::MAX)).await;
            let kibibytes = resident(self.process)? / 1024;
            let (files, threads) = (open_files(self.process)?, threads(self.process)?);
            let seconds = started.elapsed().as_secs();
            println!("{seconds:>4} s: {kibibytes:>7} KiB, {files:>5} files, {threads:>3} threads");
            seen.push(f64::from(u32::try_from(kibibytes).map_err(io::Error::other)?));
        }
        let looks = usize::try_from(part.as_nanos() / look.as_nanos())
            .unwrap_or(usize::MAX)
            .min(seen.len());
        let (first, last) = (seen.get(..looks), seen.get(seen.len() - looks..));
        let most = seen.iter().copied().fold(0.0, f64::max);
        Ok(Growth { first: median(first), last: median(last), most })
    }
}

impl Growth {
    /// Fails when there is more in the end than in the beginning, beyond so large a part and so many KiB.
    pub(crate) fn judge(&self, (part, kibibytes): (f64, f64)) -> io::Result<()> {
        let allowed = self.first * (1.0 + part) + kibibytes;
        if self.last <= allowed {
            return Ok(());
        }
        Err(io::Error::other(format!("the server has grown: more than {allowed:.0} KiB are left")))
    }
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, last, most } = self;
        write!(f, "KiB in the beginning {first:.0}, in the end {last:.0}, at the most {most:.0}")
    }
}

impl Nobody {
    /// Looks at a server that has served somebody, and serves nobody now.
    pub(crate) fn look(process: u32) -> io::Result<Self> {
        Ok(Self { process, files: open_files(process)?, threads: threads(process)? })
    }

    /// Waits until the server has no more than it had then.
    pub(crate) async fn again(&self) -> io::Result<()> {
        let started = Instant::now();
        loop {
            let now = Self::look(self.process)?;
            if now.files <= self.files + LATER && now.threads <= self.threads {
                return Ok(());
            }
            if started.elapsed() > PATIENCE {
                let Self { files, threads, .. } = now;
                return Err(io::Error::other(format!(
                    "{files} files and {threads} threads are left"
                )));
            }
            sleep(Duration::from_millis(100)).await;
        }
    }
}

fn median(values: Option<&[f64]>) -> f64 {
    let mut values = values.unwrap_or_default().to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_has_grown_is_told() {
        for (last, is_well) in [(900.0, true), (1200.0, true), (1300.0, false)] {
            let growth = Growth { first: 1000.0, last, most: 2000.0 };
            assert_eq!(growth.judge((0.1, 100.0)).is_ok(), is_well, "{growth}");
        }
        assert!((median(Some(&[3.0, 1.0, 2.0])) - 2.0).abs() < 0.1);
    }
}
