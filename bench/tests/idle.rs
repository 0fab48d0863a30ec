//! Two thousand for a moment: every figure comes out, and nobody who waits holds more than it may. The claim
//! is about ten thousand: `idle`.

use std::process::Command;

#[test]
fn exchanges_go_on_beside_those_who_wait() {
    // Within TLS the claim of 6 KiB is met by the release build; this one holds a little more.
    for options in [&["--holding", "6"][..], &["--holding", "7", "--tls"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_idle"))
            .args(["--clients", "2000", "--rate", "20", "--seconds", "1"])
            .args(options)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        let value = |line: &str| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap();
        let figures: Vec<(&str, f64)> = text.lines().map(|line| (line, value(line))).collect();
        let [relay, memory, exchanges, half, most, nearly_all, all, processor] = figures[..] else {
            panic!("{text}");
        };
        assert!(memory.0.starts_with("KiB of memory for each of 2000 waiting clients"), "{text}");
        assert!(relay.0.starts_with("KiB of memory for each of 2000 links that wait"), "{text}");
        assert!(exchanges.1 > 19.5, "{text}");
        assert!(
            0.0 < half.1 && half.1 <= most.1 && most.1 <= nearly_all.1 && nearly_all.1 <= all.1
        );
        assert!(processor.0.contains("processor time"), "{text}");
    }
}

#[test]
fn whoever_holds_more_than_was_asked_for_makes_it_fail() {
    let output = Command::new(env!("CARGO_BIN_EXE_idle"))
        .args(["--clients", "100", "--rate", "1", "--seconds", "1", "--holding", "0.001"])
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && error.contains("more than 0.001 KiB"), "{error}");
}

#[test]
fn whoever_takes_longer_than_was_asked_for_makes_it_fail() {
    let output = Command::new(env!("CARGO_BIN_EXE_idle"))
        .args(["--clients", "1", "--rate", "10", "--seconds", "1", "--within", "0.001"])
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && error.contains("more than 0.001 ms"), "{error}");
}
