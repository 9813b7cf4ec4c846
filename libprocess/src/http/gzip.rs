//! Compressed bodies.

use std::io::{self, Write};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::{GzDecoder, GzEncoder};

/// How much compressed input is taken between two looks at the output: a bomb grows a thousandfold at most.
const STEP: usize = 4 * 1024;

/// Inflates a body as it comes, within a bound.
pub(crate) struct Inflater {
    decoder: GzDecoder<Vec<u8>>,
    left: usize,
}

impl Inflater {
    pub(crate) const fn new_with(decoder: GzDecoder<Vec<u8>>, limit: usize) -> Self {
        Self {
            decoder,
            left: limit,
        }
    }

    /// An inflater that fails when more than `limit` bytes come out.
    pub(crate) fn new(limit: usize) -> Self {
        Self::new_with(GzDecoder::new(Vec::new()), limit)
    }

    /// Inflates a part; the result may be empty.
    pub(crate) fn inflate(&mut self, part: &[u8]) -> io::Result<Bytes> {
        for step in part.chunks(STEP) {
            self.decoder.write_all(step)?;
            if self.decoder.get_ref().len() > self.left {
                return Err(io::Error::new(
                    io::ErrorKind::FileTooLarge,
                    "inflated body too long",
                ));
            }
        }
        Ok(self.take())
    }

    /// Checks that the body was complete and gives the rest.
    pub(crate) fn finish(&mut self) -> io::Result<Bytes> {
        self.decoder.try_finish()?;
        Ok(self.take())
    }

    fn take(&mut self) -> Bytes {
        let out = std::mem::take(self.decoder.get_mut());
        self.left = self.left.saturating_sub(out.len());
        out.into()
    }
}

/// Compresses a whole body.
pub(crate) fn compress(body: &[u8]) -> io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    encoder.write_all(body)?;
    Ok(encoder.finish()?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_compressed_inflates_in_any_pieces() {
        let body: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        let compressed = compress(&body).expect("compressed");

        let mut inflater = Inflater::new(body.len());
        let mut inflated = Vec::new();
        for part in compressed.chunks(777) {
            inflated.extend_from_slice(&inflater.inflate(part).expect("a part"));
        }
        inflated.extend_from_slice(&inflater.finish().expect("the end"));

        assert_eq!(inflated, body);
    }

    #[test]
    fn a_bomb_and_a_torso_are_errors() {
        let bomb = compress(&vec![0; 10 * 1024 * 1024]).expect("compressed");
        assert!(Inflater::new(1024 * 1024).inflate(&bomb).is_err());

        let mut inflater = Inflater::new(usize::MAX);
        assert!(inflater.inflate(&bomb[..bomb.len() / 2]).is_ok());
        assert!(inflater.finish().is_err());
        assert!(Inflater::new(100).inflate(b"this is not gzip").is_err());
    }
}
