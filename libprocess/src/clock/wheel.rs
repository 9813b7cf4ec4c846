//! A hierarchical timer wheel: setting and cancelling a timer cost the same however many there are.
//!
//! # Invariants
//! - Whatever is due within the tick of the cursor, or before, is in `near`, sorted; all else is in a slot.
//! - A slot's level is the highest group of bits in which its ticks differ from the cursor. So all timers of a level
//!   come before all of the next one, and within a level the slots are in the order of time.
//! - What is taken is exact to the nanosecond and in the order of time, then of creation: ticks only sort roughly.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// A tick is so many nanoseconds, as a power of two: about a millisecond.
const TICK_BITS: u32 = 20;

/// Each level has so many slots, as a power of two.
const LEVEL_BITS: u32 = 6;

const SLOTS: usize = 1 << LEVEL_BITS;

/// Enough for every tick that there is.
const LEVELS: usize = (64 - TICK_BITS).div_ceil(LEVEL_BITS) as usize;

/// The end of a list.
const NONE: u32 = u32::MAX;

/// Where a timer is, and its number, since places are used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimerKey {
    place: u32,
    number: u64,
}

/// Where a timer waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Home {
    Near,
    Slot { level: usize, slot: usize },
}

/// A timer, or a free place for one. Timers of one slot are a list in both directions.
struct Entry<T> {
    due: u64,
    number: u64,
    before: u32,
    after: u32,
    home: Home,
    action: Option<T>,
}

struct Level {
    /// Which slots have timers.
    used: u64,
    heads: [u32; SLOTS],
}

/// Timers by the time at which they are due.
pub(super) struct Wheel<T> {
    entries: Vec<Entry<T>>,
    free: u32,
    len: usize,
    next: u64,
    cursor: u64,
    near: BTreeMap<(u64, u64), u32>,
    levels: Vec<Level>,
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

const fn tick(due: u64) -> u64 {
    due >> TICK_BITS
}

/// The index of a tick within a level.
fn slot_of(tick: u64, level: usize) -> usize {
    let shift = u32::try_from(level).unwrap_or_default() * LEVEL_BITS;
    usize::try_from(tick >> shift).unwrap_or_default() % SLOTS
}

impl<T> Wheel<T> {
    pub(super) fn new() -> Self {
        let level = || Level {
            used: 0,
            heads: [NONE; SLOTS],
        };
        Self {
            entries: Vec::new(),
            free: NONE,
            len: 0,
            next: 0,
            cursor: 0,
            near: BTreeMap::new(),
            levels: (0..LEVELS).map(|_| level()).collect(),
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Sets a timer; true when no other is due before it, so that whoever sleeps must look again.
    pub(super) fn insert(&mut self, due: Duration, action: T) -> (TimerKey, bool) {
        let due = nanos(due);
        let is_next = self.bound().is_none_or(|bound| due < bound);
        let number = self.next;
        self.next += 1;
        let entry = Entry {
            due,
            number,
            before: NONE,
            after: NONE,
            home: Home::Near,
            action: Some(action),
        };
        let place = self.free;
        let place = if let Some(freed) = self.entry_mut(place) {
            let next_free = freed.after;
            *freed = entry;
            self.free = next_free;
            place
        } else {
            self.entries.push(entry);
            u32::try_from(self.entries.len() - 1).expect("fewer timers than 2^32")
        };
        self.len += 1;
        self.put(place);
        (TimerKey { place, number }, is_next)
    }

    /// Takes a timer out before it fires; none when it has been taken already.
    pub(super) fn cancel(&mut self, key: TimerKey) -> Option<T> {
        let entry = self.entry(key.place)?;
        if entry.number != key.number || entry.action.is_none() {
            return None;
        }
        match entry.home {
            Home::Near => {
                let known = (entry.due, entry.number);
                self.near.remove(&known);
            }
            Home::Slot { level, slot } => self.unchain(key.place, level, slot),
        }
        self.release(key.place)
    }

    /// Takes everything that is due, in order.
    pub(super) fn take_due(&mut self, now: Duration) -> Vec<T> {
        let now = nanos(now);
        self.advance(tick(now));
        let mut due = Vec::new();
        while let Some(first) = self.near.first_entry() {
            if first.key().0 > now {
                break;
            }
            let place = first.remove();
            due.extend(self.release(place));
        }
        due
    }

    /// No timer is due before this; it may be earlier than the first one by the length of a slot.
    pub(super) fn next_look(&self) -> Option<Duration> {
        self.bound().map(Duration::from_nanos)
    }

    /// When exactly the first timer is due.
    pub(super) fn next_due(&self) -> Option<Duration> {
        let first = match self.near.first_key_value() {
            Some(((due, _), _)) => *due,
            None => {
                let (level, slot, _) = self.first_slot()?;
                self.chain(level, slot).map(|entry| entry.due).min()?
            }
        };
        Some(Duration::from_nanos(first))
    }

    pub(super) fn has_due(&self, now: Duration) -> bool {
        self.next_look().is_some_and(|bound| bound <= now)
            && self.next_due().is_some_and(|due| due <= now)
    }

    /// Takes all actions, to drop them.
    pub(super) fn clear(&mut self) -> Vec<T> {
        let taken = std::mem::replace(self, Self::new());
        taken.entries.into_iter().filter_map(|e| e.action).collect()
    }

    fn entry(&self, place: u32) -> Option<&Entry<T>> {
        self.entries.get(usize::try_from(place).ok()?)
    }

    fn entry_mut(&mut self, place: u32) -> Option<&mut Entry<T>> {
        self.entries.get_mut(usize::try_from(place).ok()?)
    }

    fn bound(&self) -> Option<u64> {
        match self.near.first_key_value() {
            Some(((due, _), _)) => Some(*due),
            None => self.first_slot().map(|(.., start)| start << TICK_BITS),
        }
    }

    /// The slot whose timers are due first, and its first tick.
    fn first_slot(&self) -> Option<(usize, usize, u64)> {
        let level = self.levels.iter().position(|level| level.used != 0)?;
        let slot = self.levels.get(level)?.used.trailing_zeros();
        let shift = u32::try_from(level).ok()? * LEVEL_BITS;
        let above = self.cursor.checked_shr(shift + LEVEL_BITS).unwrap_or(0);
        let start = (above << LEVEL_BITS | u64::from(slot)) << shift;
        Some((level, usize::try_from(slot).ok()?, start))
    }

    fn chain(&self, level: usize, slot: usize) -> impl Iterator<Item = &Entry<T>> {
        let head = self
            .levels
            .get(level)
            .and_then(|level| level.heads.get(slot));
        let first = head.and_then(|head| self.entry(*head));
        std::iter::successors(first, |entry| self.entry(entry.after))
    }

    /// Moves the cursor on; what has become near is put there.
    fn advance(&mut self, to: u64) {
        while let Some((level, slot, start)) = self.first_slot()
            && start <= to
        {
            self.cursor = start;
            let mut place = self.take_head(level, slot);
            while let Some(entry) = self.entry(place) {
                let next = entry.after;
                self.put(place);
                place = next;
            }
        }
        self.cursor = self.cursor.max(to);
    }

    fn take_head(&mut self, level: usize, slot: usize) -> u32 {
        let Some(level) = self.levels.get_mut(level) else {
            return NONE;
        };
        level.used &= !(1 << slot);
        level
            .heads
            .get_mut(slot)
            .map_or(NONE, |head| std::mem::replace(head, NONE))
    }

    /// Puts a timer where it belongs as seen from the cursor.
    fn put(&mut self, place: u32) {
        let cursor = self.cursor;
        let Some(entry) = self.entry_mut(place) else {
            return;
        };
        let tick = tick(entry.due);
        entry.before = NONE;
        entry.after = NONE;
        if tick <= cursor {
            entry.home = Home::Near;
            let key = (entry.due, entry.number);
            self.near.insert(key, place);
            return;
        }
        let highest = 63 - (tick ^ cursor).leading_zeros();
        let level = usize::try_from(highest / LEVEL_BITS).unwrap_or_default();
        let slot = slot_of(tick, level);
        entry.home = Home::Slot { level, slot };
        let Some(level) = self.levels.get_mut(level) else {
            return;
        };
        level.used |= 1 << slot;
        let old = level
            .heads
            .get_mut(slot)
            .map_or(NONE, |head| std::mem::replace(head, place));
        if let Some(entry) = self.entry_mut(place) {
            entry.after = old;
        }
        if let Some(old) = self.entry_mut(old) {
            old.before = place;
        }
    }

    /// Takes a timer out of the list of its slot.
    fn unchain(&mut self, place: u32, level: usize, slot: usize) {
        let Some(entry) = self.entry(place) else {
            return;
        };
        let (before, after) = (entry.before, entry.after);
        if let Some(after) = self.entry_mut(after) {
            after.before = before;
        }
        if let Some(before) = self.entry_mut(before) {
            before.after = after;
            return;
        }
        let Some(level) = self.levels.get_mut(level) else {
            return;
        };
        if let Some(head) = level.heads.get_mut(slot) {
            *head = after;
        }
        if after == NONE {
            level.used &= !(1 << slot);
        }
    }

    /// Frees a place and gives what was there.
    fn release(&mut self, place: u32) -> Option<T> {
        let free = self.free;
        let entry = self.entry_mut(place)?;
        let action = entry.action.take()?;
        entry.after = free;
        self.free = place;
        self.len -= 1;
        Some(action)
    }
}

impl<T> fmt::Debug for Wheel<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wheel")
            .field("len", &self.len)
            .field("cursor", &self.cursor)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::Random;

    const HOUR: u64 = 3_600_000_000_000;

    /// A due time of any magnitude: from this very instant to years away.
    fn draw(random: &mut Random, now: u64) -> u64 {
        let bits = random.below(58);
        now + random.below(1 << bits)
    }

    /// Plays the wheel against a sorted map: the same timers, cancellations and jumps in time.
    #[test]
    fn a_wheel_fires_exactly_what_a_sorted_map_does() {
        for seed in 0..40 {
            let mut random = Random::new(seed);
            let mut wheel = Wheel::new();
            let mut map = BTreeMap::new();
            let mut keys = Vec::new();
            let mut now = 0;
            for id in 0..3_000_u64 {
                let due = draw(&mut random, now);
                let look = wheel.next_look();
                let time = Duration::from_nanos(due);
                let (key, is_next) = wheel.insert(time, id);
                let woken = is_next || look.is_some_and(|look| look <= time);
                assert!(woken, "a sleeper would come too late");
                map.insert((due, id), ());
                keys.push((key, due, id));
                if random.chance(300) {
                    let index = usize::try_from(random.below(keys.len() as u64)).expect("small");
                    let (key, due, id) = keys.swap_remove(index);
                    let expected = map.remove(&(due, id)).map(|()| id);
                    assert_eq!(wheel.cancel(key), expected);
                    assert_eq!(wheel.cancel(key), None);
                }
                if random.chance(200) {
                    now = draw(&mut random, now).min(now + 100 * HOUR);
                    let later = map.split_off(&(now + 1, 0));
                    let expected: Vec<u64> = map.into_keys().map(|(_, id)| id).collect();
                    map = later;
                    assert_eq!(
                        wheel.has_due(Duration::from_nanos(now)),
                        !expected.is_empty()
                    );
                    assert_eq!(wheel.take_due(Duration::from_nanos(now)), expected);
                }
                let first = map.first_key_value().map(|((due, _), ())| *due);
                assert_eq!(wheel.next_due(), first.map(Duration::from_nanos));
                assert!(wheel.next_look() <= wheel.next_due());
                assert_eq!(wheel.len(), map.len());
            }
            assert_eq!(wheel.clear().len(), map.len());
        }
    }

    #[test]
    fn places_are_used_again() {
        let mut wheel = Wheel::new();
        for round in 0..1_000 {
            let (key, _) = wheel.insert(Duration::from_secs(round), ());
            wheel.cancel(key);
        }

        assert_eq!(wheel.entries.len(), 1);
        assert_eq!(wheel.levels.iter().map(|level| level.used).sum::<u64>(), 0);
    }
}
