//! What an address asks for after its question mark. What can't be read counts as not asked.

use axum::{extract::Query, http::Uri};

/// Characters of a parameter that are looked at.
const MOST: usize = 300;

/// The parameters, in order.
#[derive(Clone, Debug, Default)]
pub struct Params(Vec<(String, String)>);

impl Params {
    pub fn of(uri: &Uri) -> Self {
        Query::<Vec<(String, String)>>::try_from_uri(uri)
            .map_or_else(|_| Self::default(), |q| Self(q.0))
    }

    /// The value of that name, cut to a sensible length; empty where it is not given.
    pub fn text(&self, name: &str) -> &str {
        let value = self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value);
        crate::pages::text::cut(value.trim(), MOST).0
    }

    /// The value as it is, for what has to be found again letter by letter.
    pub fn exact(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    pub fn number<N: std::str::FromStr>(&self, name: &str) -> Option<N> {
        self.text(name).parse().ok()
    }

    /// From 1.
    pub fn page(&self) -> usize {
        self.number("page").filter(|&page| page > 0).unwrap_or(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(uri: &str) -> Params {
        Params::of(&uri.parse().unwrap())
    }

    #[test]
    fn what_can_not_be_read_is_not_asked() {
        let some = params("/x?page=0&q=%20a%20b&clusters=many&q=second");
        assert_eq!(some.page(), 1);
        assert_eq!(some.text("q"), "a b");
        assert_eq!(some.number::<u32>("clusters"), None);
        assert_eq!(some.text("sort"), "");
        assert_eq!(params("/x?%ff=%zz&page=3").page(), 3);
        assert_eq!(params(&format!("/x?q={}", "a".repeat(5000))).text("q").len(), MOST);
    }
}
