//! When a certificate expires: the one thing in it that rustls does not tell.

use std::time::{Duration, SystemTime};

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The end of the certificate's validity (RFC 5280, 4.1), if it can be made out.
pub(super) fn of(certificate: &[u8]) -> Option<SystemTime> {
    let (_, certificate, _) = element(certificate)?;
    let (SEQUENCE, mut rest, _) = element(certificate)? else { return None };
    if rest.first() == Some(&VERSION) {
        rest = element(rest)?.2;
    }
    for _ in ["serial number", "algorithm", "issuer"] {
        rest = element(rest)?.2;
    }
    let (SEQUENCE, validity, _) = element(rest)? else { return None };
    let (_, _, not_after) = element(validity)?;
    let (kind, text, _) = element(not_after)?;
    time(kind, std::str::from_utf8(text).ok()?)
}

/// The tag and the content of what is encoded first, and what comes after it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let long = usize::from(first.saturating_sub(0x80));
    let (length, rest) = match first {
        0..0x80 => (usize::from(first), rest),
        _ if long > 3 => return None,
        _ => {
            let (length, rest) = rest.split_at_checked(long)?;
            (length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`.
fn time(kind: u8, text: &str) -> Option<SystemTime> {
    let digits =
        text.strip_suffix('Z').filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    let digits = match (kind, digits.len()) {
        (UTC_TIME, 12) => format!("{}{digits}", if digits < "5" { "20" } else { "19" }),
        (GENERALIZED_TIME, 14) => digits.to_owned(),
        _ => return None,
    };
    let number = |from: usize, to: usize| digits.get(from..to)?.parse::<u64>().ok();
    let days = days(number(0, 4)?, number(4, 6)?, number(6, 8)?)?;
    let seconds = number(8, 10)? * 3600 + number(10, 12)? * 60 + number(12, 14)?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(days * 24 * 3600 + seconds))
}

/// Days from 1970-01-01 to a date of the Gregorian calendar.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    let before = *[0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334]
        .get(usize::try_from(month.checked_sub(1)?).ok()?)?;
    let leaps = |years: u64| years / 4 - years / 100 + years / 400;
    let last = if month > 2 { year } else { year.checked_sub(1)? };
    let leap_days = leaps(last).checked_sub(leaps(1969))?;
    Some(year.checked_sub(1970)? * 365 + leap_days + before + day.checked_sub(1)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(kind: u8, text: &str) -> Option<u64> {
        Some(time(kind, text)?.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs())
    }

    #[test]
    fn times_are_read() {
        for (kind, text, expected) in [
            (UTC_TIME, "700101000000Z", Some(0)),
            (UTC_TIME, "491231235959Z", Some(2_524_607_999)),
            (GENERALIZED_TIME, "20500101000000Z", Some(2_524_608_000)),
            (GENERALIZED_TIME, "20000229120000Z", Some(951_825_600)),
            (GENERALIZED_TIME, "20000301000000Z", Some(951_868_800)),
            (GENERALIZED_TIME, "21000301000000Z", Some(4_107_542_400)),
            (GENERALIZED_TIME, "99991231235959Z", Some(253_402_300_799)),
            (GENERALIZED_TIME, "19691231235959Z", None),
            (GENERALIZED_TIME, "20001331235959Z", None),
            (UTC_TIME, "20000101000000Z", None),
            (UTC_TIME, "7001010000+1Z", None),
            (UTC_TIME, "700101000000", None),
        ] {
            assert_eq!(seconds(kind, text), expected, "{text}");
        }
    }

    #[test]
    fn a_certificate_tells_its_end() {
        let mut parameters = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
        parameters.not_after = rcgen::date_time_ymd(2031, 5, 17);
        let certificate = parameters.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
        let end = of(certificate.der()).unwrap().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        assert_eq!(end.as_secs(), 1_936_742_400);
        for cut in 0..certificate.der().len() {
            let part = certificate.der().get(..cut).unwrap();
            assert_eq!(of(part), None, "{cut} bytes are no certificate");
        }
    }
}
