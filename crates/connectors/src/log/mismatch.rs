//! The place from which on a line does not match a pattern: behind the longest prefix of the pattern that matches.

use regex::{Regex, RegexBuilder};

/// Characters of a line and of a pattern that are shown.
const SHOWN: usize = 20;
/// Bytes of a compiled prefix at most.
const MAX_COMPILED: usize = 10 << 20;

/// The places where a pattern can be cut off: between the parts that stand one behind the other in it.
pub(super) struct Prefixes {
    pattern: String,
    ends: Vec<usize>,
}

impl Prefixes {
    pub fn new(pattern: &str) -> Self {
        Self { pattern: pattern.to_owned(), ends: ends(pattern) }
    }

    /// Where a line that the whole does not match stops matching; nothing if no prefix shows it.
    pub fn explain(&self, line: &str) -> Option<String> {
        // The number of prefixes that match, and the end of the longest match.
        let (mut matching, mut failing, mut at) = (0, self.ends.len(), None);
        while matching < failing {
            let middle = usize::midpoint(matching, failing);
            match self.compile(middle)?.find(line) {
                Some(found) => {
                    matching = middle + 1;
                    at = Some(found.end());
                }
                None => failing = middle,
            }
        }
        let at = at.unwrap_or_default();
        let begin = matching.checked_sub(1).map_or(0, |last| self.ends[last]);
        let expected = self.pattern[begin..].trim_end_matches('$');
        let character = line[..at].chars().count() + 1;
        let text = &line[at..];
        Some(match (text.is_empty(), expected.is_empty()) {
            (_, true) => {
                format!("from character {character} on (`{}`), where it should end", shown(text))
            }
            (true, false) => format!("it ends where `{}` is expected", shown(expected)),
            (false, false) => format!(
                "from character {character} on (`{}`), where `{}` is expected",
                shown(text),
                shown(expected)
            ),
        })
    }

    fn compile(&self, prefix: usize) -> Option<Regex> {
        let text = format!("^(?:{}\n)", &self.pattern[..self.ends[prefix]]);
        let plain = format!("^(?:{})", &self.pattern[..self.ends[prefix]]);
        let compile = |text: &str| RegexBuilder::new(text).size_limit(MAX_COMPILED).build();
        compile(&plain).or_else(|_| compile(&text)).ok()
    }
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

/// The ends of the parts of a pattern at its top level; none if it has alternatives there.
fn ends(pattern: &str) -> Vec<usize> {
    let mut ends = Vec::new();
    let (mut depth, mut class) = (0_usize, 0_usize);
    let mut characters = pattern.char_indices().peekable();
    while let Some((_, character)) = characters.next() {
        match character {
            '\\' => {
                let escaped = characters.next();
                // `\p{Greek}`, `\x{e9}`.
                if characters.peek().is_some_and(|(_, next)| *next == '{')
                    && escaped
                        .is_some_and(|(_, kind)| matches!(kind, 'p' | 'P' | 'x' | 'u' | 'U' | 'b'))
                {
                    while characters.next().is_some_and(|(_, next)| next != '}') {}
                }
            }
            '[' => {
                class += 1;
                if class == 1 {
                    // A bracket at the start is one of the characters.
                    characters.next_if(|(_, next)| *next == '^');
                    characters.next_if(|(_, next)| *next == ']');
                }
            }
            ']' => class = class.saturating_sub(1),
            _ if class > 0 => {}
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            '{' if depth == 0 => while characters.next().is_some_and(|(_, next)| next != '}') {},
            '|' if depth == 0 => return Vec::new(),
            _ => {}
        }
        let next = characters.peek();
        let repeated = next.is_some_and(|(_, next)| matches!(next, '*' | '+' | '?' | '{'));
        if depth == 0 && class == 0 && !repeated {
            ends.push(next.map_or(pattern.len(), |(place, _)| *place));
        }
    }
    ends
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parts_are_those_of_the_top_level() {
        let pattern = r"^(?<a>\S+) \[[^]\[]*\]\p{Lu}{2}x+?$";
        let parts = ends(pattern);
        let texts: Vec<&str> = parts.iter().map(|end| &pattern[..*end]).collect();
        assert_eq!(texts[..4], ["^", r"^(?<a>\S+)", r"^(?<a>\S+) ", r"^(?<a>\S+) \["]);
        assert_eq!(texts[4], r"^(?<a>\S+) \[[^]\[]*");
        assert_eq!(texts[6], r"^(?<a>\S+) \[[^]\[]*\]\p{Lu}{2}");
        assert_eq!(*parts.last().unwrap(), pattern.len());
        assert!(ends("a|b").is_empty() && !ends("(a|b)c").is_empty());
    }

    #[test]
    fn the_place_is_behind_what_matches() {
        let prefixes = Prefixes::new(r#"(?<ip>\S+) \[(?<t>[^\]]+)\] "(?<m>[A-Z]+) (?<p>\S+)""#);
        for (line, place) in [
            (
                "1.2.3.4 [x] GET /",
                "from character 13 on (`GET /`), where `\"(?<m>[A-Z]+) (?<p>\\` is expected",
            ),
            ("1.2.3.4", "it ends where ` \\[(?<t>[^\\]]+)\\] \"(` is expected"),
            ("1.2.3.4 [x] \"GET é\" more", "from character 20 on (` more`), where it should end"),
        ] {
            assert_eq!(prefixes.explain(line).as_deref(), Some(place), "{line}");
        }
        assert!(Prefixes::new("a|b").explain("c").is_some_and(|text| text.contains("character 1")));
    }

    proptest! {
        #[test]
        fn any_pattern_has_an_explanation_or_none(
            pattern in "[a-c()\\[\\]{}|*+?.\\\\^$ é]{0,12}", line in "[a-cé ]{0,10}",
        ) {
            let _ = Prefixes::new(&pattern).explain(&line);
        }
    }
}
