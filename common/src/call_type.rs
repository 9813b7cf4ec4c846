//! The kind of a call, read from its bytes without decoding the rest.

/// The kind of a call whose field of this number is its `type`; none when it has none or is malformed.
///
/// As everywhere in protobuf the last one counts.
///
/// # Examples
/// ```
/// use mesos_common::call_type::call_type;
///
/// assert_eq!(call_type(b"\x0a\x01x\x10\x05", 2), Some(5));
/// assert_eq!(call_type(b"\x0a\x01x", 2), None);
/// assert_eq!(call_type(b"MALFORMED", 2), None);
/// ```
#[must_use]
pub fn call_type(mut bytes: &[u8], field: u64) -> Option<i32> {
    let mut found = None;
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        match key & 7 {
            0 => {
                let value = varint(&mut bytes)?;
                if key >> 3 == field {
                    found = i32::try_from(value).ok();
                }
            }
            1 => bytes = bytes.get(8..)?,
            2 => {
                let len = usize::try_from(varint(&mut bytes)?).ok()?;
                bytes = bytes.get(len..)?;
            }
            5 => bytes = bytes.get(4..)?,
            _ => return None,
        }
    }
    found
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
