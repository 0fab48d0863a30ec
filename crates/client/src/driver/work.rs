//! The work that a server may ask for, off the threads that must not wait.

use std::sync::Arc;

use tokio::task::JoinHandle;
use wormhole_sync_core::hashcash::Challenge;

/// A search for a hashcash stamp, on a thread that may be busy. Dropping it calls the search off.
pub(super) struct Work {
    search: JoinHandle<Option<String>>,
    wanted: Arc<()>,
}

impl Work {
    pub(super) fn begin(challenge: Challenge) -> Self {
        let wanted = Arc::new(());
        let still_wanted = Arc::downgrade(&wanted);
        let search = tokio::task::spawn_blocking(move || {
            challenge.solve(&today(), || still_wanted.strong_count() == 0)
        });
        Self { search, wanted }
    }
}

pub(super) async fn solved(work: &mut Option<Work>) -> Option<String> {
    match work {
        Some(Work { search, wanted: _wanted }) => search.await.ok().flatten(),
        None => std::future::pending().await,
    }
}

/// Today in UTC as `YYMMDD`, by the civil-from-days algorithm of Howard Hinnant
/// (<https://howardhinnant.github.io/date_algorithms.html>).
fn today() -> String {
    let since_epoch =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    date(since_epoch.as_secs() / 86_400)
}

fn date(days_since_epoch: u64) -> String {
    let days = days_since_epoch + 719_468; // from 0000-03-01, so that leap days end the year
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{:02}{month:02}{day:02}", year % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (days, text) in
            [(0, "700101"), (19_782, "240229"), (19_783, "240301"), (20_780, "261123")]
        {
            assert_eq!(date(days), text);
        }
    }
}
