//! Reads LevelDB's journals and manifests with care.
//!
//! rusty-leveldb stops at the first record that it cannot read and goes on without the rest.
//! For a replica that would mean to forget promises. So its journals are checked before it sees
//! them: a last record that was cut off while it was written has never been promised, and is left
//! out; anything else that does not fit is damage, and the journal is refused.

use std::path::Path;

use super::checksum;

const BLOCK: usize = 32 * 1024;
const HEADER: usize = 7;

/// A journal holds something that nobody can have written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("bad record at offset {offset}: {what}")]
pub(super) struct Damage {
    offset: usize,
    what: &'static str,
}

/// Whether LevelDB keeps records in a file of this name.
pub(super) fn is_journal(path: &Path) -> bool {
    let is_manifest = path
        .file_name()
        .is_some_and(|name| name.to_string_lossy().starts_with("MANIFEST-"));
    is_manifest || path.extension().is_some_and(|extension| extension == "log")
}

/// A piece of a record; a long record has several.
struct Fragment {
    kind: Kind,
    /// Length with the header.
    length: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Full,
    First,
    Middle,
    Last,
}

/// What stands at a place of a journal.
enum Place {
    Fragment(Fragment),
    /// Nothing, or what was being written when the writer ended.
    End,
}

/// The length of the whole records at the beginning of `journal`.
///
/// # Errors
/// [`Damage`] when something else than a cut off end follows them.
pub(super) fn whole_records(journal: &[u8]) -> Result<usize, Damage> {
    let (mut offset, mut whole, mut inside) = (0, 0, false);
    loop {
        let left = BLOCK - offset % BLOCK;
        if left < HEADER {
            offset += left;
            continue;
        }
        let fragment = match fragment_at(journal, offset, left)? {
            Place::Fragment(fragment) => fragment,
            Place::End => return Ok(whole),
        };
        let continues = matches!(fragment.kind, Kind::Middle | Kind::Last);
        if continues != inside {
            let what = "a piece of a record stands alone";
            return Err(Damage { offset, what });
        }
        offset += fragment.length;
        inside = matches!(fragment.kind, Kind::First | Kind::Middle);
        if !inside {
            whole = offset;
        }
    }
}

fn fragment_at(journal: &[u8], offset: usize, left: usize) -> Result<Place, Damage> {
    let damage = |what| Damage { offset, what };
    let rest = journal.get(offset..).unwrap_or_default();
    let Some((header, rest)) = rest.split_first_chunk::<HEADER>() else {
        return Ok(Place::End);
    };
    let [c0, c1, c2, c3, l0, l1, kind] = *header;
    if *header == [0; HEADER] && rest.iter().all(|byte| *byte == 0) {
        return Ok(Place::End);
    }
    let length = usize::from(u16::from_le_bytes([l0, l1]));
    if HEADER + length > left {
        return Err(damage("it is longer than its block"));
    }
    let Some(data) = rest.get(..length) else {
        if (0..rest.len()).any(|at| rest.get(at..).is_some_and(begins_with_record)) {
            return Err(damage("it is longer than it can be"));
        }
        return Ok(Place::End);
    };
    if checksum::masked(&[&[kind], data]) != u32::from_le_bytes([c0, c1, c2, c3]) {
        return Err(damage("its checksum does not match"));
    }
    let kind = match kind {
        1 => Kind::Full,
        2 => Kind::First,
        3 => Kind::Middle,
        4 => Kind::Last,
        _ => return Err(damage("its kind is unknown")),
    };
    Ok(Place::Fragment(Fragment {
        kind,
        length: HEADER + length,
    }))
}

/// Whether a whole piece of a record stands here: then what precedes it was not cut off.
fn begins_with_record(bytes: &[u8]) -> bool {
    let Some((header, rest)) = bytes.split_first_chunk::<HEADER>() else {
        return false;
    };
    let [c0, c1, c2, c3, l0, l1, kind] = *header;
    let length = usize::from(u16::from_le_bytes([l0, l1]));
    (1..=4).contains(&kind)
        && rest.get(..length).is_some_and(|data| {
            checksum::masked(&[&[kind], data]) == u32::from_le_bytes([c0, c1, c2, c3])
        })
}

/// Zeros that bring `length` to the end of its block, where no header fits in any more:
/// rusty-leveldb reads over such an end and must find something there.
pub(super) fn padding(length: usize) -> usize {
    match BLOCK - length % BLOCK {
        left if left < HEADER => left,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fragment(kind: u8, data: &[u8]) -> Vec<u8> {
        let mut bytes = checksum::masked(&[&[kind], data]).to_le_bytes().to_vec();
        let length = u16::try_from(data.len()).expect("a short piece");
        bytes.extend(length.to_le_bytes());
        bytes.push(kind);
        bytes.extend(data);
        bytes
    }

    #[test]
    fn whole_records_are_kept() {
        let journal = [fragment(1, b"one"), fragment(1, b"two")].concat();

        assert_eq!(whole_records(&journal), Ok(journal.len()));
    }

    #[test]
    fn a_record_cut_anywhere_is_left_out() {
        let first = fragment(1, b"one");
        let journal = [first.clone(), fragment(1, b"two")].concat();

        for end in first.len()..journal.len() {
            assert_eq!(
                whole_records(&journal[..end]),
                Ok(first.len()),
                "cut at {end}"
            );
        }
    }

    #[test]
    fn a_record_without_its_last_piece_is_left_out() {
        let first = fragment(1, b"one");
        let mut journal = first.clone();
        let room = BLOCK - journal.len() - HEADER;
        journal.extend(fragment(2, &vec![7; room]));

        assert_eq!(whole_records(&journal), Ok(first.len()));
    }

    #[test]
    fn a_long_record_spans_blocks() {
        let mut journal = fragment(2, &vec![7; BLOCK - HEADER]);
        journal.extend(fragment(3, &vec![8; BLOCK - HEADER]));
        journal.extend(fragment(4, b"end"));

        assert_eq!(whole_records(&journal), Ok(journal.len()));
    }

    #[test]
    fn a_changed_byte_before_the_last_record_is_damage_wherever_it_is() {
        let journal = [fragment(1, b"one"), fragment(1, b"two")].concat();

        for at in 0..fragment(1, b"one").len() {
            let mut changed = journal.clone();
            changed[at] ^= 0x10;
            let found = whole_records(&changed);
            assert!(found.is_err(), "byte {at}: {found:?}");
        }
    }

    #[test]
    fn zeros_at_the_end_are_no_record() {
        let record = fragment(1, b"one");
        let journal = [record.clone(), vec![0; 4096]].concat();

        assert_eq!(whole_records(&journal), Ok(record.len()));
    }

    #[test]
    fn an_end_without_room_for_a_header_is_padded() {
        assert_eq!(padding(BLOCK - 3), 3);
        assert_eq!(padding(BLOCK - HEADER), 0);
        assert_eq!(padding(BLOCK), 0);
    }
}
