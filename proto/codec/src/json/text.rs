//! Strings in JSON: escapes and base64.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Appends a quoted string.
///
/// Escaped are quotes, backslashes and control characters; all else goes out as it is.
pub(super) fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some((before, from)) = rest.split_at_checked(plain_prefix(rest)) {
        out.extend_from_slice(before);
        let Some((&byte, after)) = from.split_first() else {
            break;
        };
        write_escape(byte, out);
        rest = after;
    }
    out.push(b'"');
}

/// Bytes before the first quote, backslash or control character; looked at eight at a time.
pub(super) fn plain_prefix(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 0xff;
    const HIGH: u64 = ONES << 7;

    // Marks the high bit of bytes below `limit`. A byte behind a marked one may be marked wrongly,
    // so only the first mark counts.
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word & HIGH;
    let mut plain = 0;
    for chunk in bytes.chunks(8) {
        let Ok(eight) = <[u8; 8]>::try_from(chunk) else {
            return plain
                + chunk
                    .iter()
                    .take_while(|byte| !needs_escape(**byte))
                    .count();
        };
        let word = u64::from_le_bytes(eight);
        let quote = below(word ^ (ONES * 0x22), 1);
        let backslash = below(word ^ (ONES * 0x5c), 1);
        let marks = quote | backslash | below(word, 0x20);
        if marks != 0 {
            return plain + usize::try_from(marks.trailing_zeros() / 8).unwrap_or_default();
        }
        plain += 8;
    }
    plain
}

fn needs_escape(byte: u8) -> bool {
    matches!(byte, 0..0x20 | b'"' | b'\\')
}

fn write_escape(byte: u8, out: &mut Vec<u8>) {
    let short = match byte {
        b'"' | b'\\' => byte,
        0x08 => b'b',
        0x09 => b't',
        0x0a => b'n',
        0x0c => b'f',
        0x0d => b'r',
        _ => {
            let _ = write!(out, "\\u{byte:04X}");
            return;
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

/// Appends bytes as a quoted base64 string, standard alphabet, padded.
pub(super) fn write_base64(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let start = out.len();
    let room = base64::encoded_len(bytes.len(), true).unwrap_or_default();
    out.resize(start + room, b'=');
    if let Some(place) = out.get_mut(start..) {
        // Cannot fail: the room was computed for these bytes.
        let _ = STANDARD.encode_slice(bytes, place);
    }
    out.push(b'"');
}

/// Decodes base64 leniently: blanks are skipped, the first `=` ends it.
///
/// # Errors
/// The character outside the alphabet.
pub(super) fn read_base64(text: &str) -> Result<Vec<u8>, char> {
    if let Ok(bytes) = STANDARD.decode(text) {
        return Ok(bytes);
    }
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut held, mut bits) = (0u32, 0u32);
    for character in text.chars() {
        let six = match character {
            '=' => break,
            ' ' | '\t'..='\r' => continue,
            'A'..='Z' => u32::from(character) - u32::from('A'),
            'a'..='z' => u32::from(character) - u32::from('a') + 26,
            '0'..='9' => u32::from(character) - u32::from('0') + 52,
            '+' => 62,
            '/' => 63,
            _ => return Err(character),
        };
        held = held << 6 | six;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push(u8::try_from(held >> bits & 0xff).unwrap_or_default());
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(bytes: &[u8]) -> String {
        let mut out = Vec::new();
        write_base64(bytes, &mut out);
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn the_plain_prefix_ends_at_every_byte_that_needs_an_escape() {
        for byte in 0..=u8::MAX {
            for place in 0..20 {
                let mut text = [b'a', 0xc3, b'!', b'[', b'~', 0x7f, 0x80, 0xff].repeat(3);
                text[place] = byte;
                let expected = if needs_escape(byte) {
                    place
                } else {
                    text.len()
                };

                assert_eq!(plain_prefix(&text), expected, "{byte:#x} at {place}");
            }
        }
    }

    /// Mirrors: Base64Test.Encode
    #[test]
    fn base64_is_written_with_padding() {
        assert_eq!(encoded(b"user:password"), "\"dXNlcjpwYXNzd29yZA==\"");
        assert_eq!(encoded(b""), "\"\"");
        assert_eq!(encoded(b"abc"), "\"YWJj\"");
    }

    /// Mirrors: Base64Test.Decode
    #[test]
    fn base64_is_read_without_padding_and_with_blanks() {
        for text in [
            "dXNlcjpwYXNzd29yZA==",
            "dXNlcjpwYXNzd29yZA=",
            "dXNlcjpwYXNzd29yZA",
            "d XNlcjpwYXNzd29yZA==",
            "d\tXNlcjpw\nYXNzd29yZA==",
            "d\x0bXNlcjpw\x0cYXNz\r\nd29yZA==",
        ] {
            assert_eq!(
                read_base64(text).as_deref(),
                Ok(&b"user:password"[..]),
                "{text:?}"
            );
        }
        assert_eq!(read_base64("abc("), Err('('));
        assert_eq!(read_base64(">abc"), Err('>'));
        assert_eq!(read_base64("ab,="), Err(','));
    }
}
