//! The editor of the YAML text: lines, a cursor, and nothing more. Undoing is the document's.

use crate::input::Key;

/// The longest text, as settings may be.
const LONGEST: usize = anomal_spec::MAX_BYTES;

#[derive(Debug)]
pub struct YamlEditor {
    /// Without their line ends.
    lines: Vec<String>,
    /// What ends a line.
    end: &'static str,
    pub row: usize,
    /// A byte of the line.
    pub column: usize,
    bytes: usize,
}

impl YamlEditor {
    /// At a place of the text, from 1.
    pub fn new(text: &str, line: usize, column: usize) -> Self {
        let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let lines: Vec<String> = text.split(end).map(str::to_owned).collect();
        let row = line.saturating_sub(1).min(lines.len() - 1);
        let line = &lines[row];
        let column =
            line.char_indices().nth(column.saturating_sub(1)).map_or(line.len(), |(at, _)| at);
        Self { lines, end, row, column, bytes: text.len() }
    }

    pub fn text(&self) -> String {
        self.lines.join(self.end)
    }

    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Inserts text at the cursor.
    pub fn insert(&mut self, text: &str) {
        if self.bytes + text.len() > LONGEST {
            return;
        }
        let text = text.replace("\r\n", "\n").replace('\r', "\n");
        let allowed = |c: &char| !c.is_control() || *c == '\n' || *c == '\t';
        let text: String = text.chars().filter(allowed).collect();
        let rest = self.lines[self.row].split_off(self.column);
        let mut parts = text.split('\n');
        self.lines[self.row].push_str(parts.next().unwrap_or_default());
        let more: Vec<String> = parts.map(str::to_owned).collect();
        let count = more.len();
        let next = self.row + 1;
        self.lines.splice(next..next, more);
        self.row += count;
        self.column = self.lines[self.row].len();
        self.lines[self.row].push_str(&rest);
        self.bytes += text.len();
    }

    /// `height`: the lines of a page.
    pub fn key(&mut self, key: Key, height: usize) {
        match key {
            Key::Char(c) => self.insert(c.encode_utf8(&mut [0; 4])),
            Key::Tab => self.insert("  "),
            Key::Enter => {
                // The next line begins where this one does.
                let line = &self.lines[self.row];
                let indent = line.len() - line.trim_start_matches(' ').len();
                let indent = " ".repeat(indent.min(self.column));
                self.insert(&format!("\n{indent}"));
            }
            Key::Backspace => self.backspace(),
            Key::Delete
                if self.column < self.lines[self.row].len() || self.row + 1 < self.lines.len() =>
            {
                self.step(true);
                self.backspace();
            }
            Key::Left => self.step(false),
            Key::Right => self.step(true),
            Key::Up => self.go_to(self.row.saturating_sub(1)),
            Key::Down => self.go_to(self.row + 1),
            Key::PageUp => self.go_to(self.row.saturating_sub(height / 2)),
            Key::PageDown => self.go_to(self.row + height / 2),
            Key::Home | Key::Ctrl('a') => self.column = 0,
            Key::End | Key::Ctrl('e') => self.column = self.lines[self.row].len(),
            _ => {}
        }
    }

    fn backspace(&mut self) {
        if let Some((at, c)) = self.lines[self.row][..self.column].char_indices().next_back() {
            self.lines[self.row].remove(at);
            self.column = at;
            self.bytes -= c.len_utf8();
        } else if self.row > 0 {
            let line = self.lines.remove(self.row);
            self.row -= 1;
            self.column = self.lines[self.row].len();
            self.lines[self.row].push_str(&line);
            self.bytes -= 1;
        }
    }

    fn step(&mut self, forward: bool) {
        let line = &self.lines[self.row];
        let next = line[self.column..].chars().next();
        let before = line[..self.column].char_indices().next_back();
        match (forward, next, before) {
            (true, Some(next), _) => self.column += next.len_utf8(),
            (true, None, _) if self.row + 1 < self.lines.len() => {
                (self.row, self.column) = (self.row + 1, 0);
            }
            (false, _, Some((at, _))) => self.column = at,
            (false, _, None) if self.row > 0 => {
                self.row -= 1;
                self.column = self.lines[self.row].len();
            }
            _ => {}
        }
    }

    fn go_to(&mut self, row: usize) {
        let characters = self.lines[self.row][..self.column].chars().count();
        self.row = row.min(self.lines.len() - 1);
        let line = &self.lines[self.row];
        self.column = line.char_indices().nth(characters).map_or(line.len(), |(at, _)| at);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_are_split_and_joined() {
        let mut editor = YamlEditor::new("a:\r\n  b: 1\r\n", 2, 6);
        editor.key(Key::Enter, 10);
        editor.insert("c: 2");
        assert_eq!(editor.text(), "a:\r\n  b: \r\n  c: 21\r\n");
        for _ in 0.."\n  c: 2".len() {
            editor.key(Key::Backspace, 10);
        }
        assert_eq!(editor.text(), "a:\r\n  b: 1\r\n");
    }

    proptest! {
        #[test]
        fn any_keys_keep_it_whole(text in any::<String>(), keys in prop::collection::vec(0_u8..14, 0..60)) {
            let mut editor = YamlEditor::new(&text, 2, 3);
            prop_assert_eq!(editor.text(), text);
            let all = [
                Key::Char('日'), Key::Enter, Key::Backspace, Key::Delete, Key::Left, Key::Right, Key::Up, Key::Down,
                Key::PageUp, Key::PageDown, Key::Home, Key::End, Key::Tab, Key::Esc,
            ];
            for key in keys {
                editor.key(all[usize::from(key)], 10);
                prop_assert!(editor.lines[editor.row].is_char_boundary(editor.column));
            }
        }
    }
}
