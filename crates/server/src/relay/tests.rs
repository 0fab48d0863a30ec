//! What the relay does as a whole, whoever comes at which moment.

use std::net::Ipv4Addr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::Builder,
    time::{Instant, sleep},
};

use super::*;
use crate::{gate::Gate, metrics::Metrics, stream::Stream};

/// A relay that gives pairs no time at all, and a pair that begins in that moment: its task is not yet
/// there when the others are cut, for the threads have much else to do.
#[test]
fn a_pair_that_begins_while_the_others_are_cut_is_cut() {
    let threads = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    threads.block_on(async {
        let recorder = Arc::new(Recorder::counting(Arc::new(Metrics::new(0.0))));
        let relay = Relay::new(config::Relay::default(), recorder, Arc::new(Clock::start()));
        let gate = Gate::new(2, 2);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let mut halves = Vec::new();
        for side in ["1", "2"] {
            let line = format!("please relay {} for side {}\n", "0".repeat(64), side.repeat(16));
            let mut half = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            half.write_all(line.as_bytes()).await.unwrap();
            halves.push(half);
            let stream = Stream::Plain(listener.accept().await.unwrap().0);
            let (admission, deadline) =
                (gate.admit(None).unwrap(), Instant::now() + Duration::from_secs(60));
            let serving = serve_raw(stream, admission, Arc::clone(&relay), deadline, |_| ());
            serving.await;
            if side == "1" {
                sleep(Duration::from_millis(200)).await; // it waits
                assert_eq!(relay.present().waiting, 1);
                // Something else that takes its time.
                for _ in 0..2000 {
                    tokio::spawn(async { busy(Duration::from_millis(1)) });
                }
            }
        }
        assert_eq!(relay.present().pairs, 1);
        relay.stop();
        relay.drain(Duration::ZERO).await;
        relay.cut();
        let ended = timeout(Duration::from_secs(10), halves[0].read_to_end(&mut Vec::new())).await;
        assert!(ended.is_ok(), "the relay has stopped, and {} pairs go on", relay.present().pairs);
    });
}

fn busy(time: Duration) {
    let started = Instant::now();
    while started.elapsed() < time {}
}

#[tokio::test]
async fn a_pair_whose_task_is_lost_is_over() {
    let recorder = Arc::new(Recorder::counting(Arc::new(Metrics::new(0.0))));
    let relay = Relay::new(config::Relay::default(), recorder, Arc::new(Clock::start()));
    let request = |side| Some(RelayRequest { token: [b'0'; 64], side: Some([side; 16]) });
    let (one, _called) = relay.opened(None);
    let (other, _called) = relay.opened(None);
    {
        let mut state = relay.lock();
        state.pairing.asked(one, request(b'1'), 0.0);
        state.pairing.asked(other, request(b'2'), 0.0);
    }
    assert_eq!(relay.present().pairs, 1);
    drop(link::Open::new(one, &relay));
    assert_eq!(relay.present().pairs, 0);
}
