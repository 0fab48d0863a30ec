//! Settings from each place, and that each of them reaches the library.

use std::collections::{BTreeMap, BTreeSet};

use toml::Value;
use wormhole_sync_server::Tls;

use super::*;

const BOTH: Servers = Servers { mailbox: true, relay: true };

/// Settings from these places, in a home of its own.
fn resolve(
    file: Option<&str>,
    environment: &[(&str, &str)],
    flags: &[(&str, &str)],
) -> Result<Resolved, Failure> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wormhole.toml");
    if let Some(text) = file {
        std::fs::write(&path, text).unwrap();
    }
    let owned = |(name, value): &(&str, &str)| (OsString::from(name), OsString::from(value));
    let mut environment: Vec<_> = environment.iter().map(owned).collect();
    environment.push(("HOME".into(), "/home/op".into()));
    let flag = |(name, value): &(&str, &str)| {
        ("--set".to_owned(), (*name).to_owned(), (*value).to_owned())
    };
    Sources {
        servers: BOTH,
        file: file.map(|_| path),
        environment,
        flags: flags.iter().map(flag).collect(),
    }
    .resolve()
}

fn refusal(file: Option<&str>, environment: &[(&str, &str)], flags: &[(&str, &str)]) -> String {
    let refused = resolve(file, environment, flags).err().expect("it was taken");
    assert_eq!(refused.exit(), crate::exit::Exit::Usage);
    refused.to_string()
}

fn usual() -> BTreeMap<String, Value> {
    leaves(&table(&Settings::usual(BOTH)).unwrap())
}

#[test]
fn the_file_changes_what_is_usual_the_environment_the_file_and_a_flag_all() {
    let file = "[mailbox]\nmotd = 'file'\nadvertise-version = 'file'\nwelcome-error = 'file'\n";
    let environment = [
        ("WORMHOLE_SERVE_MAILBOX_ADVERTISE_VERSION", "environment"),
        ("WORMHOLE_SERVE_MAILBOX_WELCOME_ERROR", "environment"),
    ];
    let resolved = resolve(Some(file), &environment, &[("mailbox.welcome-error", "flag")]).unwrap();
    let shown = resolved.shown().unwrap();
    assert!(shown.contains("motd = \"file\"\n"), "{shown}");
    assert!(shown.contains("advertise-version = \"environment\"\n"), "{shown}");
    assert!(shown.contains("# --set\nwelcome-error = \"flag\"\n"), "{shown}");
    assert!(shown.contains("\nallow-list = false\n"), "{shown}");
}

#[test]
fn what_is_shown_says_where_it_comes_from_and_says_the_same_when_it_is_read_again() {
    let file = "# ours\n\n[mailbox]\nmotd = '''one\nallow-list = true\n[clients]\nthree'''\n\n[clients]\nhandshake = 3\n";
    let environment = [("WORMHOLE_SERVE_WEB_LISTEN", "0.0.0.0:4000, [::]:4000")];
    let flags = [("mailbox.limits.mailboxes", "77"), ("mailbox.allow-list", "true")];
    let first = resolve(Some(file), &environment, &flags).unwrap();
    let shown = first.shown().unwrap();
    for origin in [
        "# WORMHOLE_SERVE_WEB_LISTEN\nlisten = [\"0.0.0.0:4000\", \"[::]:4000\"]\n",
        "# the usual place\ndatabase = \"/home/op/.local/state/wormhole-sync/mailbox.sqlite\"\n",
        "# --set\nmailboxes = 77\n",
        "wormhole.toml\nhandshake = \"3s\"\n",
        "# line 4 of ",
        "# line 10 of ",
    ] {
        assert!(shown.contains(origin), "{origin}\nis not in\n{shown}");
    }
    let again = resolve(Some(&shown), &[], &[]).unwrap();
    assert_eq!(again.settings, first.settings);
    assert_eq!(again.changed(&first).unwrap(), [""; 0]);
    let other = resolve(Some(&shown), &[], &[("mailbox.motd", "x"), ("web.listen", "")]).unwrap();
    assert_eq!(first.changed(&other).unwrap(), ["mailbox.motd", "web.listen"]);
}

#[test]
fn a_name_that_there_is_not_is_told_with_its_line_and_the_name_that_was_meant() {
    for (file, line, meant) in [
        ("[mailbox]\nmotd = ''\ndatabse = 'x'\n", "line 3", "mailbox.database"),
        ("mailbox.mailboxes = 5\n", "line 1", "mailbox.limits.mailboxes"),
        ("[client]\nconnections = 5\n", "line 2", "clients.connections"),
        ("[mailbox.limits]\nmailbox_bytes = 5\n", "line 2", "mailbox.limits.mailbox-bytes"),
    ] {
        let told = refusal(Some(file), &[], &[]);
        assert!(told.contains(line) && told.contains(&format!("'{meant}'")), "{told}");
    }
    let told = refusal(None, &[("WORMHOLE_SERVE_MAILBOX_DATABSE", "x")], &[]);
    assert!(told.contains("WORMHOLE_SERVE_MAILBOX_DATABASE'"), "{told}");
    let told = refusal(None, &[], &[("web.listn", "x")]);
    assert!(told.contains("--set") && told.contains("'web.listen'"), "{told}");
    let told = refusal(None, &[], &[("quite.another", "x")]);
    assert!(told.contains("--check"), "{told}");
}

#[test]
fn a_table_that_there_is_not_is_told_also_when_nothing_stands_in_it() {
    for (file, line) in [("\n[mailboxes]\n", "line 2"), ("\n\nmailbox.limit = {}\n", "line 3")] {
        let told = refusal(Some(file), &[], &[]);
        assert!(told.contains(line) && told.contains("there is no setting"), "{told}");
    }
    let told = refusal(Some("mailbox.motd = {}\n"), &[], &[]);
    assert!(told.contains("mailbox.motd cannot be {}"), "{told}");
    assert!(resolve(Some("[mailbox.limits]\n[web]\n"), &[], &[]).is_ok());
}

/// The largest file that is read, filled with what one of these lines is for each number.
fn largest(head: &str, line: impl Fn(usize) -> String) -> String {
    let mut text = head.to_owned();
    for number in 0.. {
        let line = line(number);
        if text.len() + line.len() > usize::try_from(text::LARGEST).unwrap() {
            break;
        }
        text += &line;
    }
    text
}

#[test]
fn the_largest_file_is_refused_as_fast_as_a_small_one_whatever_stands_in_it() {
    let long = "x".repeat(usize::try_from(text::LARGEST).unwrap() / 2);
    let files = [
        largest("", |number| format!("k{number}=1\n")),
        largest("[mailbox]\n", |number| format!("z{number}=1\n")),
        largest(&format!("[{long}]\n"), |number| format!("k{number}=1\n")),
        largest(&format!("[{long}]\n"), |number| format!("k{number}={{}}\n")),
        largest("", |number| format!("[k{number}]\n")),
        largest("", |_| "\n".to_owned()).split_off("k=1".len()) + "k=1",
        format!("{long}=1"),
    ];
    for file in files {
        let begun = std::time::Instant::now();
        let told = refusal(Some(&file), &[], &[]);
        let start = file.get(..40).unwrap_or(&file);
        assert!(
            told.contains("there is no setting"),
            "{start}: {}",
            told.get(..200).unwrap_or(&told)
        );
        assert!(begun.elapsed().as_secs() < 10, "{start}: {:?}", begun.elapsed());
    }
}

#[test]
fn a_value_that_is_none_is_told_with_its_name_its_place_and_the_form_that_it_should_have() {
    let told = refusal(Some("[mailbox.timing]\n\nping = '5 parsecs'\n"), &[], &[]);
    assert!(
        told.contains("mailbox.timing.ping") && told.contains("line 3") && told.contains("5m"),
        "{told}"
    );
    for (name, value, form) in [
        ("mailbox.timing.ping", "0", "more than nothing"),
        ("log.level", "loud", "error, warning, info or debug"),
        ("log.format", "xml", "text or json"),
        ("mailbox.limits.message-bytes", "many", "1MiB"),
        ("mailbox.limits.mailboxes", "many", "whole number"),
        ("mailbox.limits.mailboxes", "-1", "not negative"),
        ("clients.new-connections.burst", "5000000000", "at most 4294967295"),
        ("mailbox.allow-list", "perhaps", "true or false"),
        ("web.listen", "4000", "127.0.0.1:4000"),
        ("clients.trusted-proxies", "proxy", "10.0.0.0/8"),
    ] {
        let told = refusal(None, &[], &[(name, value)]);
        assert!(told.contains(name) && told.contains(form), "{told}");
    }
    let told = refusal(Some("[mailbox]\nmotd = 5\n"), &[], &[]);
    assert!(told.contains("mailbox.motd") && told.contains("a text"), "{told}");
    for (line, form) in [
        ("web.listen = 4000", "a list of texts"),
        ("web.listen = [4000]", "a list of texts"),
        ("mailbox.allow-list = 1", "true or false"),
        ("mailbox.allow-list = 'true'", "true or false"),
        ("mailbox.limits.mailboxes = -5", "not negative"),
        ("mailbox.limits.mailboxes = '5'", "a whole number"),
        ("mailbox.limits.mailboxes = 1.5", "a whole number"),
        ("mailbox.limits.message-bytes = -5", "a number, or a text"),
        ("mailbox.timing.ping = '30 seconds'", "such as 10s"),
        ("mailbox.timing.ping = true", "a number, or a text"),
        ("log.level = 3", "a text"),
        ("tls.key = false", "a text"),
    ] {
        let told = refusal(Some(line), &[], &[]);
        assert!(told.contains(form) && told.contains("line 1"), "{line}: {told}");
        for serdes in ["expected", "invalid", "variant", "usize", "sequence", "nothing"] {
            assert!(!told.contains(serdes), "{line}: {told}");
        }
    }
    for level in ["warn", "warning"] {
        let resolved = resolve(None, &[], &[("log.level", level)]).unwrap();
        assert_eq!(resolved.settings.log.level, LogLevel::Warning);
    }
    let told = refusal(Some("[mailbox]\nmotd = \n"), &[], &[]);
    assert!(told.contains("line 2"), "{told}");
    let told = refusal(Some("mailbox = 5\n"), &[], &[]);
    assert!(told.contains("'mailbox'") && told.contains("line 1"), "{told}");
}

#[test]
fn stamps_are_asked_for_only_when_it_is_said_what_for_and_by_no_more_bits_than_there_are() {
    for (bits, resource, level, most, told) in [
        ("20", "", "0", "24", "hashcash-resource"),
        ("65", "x", "0", "24", "64"),
        ("20", "x", "5", "19", "make the second the larger"),
        ("20", "x", "5", "65", "hashcash-max-bits is more than 64"),
    ] {
        let flags = [
            ("mailbox.hashcash-bits", bits),
            ("mailbox.hashcash-resource", resource),
            ("mailbox.hashcash-level", level),
            ("mailbox.hashcash-max-bits", most),
        ];
        let refused = resolve(None, &[], &flags).unwrap().config().unwrap_err();
        assert!(refused.to_string().contains(told), "{refused}");
    }
}

#[test]
fn a_certificate_opens_the_port_of_https_and_needs_its_key() {
    let tls = [("tls.certificate", "chain.pem"), ("tls.key", "key.pem")];
    let both = resolve(None, &[], &tls).unwrap();
    let shown = both.shown().unwrap();
    assert!(shown.contains("# as there is a certificate\nlisten = [\"[::]:443\"]\n"), "{shown}");
    assert_eq!(both.config().unwrap().tls, Some(Tls::new("chain.pem", "key.pem")));
    let shut = resolve(None, &[], &[&tls[..], &[("tls.listen", "")]].concat()).unwrap();
    assert!(shut.settings.tls.listen.is_empty());
    for (given, wanted) in [
        (tls[0], "tls.key"),
        (tls[1], "tls.certificate"),
        (("tls.listen", "[::]:443"), "tls.certificate"),
    ] {
        let refused = resolve(None, &[], &[given]).unwrap().config().unwrap_err().to_string();
        assert!(refused.contains(wanted), "{refused}");
    }
}

#[test]
fn each_variable_belongs_to_one_setting() {
    let variables: BTreeSet<String> = usual().keys().map(|name| names::variable(name)).collect();
    assert_eq!(variables.len(), usual().len());
    assert!(!variables.contains(FILE_VARIABLE));
}

/// Another value than the usual, of a form that all settings of this kind take.
fn another(name: &str, usual: &Value) -> &'static str {
    match (name, usual) {
        ("mailbox.hashcash-bits", _) => "7",
        ("mailbox.hashcash-max-bits", _) => "9",
        ("log.level", _) => "debug",
        ("log.format", _) => "json",
        ("mailbox.advertise-relays", _) => "tcp:relay.example.com:4001",
        ("clients.trusted-proxies", _) => "192.0.2.1",
        (_, Value::Boolean(false)) => "true",
        (_, Value::Array(_)) => "127.0.0.1:77",
        _ => "77",
    }
}

/// What a configuration holds, by the way to it.
fn fields(config: &impl std::fmt::Debug) -> BTreeMap<String, String> {
    let (mut path, mut found) = (Vec::new(), BTreeMap::new());
    for line in format!("{config:#?}").lines() {
        let line = line.trim().trim_end_matches(',');
        let (name, value) = line.split_once(": ").unwrap_or(("", line));
        match value.chars().last() {
            Some('{' | '[' | '(') => path.push(name.to_owned()),
            Some('}' | ']' | ')') if value.len() == 1 => _ = path.pop(),
            _ => _ = found.insert(format!("{}.{name}", path.join(".")), value.to_owned()),
        }
    }
    found
}

#[test]
fn no_login_is_advertised_and_none_is_shown() {
    for relay in ["wss://ann:secret@relay.example.com", "tcp:ann:secret@relay.example.com:1"] {
        let resolved = resolve(None, &[], &[("mailbox.advertise-relays", relay)]).unwrap();
        let refusal = resolved.config().err().unwrap().to_string();
        assert!(refusal.contains("with a login"), "{refusal}");
        assert!(refusal.contains("relay.example.com") && !refusal.contains("secret"), "{refusal}");
    }
}

#[test]
fn each_setting_changes_one_thing_for_the_library_and_together_they_change_all() {
    let (usual, before) = (usual(), fields(&resolve(None, &[], &[]).unwrap().config().unwrap()));
    let mut all = vec![("mailbox.hashcash-resource", "77"), ("mailbox.hashcash-bits", "7")];
    for (name, value) in &usual {
        let value = another(name, value);
        all.push((name, value));
        if name.starts_with("log.")
            || name.ends_with("listen")
            || name.contains("hashcash")
            || name == "clients.proxy-protocol"
            || name.starts_with("tls.")
        {
            continue; // doors; and those that are one thing only together
        }
        let after = fields(&resolve(None, &[], &[(name, value)]).unwrap().config().unwrap());
        let changed: Vec<_> =
            after.iter().filter(|(path, value)| before.get(*path) != Some(value)).collect();
        assert_eq!(changed.len(), 1, "{name}: {changed:?}");
    }
    let after = fields(&resolve(None, &[], &all).unwrap().config().unwrap());
    let same: Vec<_> =
        before.iter().filter(|(path, value)| after.get(*path) == Some(value)).collect();
    assert!(before.len() > 30 && same.is_empty(), "no setting reaches {same:?}");
}

#[test]
fn a_server_that_could_hear_no_client_is_refused() {
    for (flags, told) in [
        (&[("clients.connections", "0")][..], "clients.connections is 0"),
        (&[("clients.proxy-protocol", "true")], "clients.trusted-proxies"),
    ] {
        let refused = resolve(None, &[], flags).unwrap().config().unwrap_err().to_string();
        assert!(refused.contains(told), "{refused}");
    }
}

#[test]
fn what_is_hardly_meant_is_told_and_what_is_usual_is_not() {
    let resource = ("mailbox.hashcash-resource", "x");
    let relays = "tcp:a:1 tcp:b:1 tcp:c:1 tcp:d:1";
    let five = format!("{relays} tcp:e:1");
    for (flags, told) in [
        (&[][..], ""),
        (&[("clients.trusted-proxies", "10.0.0.0/8 ::1")], ""),
        (&[("clients.trusted-proxies", "10.0.0.0/8 0.0.0.0/0")], "0.0.0.0/0, which is everybody"),
        (&[("clients.trusted-proxies", "::/0")], "::/0, which is everybody"),
        (&[("clients.connections-per-address", "0")], "connections-per-address is 0"),
        (&[("clients.new-connections.burst", "0")], "new-connections.burst is 0"),
        (&[("clients.head-bytes", "0")], "head-bytes is 0"),
        (&[("mailbox.limits.message-bytes", "0")], "limits.message-bytes is 0"),
        (&[("mailbox.limits.unbound-message-bytes", "0")], "unbound-message-bytes is 0"),
        (&[("mailbox.limits.outbox-bytes", "0")], "outbox-bytes is 0"),
        (&[("mailbox.limits.claims.burst", "0")], "claims.burst is 0"),
        (&[("mailbox.limits.mailboxes", "0")], "limits.mailboxes is 0"),
        (&[("mailbox.limits.mailbox-messages", "0")], "mailbox-messages is 0"),
        (&[("mailbox.limits.mailbox-bytes", "0")], "mailbox-bytes is 0"),
        (&[("mailbox.limits.stored-bytes", "0")], "stored-bytes is 0"),
        (&[("mailbox.limits.database-bytes", "1000000")], "database-bytes is 1000000"),
        (&[("relay.waiting-connections", "0")], "waiting-connections is 0"),
        (&[("relay.pair-bytes", "0")], "pair-bytes is 0"),
        (&[("relay.bytes-per-second-per-address", "0")], "bytes-per-second-per-address is 0"),
        (&[("mailbox.advertise-relays", relays)], ""),
        (&[("mailbox.advertise-relays", &five)], "has 5 relays, of which clients take the first 4"),
        (&[resource, ("mailbox.hashcash-bits", "24")], ""),
        (&[resource, ("mailbox.hashcash-bits", "25")], "hashcash-bits is 25"),
        (
            &[
                resource,
                ("mailbox.hashcash-bits", "20"),
                ("mailbox.hashcash-level", "9"),
                ("mailbox.hashcash-max-bits", "30"),
            ],
            "hashcash-max-bits is 30",
        ),
    ] {
        let resolved = resolve(None, &[], flags).unwrap();
        assert!(resolved.config().is_ok());
        let doubts = resolved.doubts();
        assert_eq!(doubts.len(), usize::from(!told.is_empty()), "{flags:?}: {doubts:?}");
        assert!(doubts.join("").contains(told), "{doubts:?}");
    }
}
