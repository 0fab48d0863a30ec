//! Half a minute of churn, a third of it to warm up, each time; ten minutes are `soak --minutes 10`.

use std::process::Command;

#[test]
fn a_server_that_has_been_through_everything_holds_no_more_than_before() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_soak")).args(["--minutes", "0.34"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}{error}");
    assert!(text.contains(" exchanges, ") && text.contains("in the end"), "{text}");
}
