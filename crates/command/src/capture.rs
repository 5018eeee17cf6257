//! What a process writes to its standard error: kept up to a bound, and passed on line by line. It knows
//! bytes and no process.

use std::collections::VecDeque;

/// How much of the beginning is kept.
const HEAD: usize = 16 * 1024;
/// How much of the end is kept.
const TAIL: usize = 48 * 1024;
/// A line longer than this is passed on in pieces.
const LINE: usize = 4 * 1024;

/// The bounded memory of a stream: its beginning and its end.
#[derive(Clone, Debug, Default)]
pub struct Captured {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    left_out: u64,
}

impl Captured {
    /// Takes the next bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let (head, rest) = bytes.split_at(bytes.len().min(HEAD - self.head.len()));
        self.head.extend_from_slice(head);
        let skipped = rest.len().saturating_sub(TAIL);
        let rest = &rest[skipped..];
        let surplus = (self.tail.len() + rest.len()).saturating_sub(TAIL);
        self.tail.drain(..surplus);
        self.tail.extend(rest);
        self.left_out += (skipped + surplus) as u64;
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.head.is_empty()
    }

    /// What was written, as text. Where some of it is left out, a line says how much.
    pub fn text(&self) -> String {
        let (first, second) = self.tail.as_slices();
        let tail = [first, second].concat();
        if self.left_out == 0 {
            return lossy(&[&self.head[..], &tail].concat());
        }
        let left_out = format!("\n[{} bytes left out]\n", self.left_out);
        [lossy(&self.head), left_out, lossy(&tail)].concat()
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Is given each line of a stream, without its newline, as it comes.
pub type OnLine<'a> = dyn Fn(&[u8]) + 'a;

/// Passes a stream on line by line.
pub(crate) struct Lines<'a> {
    started: Vec<u8>,
    pass: Option<&'a OnLine<'a>>,
}

impl<'a> Lines<'a> {
    pub fn new(pass: Option<&'a OnLine<'a>>) -> Self {
        Lines {
            started: Vec::new(),
            pass,
        }
    }

    pub fn push(&mut self, bytes: &[u8]) {
        let Some(pass) = &self.pass else { return };
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            for piece in piece.chunks(LINE) {
                self.started.extend_from_slice(piece);
                let line = self.started.strip_suffix(b"\n");
                if line.is_some() || self.started.len() >= LINE {
                    pass(line.unwrap_or(&self.started));
                    self.started.clear();
                }
            }
        }
    }

    /// Passes on a last line that no newline ended.
    pub fn finish(self) {
        if let (Some(pass), false) = (&self.pass, self.started.is_empty()) {
            pass(&self.started);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn the_beginning_and_the_end_are_kept() {
        for piece in [1, 7, 4096, 1 << 20] {
            let written: Vec<u8> = (0..200_000).map(|n| b'a' + (n % 26) as u8).collect();
            let mut captured = Captured::default();
            written.chunks(piece).for_each(|piece| captured.push(piece));
            let text = captured.text();
            let left_out = written.len() - HEAD - TAIL;
            let end = written.len() - TAIL;
            let expected = [&written[..HEAD], b"\n", &written[end..]].concat();
            let line = format!("[{left_out} bytes left out]\n");
            assert_eq!(text.replace(&line, "").as_bytes(), expected);
        }
    }

    #[test]
    fn all_that_fits_is_kept_as_it_was() {
        let mut captured = Captured::default();
        assert!(captured.is_empty());
        captured.push(&[b'x'; HEAD + TAIL]);
        assert_eq!(captured.text(), "x".repeat(HEAD + TAIL));
    }

    #[test]
    fn lines_are_whole_but_for_endless_ones() {
        let passed = RefCell::new(Vec::new());
        let pass = |line: &[u8]| passed.borrow_mut().push(line.to_owned());
        let mut lines = Lines::new(Some(&pass));
        for bytes in [&b"on"[..], b"e\ntwo\n\nthr", b"ee", &[b'x'; 2 * LINE]] {
            lines.push(bytes);
        }
        lines.finish();
        let passed = passed.into_inner();
        assert_eq!(passed[..3], [&b"one"[..], b"two", b""]);
        let rest = passed[3..].concat();
        assert_eq!(rest, [&b"three"[..], &[b'x'; 2 * LINE]].concat());
        assert!(passed.iter().all(|line| line.len() < 2 * LINE));
    }
}
