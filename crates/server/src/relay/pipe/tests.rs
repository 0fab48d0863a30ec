//! Pairs of real sockets whose buffers hold little.

use std::future::poll_fn;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    time::timeout,
};

use super::{
    super::{conduit::Conduit, rate::Rates},
    flow::SMALL,
    *,
};
#[cfg(feature = "tls")]
use crate::stream::secure;
use crate::{
    address::Address,
    gate::{Admission, Gate},
    pool::Share,
    stream::Stream,
};

/// Both ends of a link whose buffers hold little: the client's, and the relay's.
async fn link(end: fn(Stream, Admission) -> End) -> (TcpStream, End) {
    let (client, relay) = sockets().await;
    (client, end(Stream::Plain(relay), admission()))
}

fn admission() -> Admission {
    Gate::new(9, 9).admit(None).ok().unwrap()
}

async fn sockets() -> (TcpStream, TcpStream) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(4096).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener: TcpListener = socket.listen(1).unwrap();
    let client = TcpSocket::new_v4().unwrap();
    client.set_recv_buffer_size(4096).unwrap();
    let client = client.connect(listener.local_addr().unwrap()).await.unwrap();
    (client, listener.accept().await.unwrap().0)
}

/// A raw end and one that speaks in frames, so that bytes have to be copied.
async fn pair(config: &config::Relay) -> (TcpStream, TcpStream, Pair, Arc<Pool>) {
    pair_of([End::raw, End::websocket], config).await
}

async fn pair_of(
    kinds: [fn(Stream, Admission) -> End; 2],
    config: &config::Relay,
) -> (TcpStream, TcpStream, Pair, Arc<Pool>) {
    let [one, other] = kinds;
    let ((one, first), (other, second)) = (link(one).await, link(other).await);
    let pool = Pool::new(config.buffered_bytes);
    let pair = Pair::new([first, second], config, &pool, [None, None]);
    (one, other, pair, pool)
}

async fn turn(pair: &mut Pair) {
    let a_while = sleep(Duration::from_millis(100));
    tokio::select! {
        ending = poll_fn(|context| pair.poll(context)) => panic!("it ended: {ending:?}"),
        () = a_while => {}
    }
}

#[tokio::test]
async fn what_a_slow_reader_has_not_taken_is_held_and_counted_and_let_go() {
    let (mut one, mut other, mut pair, pool) = pair(&config::Relay::default()).await;
    one.write_all(&vec![7; 60_000]).await.unwrap();
    turn(&mut pair).await;
    let [there, _] = &pair.flows;
    assert!(there.pending.len() - there.sent > 20_000);
    assert_eq!(pool.held(), there.pending.capacity());
    let read = async {
        other.read_exact(&mut vec![0; 60_003]).await.unwrap();
        other.write_all(b"\x82\x86\0\0\0\0enough").await.unwrap();
        one.read_exact(&mut [0; 9]).await.unwrap();
    };
    tokio::select! {
        () = read => {}
        _ = poll_fn(|context| pair.poll(context)) => panic!("it ended"),
    }
    assert_eq!(
        (pool.held(), pair.flows.each_ref().map(|flow| flow.pending.capacity())),
        (0, [0, 0])
    );
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn within_tls_what_a_slow_reader_has_not_taken_counts_too() {
    let (client, relay) = sockets().await;
    let (relay, mut other) = secure::tests::pair_of(relay, client, &rustls::version::TLS13).await;
    let second = End::raw(Stream::Tls(Box::new(relay)), admission());
    let (mut one, first) = link(End::raw).await;
    let config = config::Relay::default();
    let pool = Pool::new(config.buffered_bytes);
    let mut pair = Pair::new([first, second], &config, &pool, [None, None]);
    one.write_all(&vec![7; 60_000]).await.unwrap();
    turn(&mut pair).await;
    let sealed = pair.ends[1].stream.held();
    assert!(sealed > 20_000, "{sealed}");
    assert_eq!(pool.held(), sealed + pair.flows[0].pending.capacity());
    let mut heard = vec![0; 60_003];
    tokio::select! {
        read = other.read_exact(&mut heard) => drop(read.unwrap()),
        _ = poll_fn(|context| pair.poll(context)) => panic!("it ended"),
    }
    turn(&mut pair).await;
    assert_eq!((pool.held(), pair.ends[1].stream.held()), (0, 0));
}

#[tokio::test]
async fn a_pair_of_an_address_that_has_moved_all_it_may_waits_from_the_beginning() {
    let rates = Rates::new(Some(1000));
    let rate = rates.of("192.0.2.1".parse().ok().map(Address::of));
    rate.as_ref().unwrap().charge(100_000); // by a pair that is gone
    let ((mut one, first), (_other, second)) = (link(End::raw).await, link(End::raw).await);
    let config = config::Relay::default();
    let pool = Pool::new(config.buffered_bytes);
    let mut pair = Pair::new([first, second], &config, &pool, [rate, None]);
    one.write_all(&[7; 1000]).await.unwrap();
    turn(&mut pair).await;
    assert_eq!(pair.moved(), 0);
    one.read_exact(&mut [0; 3]).await.unwrap(); // it was told "ok" all the same
}

#[tokio::test]
async fn an_address_moves_no_more_at_once_than_what_a_second_brings() {
    let rates = Rates::new(Some(10_000));
    let rate = rates.of("192.0.2.1".parse().ok().map(Address::of));
    let ((mut one, first), (_other, second)) = (link(End::raw).await, link(End::raw).await);
    let config = config::Relay::default();
    let pool = Pool::new(config.buffered_bytes);
    let mut pair = Pair::new([first, second], &config, &pool, [rate, None]);
    one.write_all(&vec![7; 60_000]).await.unwrap();
    sleep(Duration::from_millis(50)).await; // all of it is there
    let once = poll_fn(|context| {
        assert!(pair.poll(context).is_pending());
        Poll::Ready(())
    });
    once.await;
    assert!((1..=20_000).contains(&pair.moved()), "{}", pair.moved());
}

#[tokio::test]
async fn when_much_is_held_everybody_is_read_in_small_pieces() {
    let config = config::Relay { buffered_bytes: 10_000, ..config::Relay::default() };
    let (mut one, _other, mut pair, pool) = pair(&config).await;
    let (mut third, _fourth, mut small, _) = self::pair(&config).await;
    for flow in &mut small.flows {
        flow.held = Share::of(Arc::clone(&pool));
    }
    one.write_all(&vec![7; 60_000]).await.unwrap();
    turn(&mut pair).await;
    assert!(pool.held() > 10_000);
    third.write_all(&vec![7; 60_000]).await.unwrap();
    turn(&mut small).await;
    assert!(small.flows[0].pending.len() <= SMALL, "{}", small.flows[0].pending.len());
}

#[tokio::test]
async fn what_is_on_its_way_to_one_who_does_not_read_is_given_up_in_time() {
    let (mut one, mut other, mut pair, _) = pair(&config::Relay::default()).await;
    pair.limits.idle = Duration::from_millis(50);
    one.write_all(&vec![7; 60_000]).await.unwrap();
    turn(&mut pair).await;
    drop(one); // with an unread "ok", and so with a reset
    other.write_all(b"\x82\x85\0\0\0\0there").await.unwrap();
    let ending = poll_fn(|context| pair.poll(context)).await;
    assert_eq!(ending, Ending::Idle);
}

#[tokio::test]
async fn whoever_takes_what_is_left_for_it_slowly_gets_all_of_it() {
    const BYTES: usize = 60_000;
    let idle = Duration::from_secs(2);
    let config = config::Relay { idle, ..config::Relay::default() };
    let kinds: [fn(Stream, Admission) -> End; 2] = [End::websocket, End::raw];
    let (mut one, mut other, mut pair, _) = pair_of(kinds, &config).await;
    // Its goodbye comes together with what it has said.
    let [high, low] = u16::try_from(BYTES).unwrap().to_be_bytes();
    let header = [0x82, 0xfe, high, low, 0, 0, 0, 0];
    let goodbye = [0x88, 0x80, 0, 0, 0, 0];
    one.write_all(&[&header[..], &vec![7; BYTES], &goodbye].concat()).await.unwrap();
    let mut heard = Vec::new();
    let reading = async {
        let mut piece = [0; 1000];
        loop {
            match other.read(&mut piece).await.unwrap() {
                0 => return,
                read => heard.extend_from_slice(&piece[..read]),
            }
            sleep(Duration::from_millis(80)).await;
        }
    };
    let begun = Instant::now();
    let moving = async {
        let ending = poll_fn(|context| pair.poll(context)).await;
        let took = begun.elapsed();
        drop(pair);
        (ending, took)
    };
    let ((), (ending, took)) = tokio::join!(reading, moving);
    assert_eq!((ending, heard.len()), (Ending::Closed, BYTES + 3));
    assert!(took > idle, "it was not slow: {took:?}");
}

/// Sends pings until the relay takes no more of them.
async fn flood(client: &mut TcpStream, pair: &mut Pair) {
    let ping = [&[0x89, 0xfd, 0, 0, 0, 0][..], &[7; 125]].concat();
    let mut sent = 0;
    let flooding = async {
        while let Ok(written) = timeout(Duration::from_millis(300), client.write_all(&ping)).await {
            written.unwrap();
            sent += 1;
            assert!(sent < 1_000_000, "the relay takes everything");
            tokio::task::yield_now().await; // it is answered alone
        }
    };
    tokio::select! {
        () = flooding => {}
        ending = poll_fn(|context| pair.poll(context)) => panic!("it ended: {ending:?}"),
    }
}

#[tokio::test]
async fn a_flood_of_pings_that_reads_no_pong_holds_little_and_is_counted() {
    let kinds: [fn(Stream, Admission) -> End; 2] = [End::websocket, End::raw];
    let (mut one, mut other, mut pair, pool) = pair_of(kinds, &config::Relay::default()).await;
    flood(&mut one, &mut pair).await;
    let [_, back] = &pair.flows;
    assert!(back.pending.capacity() > 0 && pool.held() == back.pending.capacity());
    assert!(pool.held() <= 2048, "{}", pool.held());
    // The other end's words still go their way, behind as much as is answered.
    other.write_all(b"heard?").await.unwrap();
    let mut heard = Vec::new();
    let reading = async {
        while !heard.windows(6).any(|words| words == b"heard?") || pool.held() > 0 {
            one.read_buf(&mut heard).await.unwrap();
        }
    };
    tokio::select! {
        () = reading => {}
        ending = poll_fn(|context| pair.poll(context)) => panic!("it ended: {ending:?}"),
    }
}

#[tokio::test]
async fn when_much_is_held_not_even_pongs_gather() {
    let kinds: [fn(Stream, Admission) -> End; 2] = [End::websocket, End::raw];
    let config = config::Relay { buffered_bytes: 10_000, ..config::Relay::default() };
    let (mut one, _other, mut pair, pool) = pair_of(kinds, &config).await;
    pool.hold(20_000); // by others
    flood(&mut one, &mut pair).await;
    assert!((1..=127).contains(&(pool.held() - 20_000)), "{}", pool.held());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn between_bare_sockets_what_is_on_its_way_stays_within_the_system() {
    let kinds: [fn(Stream, Admission) -> End; 2] = [End::raw, End::raw];
    let (mut one, mut other, mut pair, pool) = pair_of(kinds, &config::Relay::default()).await;
    one.write_all(&vec![7; 60_000]).await.unwrap();
    turn(&mut pair).await;
    assert!(pair.flows[0].conduit.as_ref().is_some_and(|conduit| conduit.held() > 0));
    assert_eq!(pool.held(), 0);
    // Readers who do not read have all there are; everybody else's bytes are copied.
    let taken: Vec<_> = std::iter::from_fn(Conduit::take).take(1000).collect();
    assert!(!taken.is_empty() && taken.len() < 1000);
    let (mut third, mut fourth, mut copied, _) = pair_of(kinds, &config::Relay::default()).await;
    third.write_all(&vec![8; 60_000]).await.unwrap();
    turn(&mut copied).await;
    assert!(copied.flows[0].conduit.is_none() && !copied.flows[0].pending.is_empty());
    drop(taken);
    for (end, pair) in [(&mut other, &mut pair), (&mut fourth, &mut copied)] {
        tokio::select! {
            read = async { end.read_exact(&mut vec![0; 60_003]).await } => {
                read.unwrap();
            }
            _ = poll_fn(|context| pair.poll(context)) => panic!("it ended"),
        }
    }
    turn(&mut pair).await;
    assert!(pair.flows.iter().all(|flow| flow.conduit.is_none()));
}
