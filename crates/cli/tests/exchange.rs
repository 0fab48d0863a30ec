//! `wormhole exchange`: a blob each way.

#![cfg(unix)]
#![expect(clippy::string_slice, reason = "a test fails by panicking")]

mod support;

use support::Scene;

#[test]
fn one_side_is_given_a_code_and_the_other_joins() {
    let scene = Scene::new();
    let one = scene.start_with(&["exchange"], b"from one");
    let code = one.code();
    let other = scene.start_with(&["exchange", &code], b"from the other").end().with_code(0);
    let one = one.end().with_code(0);
    assert_eq!((one.text(), other.text()), ("from the other", "from one"));
}

#[test]
fn bytes_arrive_as_they_are_and_nothing_else_is_on_standard_output() {
    let scene = Scene::new();
    let bytes: Vec<u8> = (0..=255).cycle().take(256 << 10).collect();
    let one = scene.start_with(&["exchange", "--code", "5-a"], &bytes);
    let other = scene.start_with(&["exchange", "5-a"], b"").end().with_code(0);
    assert!(other.stdout == bytes);
    assert_eq!(one.end().with_code(0).stdout, b"", "an empty blob is a blob");
}

#[test]
fn a_blob_comes_from_a_file_or_from_the_command_line() {
    let scene = Scene::new();
    scene.file("blob", b"from a file");
    let one = scene.start(&["exchange", "--code", "5-a", "--file", "blob"]);
    let other = scene.run(&["exchange", "5-a", "--text", "from a text"]).with_code(0);
    assert_eq!((one.end().text(), other.text()), ("from a text", "from a file"));
}

#[test]
fn a_blob_that_is_too_long_is_refused_before_anything_is_claimed() {
    let scene = Scene::without_server();
    let long = vec![b'x'; (256 << 10) + 1];
    let refused = scene.start_with(&["exchange", "--code", "5-a"], &long).end().with_code(2);
    assert!(refused.stderr.contains("longer than 262144 bytes"), "{}", refused.stderr);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let scene = Scene::without_server();
    let refused = scene.run(&["exchange", "--file", "missing"]).with_code(1);
    assert!(refused.stderr.contains("missing"), "{}", refused.stderr);
}

#[test]
fn a_code_is_as_long_as_was_asked_for() {
    let scene = Scene::new();
    let one = scene.start(&["exchange", "-c", "5"]);
    assert_eq!(one.code().split('-').count(), 6);
}

#[test]
fn without_a_code_two_find_each_other_all_the_same() {
    let scene = Scene::new();
    let one = scene.start_with(&["exchange", "-0"], b"one");
    one.wait_for_stderr("wormhole --relay-url");
    let other = scene.start_with(&["exchange", "-0"], b"other").end().with_code(0);
    assert_eq!((one.end().text(), other.text()), ("other", "one"));
}

#[test]
fn sides_with_different_application_ids_never_meet() {
    let scene = Scene::new();
    let one = scene.start_with(
        &["--appid", "one.example", "exchange", "--code", "5-a", "--timeout", "2"],
        b"",
    );
    let other =
        scene.start_with(&["exchange", "5-a", "--appid", "other.example", "--timeout", "2"], b"");
    one.end().with_code(6);
    other.end().with_code(6);
}

#[test]
fn the_other_computers_command_says_what_both_must_say_alike() {
    let scene = Scene::new();
    let one = scene.start_with(
        &["--appid", "an app", "exchange", "--code", "5-it's", "-v", "--text", "x"],
        b"",
    );
    let line = one.wait_for_stderr("wormhole --relay-url");
    assert_eq!(
        line,
        format!(
            r"wormhole --relay-url {} --appid 'an app' exchange --verify '5-it'\''s'",
            scene.url
        )
    );
}

#[test]
fn a_refused_verifier_gives_nothing_away() {
    let scene = Scene::new();
    let one = scene.start_with(&["exchange", "--code", "5-a", "--text", "secret", "-v"], b"no\n");
    let other = scene.start_with(&["exchange", "5-a", "--text", "x", "--timeout", "5"], b"");
    one.end().with_code(8);
    let other = other.end();
    assert_eq!(other.stdout, b"");
    assert_ne!(other.code, Some(0));
}

#[test]
fn a_confirmed_verifier_is_the_same_on_both_sides() {
    let scene = Scene::new();
    let one =
        scene.start_with(&["exchange", "--code", "5-a", "--text", "x", "-v"], b"maybe\nyes\n");
    let other =
        scene.start_with(&["exchange", "5-a", "--text", "y", "-v"], b"YES\n").end().with_code(0);
    let one = one.end().with_code(0);
    let verifier = |said: &str| said.split_once("Verifier ").unwrap().1[..64].to_owned();
    assert_eq!(verifier(&one.stderr), verifier(&other.stderr));
    assert!(one.stderr.contains("Please answer yes or no: "));
}

#[test]
fn a_verifier_that_nobody_can_be_asked_about_is_refused_at_once() {
    let scene = Scene::without_server();
    let mut command = std::process::Command::new("setsid"); // no terminal to open
    let wormhole = scene.wormhole(&["exchange", "-v"]);
    command.arg("--wait").arg(wormhole.get_program()).args(wormhole.get_args());
    for (name, value) in wormhole.get_envs() {
        command.env(name, value.unwrap());
    }
    let refused = support::Running::start(&mut command, b"blob").end().with_code(2);
    assert!(refused.stderr.contains("--verify asks a question"), "{}", refused.stderr);
}
