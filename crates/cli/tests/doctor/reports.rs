//! How it is told.

use crate::support::{Ended, Scene, events, relay::Relay};

fn lines(ended: &Ended) -> Vec<&str> {
    ended.stderr.lines().collect()
}

#[test]
fn a_person_gets_aligned_lines_and_one_advice_for_each_problem() {
    let (scene, relay) = (Scene::with_server(&["--motd", "hello\u{1b}[31m"]), Relay::start());
    let helpers = ["--transit-helper", &relay.url, "--transit-helper", "tcp:127.0.0.1:9"];
    let ended = scene.run(&[&["doctor"], &helpers[..]].concat()).with_code(0);
    let lines = lines(&ended);
    let checks: Vec<_> = lines.iter().filter(|line| line.starts_with(['o', 'p', 's'])).collect();
    for line in &checks {
        let (state, rest) = line.split_at(9);
        assert!(["ok", "problem", "skipped"].contains(&state.trim_end()), "{line}");
        let (label, words) = rest.split_at(24);
        assert!(label.ends_with("  ") && !words.starts_with(' '), "{line}");
    }
    assert!(checks.len() >= 8, "{}", ended.stderr);
    let problem = lines.iter().position(|line| line.starts_with("problem")).unwrap();
    assert!(lines[problem].contains("tcp:127.0.0.1:9: "), "{}", ended.stderr);
    assert!(lines[problem + 1].starts_with(&format!("{:33}-> ", "")), "{}", ended.stderr);
    assert!(lines.contains(&r"  | hello\u{1b}[31m"), "{}", ended.stderr);
    assert_eq!(
        lines.last().unwrap(),
        &"An exchange would work from here, in spite of the problem above."
    );
    assert!(ended.stdout.is_empty());
}

#[test]
fn the_same_advice_is_given_to_a_person_once() {
    let two = ["--transit-helper", "tcp:127.0.0.1:9", "--transit-helper", "tcp:127.0.0.1:10"];
    let ended = Scene::new().run(&[&["doctor"], &two[..]].concat()).with_code(0);
    let lines = lines(&ended);
    assert_eq!(lines.iter().filter(|line| line.starts_with("problem  relay")).count(), 2);
    assert_eq!(lines.iter().filter(|line| line.contains("-> ")).count(), 1, "{}", ended.stderr);
    assert!(lines.last().unwrap().ends_with("in spite of the problems above."), "{}", ended.stderr);
}

#[test]
fn a_program_gets_one_event_for_each_check_and_a_last_one() {
    let ended = Scene::new().run(&["doctor", "--json"]).with_code(0);
    let events = events(&ended.stderr);
    let (last, checks) = events.split_last().unwrap();
    assert_eq!(last["event"], "diagnosis");
    let documented = include_str!("../../../../docs/json.md").lines();
    let row = documented.into_iter().find(|line| line.starts_with("| `check` | ")).unwrap();
    for check in checks {
        for field in check.as_object().unwrap().keys() {
            assert!(row.contains(&format!("`{field}`")) || field == "event", "{field}");
        }
        assert_eq!(check["event"], "check", "{check}");
        assert!(check["detail"].is_string(), "{check}");
        assert_eq!(check["advice"].is_string(), check["state"] == "problem", "{check}");
    }
    let problems = checks.iter().filter(|check| check["state"] == "problem").count();
    assert_eq!(last["problems"].as_u64(), Some(problems as u64));
}
