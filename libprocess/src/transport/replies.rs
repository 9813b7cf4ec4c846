//! Counts the answers to messages in a stream of bytes.

use std::mem;

/// What may be left over between two reads: the longest head we expect of a runtime.
const HEAD_LIMIT: usize = 4096;

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
            let before = self.head.len();
            self.head.extend_from_slice(bytes);
            let from = before.saturating_sub(3);
            let end = self
                .head
                .get(from..)
                .and_then(|new| new.windows(4).position(|w| w == b"\r\n\r\n"));
            let Some(end) = end else {
                self.lost = self.head.len() > HEAD_LIMIT;
                break;
            };
            let used = from + end + 4 - before;
            bytes = bytes.get(used..).unwrap_or_default();
            let mut head = mem::take(&mut self.head);
            head.truncate(before + used);
            match content_length(&head) {
                Some(0) => complete += 1,
                Some(length) => self.body = length,
                None => self.lost = true,
            }
        }
        (!self.lost).then_some(complete)
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
