//! Throughput, processor time, fairness and memory.

use std::{
    io, thread,
    time::{Duration, Instant},
};

use wormhole_sync_bench::server::{processor_time, resident};

use crate::{
    Load,
    link::{Link, Relay, pair, wait},
};

/// Bytes that are written and read at once.
const CHUNK: usize = 256 << 10;

const GIB: f64 = (1_u64 << 30) as f64;

/// One thing that a relay showed.
pub(crate) struct Figure {
    pub(crate) what: String,
    pub(crate) value: f64,
    pub(crate) more_is_better: bool,
}

/// All that one relay shows.
pub(crate) fn figures(relay: &Relay, process: u32, load: &Load) -> io::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    let mut push = |what: String, value, more_is_better| {
        figures.push(Figure { what, value, more_is_better });
    };
    let idle = load.idle;
    if idle > 0 {
        let (waiting, paired) = memory(relay, process, idle)?;
        push(format!("KiB of memory for each of {idle} links that wait"), waiting / 1024.0, false);
        push(format!("KiB of memory for each of {idle} idle pairs"), paired / 1024.0, false);
    }
    let one = one_pair(relay, process, load.gib)?;
    push(format!("one pair, {} GiB: MiB a second", load.gib), one.rate, true);
    push("one pair: the relay's processor seconds for each GiB".into(), one.cost, false);
    let (many, each) = many_pairs(relay, process, load)?;
    let pairs = load.pairs;
    push(format!("{pairs} pairs: MiB a second, all together"), many.rate, true);
    push(format!("{pairs} pairs: the relay's processor seconds for each GiB"), many.cost, false);
    push(format!("{pairs} pairs: the slowest one's part of the middle one's"), each, true);
    Ok(figures)
}

/// What moving bytes showed.
struct Moved {
    /// MiB a second.
    rate: f64,
    /// Processor seconds for each GiB.
    cost: f64,
}

impl Moved {
    fn new(bytes: u64, took: Duration, processor: Duration) -> Self {
        let gib = bytes as f64 / GIB;
        Self { rate: gib * 1024.0 / took.as_secs_f64(), cost: processor.as_secs_f64() / gib }
    }
}

fn one_pair(relay: &Relay, process: u32, gib: f64) -> io::Result<Moved> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few GiB")]
    let bytes = (gib * GIB) as u64;
    let [mut from, to] = pair(relay)?;
    let (before, started) = (processor_time(process)?, Instant::now());
    let reader = thread::spawn(move || discard(to, |read| read >= bytes));
    let chunk = vec![7; CHUNK];
    let mut left = bytes;
    while left > 0 {
        let length = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
        from.say(chunk.get(..length).unwrap_or_default())?;
        left -= length as u64;
    }
    let read = reader.join().map_err(|_| io::Error::other("the reader failed"))??;
    Ok(Moved::new(read, started.elapsed(), processor_time(process)?.saturating_sub(before)))
}

/// What all pairs moved, and the slowest one's part of the middle one's.
fn many_pairs(relay: &Relay, process: u32, load: &Load) -> io::Result<(Moved, f64)> {
    let links = (0..load.pairs).map(|_| pair(relay)).collect::<io::Result<Vec<_>>>()?;
    let (before, started) = (processor_time(process)?, Instant::now());
    let end = started + Duration::from_secs_f64(load.seconds);
    let pairs: Vec<_> = links
        .into_iter()
        .map(|[from, to]| {
            let writer = thread::spawn(move || write_until(from, end));
            (writer, thread::spawn(move || discard(to, |_| Instant::now() >= end)))
        })
        .collect();
    let mut moved = Vec::new();
    for (writer, reader) in pairs {
        moved.push(reader.join().map_err(|_| io::Error::other("a reader failed"))??);
        writer.join().map_err(|_| io::Error::other("a writer failed"))?;
    }
    let took = started.elapsed();
    let total =
        Moved::new(moved.iter().sum(), took, processor_time(process)?.saturating_sub(before));
    moved.sort_unstable();
    let (least, middle) = (moved.first().copied(), moved.get(moved.len() / 2).copied());
    let part = least.unwrap_or_default() as f64 / middle.unwrap_or_default().max(1) as f64;
    Ok((total, part))
}

/// Writes until the end; that its reader leaves then is no failure.
fn write_until(mut to: Link, end: Instant) {
    let chunk = vec![7; CHUNK / 4];
    while Instant::now() < end && to.say(&chunk).is_ok() {}
}

/// Reads until it is enough. How many bytes that was.
fn discard(mut from: Link, enough: impl Fn(u64) -> bool) -> io::Result<u64> {
    let mut chunk = vec![0; CHUNK];
    let mut read = 0;
    while !enough(read) {
        match from.hear(&mut chunk)? {
            0 => break,
            length => read += length as u64,
        }
    }
    Ok(read)
}

/// Bytes of memory for each link that waits, and for each pair that is idle.
fn memory(relay: &Relay, process: u32, count: usize) -> io::Result<(f64, f64)> {
    let settle = || thread::sleep(Duration::from_millis(500));
    // The first ones pay for what a relay sets up once.
    let first = (0..16).map(|_| pair(relay)).collect::<io::Result<Vec<_>>>()?;
    settle();
    let before = resident(process)?;
    let tokens = 1_u64 << 40..;
    let waiting: Vec<_> =
        tokens.take(count).map(|token| wait(relay, token, 1)).collect::<io::Result<_>>()?;
    settle();
    let waits = (resident(process)?.saturating_sub(before)) as f64 / count as f64;
    drop(waiting);
    settle();
    let before = resident(process)?;
    let pairs = (0..count).map(|_| pair(relay)).collect::<io::Result<Vec<_>>>()?;
    settle();
    let paired = (resident(process)?.saturating_sub(before)) as f64 / count as f64;
    drop((first, pairs));
    settle();
    Ok((waits, paired))
}
