//! Our relay, driven for a moment: every figure comes out.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{path::Path, process::Command};

use wormhole_sync_bench::server::{Process, certify, free_address};

#[test]
fn a_relay_that_is_driven_shows_every_figure() {
    let folder = tempfile::tempdir().unwrap();
    certify(folder.path()).unwrap();
    let certificate = folder.path().join("certificate.pem");
    for by in ["tcp", "ws", "wss"] {
        let text = drive(by, folder.path(), &certificate);
        let value = |line: &str| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap();
        let figures: Vec<(&str, f64)> = text.lines().map(|line| (line, value(line))).collect();
        let [waiting, idle, one, one_cost, many, many_cost, slowest] = figures[..] else {
            panic!("{by}: {text}");
        };
        assert!(waiting.0.starts_with("KiB of memory for each of 64 links that wait"), "{text}");
        assert!(idle.0.starts_with("KiB of memory for each of 64 idle pairs"), "{text}");
        for (figure, what) in [(one, "one pair"), (many, "4 pairs")] {
            assert!(figure.0.starts_with(what) && figure.1 > 0.0, "{text}");
        }
        assert!(one_cost.1 >= 0.0 && many_cost.1 >= 0.0, "{text}");
        assert!(0.0 < slowest.1 && slowest.1 <= 1.0, "one of them has moved nothing: {text}");
    }
}

/// What the program prints of our relay.
fn drive(by: &str, tls: &Path, certificate: &Path) -> String {
    let address = free_address().unwrap();
    let program = env!("CARGO_BIN_EXE_relay");
    let mut serve = Command::new(program);
    serve.args(["serve", &address.to_string(), "--by", by, "--tls"]).arg(tls);
    let relay = Process::start(&mut serve).unwrap();
    while std::net::TcpStream::connect(address).is_err() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let output = Command::new(program)
        .args(["drive", &address.to_string(), "--server-pid", &relay.id().to_string()])
        .args(["--by", by, "--trust"])
        .arg(certificate)
        .args(["--gib", "0.0625", "--pairs", "4", "--seconds", "0.5", "--idle", "64"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{by}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}
