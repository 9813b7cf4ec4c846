//! The checksum that LevelDB writes beside its data: CRC-32C, masked.

const POLYNOMIAL: u32 = 0x82f6_3b78;
const MASK: u32 = 0xa282_ead8;

/// The remainders of all single bytes.
const TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut byte = 0_u32;
    while byte < 256 {
        let mut remainder = byte;
        let mut bit = 0;
        while bit < 8 {
            let carry = remainder & 1;
            remainder >>= 1;
            if carry == 1 {
                remainder ^= POLYNOMIAL;
            }
            bit += 1;
        }
        #[expect(clippy::indexing_slicing, reason = "byte is below 256")]
        {
            table[byte as usize] = remainder;
        }
        byte += 1;
    }
    table
}

fn crc(bytes: impl Iterator<Item = u8>) -> u32 {
    !bytes.fold(u32::MAX, |crc, byte| {
        let [low, ..] = crc.to_le_bytes();
        let remainder = TABLE.get(usize::from(low ^ byte)).copied();
        remainder.unwrap_or_default() ^ (crc >> 8)
    })
}

/// The checksum of `parts` one after the other, as it stands in a file.
///
/// It is masked: data that holds checksums of itself would give weak ones.
pub(super) fn masked(parts: &[&[u8]]) -> u32 {
    let crc = crc(parts.iter().flat_map(|part| part.iter().copied()));
    crc.rotate_right(15).wrapping_add(MASK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_published_one() {
        // The check value of CRC-32C, as every catalogue of checksums lists it.
        assert_eq!(crc(b"123456789".iter().copied()), 0xe306_9283);
    }
}
