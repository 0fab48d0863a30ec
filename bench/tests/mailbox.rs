//! One server, driven for a moment: every figure comes out.

use std::process::Command;

use wormhole_sync_bench::server::{Process, free_address};

#[test]
fn a_server_that_is_driven_shows_every_figure() {
    let folder = tempfile::tempdir().unwrap();
    let address = free_address().unwrap();
    let program = env!("CARGO_BIN_EXE_mailbox");
    let mut serve = Command::new(program);
    serve.args(["serve", &address.to_string()]).arg(folder.path().join("mailbox.sqlite"));
    let server = Process::start(&mut serve).unwrap();
    while std::net::TcpStream::connect(address).is_err() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let pid = server.id().to_string();
    let output = Command::new(program)
        .args(["drive", &format!("ws://{address}/v1"), "--server-pid", &pid])
        .args(["--concurrency", "4", "--seconds", "0.2", "--waiting", "64"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let figures: Vec<&str> = text.lines().collect();
    let [per_second, half, most, nearly_all, memory] = figures[..] else {
        panic!("{text}{}", String::from_utf8_lossy(&output.stderr));
    };
    let value = |line: &str| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap();
    assert!(per_second.starts_with("exchanges a second, 4 at a time") && value(per_second) > 0.0);
    assert!(0.0 < value(half) && value(half) <= value(most) && value(most) <= value(nearly_all));
    assert!(memory.starts_with("KiB of memory for each of 64 waiting clients"), "{memory}");
}
