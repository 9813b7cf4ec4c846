//! Messages that no honest peer sends, made of honest ones; the same in every run.

use std::io::Write as _;
use std::net::{Shutdown, SocketAddr, TcpStream};

use crate::http_client::{HttpError, TIMEOUT};

/// Changed copies of one message.
const CHANGES: u64 = 64;

/// Steps in which a message on the wire is cut off.
const STEP: usize = 11;

/// Every beginning of a body that is not the whole of it.
pub fn cuts(honest: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..honest.len()).filter_map(|end| honest.get(..end).map(<[u8]>::to_vec))
}

/// Copies of a body in which a byte is another one, is missing, or is there twice.
pub fn changes(honest: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..CHANGES).filter_map(|seed| changed(honest, mixed(seed)))
}

fn changed(honest: &[u8], random: u64) -> Option<Vec<u8>> {
    let [position, kind, value, ..] = random.to_le_bytes();
    let position = usize::from(position).checked_rem(honest.len())?;
    let mut body = honest.to_vec();
    match kind % 3 {
        0 => *body.get_mut(position)? ^= value.max(1),
        1 => drop(body.remove(position)),
        _ => body.insert(position, value),
    }
    Some(body)
}

/// Numbers without a pattern (the finaliser of `SplitMix64`).
fn mixed(seed: u64) -> u64 {
    let mut number = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// Opens a connection again and again, writes a part of a message, and closes it.
///
/// # Errors
/// [`HttpError::Io`] when nobody listens there any more.
pub fn hang_up_within(address: SocketAddr, message: &[u8]) -> Result<(), HttpError> {
    let failed = |source| HttpError::Io { address, source };
    for end in (0..message.len()).step_by(STEP) {
        let mut socket = TcpStream::connect_timeout(&address, TIMEOUT).map_err(failed)?;
        // The other side may close as soon as it has seen enough.
        let _gone = socket.write_all(message.get(..end).unwrap_or_default());
        let _gone = socket.shutdown(Shutdown::Both);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{changes, cuts};

    #[test]
    fn no_cut_is_the_whole_and_no_change_is_the_original() {
        let honest = b"\x0a\x05hello";

        assert_eq!(cuts(honest).count(), honest.len());
        assert!(changes(honest).count() > 60);
        assert!(cuts(honest).all(|body| body.len() < honest.len()));
    }

    #[test]
    fn every_run_makes_the_same() {
        let honest = b"\x0a\x05hello";

        assert!(changes(honest).eq(changes(honest)));
    }
}
