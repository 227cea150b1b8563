//! Host names taken apart by the public suffix list (publicsuffix.org; the crate `psl` carries it).
//!
//! A crate of its own for build time: the list is thousands of generic functions, which are compiled
//! wherever they are called, for two minutes. Here that is once.

/// The registered domain of a name in lower case: a public suffix and one label before it; none for a bare
/// suffix.
pub fn registered(name: &str) -> Option<&str> {
    psl::domain_str(name)
}

/// The public suffix of a name in lower case.
pub fn suffix(name: &str) -> Option<&str> {
    psl::suffix_str(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        assert_eq!(registered("www.example.co.uk"), Some("example.co.uk"));
        assert_eq!(registered("co.uk"), None);
        assert_eq!(suffix("www.example.co.uk"), Some("co.uk"));
    }
}
