//! Zip's own time: a date and a time of day in two seconds' steps, from 1980 on, of no particular zone.
//!
//! UTC is written, for a sender has no business telling its zone; the extended timestamp has the exact time.

const DAY: u32 = 86_400;
/// The first moment that zip can tell: the beginning of 1980.
const FIRST: u32 = 315_532_800;

/// Date and time of `modified`, in seconds since 1970.
pub(super) fn dos(modified: u32) -> (u16, u16) {
    let modified = modified.max(FIRST);
    let (year, month, day) = date(modified / DAY);
    let seconds = modified % DAY;
    let time = (seconds / 3600) << 11 | (seconds / 60 % 60) << 5 | (seconds % 60 / 2);
    let date = (year - 1980) << 9 | month << 5 | day;
    (u16::try_from(date).unwrap_or(u16::MAX), u16::try_from(time).unwrap_or(u16::MAX))
}

/// Year, month and day of a day since the beginning of 1970, in the Gregorian calendar.
fn date(days: u32) -> (u32, u32, u32) {
    // Counted from 1 March of the year 0, a leap day comes last in its year.
    let days = days + 719_468;
    let era = days / 146_097;
    let of_era = days % 146_097;
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let year = year + era * 400;
    if month < 10 { (year, month + 3, day) } else { (year + 1, month - 9, day) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_at_the_edges_of_calendar_and_format() {
        for (seconds, expected) in [
            (0, (1980, 1, 1)), // before 1980: the first that there is
            (315_532_800, (1980, 1, 1)),
            (951_782_400, (2000, 2, 29)),
            (1_709_251_199, (2024, 2, 29)),
            (1_735_689_599, (2024, 12, 31)),
            (4_107_542_400, (2100, 3, 1)), // no leap year
            (u32::MAX, (2106, 2, 7)),
        ] {
            let (date, _) = dos(seconds);
            assert_eq!((date >> 9, date >> 5 & 15, date & 31), {
                let (year, month, day) = expected;
                (year - 1980, month, day)
            });
        }
        let (_, time) = dos(1_735_689_599);
        assert_eq!((time >> 11, time >> 5 & 63, (time & 31) * 2), (23, 59, 58));
    }
}
