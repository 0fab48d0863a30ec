//! Pieces of any size, in both directions at once.

use std::task::Poll::Ready;

use super::*;

/// Bytes that each side says.
const MUCH: usize = 600_000;

/// A generator (xorshift) of sizes.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, most: u64) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % most).unwrap() + 1
    }
}

#[tokio::test]
async fn whatever_the_pieces_are_everything_arrives() {
    for seed in 1..40_u64 {
        let talk =
            talk(Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)), BOTH[usize::from(seed % 3 > 0)]);
        tokio::time::timeout(Duration::from_secs(60), talk).await.expect("stuck");
    }
}

async fn talk(mut dice: Dice, version: &'static SupportedProtocolVersion) {
    let ((server, mut far), (shown, mut trust)) = (sockets().await, configs(version));
    trust.max_fragment_size = (dice.roll(2) > 1).then(|| 32 + dice.roll(3000));
    let (near, mut line) = duplex(dice.roll(5000));
    tokio::spawn(async move { copy_bidirectional(&mut line, &mut far).await });
    let (server, client) = tokio::join!(Secure::accept(server, shown), within(near, trust));
    let (mut server, client) = (server.unwrap(), client.unwrap());
    let (mut client_reads, mut client_writes) = tokio::io::split(client);
    let said = text(MUCH);
    let sizes: Vec<usize> = (0..2000).map(|_| dice.roll(20_000)).collect();

    let (speaks, pieces) = (said.clone(), sizes.clone());
    let speaking = tokio::spawn(async move {
        let (mut rest, mut pieces) = (&speaks[..], pieces.into_iter().cycle());
        while !rest.is_empty() {
            let (piece, later) = rest.split_at(rest.len().min(pieces.next().unwrap()));
            says(&mut client_writes, piece).await;
            rest = later;
        }
        client_writes
    });
    let hearing = tokio::spawn(async move { hears(&mut client_reads, MUCH).await });
    let mut sizes = sizes.into_iter().cycle();
    let mut size = || sizes.next().unwrap();
    let (mut heard, mut written, mut room) = (Vec::new(), 0, vec![0; 20_000]);
    poll_fn(|context| {
        loop {
            let before = (heard.len(), written);
            if heard.len() < MUCH {
                let mut read = ReadBuf::new(&mut room[..size()]);
                if let Ready(done) = Pin::new(&mut server).poll_read(context, &mut read) {
                    done.unwrap();
                    heard.extend_from_slice(read.filled());
                }
            }
            if written < MUCH {
                let piece = &said[written..MUCH.min(written + 3 * size())];
                if let Ready(done) = Pin::new(&mut server).poll_write(context, piece) {
                    written += done.unwrap();
                }
            }
            if (heard.len(), written) == (MUCH, MUCH) {
                return Pin::new(&mut server).poll_flush(context);
            }
            if (heard.len(), written) == before {
                return Poll::Pending;
            }
        }
    })
    .await
    .unwrap();
    assert!(heard == said);
    assert!(hearing.await.unwrap() == said);
    drop(speaking.await.unwrap());
    assert_eq!([&server.partial, &server.plain, &server.sealed].map(Vec::capacity), [0; 3]);
}
