//! Random numbers from a seed, so that the exchange is a function of its inputs.

use sha1::{Digest, Sha1};

/// SHA-1 of a secret seed and a counter: what it gives cannot be told apart from chance by one who
/// does not know the seed. Mailbox ids come from here, and whoever knows one can disturb it.
pub(super) struct Random {
    seed: [u8; 32],
    counter: u64,
}

impl Random {
    pub(super) const fn new(seed: [u8; 32]) -> Self {
        Self { seed, counter: 0 }
    }

    pub(super) fn bytes(&mut self) -> [u8; 8] {
        self.counter += 1;
        let digest: [u8; 20] = Sha1::new()
            .chain_update(self.seed)
            .chain_update(self.counter.to_be_bytes())
            .finalize()
            .into();
        digest.first_chunk().copied().unwrap_or_default()
    }

    /// A number below `bound`, or 0 when that is 0. Its bias is below 2^-40 for the bounds used.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        let wide = u64::from_be_bytes(self.bytes()) % u64::from(bound.max(1));
        u32::try_from(wide).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_gives_one_sequence_and_another_seed_another() {
        let sequence = |seed| {
            let mut random = Random::new([seed; 32]);
            (0..20).map(|_| random.below(1000)).collect::<Vec<_>>()
        };
        assert_eq!(sequence(1), sequence(1));
        assert_ne!(sequence(1), sequence(2));
        assert!(sequence(1).iter().all(|number| *number < 1000));
    }
}
