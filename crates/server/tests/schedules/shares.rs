//! What each address holds and has done, made out from what is stored and answered alone.

use std::{collections::BTreeMap, net::IpAddr};

use arbtest::arbitrary;
use serde_json::Value;
use wormhole_sync_server::{Limits, address::Address, config::Rate, exchange::journal::Entry};

/// Addresses of strangers: two ways to write one of IPv4, another, two of one network of IPv6, one of
/// the next network, and this computer's own, which are held to nothing.
const STRANGERS: [&str; 8] = [
    "192.0.2.1",
    "::ffff:192.0.2.1",
    "192.0.2.2",
    "2001:db8::1",
    "2001:db8::ffff:0:0:2",
    "2001:db8:0:1::1",
    "127.0.0.1",
    "::1",
];

/// What one message counts beside its texts.
const OVERHEAD: usize = 128;

/// Limits that a few strangers meet within a few dozen frames.
pub(crate) fn small() -> Limits {
    Limits {
        mailboxes_per_address: 4,
        stored_bytes_per_address: 270,
        claims: Rate { burst: 6, per_minute: 10 },
        failed_claims: Rate { burst: 3, per_minute: 6 },
        lists: Rate { burst: 3, per_minute: 6 },
        ..Limits::default()
    }
}

/// What this address counts as.
pub(crate) fn counted(ip: &str) -> Option<Address> {
    Address::counted(ip.parse::<IpAddr>().unwrap(), false)
}

/// Where some stranger is.
pub(crate) fn stranger(u: &mut arbitrary::Unstructured<'_>) -> arbitrary::Result<Option<Address>> {
    u.choose(&STRANGERS).map(|ip| counted(ip))
}

/// Every address of strangers that is held to anything.
pub(crate) fn strangers() -> impl Iterator<Item = Address> {
    STRANGERS.iter().filter_map(|ip| counted(ip))
}

/// What an address may do so often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Deed {
    Claim,
    FailedClaim,
    List,
}

/// What an address must have left of it at least, and how often it did it at least.
struct Tokens {
    left: f64,
    at: f64,
    done: f64,
}

/// The shadow of an exchange.
pub(crate) struct Shares {
    limits: Limits,
    since: f64,
    /// Whose each stored row is.
    mailboxes: BTreeMap<u64, Option<Address>>,
    nameplates: BTreeMap<u64, (Option<Address>, Box<str>, usize)>,
    messages: BTreeMap<(u64, u64), (Option<Address>, usize)>,
    tokens: BTreeMap<(Address, Deed), Tokens>,
    /// How often somebody was refused for what its address has.
    pub(crate) refusals: BTreeMap<String, usize>,
}

impl Shares {
    /// Nobody has done anything.
    pub(crate) fn new(limits: Limits, since: f64) -> Self {
        Self {
            limits,
            since,
            mailboxes: BTreeMap::new(),
            nameplates: BTreeMap::new(),
            messages: BTreeMap::new(),
            tokens: BTreeMap::new(),
            refusals: BTreeMap::new(),
        }
    }

    /// The server has started anew: no address is stored, and none has done anything.
    pub(crate) fn forget(&mut self, now: f64) {
        let rows =
            self.mailboxes.values_mut().chain(self.nameplates.values_mut().map(|row| &mut row.0));
        rows.chain(self.messages.values_mut().map(|row| &mut row.0))
            .for_each(|owner| *owner = None);
        self.tokens.clear();
        self.since = now;
    }

    /// A request of somebody at `by` has brought this about.
    pub(crate) fn changed(&mut self, entry: &Entry, by: Option<Address>) {
        match entry {
            Entry::PutMailbox(row) => _ = self.mailboxes.entry(row.row).or_insert(by),
            Entry::PutNameplate(row) => {
                let length = digits(&row.name);
                let entry = self.nameplates.entry(row.row);
                entry.or_insert_with(|| (by, (&*row.app).into(), length));
            }
            Entry::PutMessage { mailbox, number, message } => {
                let texts = message.body.len() + message.phase.len() + message.side.len();
                self.messages.insert((*mailbox, *number), (by, texts + OVERHEAD));
            }
            Entry::DropMailbox { row } => {
                self.mailboxes.remove(row);
                self.messages.retain(|(mailbox, _), _| mailbox != row);
            }
            Entry::DropNameplate { row } => _ = self.nameplates.remove(row),
        }
    }

    /// Somebody at `by` was answered so. Whoever is refused for what its address has, has it.
    pub(crate) fn answered(
        &mut self,
        by: Option<Address>,
        app: &str,
        asked: &Value,
        answer: &Value,
        now: f64,
    ) {
        let error = answer["error"].as_str().unwrap_or_default();
        let deeds: &[Deed] = match asked["type"].as_str().unwrap() {
            "allocate" => &[Deed::Claim],
            "claim" => &[Deed::Claim, Deed::FailedClaim],
            "list" => &[Deed::List],
            _ => &[],
        };
        let Some(by) = by else {
            assert!(!error.contains("your address"), "nobody is held to it: {error}");
            return;
        };
        for deed in deeds {
            let is_refused = error.starts_with(deed.refusal());
            let is_done = match deed {
                Deed::Claim => false, // what it makes is looked at instead
                Deed::FailedClaim => ["crowded", "reclaimed"].contains(&error),
                Deed::List => answer["type"] == "nameplates",
            };
            let tokens = self.tokens(by, *deed, now);
            assert!(!is_refused || tokens.left < 1.01, "{} are left: {error}", tokens.left);
            if !is_refused {
                tokens.left = (tokens.left - 1.0).max(0.0);
            }
            tokens.done += f64::from(u8::from(is_done));
        }
        let limits = &self.limits;
        if error.starts_with("too many mailboxes") {
            assert_eq!(self.mailboxes_of(by), limits.mailboxes_per_address, "{error}");
        } else if error.starts_with("too much is stored") {
            let side_and_more = OVERHEAD + 1 + 1 + asked["body"].as_str().unwrap().len();
            assert!(self.bytes_of(by) + side_and_more > limits.stored_bytes_per_address, "{error}");
        } else if error.starts_with("too many short nameplates") {
            let length = digits(asked["nameplate"].as_str().unwrap());
            assert_eq!(self.nameplates_of(by, app, length), self.most(length), "{error}");
        } else if error.contains("your address") {
            assert!(deeds.iter().any(|deed| error.starts_with(deed.refusal())), "{error}");
        }
        if error.contains("your address") {
            *self.refusals.entry(error.to_owned()).or_default() += 1;
        }
    }

    /// Whether an address may have one more nameplate of so many digits.
    pub(crate) fn may_have(&self, by: Option<Address>, app: &str, digits: usize) -> bool {
        by.is_none_or(|by| self.nameplates_of(by, app, digits) < self.most(digits))
    }

    /// No address has more than its share.
    pub(crate) fn check(&self, now: f64) {
        for address in strangers() {
            assert!(self.mailboxes_of(address) <= self.limits.mailboxes_per_address);
            assert!(self.bytes_of(address) <= self.limits.stored_bytes_per_address);
            for (app, length) in
                ["x", "y"].iter().flat_map(|app| [1, 2, 3].map(|length| (app, length)))
            {
                assert!(self.nameplates_of(address, app, length) <= self.most(length));
            }
        }
        for ((_, deed), tokens) in &self.tokens {
            let rate = self.rate(*deed);
            let most =
                f64::from(rate.burst) + (now - self.since) * f64::from(rate.per_minute) / 60.0;
            assert!(tokens.done <= most + 0.01, "{deed:?} {} times, and not {most}", tokens.done);
        }
    }

    /// Somebody at `by` has made a nameplate, which only a claim does.
    pub(crate) fn claimed(&mut self, by: Option<Address>, now: f64) {
        if let Some(by) = by {
            self.tokens(by, Deed::Claim, now).done += 1.0;
        }
    }

    fn tokens(&mut self, by: Address, deed: Deed, now: f64) -> &mut Tokens {
        let Rate { burst, per_minute } = self.rate(deed);
        let full = Tokens { left: f64::from(burst), at: now, done: 0.0 };
        let tokens = self.tokens.entry((by, deed)).or_insert(full);
        let more = (now - tokens.at) * f64::from(per_minute) / 60.0;
        tokens.left = (tokens.left + more).min(f64::from(burst));
        tokens.at = now;
        tokens
    }

    const fn rate(&self, deed: Deed) -> Rate {
        match deed {
            Deed::Claim => self.limits.claims,
            Deed::FailedClaim => self.limits.failed_claims,
            Deed::List => self.limits.lists,
        }
    }

    fn mailboxes_of(&self, address: Address) -> usize {
        self.mailboxes.values().filter(|owner| **owner == Some(address)).count()
    }

    fn bytes_of(&self, address: Address) -> usize {
        let own = self.messages.values().filter(|(sender, _)| *sender == Some(address));
        own.map(|(_, bytes)| bytes).sum()
    }

    fn nameplates_of(&self, address: Address, app: &str, length: usize) -> usize {
        let is_its = |row: &&(Option<Address>, Box<str>, usize)| {
            row.0 == Some(address) && *row.1 == *app && row.2 == length
        };
        self.nameplates.values().filter(is_its).count()
    }

    fn most(&self, digits: usize) -> usize {
        let all = [0, 9, 90, 900].get(digits).copied().unwrap_or(usize::MAX);
        all / self.limits.nameplate_share
    }
}

impl Deed {
    const fn refusal(self) -> &'static str {
        match self {
            Self::Claim => "too many claims from your address",
            Self::FailedClaim => "too many failed claims from your address",
            Self::List => "too many lists for your address",
        }
    }
}

/// How many digits a nameplate has; in these schedules none has a zero in front.
fn digits(nameplate: &str) -> usize {
    nameplate.len()
}
