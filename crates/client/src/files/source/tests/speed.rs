//! Measurements, for a release build on a quiet machine: `cargo test --release speed -- --ignored --nocapture`

#![expect(clippy::print_stderr, reason = "a measurement is told to who asked for it")]

use std::time::Instant;

use super::*;

#[test]
#[ignore = "a measurement"]
fn a_hundred_thousand_files_of_4_kib() {
    let (_folder, root) = folder(&[]);
    for group in 0..100 {
        let group = root.join(format!("group-{group}"));
        fs::create_dir(&group).unwrap();
        for file in 0..1000 {
            fs::write(group.join(format!("file-{file}.bin")), [7; 4096]).unwrap();
        }
    }
    let memory = resident();
    let start = Instant::now();
    let source = gather(&root);
    let walked = start.elapsed();
    let memory = resident() - memory;
    let (mut reader, mut buffer, mut total) = (source.into_reader(), vec![0; 64 << 10], 0);
    let start = Instant::now();
    loop {
        match reader.read(&mut buffer).unwrap() {
            0 => break,
            count => total += count,
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    eprintln!(
        "walk {:.0} files/s; stream {:.0} files/s, {:.0} MB/s; {} bytes of memory an entry",
        100_000.0 / walked.as_secs_f64(),
        100_000.0 / seconds,
        f64::from(u32::try_from(total).unwrap()) / seconds / 1e6,
        memory / 100_000
    );
}

fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}
