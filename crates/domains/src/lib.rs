//! Splits host names by the public suffix list (publicsuffix.org, in the crate `psl`).
//!
//! A separate crate to reduce build time: the list consists of thousands of generic functions, which take two minutes to
//! compile in each crate that calls them.

/// The registered domain of a name in lower case: a public suffix and the label before it; `None` for a bare suffix.
pub fn registered(name: &str) -> Option<&str> {
    psl::domain_str(name)
}

/// The public suffix of a name in lower case.
pub fn suffix(name: &str) -> Option<&str> {
    psl::suffix_str(name)
}

/// Whether a name in lower case lies below a suffix of the list, and not only below its rule for unknown suffixes.
pub fn is_public(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    psl::suffix(name.as_bytes())
        .is_some_and(|suffix| suffix.is_known() && suffix.as_bytes().len() < name.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split() {
        assert_eq!(registered("www.example.co.uk"), Some("example.co.uk"));
        assert_eq!(registered("co.uk"), None);
        assert_eq!(suffix("www.example.co.uk"), Some("co.uk"));
        assert!(is_public("www.example.co.uk.") && !is_public("co.uk") && !is_public("jon.rossi"));
    }
}
