//! Mutated recordings through the bodies of the fuzz targets: nothing panics.

use crate::noise::Noise;
use crate::recordings::{Packet, packets};
use crate::{bodies, golden_wire};

/// One to four changes: flips, cuts, doublings, interesting bytes, pieces of another input.
fn damage(noise: &mut Noise, input: &[u8], other: &[u8]) -> Vec<u8> {
    const INTERESTING: [u8; 12] = [
        0, 0x7f, 0x80, 0xff, b'"', b'\\', b'{', b'[', b'-', b'e', b'0', b',',
    ];
    let mut bytes = input.to_vec();
    for _ in 0..=noise.below(4) {
        let place = noise.below(bytes.len());
        match noise.below(6) {
            0 if !bytes.is_empty() => bytes[place] ^= 1 << noise.below(8),
            1 if !bytes.is_empty() => bytes[place] = INTERESTING[noise.below(12)],
            2 => bytes.truncate(place),
            3 => bytes.insert(place, INTERESTING[noise.below(12)]),
            4 => {
                let tail = bytes.split_off(place);
                let from = noise.below(other.len());
                bytes.extend_from_slice(&other[from..]);
                bytes.extend(tail);
            }
            _ => {
                let end = (place + noise.below(16)).min(bytes.len());
                bytes.drain(place..end);
            }
        }
    }
    bytes
}

#[test]
fn damaged_messages_never_panic() {
    let mut noise = Noise::new(7);
    let messages = golden_wire::messages("standalone");

    for round in 0..4 {
        for (index, (_, body)) in messages.iter().enumerate() {
            let (_, other) = &messages[(index * 7 + round) % messages.len()];
            bodies::decode_messages(&damage(&mut noise, body, other));
        }
    }
}

#[test]
fn damaged_json_never_panics() {
    let mut noise = Noise::new(7);
    let is_json = |packet: &Packet| packet.header("content-type") == Some("application/json");
    let bodies: Vec<_> = packets("standalone")
        .iter()
        .filter(|packet| is_json(packet))
        .filter_map(Packet::body)
        .filter(|body| body.len() < 20_000)
        .collect();

    for round in 0..3 {
        for (index, body) in bodies.iter().enumerate() {
            let other = &bodies[(index * 5 + round) % bodies.len()];
            let other = other.get(..other.len().min(200)).unwrap_or(other);
            bodies::read_json(&damage(&mut noise, body, other));
        }
    }
}
