//! What an operator asks of a server that runs.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    thread,
    time::{Duration, Instant},
};

use crate::support::{NOWHERE, PATIENCE, Running, Scene, event, events};

/// A server with a database and an operator's door, and where that is.
fn server(scene: &mut Scene) -> (Running, String) {
    let server = scene.start(&[
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--relay-listen",
        "127.0.0.1:0",
        "--set",
        "admin.listen=127.0.0.1:0",
        "--db",
        "mailbox.sqlite",
    ]);
    let url = |line: String| line.split_whitespace().last().unwrap().to_owned();
    let admin = url(server.wait_for_stderr("listening on http://"));
    scene.url = url(server.wait_for_stderr("listening on ws://"));
    (server, admin)
}

fn exchange(scene: &Scene) {
    let sides = ["one", "other"]
        .map(|text| scene.start(&["exchange", "5-guitar-aardvark", "--text", text]));
    for side in sides {
        side.end().with_code(0);
    }
}

#[test]
fn a_server_tells_its_status_to_people_and_to_programs() {
    let mut scene = Scene::without_server();
    let (_server, admin) = server(&mut scene);
    exchange(&scene);
    let shown = scene.run(&["serve", "status", "--admin", &admin]).with_code(0);
    for line in [
        "mailboxes        0 waiting, 0 paired (",
        "exchanges today  1 happy\n",
        "relay            0 waiting, 0 paired\n",
        "refused today    none\n",
        "server           0.1.0, up ",
    ] {
        assert!(shown.text().contains(line), "{line} is not in {}", shown.text());
    }
    let json = scene.run(&["--json", "serve", "status", "--admin", &admin]).with_code(0);
    let json: serde_json::Value = serde_json::from_str(json.text()).unwrap();
    assert_eq!(json["mailbox"]["ended_today"]["happy"], 1);
    assert!(json["mailbox"]["database_bytes"].as_u64() > Some(0), "{json}");
}

#[test]
fn where_a_server_is_asked_stands_in_its_settings() {
    let mut scene = Scene::without_server();
    let (_server, admin) = server(&mut scene);
    let address = admin.trim_start_matches("http://").trim_end_matches("/status");
    let file = scene.file("wormhole.toml", format!("[admin]\nlisten = ['{address}']\n"));
    let file = file.to_str().unwrap();
    let shown = scene.run(&["serve", "status", "--config", file]).with_code(0);
    assert!(shown.text().contains("mailboxes "), "{}", shown.text());
}

#[test]
fn where_no_server_tells_it_is_said_how_to_have_it_told() {
    let scene = Scene::new();
    let refused = scene.run(&["serve", "status", "--admin", "http://127.0.0.1:9"]).with_code(4);
    assert!(refused.stderr.contains("--set admin.listen=127.0.0.1:4010"), "{}", refused.stderr);
    assert!(refused.stdout.is_empty());
    // A mailbox server is there, and it is another door.
    let web = scene.url.replace("ws://", "http://");
    let refused = scene.run(&["serve", "status", "--admin", &web]).with_code(7);
    assert!(refused.stderr.contains("admin.listen"), "{}", refused.stderr);
    let refused = scene.run(&["serve", "status", "--admin", NOWHERE]).with_code(2);
    assert!(refused.stderr.contains("http://HOST:PORT"), "{}", refused.stderr);
}

#[test]
fn a_server_is_copied_while_it_runs_and_the_copy_serves() {
    let mut scene = Scene::without_server();
    let (_server, _) = server(&mut scene);
    let waits = scene.start(&["exchange", "5-guitar-aardvark", "--text", "one"]);
    waits.wait_for_stderr("aiting");
    let backup = ["serve", "backup", "--db", "mailbox.sqlite", "--to", "copy.sqlite"];
    let copied = scene.run(&backup).with_code(0);
    assert!(copied.stderr.contains("the copy is in copy.sqlite ("), "{}", copied.stderr);
    let copy = scene.home().join("copy.sqlite");
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);

    let refused = scene.run(&backup).with_code(2);
    assert!(refused.stderr.contains("--overwrite"), "{}", refused.stderr);
    let again = [&["--json"], &backup[..], &["--overwrite"]].concat();
    let copied = scene.run(&again).with_code(0);
    let event: serde_json::Value = serde_json::from_str(&copied.stderr).unwrap();
    assert_eq!((&event["event"], &event["path"]), (&"backed_up".into(), &"copy.sqlite".into()));
    assert_eq!(event["bytes"], fs::metadata(&copy).unwrap().len());

    let arguments = ["serve", "mailbox", "--listen", "127.0.0.1:0", "--db", "copy.sqlite"];
    let second = scene.start(&arguments);
    let line = second.wait_for_stderr("listening on ws://");
    assert!(second.stderr().contains("mailboxes: 1"), "{}", second.stderr());
    line.split_whitespace().last().unwrap().clone_into(&mut scene.url);
    let other = scene.start(&["exchange", "6-guitar-aardvark", "--text", "other"]);
    let one = scene.start(&["exchange", "6-guitar-aardvark", "--text", "one"]);
    assert_eq!(one.end().with_code(0).text(), "other");
    other.end().with_code(0);
}

#[test]
fn the_database_of_the_settings_is_copied_when_none_is_named() {
    let scene = Scene::without_server();
    let server = scene.start(&["serve", "mailbox", "--listen", "127.0.0.1:0"]);
    server.wait_for_stderr("listening on ");
    scene.run(&["serve", "backup", "--to", "copy.sqlite"]).with_code(0);
    assert!(scene.home().join("copy.sqlite").exists());
    let mut command = scene.wormhole(&["serve", "backup", "--to", "other.sqlite"]);
    command.env("WORMHOLE_SERVE_MAILBOX_DATABASE", ":memory:");
    let refused = Running::start(&mut command, b"").end().with_code(2);
    assert!(refused.stderr.contains("--db"), "{}", refused.stderr);
}

#[test]
fn the_log_is_as_fine_as_it_is_set_and_in_json_when_it_is_asked_for() {
    let mut scene = Scene::without_server();
    let mut command = scene.wormhole(&["serve", "mailbox", "--listen", "127.0.0.1:0"]);
    command.args(["--db", ":memory:", "--set", "log.level=debug", "--set", "log.format=json"]);
    let server = Running::start(&mut command, b"");
    let listening = server.wait_for_stderr("listening");
    event(&listening, "listening")["url"].as_str().unwrap().clone_into(&mut scene.url);
    exchange(&scene);
    let came = server.wait_for_stderr("client came");
    let came: serde_json::Value = serde_json::from_str(&came).unwrap();
    assert_eq!((&came["level"], &came["fields"]["address"]), (&"debug".into(), &"hidden".into()));
    assert!(!server.stderr().contains("127.0.0.1:0"), "{}", server.stderr());

    let quiet = scene.start(&[
        "serve",
        "mailbox",
        "--listen",
        "127.0.0.1:0",
        "--db",
        ":memory:",
        "--set",
        "log.level=warning",
    ]);
    quiet.wait_for_stderr("listening on ws://");
    assert!(quiet.stderr().starts_with("listening on"), "{}", quiet.stderr());
}

#[test]
fn all_that_is_told_is_one_object_a_line_when_the_log_is_in_json() {
    let scene = Scene::without_server();
    // As many connections as any system lets be open.
    let serve = ["serve", "mailbox", "--db", ":memory:", "--set", "clients.connections=100"];
    let serve = [&serve[..], &["--set", "log.format=json", "--listen"]].concat();
    let server = scene.start(&[&serve[..], &["127.0.0.1:0"]].concat());
    let listening = server.wait_for_stderr("listening");
    let url = event(&format!("{listening}\n"), "listening")["url"].as_str().unwrap().to_owned();
    let taken = url.trim_start_matches("ws://").trim_end_matches("/v1");
    let refused = scene.run(&[&serve[..], &[taken]].concat()).with_code(1);
    let told = event(&refused.stderr, "error");
    assert!(told["message"].as_str().unwrap().contains(taken), "{told}");
    server.signal("TERM");
    let ended = server.end().with_code(0);
    let kinds = events(&ended.stderr);
    let kinds: Vec<_> = kinds.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["log", "listening", "log", "log", "closed"], "{}", ended.stderr);
}

#[test]
fn a_server_in_trouble_is_told_and_a_failure() {
    let mut scene = Scene::without_server();
    let (_server, admin) = server(&mut scene);
    scene.run(&["serve", "status", "--admin", &admin]).with_code(0);
    fs::remove_file(scene.home().join("mailbox.sqlite")).unwrap();
    // The files are looked at once a second.
    let end = Instant::now() + PATIENCE;
    let shown = loop {
        let shown = scene.run(&["serve", "status", "--admin", &admin]);
        if shown.text().starts_with("TROUBLE ") || Instant::now() > end {
            break shown.with_code(1);
        }
        thread::sleep(Duration::from_millis(50));
    };
    assert!(shown.text().starts_with("TROUBLE "), "{}", shown.text());
    assert!(shown.stderr.contains("the database was deleted"), "{}", shown.stderr);
    let json = scene.run(&["--json", "serve", "status", "--admin", &admin]).with_code(1);
    assert!(serde_json::from_str::<serde_json::Value>(json.text()).unwrap()["trouble"].is_string());
}

#[test]
fn the_container_is_made_of_every_package_of_the_workspace() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../");
    let read = |name| fs::read_to_string(format!("{root}{name}")).unwrap();
    let (workspace, container) = (read("Cargo.toml"), read("contrib/Containerfile"));
    let members = workspace.split_once("\nmembers = [").unwrap().1.split_once(']').unwrap().0;
    // Cargo reads them all, whichever it builds.
    for member in members.split(',') {
        let folder = member.trim().trim_matches('"').split('/').next().unwrap();
        assert!(container.contains(&format!("\nCOPY {folder} {folder}\n")), "{member}");
    }
}

#[test]
fn the_container_asks_the_operators_door_for_its_health() {
    let mut scene = Scene::without_server();
    let (_server, admin) = server(&mut scene);
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../contrib/Containerfile");
    let file = fs::read_to_string(file).unwrap();
    assert!(file.contains("WORMHOLE_SERVE_ADMIN_LISTEN=127.0.0.1:4010"), "{file}");
    let check = file.lines().find(|line| line.starts_with("HEALTHCHECK ")).unwrap();
    let words: Vec<String> = serde_json::from_str(check.split_once(" CMD ").unwrap().1).unwrap();
    assert_eq!(words[0], "/wormhole");
    let words: Vec<&str> = words[1..].iter().map(String::as_str).collect();
    scene.run(&[&words[..], &["--admin", &admin]].concat()).with_code(0);
    scene.run(&[&words[..], &["--admin", "127.0.0.1:9"]].concat()).with_code(4);
}

#[test]
fn the_unit_leaves_the_server_little_and_its_sockets_are_doors() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../contrib/systemd/");
    let lines = |file| {
        let text = fs::read_to_string(format!("{folder}{file}")).unwrap();
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let service = lines("wormhole.service");
    for line in [
        "Type=notify",
        "WatchdogSec=30s",
        "ExecReload=/bin/kill -HUP $MAINPID",
        "DynamicUser=yes",
        "ProtectSystem=strict",
        "NoNewPrivileges=yes",
        "CapabilityBoundingSet=CAP_NET_BIND_SERVICE",
        "SystemCallFilter=@system-service",
    ] {
        assert!(service.iter().any(|stands| stands == line), "{line}");
    }
    let socket = lines("wormhole.socket");
    let name = socket.iter().find_map(|line| line.strip_prefix("FileDescriptorName=")).unwrap();
    assert!(["web", "tls", "relay", "admin"].contains(&name), "{name}");
    // What systemd itself makes of it, where it is at hand: 10 is a program with all rights.
    let mut judge = std::process::Command::new("systemd-analyze");
    judge.args(["security", "--offline=true", "--threshold=20", "--no-pager"]);
    if let Ok(judged) = judge.arg(format!("{folder}wormhole.service")).output() {
        let text = String::from_utf8_lossy(&judged.stdout);
        assert!(judged.status.success(), "{text}{}", String::from_utf8_lossy(&judged.stderr));
    }
}
