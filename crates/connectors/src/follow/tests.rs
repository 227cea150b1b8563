use std::{fs::OpenOptions, io::Write};

use super::*;
use crate::lines::MAX_RECORD;

struct Followed {
    folder: tempfile::TempDir,
    log: FollowLog,
    /// Records of the first partition.
    records: u64,
}

fn options(path: &Path, from_end: bool) -> FollowOptions {
    headed(path, from_end, Heading::None)
}

fn headed(path: &Path, from_end: bool, heading: Heading) -> FollowOptions {
    FollowOptions {
        path: path.to_string_lossy().into_owned(),
        endings: &[".log"],
        heading,
        from_end,
        idle: Duration::ZERO,
        is_output: Box::new(|_| false),
    }
}

impl Followed {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = FollowLog::new(options(&folder.path().join("a.log"), false));
        Self { folder, log, records: 0 }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn append(&self, name: &str, text: &str) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.path(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    /// Reads what there is; the numbers of records have no gap.
    fn read(&mut self) -> Vec<String> {
        let mut new = Vec::new();
        self.log.rescan_at = None;
        while let Some(chunk) = self.log.read().unwrap() {
            let text = String::from_utf8(chunk.records.text).unwrap();
            let lines = text.lines().filter(|line| !line.trim().is_empty());
            let lines: Vec<String> = lines.map(str::to_owned).collect();
            assert_eq!(chunk.count, lines.len() as u64);
            if chunk.partition == 0 {
                assert_eq!(chunk.first, self.records);
                self.records += chunk.count;
            }
            new.extend(lines);
        }
        new
    }

    /// Continues in another process.
    fn restart(&mut self) {
        let place = self.log.place().unwrap();
        self.log = FollowLog::new(options(&self.path("a.log"), false));
        self.log.restore(&place).unwrap();
    }
}

#[test]
fn whole_lines_are_read_once() {
    let mut followed = Followed::new();
    assert!(followed.read().is_empty());
    followed.append("a.log", "\u{feff}one\n\ntw");
    assert_eq!(followed.read(), ["one"]);
    assert!(followed.log.caught_up());
    assert_eq!(followed.log.unfinished_lines(), [(followed.path("a.log"), 2)]);
    followed.restart();
    followed.append("a.log", "o\nthree\n");
    assert_eq!(followed.read(), ["two", "three"]);
}

#[test]
fn a_renamed_file_is_read_to_its_end_before_the_next_one() {
    for restart in [false, true] {
        let mut followed = Followed::new();
        followed.append("a.log", "1\n");
        assert_eq!(followed.read(), ["1"]);
        let place = |followed: &mut Followed| {
            if restart {
                followed.restart();
            }
        };
        followed.append("a.log", "2\n");
        followed.rename("a.log", "a.log.1");
        // The writer has not opened the new file yet.
        followed.append("a.log.1", "3\nthe end");
        followed.append("a.log", "4\n");
        place(&mut followed);
        assert_eq!(followed.read(), ["2", "3", "the end", "4"], "{restart}");
        // Two rotations that no one has seen.
        followed.rename("a.log.1", "a.log.2");
        followed.rename("a.log", "a.log.1");
        followed.append("a.log", "5\n");
        followed.rename("a.log.2", "a.log.3");
        followed.rename("a.log.1", "a.log.2");
        followed.rename("a.log", "a.log.1");
        followed.append("a.log", "6\n");
        place(&mut followed);
        assert_eq!(followed.read(), ["5", "6"], "{restart}");
        assert!(followed.log.caught_up());
    }
}

#[test]
fn a_truncated_file_goes_on_in_its_copy_and_then_in_itself() {
    for restart in [false, true] {
        let mut followed = Followed::new();
        followed.append("a.log", "a first line\nanother\n");
        assert_eq!(followed.read().len(), 2);
        followed.append("a.log", "not read yet\n");
        fs::copy(followed.path("a.log"), followed.path("a.log.1")).unwrap();
        fs::write(followed.path("a.log"), "").unwrap();
        // It is longer than it was when anyone looks.
        followed.append("a.log", &"new contents\n".repeat(10));
        if restart {
            followed.restart();
        }
        let read = followed.read();
        assert_eq!((read[0].as_str(), read.len()), ("not read yet", 11), "{restart}");
        followed.append("a.log", "and more\n");
        assert_eq!(followed.read(), ["and more"], "{restart}");
    }
}

#[test]
fn a_truncated_file_without_a_copy_is_read_from_its_beginning() {
    let mut followed = Followed::new();
    followed.append("a.log", "a first line\n");
    assert_eq!(followed.read().len(), 1);
    fs::write(followed.path("a.log"), "b\n").unwrap();
    assert_eq!(followed.read(), ["b"]);
}

#[test]
fn each_file_of_a_pattern_is_a_partition() {
    let mut followed = Followed::new();
    followed.log = FollowLog::new(options(&followed.path("*.log"), false));
    followed.append("a.log", "1\n");
    assert_eq!(followed.read(), ["1"]);
    followed.append("b.log", "2\n");
    followed.append("c.log.gz", "no text\n");
    assert_eq!(followed.read(), ["2"]);
    // The new name matches as well.
    followed.rename("a.log", "a-2.log");
    followed.append("a-2.log", "3\n");
    assert_eq!(followed.read(), ["3"]);
    followed.append("a.log", "4\n");
    assert_eq!(followed.read(), ["4"]);
    let place = followed.log.place().unwrap();
    followed.log = FollowLog::new(options(&followed.path("*.log"), false));
    followed.log.restore(&place).unwrap();
    assert!(followed.read().is_empty());
}

#[test]
fn reading_may_begin_behind_what_is_there() {
    let mut followed = Followed::new();
    followed.append("a.log", "old\nha");
    followed.log = FollowLog::new(options(&followed.path("a.log"), true));
    followed.log.begin().unwrap();
    followed.append("a.log", "lf\nnew\n");
    assert_eq!(followed.read(), ["half", "new"]);
    let first = followed.log.sample().unwrap();
    let text = first.sample.as_ref().map(|sample| &*sample.text);
    assert_eq!((text, first.full), (Some(b"old\nhalf\nnew\n".as_slice()), false));
}

#[test]
fn a_line_that_is_too_long_is_one_record() {
    let mut followed = Followed::new();
    followed.append("a.log", "1\n");
    let long = "x".repeat(MAX_RECORD + (3 << 20));
    followed.append("a.log", &long);
    let mut counts = Vec::new();
    for end in ["", "xx\n2\n3\n"] {
        followed.append("a.log", end);
        while let Some(chunk) = followed.log.read().unwrap() {
            counts.push((chunk.first, chunk.count, chunk.records.line));
        }
        followed.restart();
    }
    assert_eq!(counts, [(0, 1, 1), (1, 1, 2), (2, 2, 3)]);
}

/// All chunks as their heading, the number of their first line, and their text.
fn chunks(log: &mut FollowLog) -> Vec<(String, u64, String)> {
    let mut chunks = Vec::new();
    log.rescan_at = None;
    while let Some(chunk) = log.read().unwrap() {
        let TextChunk { text, heading, line, .. } = chunk.records;
        let text = String::from_utf8(text).unwrap();
        let lines = text.lines().filter(|line| !line.trim().is_empty()).count() as u64;
        assert_eq!(chunk.count, lines);
        chunks.push((heading.as_deref().unwrap_or_default().to_owned(), line, text));
    }
    chunks
}

#[test]
fn each_file_has_its_own_heading_which_a_restart_knows() {
    let followed = Followed::new();
    let path = followed.path("a.log");
    let open = || FollowLog::new(headed(&path, false, Heading::Line { skip: 0 }));
    let chunk = |heading: &str, line, text: &str| (heading.to_owned(), line, text.to_owned());
    let mut log = open();
    followed.append("a.log", "a,b");
    assert!(chunks(&mut log).is_empty() && log.sample().unwrap().sample.is_none());
    followed.append("a.log", "\n");
    assert!(chunks(&mut log).is_empty() && log.sample().unwrap().sample.is_none());
    followed.append("a.log", "1,2\n3,");
    assert!(log.sample().unwrap().sample.is_some());
    assert_eq!(chunks(&mut log), [chunk("a,b", 2, "1,2\n")]);
    let place = log.place().unwrap();
    let mut log = open();
    log.restore(&place).unwrap();
    followed.append("a.log", "4\n");
    assert_eq!(chunks(&mut log), [chunk("a,b", 3, "3,4\n")]);
    followed.append("a.log", "5,6\n");
    followed.rename("a.log", "a.log.1");
    followed.append("a.log", "\nb,a\n7,8\n");
    assert_eq!(chunks(&mut log), [chunk("a,b", 4, "5,6\n"), chunk("b,a", 3, "7,8\n")]);
    // One that is not read from its beginning, and a place of before headings were known.
    let mut log = FollowLog::new(headed(&path, true, Heading::Line { skip: 0 }));
    log.begin().unwrap();
    followed.append("a.log", "9,0\n");
    // Lines are counted from there.
    assert_eq!(chunks(&mut log), [chunk("b,a", 1, "9,0\n")]);
}

#[test]
fn a_heading_may_change_between_records() {
    let followed = Followed::new();
    let mut log = FollowLog::new(headed(&followed.path("a.log"), false, Heading::Comments));
    followed
        .append("a.log", "#Version: 1.0\n#Fields: a b\n1 2\n\n3 4\n#Fields: b\n#Remark: x\n5\n");
    let chunk = |heading: &str, line, text: &str| (heading.to_owned(), line, text.to_owned());
    let first = "#Version: 1.0\n#Fields: a b";
    let second = "#Version: 1.0\n#Fields: b\n#Remark: x";
    assert_eq!(chunks(&mut log), [chunk(first, 3, "1 2\n\n3 4\n"), chunk(second, 8, "5\n")]);
    followed.append("a.log", "6\n#Remark: y\n");
    assert_eq!(chunks(&mut log), [chunk(second, 9, "6\n")]);
    assert!(log.caught_up());
}
