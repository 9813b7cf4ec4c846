//! Reads and writes svndiff differences, version 0, as libsvn does.
//!
//! C++ Mesos may write a change of an entry as a difference against the entry before.
//!
//! # Wire
//! `SVN\0`, then windows: five base-128 numbers (offset and length of the source view, length of
//! the target view, lengths of the instructions and of the new data), the instructions, the new
//! data.
//! An instruction's two high bits say where bytes come from (0 source, 1 target, 2 new data), its
//! six low bits how many, or zero when the number follows.

mod difference;

pub use self::difference::difference;

/// Why a difference cannot be applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// The first four bytes are not `SVN\0`.
    #[error("not an svndiff of version 0")]
    Header,
    /// The bytes end within a window.
    #[error("the difference is truncated")]
    Truncated,
    /// A number does not fit into 64 bits.
    #[error("a number of the difference is too large")]
    Number,
    /// An instruction reaches beyond its source.
    #[error("an instruction reaches outside of its source")]
    Range,
    /// An instruction of a kind that does not exist.
    #[error("unknown instruction")]
    Instruction,
    /// A window made more or fewer bytes than it announced.
    #[error("a window has the wrong size")]
    Size,
    /// The result would be larger than any entry may be.
    #[error("the result would be larger than {MAXIMUM} bytes")]
    TooLarge,
}

/// No registry comes near this; a damaged number must not take all memory.
const MAXIMUM: usize = 1 << 30;

/// Applies `difference` to `source`.
///
/// # Errors
/// When the difference is damaged or belongs to another source.
pub fn apply(source: &[u8], difference: &[u8]) -> Result<Vec<u8>, ApplyError> {
    let mut rest = difference
        .strip_prefix(b"SVN\0")
        .ok_or(ApplyError::Header)?;
    let mut target = Vec::new();
    while !rest.is_empty() {
        let window = Window::read(&mut rest, source)?;
        if target.len().saturating_add(window.target_length) > MAXIMUM {
            return Err(ApplyError::TooLarge);
        }
        window.apply(&mut target)?;
    }
    Ok(target)
}

struct Window<'a> {
    view: &'a [u8],
    target_length: usize,
    instructions: &'a [u8],
    data: &'a [u8],
}

impl<'a> Window<'a> {
    fn read(rest: &mut &'a [u8], source: &'a [u8]) -> Result<Self, ApplyError> {
        let offset = number(rest)?;
        let length = number(rest)?;
        let target_length = number(rest)?;
        let instructions_length = number(rest)?;
        let data_length = number(rest)?;
        let end = offset.checked_add(length).ok_or(ApplyError::Range)?;
        let view = source.get(offset..end).ok_or(ApplyError::Range)?;
        let instructions = take(rest, instructions_length)?;
        let data = take(rest, data_length)?;
        Ok(Self {
            view,
            target_length,
            instructions,
            data,
        })
    }

    fn apply(mut self, target: &mut Vec<u8>) -> Result<(), ApplyError> {
        let begin = target.len();
        while let Some((selector, rest)) = self.instructions.split_first() {
            self.instructions = rest;
            let short = usize::from(selector & 0x3f);
            let length = if short == 0 {
                number(&mut self.instructions)?
            } else {
                short
            };
            let room = (begin + self.target_length).saturating_sub(target.len());
            if length > room {
                return Err(ApplyError::Size);
            }
            match selector >> 6 {
                0 => {
                    let offset = number(&mut self.instructions)?;
                    let end = offset.checked_add(length).ok_or(ApplyError::Range)?;
                    target.extend_from_slice(self.view.get(offset..end).ok_or(ApplyError::Range)?);
                }
                1 => {
                    let offset = number(&mut self.instructions)?;
                    repeat(target, begin, offset, length)?;
                }
                2 => target.extend_from_slice(take(&mut self.data, length)?),
                _ => return Err(ApplyError::Instruction),
            }
        }
        if target.len() == begin + self.target_length {
            Ok(())
        } else {
            Err(ApplyError::Size)
        }
    }
}

/// Copies from the window's own output; source and destination may overlap, which repeats bytes.
fn repeat(
    target: &mut Vec<u8>,
    begin: usize,
    offset: usize,
    length: usize,
) -> Result<(), ApplyError> {
    let from = begin.checked_add(offset).ok_or(ApplyError::Range)?;
    for position in (from..).take(length) {
        let byte = *target.get(position).ok_or(ApplyError::Range)?;
        target.push(byte);
    }
    Ok(())
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], ApplyError> {
    let (taken, after) = rest.split_at_checked(length).ok_or(ApplyError::Truncated)?;
    *rest = after;
    Ok(taken)
}

/// Seven bits a byte, most significant first; the high bit says that another byte follows.
fn number(rest: &mut &[u8]) -> Result<usize, ApplyError> {
    let mut value: u64 = 0;
    loop {
        let (byte, after) = rest.split_first().ok_or(ApplyError::Truncated)?;
        *rest = after;
        value = value.checked_mul(128).ok_or(ApplyError::Number)? | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return usize::try_from(value).map_err(|_error| ApplyError::Number);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn new_data_becomes_the_target() {
        let difference = b"SVN\0\x00\x00\x05\x01\x05\x85hello";

        assert_eq!(apply(b"", difference), Ok(b"hello".to_vec()));
    }

    #[test]
    fn source_bytes_are_copied_from_the_view() {
        // View of 6 bytes at 1; copies 3 bytes at offset 2 of the view.
        let difference = b"SVN\0\x01\x06\x03\x02\x00\x03\x02";

        assert_eq!(apply(b"abcdefgh", difference), Ok(b"def".to_vec()));
    }

    #[test]
    fn an_overlapping_target_copy_repeats() {
        // Two new bytes, then six bytes from the beginning of the target itself.
        let difference = b"SVN\0\x00\x00\x08\x03\x02\x82\x46\x00xy";

        assert_eq!(apply(b"", difference), Ok(b"xyxyxyxy".to_vec()));
    }

    #[test]
    fn a_source_that_is_too_short_is_refused() {
        let difference = b"SVN\0\x01\x06\x03\x02\x00\x03\x02";

        assert_eq!(apply(b"abc", difference), Err(ApplyError::Range));
    }

    #[test]
    fn a_foreign_header_is_refused() {
        assert_eq!(apply(b"", b"SVN\x01"), Err(ApplyError::Header));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(source in any::<Vec<u8>>(), tail in any::<Vec<u8>>()) {
            let mut difference = b"SVN\0".to_vec();
            difference.extend(tail);

            drop(apply(&source, &difference));
        }
    }
}
