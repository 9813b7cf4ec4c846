//! Finds what two versions of an entry have in common, and writes the rest.
//!
//! A registry changes in few places: entries are added at the end of a list, taken from its midst,
//! or change a little. So both versions are walked side by side; where they part, the place where
//! they meet again is looked for close by.

use memchr::memmem;

/// The largest window that libsvn reads.
const WINDOW: usize = 100 * 1024;

/// So many equal bytes are no accident: the versions have met again.
const ANCHOR: usize = 32;

/// How many bytes may have been replaced by as many others.
const REPLACED: usize = 16;

/// How far we look for what was taken out or put in.
const REACH: usize = 64 * 1024;

/// With more pieces than this the versions have little to do with each other.
const MOST_PIECES: usize = 8 * 1024;

/// A part of the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    /// Bytes of the source from there.
    Copied { begin: usize, length: usize },
    /// Bytes of the target itself, from there.
    New { begin: usize, length: usize },
}

/// The difference that makes `target` of `source`.
#[must_use]
pub fn difference(source: &[u8], target: &[u8]) -> Vec<u8> {
    let mut writer = Writer {
        out: b"SVN\0".to_vec(),
        window: Window::default(),
    };
    for piece in pieces(source, target) {
        match piece {
            Piece::Copied { begin, length } => writer.copy(begin, length),
            Piece::New { begin, length } => {
                let bytes = target.get(begin..begin + length).unwrap_or_default();
                writer.add(bytes);
            }
        }
    }
    writer.flush();
    writer.out
}

/// The parts of the target in order; what they copy from the source is in order as well.
fn pieces(source: &[u8], target: &[u8]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let (mut from, mut at) = (0, 0);
    loop {
        let (old, new) = (after(source, from), after(target, at));
        let length = common_beginning(old, new);
        pieces.push(Piece::Copied {
            begin: from,
            length,
        });
        (from, at) = (from + length, at + length);
        let (old, new) = (after(old, length), after(new, length));
        let met = if pieces.len() < MOST_PIECES {
            meeting(old, new)
        } else {
            None
        };
        let Some((left_out, put_in)) = met else {
            let end = common_end(old, new);
            pieces.push(Piece::New {
                begin: at,
                length: new.len() - end,
            });
            pieces.push(Piece::Copied {
                begin: source.len() - end,
                length: end,
            });
            return pieces;
        };
        pieces.push(Piece::New {
            begin: at,
            length: put_in,
        });
        (from, at) = (from + left_out, at + put_in);
    }
}

/// How many bytes of each version come before the place where they meet again.
fn meeting(old: &[u8], new: &[u8]) -> Option<(usize, usize)> {
    let anchor = |bytes: &'_ [u8], at: usize| bytes.get(at..at + ANCHOR).map(<[u8]>::to_vec);
    let look = |within: &[u8], what: Option<Vec<u8>>| {
        let reach = within.get(..REACH).unwrap_or(within);
        memmem::find(reach, &what?)
    };
    let replaced = |count: &usize| {
        let there = anchor(old, *count);
        there.is_some() && there == anchor(new, *count)
    };
    // Entries look alike: where one was taken out, the next would do for a replaced one.
    let taken = || look(old, anchor(new, 0)).map(|count| (count, 0));
    let put_in = || look(new, anchor(old, 0)).map(|count| (0, count));
    let changed = || (1..=REPLACED).find(replaced).map(|count| (count, count));
    taken().or_else(put_in).or_else(changed)
}

fn after(bytes: &[u8], count: usize) -> &[u8] {
    bytes.get(count..).unwrap_or_default()
}

fn common_beginning(left: &[u8], right: &[u8]) -> usize {
    const STEP: usize = 256;
    let steps = left.chunks_exact(STEP).zip(right.chunks_exact(STEP));
    let begun = steps.take_while(|(left, right)| left == right).count() * STEP;
    let rest = after(left, begun).iter().zip(after(right, begun));
    begun + rest.take_while(|(left, right)| left == right).count()
}

fn common_end(left: &[u8], right: &[u8]) -> usize {
    let pairs = left.iter().rev().zip(right.iter().rev());
    pairs.take_while(|(left, right)| left == right).count()
}

/// Writes windows.
struct Writer {
    out: Vec<u8>,
    window: Window,
}

/// What is written together: it copies from one view of the source.
#[derive(Default)]
struct Window {
    /// Beginning and end of the view.
    view: Option<(usize, usize)>,
    length: usize,
    instructions: Vec<u8>,
    data: Vec<u8>,
}

impl Writer {
    fn copy(&mut self, mut begin: usize, mut length: usize) {
        while length > 0 {
            let view = self.window.view.map_or(begin, |(view, _)| view);
            let room = WINDOW - self.window.length.max((begin - view).min(WINDOW));
            if room == 0 {
                self.flush();
                continue;
            }
            let taken = length.min(room);
            self.window.copy(begin, taken);
            begin += taken;
            length -= taken;
        }
    }

    fn add(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.window.length == WINDOW {
                self.flush();
            }
            let taken = bytes.len().min(WINDOW - self.window.length);
            let (now, later) = bytes.split_at_checked(taken).unwrap_or((bytes, &[]));
            self.window.add(now);
            bytes = later;
        }
    }

    fn flush(&mut self) {
        let window = std::mem::take(&mut self.window);
        if window.length == 0 {
            return;
        }
        let (begin, end) = window.view.unwrap_or_default();
        let numbers = [
            begin,
            end - begin,
            window.length,
            window.instructions.len(),
            window.data.len(),
        ];
        for number in numbers {
            put_number(number, &mut self.out);
        }
        self.out.extend_from_slice(&window.instructions);
        self.out.extend_from_slice(&window.data);
    }
}

impl Window {
    fn copy(&mut self, begin: usize, length: usize) {
        let view = self.view.map_or(begin, |(view, _)| view);
        self.view = Some((view, begin + length));
        self.length += length;
        self.instructions.push(0);
        put_number(length, &mut self.instructions);
        put_number(begin - view, &mut self.instructions);
    }

    fn add(&mut self, bytes: &[u8]) {
        self.length += bytes.len();
        self.instructions.push(2 << 6);
        put_number(bytes.len(), &mut self.instructions);
        self.data.extend_from_slice(bytes);
    }
}

/// Seven bits a byte, most significant first; the high bit says that another byte follows.
fn put_number(number: usize, out: &mut Vec<u8>) {
    let digits = usize::BITS.div_ceil(7);
    for digit in (1..digits).rev() {
        if number >> (7 * digit) != 0 {
            out.push(low_seven_bits(number >> (7 * digit)) | 0x80);
        }
    }
    out.push(low_seven_bits(number));
}

fn low_seven_bits(number: usize) -> u8 {
    u8::try_from(number & 0x7f).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::apply;
    use super::*;

    /// A list as a registry has it: its length, entries that look alike, something behind it.
    fn list(numbers: impl Iterator<Item = usize>) -> Vec<u8> {
        let entry =
            |number| format!("agent 0123456789-0123456789-S{number}, host-{number}.domain;");
        let entries: Vec<u8> = numbers.flat_map(|it| entry(it).into_bytes()).collect();
        let mut list = b"the master".to_vec();
        put_number(entries.len(), &mut list);
        list.extend(entries);
        list.extend(b"quotas, weights and what else follows the lists of agents");
        list
    }

    #[track_caller]
    fn assert_small(source: &[u8], target: &[u8], at_most: usize) {
        let difference = difference(source, target);

        assert_eq!(apply(source, &difference).as_deref(), Ok(target));
        assert!(difference.len() <= at_most, "{} bytes", difference.len());
    }

    #[test]
    fn entries_at_the_end_of_a_list_cost_what_they_are_long() {
        let target = list(0..20_100);
        let source = list(0..20_000);
        let added = target.len() - source.len();

        assert_small(&source, &target, added + 500);
    }

    #[test]
    fn entries_taken_from_the_midst_cost_little() {
        let source = list(0..20_000);
        let target = list((0..20_000).filter(|number| number % 1_000 != 7));

        assert_small(&source, &target, 1_500);
    }

    #[test]
    fn an_entry_that_grows_in_the_midst_costs_little() {
        let source = list(0..20_000);
        let at = source.len() / 2;
        let target = [&source[..at], b"a new field", &source[at..]].concat();

        assert_small(&source, &target, 500);
    }

    #[test]
    fn windows_are_none_that_libsvn_refuses() {
        let source = list(0..20_000);
        let target = list((0..30_000).filter(|number| number % 5_000 > 2_500));
        let mut writer = Writer {
            out: Vec::new(),
            window: Window::default(),
        };
        let mut last = (0, 0);

        for piece in pieces(&source, &target) {
            match piece {
                Piece::Copied { begin, length } => writer.copy(begin, length),
                Piece::New { begin, length } => writer.add(&target[begin..begin + length]),
            }
            assert!(writer.window.length <= WINDOW);
            if let Some((begin, end)) = writer.window.view {
                assert!(end - begin <= WINDOW);
                assert!(
                    begin >= last.0 && end >= last.1,
                    "a view that slides backwards"
                );
                last = (begin, end);
            }
        }
    }

    proptest! {
        #[test]
        fn a_difference_makes_the_target(source in any::<Vec<u8>>(), target in any::<Vec<u8>>()) {
            let difference = difference(&source, &target);

            prop_assert_eq!(apply(&source, &difference), Ok(target));
        }

        #[test]
        fn a_difference_of_relatives_makes_the_target(
            cuts in proptest::collection::vec((0..4_000_usize, 0..200_usize, 0..3_u8), 0..20)
        ) {
            let source = list(0..60);
            let mut target = source.clone();
            for (at, length, kind) in cuts {
                let begin = at.min(target.len());
                let end = (begin + length).min(target.len());
                match kind {
                    0 => drop(target.drain(begin..end)),
                    1 => target[begin..end].fill(7),
                    _ => drop(target.splice(begin..begin, vec![9; length])),
                }
            }
            let difference = difference(&source, &target);

            prop_assert_eq!(apply(&source, &difference), Ok(target));
        }
    }
}
