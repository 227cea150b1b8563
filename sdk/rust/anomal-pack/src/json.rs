//! A reader of JSON, for parameters: small, because it is part of each guest.

/// A value of JSON.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    Null,
    Boolean(bool),
    /// As it is written.
    Number(String),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

const MAX_DEPTH: usize = 32;

impl Json {
    /// The value of a text; nothing if it is no JSON.
    pub fn parse(text: &str) -> Option<Self> {
        let mut reader = Reader { bytes: text.as_bytes(), at: 0 };
        let value = reader.value(0)?;
        reader.space();
        (reader.at == text.len()).then_some(value)
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn space(&mut self) {
        while self.peek().is_some_and(|byte| b" \t\r\n".contains(&byte)) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, wanted: &str) -> Option<()> {
        self.bytes[self.at..].starts_with(wanted.as_bytes()).then(|| self.at += wanted.len())
    }

    fn value(&mut self, depth: usize) -> Option<Json> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.space();
        match self.peek()? {
            b'n' => self.take("null").map(|()| Json::Null),
            b't' => self.take("true").map(|()| Json::Boolean(true)),
            b'f' => self.take("false").map(|()| Json::Boolean(false)),
            b'"' => self.text().map(Json::Text),
            b'[' => {
                let mut items = Vec::new();
                self.items(b']', |reader| {
                    items.push(reader.value(depth + 1)?);
                    Some(())
                })?;
                Some(Json::List(items))
            }
            b'{' => {
                let mut items = Vec::new();
                self.items(b'}', |reader| {
                    let name = reader.text()?;
                    reader.space();
                    reader.take(":")?;
                    items.push((name, reader.value(depth + 1)?));
                    Some(())
                })?;
                Some(Json::Object(items))
            }
            _ => {
                let start = self.at;
                while self.peek().is_some_and(|byte| b"+-.eE0123456789".contains(&byte)) {
                    self.at += 1;
                }
                let number = std::str::from_utf8(&self.bytes[start..self.at]).ok()?;
                number.parse::<f64>().ok()?;
                Some(Json::Number(number.to_owned()))
            }
        }
    }

    fn items(&mut self, end: u8, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.at += 1;
        self.space();
        if self.peek()? == end {
            self.at += 1;
            return Some(());
        }
        loop {
            self.space();
            item(self)?;
            self.space();
            let next = self.peek()?;
            self.at += 1;
            match next {
                b',' => {}
                next if next == end => return Some(()),
                _ => return None,
            }
        }
    }

    fn text(&mut self) -> Option<String> {
        self.take("\"")?;
        let mut text = Vec::new();
        loop {
            let byte = self.peek()?;
            self.at += 1;
            match byte {
                b'"' => return String::from_utf8(text).ok(),
                b'\\' => {
                    let character = self.escaped()?;
                    text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                }
                other => text.push(other),
            }
        }
    }

    fn escaped(&mut self) -> Option<char> {
        let byte = self.peek()?;
        self.at += 1;
        Some(match byte {
            b'n' => '\n',
            b't' => '\t',
            b'r' => '\r',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'u' => {
                let first = self.hexadecimal()?;
                if !(0xd800..0xdc00).contains(&first) {
                    return char::from_u32(first);
                }
                self.take("\\u")?;
                let second = self.hexadecimal()?.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
                char::from_u32(0x10000 + ((first - 0xd800) << 10) + second)?
            }
            other => char::from(other),
        })
    }

    fn hexadecimal(&mut self) -> Option<u32> {
        let digits = std::str::from_utf8(self.bytes.get(self.at..self.at + 4)?).ok()?;
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }
}

/// A text as JSON.
pub fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            control if control < ' ' => quoted.push_str(&format!("\\u{:04x}", control as u32)),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        let text =
            "{\"a\": [1, -2.5e3, true, null], \"b\\n\\u00e4\\ud83d\\ude00\": \"ä\", \"c\": {}}";
        let Some(Json::Object(items)) = Json::parse(text) else { panic!("no object") };
        let numbers = [Json::Number("1".into()), Json::Number("-2.5e3".into())];
        let list = [numbers.to_vec(), vec![Json::Boolean(true), Json::Null]].concat();
        assert_eq!(items[0], ("a".into(), Json::List(list)));
        assert_eq!(items[1], ("b\nä😀".into(), Json::Text("ä".into())));
        assert_eq!(items[2].1, Json::Object(Vec::new()));
        for wrong in ["", "{", "[1,]x", "\"a", "1 2", "{\"a\" 1}", "tru", "--1", "\"\\ud800x\""] {
            assert_eq!(Json::parse(wrong), None, "{wrong}");
        }
        assert_eq!(Json::parse(&"[".repeat(1000)), None);
        assert_eq!(Json::parse(&quote("a\"\\\n")), Some(Json::Text("a\"\\\n".into())));
    }
}
