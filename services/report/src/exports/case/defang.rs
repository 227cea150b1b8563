//! Addresses and domains written so that no program makes a link of them: `10.1.1[.]44`, `example[.]com`, `hxxps://`.

use std::{collections::HashSet, net::Ipv6Addr};

/// Defangs texts, but for names of the report, such as the column `dns.question.name`.
pub(super) struct Defang {
    names: HashSet<String>,
    plain: bool,
}

impl Defang {
    /// `plain`: texts stay as they are.
    pub fn new<'a>(names: impl Iterator<Item = &'a String>, plain: bool) -> Self {
        Self { names: names.cloned().collect(), plain }
    }

    /// A sentence: each of its words.
    pub fn text(&self, text: &str) -> String {
        if self.plain {
            return text.to_owned();
        }
        text.split_inclusive([' ', '\t', '\n', ',', ';', '(', ')', '"', '\'', '<', '>', '|'])
            .map(|piece| {
                let word = piece.trim_end_matches([
                    ' ', '\t', '\n', ',', ';', '(', ')', '"', '\'', '<', '>', '|', ':', '.', '!',
                    '?',
                ]);
                let rest = &piece[word.len()..];
                if self.names.contains(word) {
                    piece.to_owned()
                } else {
                    format!("{}{rest}", defanged(word))
                }
            })
            .collect()
    }

    /// A value of a record.
    pub fn value(&self, value: &str) -> String {
        if self.plain { value.to_owned() } else { self.text(value) }
    }
}

fn defanged(word: &str) -> String {
    let is_web = word.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("http"));
    if is_web && word.contains("://") {
        let rest = &word[4..];
        return format!("hxxp{}", rest.replace('.', "[.]"));
    }
    if word.contains("::") || word.matches(':').count() > 2 {
        let address = word.trim_matches(['[', ']']);
        if address.parse::<Ipv6Addr>().is_ok() {
            return word.replace(':', "[:]");
        }
    }
    // A number such as 3.73 is neither.
    let host = word.rsplit('@').next().unwrap_or(word);
    let host = host.split(['/', ':']).next().unwrap_or(host);
    let labels: Vec<&str> = host.split('.').collect();
    let is_number = |label: &&str| !label.is_empty() && label.bytes().all(|it| it.is_ascii_digit());
    let is_address = labels.len() == 4 && labels.iter().all(is_number);
    let is_domain = labels.len() > 1
        && labels.iter().all(|label| !label.is_empty())
        && labels
            .last()
            .is_some_and(|top| top.chars().count() > 1 && top.chars().any(char::is_alphabetic));
    if is_address || is_domain { word.replace('.', "[.]") } else { word.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_domains_are_no_links() {
        let names = ["dns.question.name".to_owned()];
        let defang = Defang::new(names.iter(), false);
        for (text, expected) in [
            (
                "10.1.1.44: 21 names below cpfhsl.net in 3 min",
                "10[.]1[.]1[.]44: 21 names below cpfhsl[.]net in 3 min",
            ),
            ("entropy is 3.73, above 99.9 %.", "entropy is 3.73, above 99.9 %."),
            ("dns.question.name is x.example", "dns.question.name is x[.]example"),
            ("http://evil.example/a.php", "hxxp://evil[.]example/a[.]php"),
            ("2001:db8::1 at 16:57:32", "2001[:]db8[:][:]1 at 16:57:32"),
            ("me@mail.example (10.0.0.1:53)", "me@mail[.]example (10[.]0[.]0[.]1:53)"),
            ("", ""),
        ] {
            assert_eq!(defang.text(text), expected);
        }
        let plain = Defang::new(names.iter(), true);
        assert_eq!(plain.text("http://evil.example"), "http://evil.example");
    }
}
