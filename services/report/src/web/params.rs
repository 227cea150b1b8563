//! The query parameters of a URL. Invalid parameters count as absent.

use axum::{extract::Query, http::Uri};

use crate::pages::format::text::truncate;

/// The longest parameter, in characters; the rest is ignored.
const MAX_LENGTH: usize = 300;

/// The parameters, in order.
#[derive(Clone, Debug, Default)]
pub struct Params(Vec<(String, String)>);

impl Params {
    pub fn from_uri(uri: &Uri) -> Self {
        Query::<Vec<(String, String)>>::try_from_uri(uri)
            .map_or_else(|_| Self::default(), |q| Self(q.0))
    }

    /// The value of a parameter, trimmed and truncated; empty if it is absent.
    pub fn text(&self, name: &str) -> &str {
        truncate(self.exact(name).trim(), MAX_LENGTH).0
    }

    /// The unchanged value of a parameter, for names that have to match exactly.
    pub fn exact(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// All values of a parameter, in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All parameters; `column` and `value`, which a form sends, as a filter of that column.
    pub fn filters(&self) -> Vec<(String, String)> {
        let mut all = self.0.clone();
        let column = self.exact("column");
        if !column.is_empty() {
            all.push((format!("f.{column}"), self.exact("value").to_owned()));
        }
        all
    }

    pub fn number<N: std::str::FromStr>(&self, name: &str) -> Option<N> {
        self.text(name).parse().ok()
    }

    /// The page, from 1.
    pub fn page(&self) -> usize {
        self.number("page").filter(|&page| page > 0).unwrap_or(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(uri: &str) -> Params {
        Params::from_uri(&uri.parse().unwrap())
    }

    #[test]
    fn invalid_parameters_count_as_absent() {
        let some = params("/x?page=0&q=%20a%20b&clusters=many&q=second");
        assert_eq!(some.page(), 1);
        assert_eq!(some.text("q"), "a b");
        assert_eq!(some.number::<u32>("clusters"), None);
        assert_eq!(some.text("sort"), "");
        assert_eq!(params("/x?%ff=%zz&page=3").page(), 3);
        assert_eq!(params(&format!("/x?q={}", "a".repeat(5000))).text("q").len(), MAX_LENGTH);
    }
}
