//! The header `WWW-Authenticate`: what a registry wants to see.

use std::collections::BTreeMap;

/// A way to authenticate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// In lower case, such as `bearer`.
    pub scheme: String,
    /// By name in lower case.
    pub parameters: BTreeMap<String, String>,
}

impl Challenge {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }
}

/// The challenges of a header, as RFC 9110 has it. What does not follow it is left out.
pub fn parse_challenges(header: &str) -> Vec<Challenge> {
    let mut challenges: Vec<Challenge> = Vec::new();
    let mut rest = header;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let (word, after) = token(rest);
        if word.is_empty() {
            return challenges;
        }
        let value = after.trim_start_matches([' ', '\t']).strip_prefix('=');
        match (value, challenges.last_mut()) {
            (Some(value), Some(challenge)) => {
                let (value, after) = parameter(value.trim_start_matches([' ', '\t']));
                challenge.parameters.insert(word.to_ascii_lowercase(), value);
                rest = after;
            }
            (Some(_), None) => return challenges,
            (None, _) => {
                let scheme = word.to_ascii_lowercase();
                challenges.push(Challenge { scheme, parameters: BTreeMap::new() });
                rest = after;
            }
        }
    }
}

fn token(text: &str) -> (&str, &str) {
    let part = |character: char| {
        character.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~/".contains(character)
    };
    text.split_at(text.find(|character| !part(character)).unwrap_or(text.len()))
}

/// A token or a quoted text, and what follows.
fn parameter(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, rest) = token(text);
        return (value.to_owned(), rest);
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((index, character)) = characters.next() {
        match character {
            '"' => return (value, &quoted[index + 1..]),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn challenges_of_registries() {
        let header = r#"Bearer realm="https://auth.example.org/token",service="a, \"b\"",scope="repository:x:pull,push" , Basic realm=x"#;
        let challenges = parse_challenges(header);
        assert_eq!(challenges.len(), 2);
        assert_eq!(challenges[0].get("realm"), Some("https://auth.example.org/token"));
        assert_eq!(challenges[0].get("service"), Some("a, \"b\""));
        assert_eq!(challenges[0].get("scope"), Some("repository:x:pull,push"));
        assert_eq!(
            (challenges[1].scheme.as_str(), challenges[1].get("realm")),
            ("basic", Some("x"))
        );
    }

    proptest! {
        #[test]
        fn any_header_is_read(header in ".{0,80}", other in "[A-Za-z=\", \\\\]{0,60}") {
            let _ = (parse_challenges(&header), parse_challenges(&other));
        }

        #[test]
        fn values_are_read_as_they_are_quoted(value in "[ -~]{0,40}") {
            let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
            let challenges = parse_challenges(&format!("Bearer realm=\"{quoted}\", service=\"x\""));
            prop_assert_eq!(challenges[0].get("realm"), Some(value.as_str()));
            prop_assert_eq!(challenges[0].get("service"), Some("x"));
        }
    }
}
