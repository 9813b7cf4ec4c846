//! Counts the answers to messages in a stream of bytes.

use std::mem;

/// What may be left over between two reads: the longest head we expect of a runtime.
const HEAD_LIMIT: usize = 4096;

const END: &[u8] = b"\r\n\r\n";

/// Finds the ends of responses.
#[derive(Debug, Default)]
pub(crate) struct ReplyCounter {
    head: Vec<u8>,
    /// Bytes of a body that are still to come.
    body: usize,
    lost: bool,
}

impl ReplyCounter {
    /// How many responses were completed by these bytes; none when the stream is not one of plain responses.
    pub(crate) fn count(&mut self, mut bytes: &[u8]) -> Option<usize> {
        let mut complete = 0;
        while !self.lost && !bytes.is_empty() {
            if self.body > 0 {
                let skipped = self.body.min(bytes.len());
                self.body -= skipped;
                bytes = bytes.get(skipped..).unwrap_or_default();
                complete += usize::from(self.body == 0);
                continue;
            }
            let Some(used) = self.end_of_head(bytes) else {
                self.head.extend_from_slice(bytes);
                self.lost = self.head.len() > HEAD_LIMIT;
                break;
            };
            let (rest_of_head, rest) = bytes.split_at_checked(used).unwrap_or((bytes, &[]));
            bytes = rest;
            let mut head = mem::take(&mut self.head);
            head.extend_from_slice(rest_of_head);
            match content_length(&head) {
                Some(0) => complete += 1,
                Some(length) => self.body = length,
                None => self.lost = true,
            }
        }
        (!self.lost).then_some(complete)
    }

    /// How many of these bytes belong to the head that has begun, if its end is among them.
    fn end_of_head(&self, bytes: &[u8]) -> Option<usize> {
        // The end may lie across the cut: look at the last three bytes of what was kept, too.
        let kept = self.head.len().min(3);
        let mut seam = self
            .head
            .get(self.head.len() - kept..)
            .unwrap_or_default()
            .to_vec();
        seam.extend_from_slice(bytes.get(..bytes.len().min(3)).unwrap_or_default());
        let across = seam
            .windows(4)
            .position(|window| window == END)
            .map(|at| at + 4 - kept);
        across.or_else(|| {
            bytes
                .windows(4)
                .position(|window| window == END)
                .map(|at| at + 4)
        })
    }
}

fn content_length(head: &[u8]) -> Option<usize> {
    let head = std::str::from_utf8(head).ok()?;
    head.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCEPTED: &[u8] = b"HTTP/1.1 202 Accepted\r\nDate: x\r\nContent-Length: 0\r\n\r\n";
    const MISSING: &[u8] = b"HTTP/1.1 404 Not Found\r\nContent-Length: 14\r\n\r\n404 Not Found.";

    #[test]
    fn answers_are_counted_however_they_are_cut() {
        let stream: Vec<u8> = [ACCEPTED, MISSING, ACCEPTED].concat();

        for size in 1..stream.len() {
            let mut counter = ReplyCounter::default();
            let counted: Option<usize> = stream.chunks(size).map(|part| counter.count(part)).sum();
            assert_eq!(counted, Some(3), "in pieces of {size}");
        }
    }

    #[test]
    fn other_bytes_are_recognised_as_such() {
        assert_eq!(ReplyCounter::default().count(&[b'x'; 5000]), None);
        assert_eq!(
            ReplyCounter::default().count(b"HTTP/1.1 200 OK\r\n\r\n"),
            None
        );
    }
}
