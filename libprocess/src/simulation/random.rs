//! Random numbers that are the same on every machine for the same seed.

/// A small generator (SplitMix64): each connection has its own, so that threads cannot mix up their draws.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    /// A generator that always gives the same numbers for the same seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// A generator of its own for a part, told apart by `salt`.
    #[must_use]
    pub fn fork(&self, salt: u64) -> Self {
        let mut mixed = Self::new(self.state ^ salt.wrapping_mul(0xd134_2543_de82_ef95));
        Self::new(mixed.next_u64())
    }

    /// The next number.
    pub const fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; zero when that is zero.
    pub const fn below(&mut self, bound: u64) -> u64 {
        let drawn = self.next_u64();
        if bound == 0 { 0 } else { drawn % bound }
    }

    /// True in so many of a thousand draws.
    pub const fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_its_numbers_and_a_fork_gives_others() {
        let (mut one, mut two) = (Random::new(7), Random::new(7));
        let mut fork = one.fork(1);

        let first: Vec<u64> = (0..8).map(|_| one.next_u64()).collect();
        let second: Vec<u64> = (0..8).map(|_| two.next_u64()).collect();
        let other: Vec<u64> = (0..8).map(|_| fork.next_u64()).collect();

        assert_eq!(first, second);
        assert_ne!(first, other);
        assert!((0..1000).all(|_| one.below(10) < 10 && !one.chance(0) && one.chance(1000)));
    }
}
