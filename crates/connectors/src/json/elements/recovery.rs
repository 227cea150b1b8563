//! What follows a record that is too long or no JSON.

use std::io;

use super::{Elements, FoundRecord, KEPT, Level};
use crate::{
    json::scan::ValueScanner,
    lines::{MAX_RECORD, TOO_LONG},
};

impl Elements {
    /// Ends reading behind the record that is returned next.
    pub(super) fn fail(&mut self, why: &str) {
        let line = self.lines.line();
        self.failed = Some(format!(
            "line {line}: {why}, and the next record can't be found; fix the file there, or name the array in `records`"
        ));
    }

    /// Passes the rest of a record that is too long.
    pub(super) fn pass_long(
        &mut self,
        line: u64,
        scanned: usize,
        mut ended: bool,
        mut scanner: ValueScanner,
    ) -> io::Result<FoundRecord> {
        self.built.clear();
        self.built.extend_from_slice(&self.lines.rest()[..KEPT]);
        self.lines.pass(scanned, scanner.lines);
        while !ended && self.lines.read_more()? {
            let before = scanner.lines;
            let rest = self.lines.rest();
            let length = match scanner.feed(rest) {
                Ok(Some(end)) => {
                    ended = true;
                    end
                }
                Ok(None) => rest.len(),
                Err((at, why)) => {
                    self.fail(why);
                    ended = true;
                    at
                }
            };
            self.lines.pass(length, scanner.lines - before);
        }
        self.indent = None;
        Ok(FoundRecord { length: KEPT, line, built: true, bad: Some(TOO_LONG) })
    }

    /// Looks for the next record behind one that is no JSON, from the second line of that on.
    pub(super) fn resume(
        &mut self,
        line: u64,
        error: usize,
        why: &'static str,
    ) -> io::Result<FoundRecord> {
        let in_object = matches!(self.stack.last(), Some(Level::Object { .. }));
        let same_level = self.indent.filter(|_| !in_object);
        let Some(indent) = same_level.or(self.top_indent) else {
            self.fail(why);
            return Ok(self.bad(line, error, why));
        };
        let mut from = 0;
        loop {
            let rest = self.lines.rest();
            while let Some(found) = memchr::memchr(b'\n', &rest[from..]) {
                let start = from + found + 1;
                let blanks = rest[start..].iter();
                let blanks = blanks.take_while(|byte| matches!(byte, b' ' | b'\t' | b',')).count();
                match rest.get(start + blanks) {
                    Some(b'{') if blanks == indent => {
                        if same_level.is_none() {
                            self.stack.clear();
                        }
                        self.indent = Some(0);
                        return Ok(self.bad(line, start, why));
                    }
                    // The line may go on behind what has been read.
                    None => break,
                    Some(_) => from = start,
                }
            }
            if rest.len() > MAX_RECORD {
                self.fail(why);
                return Ok(self.bad(line, KEPT, why));
            }
            if !self.lines.read_more()? {
                let rest = self.lines.rest();
                let second = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
                // There may be other records in what follows.
                if memchr::memchr(b'{', &rest[second..]).is_some() {
                    self.fail(why);
                }
                self.stack.clear();
                return Ok(self.bad(line, usize::MAX, why));
            }
        }
    }

    /// Passes up to so many bytes as a bad record.
    fn bad(&mut self, line: u64, length: usize, why: &'static str) -> FoundRecord {
        let rest = self.lines.rest();
        let length = length.min(rest.len());
        let lines = memchr::memchr_iter(b'\n', &rest[..length]).count() as u64;
        self.lines.pass(length, lines);
        FoundRecord { length, line, built: false, bad: Some(why) }
    }
}
