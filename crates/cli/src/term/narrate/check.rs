//! The lines of `wormhole doctor`.

use super::MAX_NAME;
use crate::{
    json::{Check, Finding, Over, State},
    term::{
        colour::{Style, styled},
        sanitize::{self, MAX_SHORT},
    },
};

/// The column at which the words begin.
const WORDS: usize = 33;

/// One line in columns, and what to do about it on a second.
pub(super) fn check(colour: bool, finding: &Finding) -> String {
    let label = format!("{:<22}", label(finding));
    let target = finding.target.as_deref();
    let target = target.map_or_else(String::new, |target| sanitize::line(target, MAX_NAME) + ": ");
    let detail = sanitize::compact(&finding.detail, MAX_SHORT);
    let advice = finding.advice.as_ref().map_or_else(String::new, |advice| {
        format!("{:WORDS$}-> {}\n", "", sanitize::compact(advice, MAX_SHORT))
    });
    format!("{}  {label}  {target}{detail}\n{advice}", state(colour, finding.state))
}

/// What ends the list.
pub(super) fn diagnosis(works: bool, problems: usize) -> Option<String> {
    let problems = match problems {
        0 => "; nothing is wrong",
        1 => ", in spite of the problem above",
        _ => ", in spite of the problems above",
    };
    works.then(|| format!("An exchange would work from here{problems}.\n"))
}

fn state(colour: bool, state: State) -> String {
    match state {
        State::Ok => "ok     ".to_owned(),
        State::Problem => styled(colour, Style::Wrong, "problem"),
        State::Skipped => "skipped".to_owned(),
    }
}

fn label(finding: &Finding) -> String {
    let what = match finding.check {
        Check::MailboxServer => "mailbox server",
        Check::Welcome => "welcome",
        Check::Nameplate => "nameplate",
        Check::Hashcash => "hashcash",
        Check::Clock => "clock",
        Check::Relay => "relay",
        Check::Listening => "listening",
        Check::Addresses => "addresses",
        Check::Direct => "direct connections",
        Check::LocalNetwork => "local network",
    };
    let over = match finding.over {
        None => "",
        Some(Over::Ipv4) => ", IPv4",
        Some(Over::Ipv6) => ", IPv6",
        Some(Over::Proxy) => ", proxy",
    };
    format!("{what}{over}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stranger_says_stays_in_its_line_and_column() {
        let finding = Finding::problem(
            Check::Relay,
            "the relay says: \u{1b}[2J\nok  clock",
            "name another with --transit-helper",
        );
        let said = check(false, &finding.of("tcp:a\u{1b}:1", Over::Ipv4));
        let (first, second) = said.split_once('\n').unwrap();
        assert!(first.starts_with(
            "problem  relay, IPv4             tcp:a\\u{1b}:1: the relay says: \\u{1b}[2J"
        ));
        assert_eq!(second.find("->"), Some(WORDS));
        assert_eq!(said.lines().count(), 2);
    }
}
