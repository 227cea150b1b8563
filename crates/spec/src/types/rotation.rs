//! The files of a stream's output: when the next one begins, and their names.

use super::{bytes, seconds};

/// When a stream begins the next file of an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// At multiples of so many seconds since the epoch.
    Every(u64),
    /// Before the row that would take the file over so many bytes.
    Bytes(u64),
}

impl Rotation {
    /// A time such as `1h` (s, m, h, d or w) or a size such as `256Mi` (Ki, Mi or Gi).
    pub fn parse(text: &str) -> Option<Self> {
        bytes(text).map(Self::Bytes).or_else(|| seconds(text).map(Self::Every))
    }
}

/// The conversions of `strftime` that the names of files may have.
const CONVERSIONS: &str = "YmdjHMS";

/// Whether the names of files have the time at which each was begun, as `%Y-%m-%d/%H.ndjson`.
pub fn has_times(path: &str) -> bool {
    path.contains('%')
}

/// What is behind a `%` and no conversion, if there is such.
pub(crate) fn unknown_conversion(path: &str) -> Option<String> {
    let conversions = path.split('%').skip(1).map(|text| text.chars().next());
    let mut unknown =
        conversions.filter(|first| !first.is_some_and(|first| CONVERSIONS.contains(first)));
    unknown.next().map(|first| first.map_or_else(|| "%".to_owned(), |first| format!("%{first}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_conversions_of_a_time() {
        assert!(has_times("a/%H.ndjson") && !has_times("a/b.ndjson"));
        let paths = ["a", "%Y-%m-%d/%H%M%S-%j", "a/%q", "a%", "100%%"];
        let unknown = paths.map(unknown_conversion);
        assert_eq!(unknown, [None, None, Some("%q".into()), Some("%".into()), Some("%".into())]);
    }

    #[test]
    fn a_rotation_is_a_time_or_a_size() {
        let rotations = ["1h", "256Mi", "5m", "1Ki", "0Mi", "1M", "Gi", "", "99999999999999Gi"];
        assert_eq!(
            rotations.map(Rotation::parse),
            [
                Some(Rotation::Every(3_600)),
                Some(Rotation::Bytes(256 << 20)),
                Some(Rotation::Every(300)),
                Some(Rotation::Bytes(1024)),
                None,
                None,
                None,
                None,
                None
            ]
        );
    }
}
