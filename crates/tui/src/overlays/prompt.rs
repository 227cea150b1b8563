//! A line of text that is asked for.

use crate::input::Key;

#[derive(Debug)]
pub struct Prompt {
    pub purpose: Purpose,
    pub title: String,
    pub input: LineInput,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    OpenPath,
    Filter,
    Write,
    WriteAndRun,
    Pdf,
    /// A comment for the verdict on this incident.
    Comment(u64),
    /// The namespace of a cluster.
    Namespace,
    /// The selected field of the form.
    Field,
}

impl Prompt {
    pub fn new(purpose: Purpose, title: &str, text: &str) -> Self {
        Self { purpose, title: title.to_owned(), input: LineInput::new(text) }
    }
}

/// The longest text of a line.
const LONGEST: usize = 4_096;

/// A line that is edited.
#[derive(Debug, Default)]
pub struct LineInput {
    pub text: String,
    /// The byte before which text is inserted.
    pub cursor: usize,
}

impl LineInput {
    pub fn new(text: &str) -> Self {
        Self { text: text.to_owned(), cursor: text.len() }
    }

    /// Inserts text, on one line.
    pub fn insert(&mut self, text: &str) {
        let line: String = text.chars().filter(|c| !c.is_control()).take(LONGEST).collect();
        if self.text.len() + line.len() <= LONGEST {
            self.text.insert_str(self.cursor, &line);
            self.cursor += line.len();
        }
    }

    pub fn key(&mut self, key: Key) {
        match key {
            Key::Char(c) => self.insert(c.encode_utf8(&mut [0; 4])),
            Key::Backspace => {
                if let Some(before) = self.before() {
                    self.text.remove(before);
                    self.cursor = before;
                }
            }
            Key::Delete if self.cursor < self.text.len() => drop(self.text.remove(self.cursor)),
            Key::Left => self.cursor = self.before().unwrap_or(0),
            Key::Right => {
                let next = self.text[self.cursor..].chars().next();
                self.cursor += next.map_or(0, char::len_utf8);
            }
            Key::Home | Key::Ctrl('a') => self.cursor = 0,
            Key::End | Key::Ctrl('e') => self.cursor = self.text.len(),
            Key::Ctrl('u') => {
                self.text.drain(..self.cursor);
                self.cursor = 0;
            }
            _ => {}
        }
    }

    fn before(&self) -> Option<usize> {
        self.text[..self.cursor].char_indices().next_back().map(|(at, _)| at)
    }
}
