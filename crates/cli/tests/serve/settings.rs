//! Where the servers' settings come from, and what is known before they hold.

use std::net::TcpListener;

use crate::support::{Running, Scene, certificate::issue, mode, names};

const CHECK: [&str; 2] = ["serve", "--check"];

#[test]
fn what_would_run_is_printed_with_where_each_setting_comes_from_and_nothing_is_made() {
    let scene = Scene::without_server();
    let file =
        scene.file("wormhole.toml", "[mailbox]\nmotd = 'hello'\n\n[mailbox.timing]\nping = 30\n");
    let mut command = scene.wormhole(
        &[&CHECK[..], &["--listen", "127.0.0.1:0", "--allow-list", "--set", "usage.relay=usage"]]
            .concat(),
    );
    command.env("WORMHOLE_SERVE_CONFIG", &file).env("WORMHOLE_SERVE_CLIENTS_CONNECTIONS", "7");
    let checked = Running::start(&mut command, b"").end().with_code(0);
    for line in [
        "# --listen\nlisten = [\"127.0.0.1:0\"]\n",
        "wormhole.toml\nmotd = \"hello\"\n",
        "wormhole.toml\nping = \"30s\"\n",
        "# --allow-list\nallow-list = true\n",
        "# WORMHOLE_SERVE_CLIENTS_CONNECTIONS\nconnections = 7\n",
        "# the usual place\ndatabase = ",
        "\nmailboxes = 200000\n",
    ] {
        assert!(checked.text().contains(line), "{line} is not in {}", checked.text());
    }
    assert!(!scene.home().join(".local").exists() && !scene.home().join("usage").exists());

    let again = scene.file("again.toml", &checked.stdout);
    let again = scene.run(&[&CHECK[..], &["--config", again.to_str().unwrap()]].concat());
    let settings = |text: &str| {
        text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(settings(again.with_code(0).text()), settings(checked.text()));
}

#[test]
fn what_could_not_run_is_told_before_anything_does() {
    let scene = Scene::without_server();
    let text = scene.file("notes.txt", "not a database, but something of mine");
    let large = scene.file("large.toml", vec![b'#'; (1 << 20) + 1]);
    let unknown = scene.file("unknown.toml", "[mailbox]\n\ndatabse = 'x'\n");
    for (arguments, reasons) in [
        (&["--db", text.to_str().unwrap()][..], ["notes.txt", "mailbox.database"]),
        (&["--db", "/dev/null/x"], ["/dev/null/x", "mailbox.database"]),
        (&["--db", "/proc/self/x"], ["/proc/self/x", "mailbox.database"]),
        (&["--db", "nowhere/x"], ["nowhere/x", "mailbox.database"]),
        (&["--listen", "192.0.2.1:4000"], ["192.0.2.1:4000", "--listen or web.listen"]),
        (
            &["--listen", "127.0.0.1:20998", "--relay-listen", "127.0.0.1:20998"],
            ["beside 127.0.0.1:20998", "--relay-listen or relay.listen"],
        ),
        (&["--set", "web.listen="], ["no client can reach the mailbox server", "--listen"]),
        (&["--listen", "4000"], ["web.listen", "--listen"]),
        (&["--set", "clients.connections=0"], ["clients.connections is 0", "leave it out"]),
        (
            &["--set", "clients.proxy-protocol=true"],
            ["clients.proxy-protocol is on", "--trusted-proxy"],
        ),
        (
            &["--set", "usage.mailbox=u", "--set", "usage.relay=u"],
            ["usage.mailbox and usage.relay are one file", "name another"],
        ),
        (
            &["--db", "u", "--set", "usage.relay=./u"],
            ["mailbox.database and usage.relay are one file", "name another"],
        ),
        (&["--set", "usage.relay=/dev/null"], ["/dev/null is no file", "usage.relay"]),
        (&["--set", "usage.mailbox=notes.txt"], ["no usage database", "usage.mailbox"]),
        (&["--relay-url", "ws://127.0.0.1:4000/v1"], ["--relay-url is for clients", "--listen"]),
        (&["--transit-helper", "tcp:127.0.0.1:1"], ["--transit-helper is", "--advertise-relay"]),
        (&["--appid", "x"], ["--appid is for clients", "every application"]),
        (&["--hashcash-bits", "20"], ["mailbox.hashcash-bits", "mailbox.hashcash-resource"]),
        (&["--config", unknown.to_str().unwrap()], ["line 3", "mailbox.database"]),
        (&["--config", "gone.toml"], ["gone.toml", "--config"]),
        (&["--config", large.to_str().unwrap()], ["larger than 1 MiB", "--config"]),
        (&["--config", "/dev/zero"], ["larger than 1 MiB", "--config"]),
        (&["--set", "mailbox.timing.ping=0"], ["mailbox.timing.ping", "1h"]),
        (&["--set", "mailbox.timing.ping"], ["--set", "NAME=VALUE"]),
    ] {
        let refused = scene.run(&[&CHECK[..], arguments].concat()).with_code(2);
        assert!(refused.stdout.is_empty(), "{arguments:?}");
        for reason in reasons {
            assert!(refused.stderr.contains(reason), "{arguments:?}: {}", refused.stderr);
        }
    }
}

#[test]
fn a_server_that_runs_already_does_not_make_its_settings_wrong() {
    let scene = Scene::without_server();
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = busy.local_addr().unwrap().to_string();
    scene.run(&[&CHECK[..], &["--listen", &address, "--db", ":memory:"]].concat()).with_code(0);
}

#[test]
fn a_limit_from_the_file_is_one_for_clients_and_the_refusal_names_it() {
    let scene = Scene::with_server(&["--set", "mailbox.limits.message-bytes=4000B"]);
    let refused =
        scene.start_with(&["exchange", "--code", "5-a", "--timeout", "20"], &[b'x'; 3000]);
    let other = scene.start(&["exchange", "5-a", "--text", "y", "--timeout", "3"]);
    let (refused, other) = (refused.end(), other.end());
    let text = "this server's limit is 4000 bytes";
    assert!(refused.stderr.contains(text), "{}", refused.stderr);
    assert_ne!(refused.code, Some(0), "a message over the limit was taken");
    assert_ne!(other.code, Some(0));
}

#[test]
fn the_example_of_a_file_is_one_that_is_taken() {
    let scene = Scene::without_server();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../contrib/wormhole.toml");
    let database = scene.home().join("x");
    let database = database.to_str().unwrap();
    scene.run(&[&CHECK[..], &["--config", example, "--db", database]].concat()).with_code(0);

    // What it has as comments is taken, too, when it is not one any more.
    let text = std::fs::read_to_string(example).unwrap();
    let live = |line: &str| match line.strip_prefix('#') {
        Some(rest) if !rest.starts_with(' ') => rest.to_owned(),
        _ => line.to_owned(),
    };
    let text: Vec<String> = text.lines().map(live).collect();
    assert!(text.iter().any(|line| line.starts_with("mailboxes = ")), "{text:?}");
    let issued = issue();
    let chain = scene.file("chain.pem", issued.certificate.pem());
    let key = scene.file("key.pem", issued.key.serialize_pem());
    let (chain, key) = (chain.to_str().unwrap(), key.to_str().unwrap());
    let state = scene.home().to_str().unwrap();
    let all = scene.file("all.toml", text.join("\n").replace("/var/lib/wormhole", state));
    let here = ["--db", database, "--tls-certificate", chain, "--tls-key", key];
    let not_privileged = ["--tls-listen", "127.0.0.1:0", "--config", all.to_str().unwrap()];
    scene.run(&[&CHECK[..], &here, &not_privileged].concat()).with_code(0);
}

#[test]
fn what_the_container_and_the_unit_set_are_settings() {
    let scene = Scene::without_server();
    let mut set = 0;
    for file in ["Containerfile", "systemd/wormhole.service"] {
        let path = format!("{}/../../contrib/{file}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).unwrap();
        for variable in text.split("WORMHOLE_SERVE_").skip(1) {
            let end = variable.find(|letter: char| !letter.is_ascii_uppercase() && letter != '_');
            let variable = format!("WORMHOLE_SERVE_{}", &variable[..end.unwrap()]);
            let mut check = scene.wormhole(&[&CHECK[..], &["--set", "tls.listen="]].concat());
            let checked = Running::start(check.env(&variable, ""), b"").end();
            assert!(!checked.stderr.contains("belongs to no setting"), "{}", checked.stderr);
            set += 1;
        }
    }
    assert!(set > 5, "{set}");
}

#[test]
fn a_file_that_is_no_database_of_ours_is_refused_and_stays_as_it_is() {
    let scene = Scene::without_server();
    let precious = scene.file("precious.pdf", "%PDF-1.7 and so on");
    let here = ["serve", "--listen", "127.0.0.1:0", "--relay-listen", "127.0.0.1:0", "--db"];
    // One with the tables of the Python servers.
    let usage = [":memory:", "--set", "usage.mailbox=usage.sqlite"];
    let server = scene.start(&[&here[..], &usage].concat());
    server.wait_for_stderr("listening on ");
    server.signal("TERM");
    server.end().with_code(0);
    let usage = scene.home().join("usage.sqlite");
    let before = names(scene.home());
    let files = [&precious, &usage].map(|path| (std::fs::read(path).unwrap(), mode(path)));
    for (path, reason) in [
        ("precious.pdf", "no database of this server"),
        ("usage.sqlite", "perhaps the Python one's"),
        ("/dev/null", "is no file"),
        ("nowhere/mailbox.sqlite", "there is no directory"),
    ] {
        let refused = scene.run(&[&here[..], &[path]].concat()).with_code(1);
        let checked = scene.run(&[&here[..], &[path, "--check"]].concat()).with_code(2);
        assert_eq!(checked.stderr, refused.stderr);
        assert!(checked.stdout.is_empty());
        for word in [path, reason, "name", "(mailbox.database)"] {
            assert!(refused.stderr.contains(word), "{word}: {}", refused.stderr);
        }
    }
    assert_eq!(names(scene.home()), before);
    assert_eq!([&precious, &usage].map(|path| (std::fs::read(path).unwrap(), mode(path))), files);
    assert!(!std::path::Path::new("/dev/null-lock").exists());
    let copied = scene.run(&["serve", "backup", "--db", "gone.sqlite", "--to", "x"]).with_code(1);
    assert!(copied.stderr.contains("there is no database in gone.sqlite"), "{}", copied.stderr);
}

#[test]
fn what_can_be_served_and_is_hardly_meant_is_told_by_the_check_and_by_the_server() {
    let scene = Scene::without_server();
    let serve = ["serve", "mailbox", "--listen", "127.0.0.1:0", "--db", ":memory:"];
    let everybody = [&serve[..], &["--trusted-proxy", "::/0"]].concat();
    let checked = scene.run(&[&everybody[..], &["--check"]].concat()).with_code(0);
    let told = "clients.trusted-proxies has ::/0, which is everybody";
    assert!(checked.stderr.starts_with(told), "{}", checked.stderr);
    assert!(checked.stderr.ends_with("see what is told above\n"), "{}", checked.stderr);
    scene.start(&everybody).wait_for_stderr(&format!("warning: {told}"));
}

#[test]
fn a_flag_that_is_not_there_is_told_with_what_is_meant() {
    let scene = Scene::without_server();
    for (arguments, tip) in [
        (&["serve", "--port", "4000"][..], "--listen 127.0.0.1:4000"),
        (&["serve", "-p", "4000"], "--listen 127.0.0.1:4000"),
        (&["serve", "--port=4000"], "--listen 127.0.0.1:4000"),
        (
            &["serve", "mailbox", "--relay-listen", "127.0.0.1:0"],
            "--relay-listen is a flag of 'wormhole serve' and of 'wormhole serve relay'",
        ),
        (
            &["serve", "relay", "--signal-error", "x"],
            "--signal-error is a flag of 'wormhole serve' and of 'wormhole serve mailbox'",
        ),
        (&["serve", "status", "--admin-listen", "127.0.0.1:0"], "--admin http://127.0.0.1:4010"),
        (&["serve", "--lisen", "127.0.0.1:0"], "'--listen'"),
        (&["send", "--relay-listen", "127.0.0.1:0"], "--"),
    ] {
        let refused = scene.run(arguments).with_code(2);
        assert!(refused.stderr.contains(tip), "{arguments:?}: {}", refused.stderr);
        assert!(refused.stderr.contains("Usage: wormhole "), "{}", refused.stderr);
        for other in ["'--tor'", "'--tls-listen'"] {
            assert!(!refused.stderr.contains(other), "{arguments:?}: {}", refused.stderr);
        }
    }
}
