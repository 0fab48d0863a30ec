//! What the documents tell an operator to type, write and watch is there.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::{
    collections::BTreeSet,
    fs,
    io::{Read, Write},
    net::TcpStream,
    process::{Command, Stdio},
};

use support::{Running, Scene, certificate::issue};

const OPERATING: &str = "docs/operating.md";
/// Where the documents have certificates.
const LIVE: &str = "/etc/letsencrypt/live/wormhole.example.com";
const README: &str = "README.md";

fn page(name: &str) -> String {
    fs::read_to_string(format!("{}/../../{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// What stands between fences of this language.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let start = format!("```{language}\n");
    let bodies = page.split(&start).skip(1).map(|rest| rest.split_once("\n```").unwrap().0);
    bodies.map(|body| format!("{body}\n")).collect()
}

/// What stands between backquotes within lines.
fn quoted(page: &str) -> Vec<String> {
    let mut prose = String::new();
    for (index, part) in page.split("```").enumerate() {
        if index % 2 == 0 {
            prose += part;
        }
    }
    prose.split('`').skip(1).step_by(2).map(ToOwned::to_owned).collect()
}

/// The words of a shell's line, up to a comment or another command.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for letter in line.chars() {
        match (letter, quote) {
            ('\'' | '"', None) => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (letter, Some(end)) if letter == end => quote = None,
            (' ', None) => words.extend(word.take()),
            ('#', None) if word.is_none() => break,
            ('|' | '<' | '>' | ';' | '&', None) => break,
            (letter, _) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

/// The arguments of every command line of ours in the documents.
fn command_lines() -> Vec<Vec<String>> {
    let mut lines = Vec::new();
    for page in [page(OPERATING), page(README)] {
        let typed = blocks(&page, "sh").concat();
        let typed = typed.lines().map(|line| line.trim_start_matches("sudo ").to_owned());
        for line in typed.chain(quoted(&page)) {
            if let Some(rest) = line.strip_prefix("wormhole ") {
                lines.push(words(
                    &rest.replace('…', "").replace("\\|", "|").replace("SHELL", "bash"),
                ));
            }
        }
    }
    assert!(lines.len() > 20, "{lines:?}");
    lines
}

/// A scene with the files that the documents name, and the text with their names there.
fn with_files(scene: &Scene) -> impl Fn(&str) -> String {
    let issued = issue();
    let chain = scene.file("fullchain.pem", issued.certificate.pem());
    scene.file("privkey.pem", issued.key.serialize_pem());
    let home = chain.parent().unwrap().to_str().unwrap().to_owned();
    move |text| {
        [LIVE, "/var/lib/wormhole", "/etc/wormhole"]
            .iter()
            .fold(text.to_owned(), |text, place| text.replace(place, &home))
    }
}

#[test]
fn every_file_of_settings_in_the_documents_is_one_that_is_taken() {
    let scene = Scene::without_server();
    let here = with_files(&scene);
    let pages = page(OPERATING) + &page(README);
    let mut files = blocks(&pages, "toml");
    files.retain(|file| !file.starts_with("[dependencies]"));
    assert!(files.len() > 3, "{files:?}");
    for text in files {
        let file = scene.file("wormhole.toml", here(&text));
        let mut check = scene.wormhole(&["serve", "--check", "--config", file.to_str().unwrap()]);
        if text.contains("[web]\nlisten = []") && !text.contains("[tls]") {
            // Its only door to the mailboxes comes with what the unit hands over; port 443 is not everybody's.
            check.env("WORMHOLE_SERVE_TLS_CERTIFICATE", here(&format!("{LIVE}/fullchain.pem")));
            check.env("WORMHOLE_SERVE_TLS_KEY", here(&format!("{LIVE}/privkey.pem")));
            check.env("WORMHOLE_SERVE_TLS_LISTEN", "127.0.0.1:0");
        }
        let checked = Running::start(&mut check, b"").end();
        assert_eq!(checked.code, Some(0), "{text}: {}", checked.stderr);
    }
}

#[test]
fn the_check_by_hand_names_what_the_unit_hands_over() {
    let scene = Scene::without_server();
    let here = with_files(&scene);
    scene.file("wormhole.toml", here(&blocks(&page(OPERATING), "toml")[0]));
    let by_hand =
        |line: &&Vec<String>| line.contains(&"--config".to_owned()) && line[1] == "--check";
    let lines = command_lines();
    let line: Vec<String> =
        lines.iter().find(by_hand).unwrap().iter().map(|word| here(word)).collect();
    let arguments: Vec<&str> = line.iter().map(String::as_str).collect();
    let unprivileged = ["--tls-listen", "127.0.0.1:0"];
    scene.run(&[&arguments[..], &unprivileged].concat()).with_code(0);
    let without = arguments.iter().position(|word| *word == "--tls-certificate").unwrap();
    let refused = scene.run(&arguments[..without]).with_code(2);
    assert!(
        refused.stderr.contains("no client can reach the mailbox server"),
        "{}",
        refused.stderr
    );
}

#[test]
fn every_command_line_in_the_documents_is_one_that_is_understood() {
    let scene = Scene::without_server();
    let here = with_files(&scene);
    for line in command_lines() {
        let line: Vec<String> = line.iter().map(|word| here(word)).collect();
        let mut arguments: Vec<&str> = line.iter().map(String::as_str).collect();
        let serves = arguments[0] == "serve"
            && !arguments.iter().any(|word| ["status", "backup", "--config"].contains(word));
        arguments.retain(|word| *word != "--check");
        arguments.push(if serves { "--check" } else { "--help" });
        scene.run(&arguments).with_code(0);
    }
}

#[test]
fn every_setting_that_the_documents_name_is_one() {
    let list = page("docs/settings.md");
    let rows = list.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let known: BTreeSet<&str> = rows.map(|(name, _)| name).collect();
    let tables = ["web.", "tls.", "relay.", "admin.", "usage.", "clients.", "mailbox."];
    let named: Vec<String> = quoted(&(page(OPERATING) + &page("SECURITY.md")))
        .into_iter()
        .filter(|name| tables.iter().any(|table| name.starts_with(table)))
        .filter(|name| !name.contains(['=', ' ', '/']) && !name.ends_with("sqlite"))
        .collect();
    assert!(named.len() > 30, "{named:?}");
    for name in named {
        let table = format!("{name}.");
        let is_table = known.iter().any(|setting| setting.starts_with(&table));
        assert!(is_table || known.contains(&*name), "there is no setting {name}");
    }
}

/// What a server with everything tells Prometheus when nobody has come yet.
fn metrics(scene: &Scene) -> String {
    let server = scene.start(&[
        "serve",
        "--listen=127.0.0.1:0",
        "--relay-listen=127.0.0.1:0",
        "--admin-listen=127.0.0.1:0",
        "--db=mailbox.sqlite",
    ]);
    let line = server.wait_for_stderr("listening on http://");
    let address = line.split_once("http://").unwrap().1.split('/').next().unwrap().to_owned();
    let mut stream = TcpStream::connect(&address).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut metrics = String::new();
    stream.read_to_string(&mut metrics).unwrap();
    metrics
}

/// The limits that the metrics count, each of which nobody has met.
fn counted(metrics: &str) -> BTreeSet<String> {
    let start = "wormhole_refused_total{limit=\"";
    let lines = metrics.lines().filter_map(|line| line.strip_prefix(start));
    lines.map(|line| line.strip_suffix("\"} 0").unwrap().to_owned()).collect()
}

#[test]
fn every_limit_is_a_setting_in_the_documents_and_is_counted_from_the_start() {
    let counted = counted(&metrics(&Scene::without_server()));
    let list = page("docs/settings.md");
    let (_, exempt) = list.split_once("but for these").unwrap();
    let exempt = quoted(exempt.split_once("\n\n").unwrap().0);
    let mut limits = BTreeSet::new();
    for title in ["## Clients", "## Transit relay", "### Limits", "### Timing", "## Stopping"] {
        let (_, table) = list.split_once(&format!("\n{title}\n")).unwrap();
        let rows = table.lines().take_while(|line| !line.starts_with('#'));
        let names = rows.filter_map(|row| Some(row.strip_prefix("| `")?.split_once('`')?.0));
        let before = limits.len();
        for name in names.filter(|name| !exempt.iter().any(|other| other == name)) {
            let rate = [".burst", ".per-minute"].iter().find_map(|part| name.strip_suffix(part));
            let limit = rate.unwrap_or(name).rsplit('.').next().unwrap().replace('-', "_");
            assert!(counted.contains(&limit), "{name} is not counted, nor said to be no limit");
            limits.insert(limit);
        }
        assert!(limits.len() > before, "{title}");
    }
    assert_eq!(limits, counted, "what is counted has a row, and the other way round");
}

#[test]
fn operators_are_told_what_to_do_about_every_limit() {
    let counted = counted(&metrics(&Scene::without_server()));
    let operating = page(OPERATING);
    for rest in operating.split("limit=").skip(1) {
        let labels = rest.trim_start_matches('~').strip_prefix('"').unwrap();
        for limit in labels.split('"').next().unwrap().split('|') {
            assert!(counted.contains(limit), "there is no limit {limit}");
        }
    }
    let (_, attack) = operating.split_once("## Under attack").unwrap();
    let mut told: BTreeSet<String> = BTreeSet::from(["drain".to_owned()]); // by stopping alone
    for row in attack.lines().filter(|line| line.starts_with('|') && line.contains("limit=\"")) {
        let seen = row.split(" | ").next().unwrap();
        told.extend(
            seen.split(['`', '"']).filter(|name| counted.contains(*name)).map(str::to_owned),
        );
    }
    assert_eq!(told, counted);
}

#[test]
fn every_environment_variable_of_the_servers_in_the_documents_is_one() {
    let scene = Scene::without_server();
    let pages = page(OPERATING) + &page(README);
    let mut seen = 0;
    for rest in pages.split("WORMHOLE_SERVE_").skip(1) {
        let end = rest.find(|letter: char| !letter.is_ascii_uppercase() && letter != '_').unwrap();
        if end == 0 {
            continue; // the beginning of all of them
        }
        let name = format!("WORMHOLE_SERVE_{}", rest.get(..end).unwrap());
        let checked = Running::start(scene.wormhole(&["serve", "--check"]).env(&name, ""), b"");
        let checked = checked.end();
        assert!(!checked.stderr.contains("belongs to no setting"), "{}", checked.stderr);
        seen += 1;
    }
    assert!(seen > 2, "{seen}");
}

#[test]
fn every_metric_that_the_documents_name_is_told() {
    let metrics = metrics(&Scene::without_server());
    let page = page(OPERATING);
    let not_in_a_name = |letter: char| !letter.is_ascii_lowercase() && letter != '_';
    let names = page.split(not_in_a_name).filter(|word| word.starts_with("wormhole_"));
    let names: BTreeSet<&str> = names.collect();
    assert!(names.len() > 5, "{names:?}");
    for name in names {
        let name = name.trim_end_matches("_bucket");
        assert!(metrics.contains(&format!("# TYPE {name} ")), "there is no metric {name}");
    }
    for part in page.split("mood=\"").skip(1) {
        let mood = format!("mood=\"{}\"", part.split('"').next().unwrap());
        assert!(metrics.contains(&mood), "nothing ends with {mood}");
    }
}

#[test]
fn every_limit_stands_in_the_table_of_what_a_stranger_can_hold() {
    let security = page("SECURITY.md");
    let (_, rest) = security.split_once("## What a stranger can hold").unwrap();
    let table = quoted(rest.split_once("\n## ").unwrap().0);
    // How it is found out who that is, and who is still there.
    let others = ["listen", "proxy-protocol", "ping"];
    let settings = page("docs/settings.md");
    let mut looked_at = 0;
    for name in settings.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()) {
        let prefixes = ["clients.", "relay.", "mailbox.limits.", "mailbox.timing."];
        let Some(rest) = prefixes.iter().find_map(|prefix| name.strip_prefix(prefix)) else {
            continue;
        };
        let word = rest.split('.').next().unwrap();
        assert!(others.contains(&word) || table.iter().any(|quoted| quoted == word), "{name}");
        looked_at += 1;
    }
    assert!(looked_at > 30, "{looked_at}");
}

/// What a shell's line does with this, behind its first pipe.
fn piped(line: &str, input: &str) -> String {
    let (_, rest) = line.split_once(" | ").unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", rest]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut shell = shell.spawn().unwrap();
    shell.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    String::from_utf8(shell.wait_with_output().unwrap().stdout).unwrap()
}

#[test]
fn addresses_of_connections_are_counted_as_a_firewall_takes_them() {
    let lines = blocks(&page(OPERATING), "sh").concat();
    let line = lines.lines().find(|line| line.starts_with("ss ")).unwrap().to_owned();
    let connections = "0 0 [::ffff:192.0.2.1]:443 [::ffff:192.0.2.7]:40001
0 0 [::ffff:192.0.2.1]:443 [::ffff:192.0.2.7]:40002
0 0 192.0.2.1:4001 192.0.2.7:40003
0 0 [2001:db8::1]:443 [2001:db8:1:2::7]:40004\n";
    let counted = piped(&line, connections);
    let counted: Vec<Vec<&str>> =
        counted.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(counted, [["3", "192.0.2.7"], ["1", "2001:db8:1:2::7"]]);
}

#[test]
fn what_finds_addresses_in_the_log_finds_them() {
    let page = page(OPERATING);
    let named = quoted(&page)
        .into_iter()
        .find_map(|text| text.strip_prefix("failregex = ").map(ToOwned::to_owned));
    let scene = Scene::without_server();
    let server = scene.start(&[
        "serve",
        "mailbox",
        "--listen=127.0.0.1:0",
        "--db=:memory:",
        "--set=log.level=debug",
        "--set=usage.blur=",
    ]);
    let line = server.wait_for_stderr("listening on ws://");
    let address = line.split_once("ws://").unwrap().1.split('/').next().unwrap().to_owned();
    let mut stream = TcpStream::connect(&address).unwrap();
    let upgrade = "GET /v1 HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(upgrade.as_bytes()).unwrap();
    server.wait_for_stderr(&named.unwrap().replace("<HOST>", "127.0.0.1"));
}
