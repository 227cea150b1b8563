//! An entry a line. A comment is a line of its own, or follows an entry and a blank.

use anomal_spec::{ListMatch, ListSettings, ListType};

use super::{date_in_comment, line_count, lines};
use crate::{builder::Builder, statistics::Refusal};

pub(crate) const COMMENT: &str = "#";

pub(crate) fn read(bytes: &[u8], settings: &ListSettings, builder: &mut Builder) {
    let entry_type = settings.entry_type.unwrap_or(ListType::Text);
    let comment = settings.comment.as_deref().unwrap_or(COMMENT);
    builder.reserve(entry_type, ListMatch::Exact, line_count(bytes), bytes.len());
    for (number, line) in lines(bytes) {
        if line.starts_with(comment.as_bytes()) {
            builder.set_date(date_in_comment(number, line));
            continue;
        }
        if line.is_empty() {
            continue;
        }
        let Ok(text) = std::str::from_utf8(line) else {
            builder.refuse(number, line, Refusal::NotUtf8);
            continue;
        };
        // Texts can contain anything.
        let text = if entry_type == ListType::Text { text } else { without_comment(text, comment) };
        builder.add(number, text, entry_type);
    }
}

fn without_comment<'a>(text: &'a str, comment: &str) -> &'a str {
    if memchr::memmem::find(text.as_bytes(), comment.as_bytes()).is_none() {
        return text;
    }
    let comments = text.match_indices(comment).map(|(start, _)| start);
    let mut after_blank = comments.filter(|start| text[..*start].ends_with(char::is_whitespace));
    after_blank.next().map_or(text, |start| text[..start].trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_follow_a_blank() {
        assert_eq!(without_comment("a.example # bad", "#"), "a.example");
        assert_eq!(without_comment("http://a.example/#b", "#"), "http://a.example/#b");
        assert_eq!(without_comment("http://a.example/#b // c", "//"), "http://a.example/#b");
    }
}
