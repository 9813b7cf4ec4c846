//! What can go wrong on the simulated network.

use std::time::Duration;

use super::random::Random;
use crate::address::Address;

/// The least time that anything takes, so that cause and effect are never at one instant.
const LEAST: Duration = Duration::from_micros(1);

/// How a path delays and loses what is sent over it.
///
/// As with TCP, a loss is not seen by the receiver: what was lost is sent again after a while, and what follows
/// waits for it. A path that loses everything for about 50 seconds breaks the connections that send over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weather {
    /// The shortest delay.
    pub min_delay: Duration,
    /// The longest delay.
    pub max_delay: Duration,
    /// How many of a thousand transmissions are lost.
    pub loss_per_mille: u64,
}

impl Weather {
    /// Fast and without loss.
    pub const FAIR: Self = Self {
        min_delay: Duration::from_micros(100),
        max_delay: Duration::from_micros(500),
        loss_per_mille: 0,
    };

    /// Slow, uneven and with loss.
    pub const FOUL: Self = Self {
        min_delay: Duration::from_millis(1),
        max_delay: Duration::from_millis(250),
        loss_per_mille: 50,
    };

    pub(super) fn draw_delay(self, random: &mut Random) -> Duration {
        let span = self.max_delay.saturating_sub(self.min_delay).as_nanos();
        let span = u64::try_from(span).unwrap_or(u64::MAX);
        let extra = Duration::from_nanos(random.below(span.saturating_add(1)));
        self.min_delay.saturating_add(extra).max(LEAST)
    }

    pub(super) const fn draw_loss(self, random: &mut Random) -> bool {
        random.chance(self.loss_per_mille)
    }
}

/// Something that happens to the network at a moment of the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The weather changes on all paths without weather of their own.
    Weather(Weather),
    /// The weather changes on the path from one host to another.
    PathWeather {
        /// The sending host.
        from: Address,
        /// The receiving host.
        to: Address,
        /// How it is there from now on.
        weather: Weather,
    },
    /// Nothing passes between two hosts, in either direction; connections stand still and break after a while.
    Partition(Address, Address),
    /// Nothing passes in one direction.
    Block {
        /// The sending host.
        from: Address,
        /// The receiving host.
        to: Address,
    },
    /// All passes again between two hosts.
    Heal(Address, Address),
    /// All passes again between all hosts.
    HealAll,
    /// The connections between two hosts break at once, and both sides see it.
    Disconnect(Address, Address),
    /// The program at this address dies: its peers see their connections break, nobody listens there any more.
    Crash(Address),
}
