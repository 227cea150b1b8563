//! What single values look like.

use std::net::IpAddr;

/// An IP address, also with a port or a prefix length.
pub fn is_address(text: &str) -> bool {
    let bare = text.split_once('/').map_or(text, |(address, _)| address);
    bare.parse::<IpAddr>().is_ok() || text.parse::<std::net::SocketAddr>().is_ok()
}

/// Whether a text has a dot inside, letters in the last label, and only characters of host names.
pub fn is_host_name(text: &str) -> bool {
    let Some((_, last)) = text.trim_end_matches('.').rsplit_once('.') else { return false };
    text.len() <= 253
        && last.len() >= 2
        && (last.chars().all(|c| c.is_ascii_alphabetic()) || last.starts_with("xn--"))
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
}

/// Whether a host name ends in a suffix of the public suffix list: `hans.smith` does not.
pub fn has_public_suffix(text: &str) -> bool {
    anomal_domains::is_public(&text.to_ascii_lowercase())
}

/// A path, or a URL.
pub fn is_path(text: &str) -> bool {
    text.starts_with('/')
        || text.split_once("://").is_some_and(|(scheme, _)| {
            !scheme.is_empty() && scheme.chars().all(|c| c.is_ascii_alphanumeric() || c == '+')
        })
}

/// A mail address, `DOMAIN\user`, or `first.last`.
pub fn is_user(text: &str) -> bool {
    let is_name = |text: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
    };
    if let Some((user, domain)) = text.split_once('@') {
        return !user.is_empty() && is_host_name(domain);
    }
    if let Some((domain, user)) = text.split_once('\\') {
        return is_name(domain) && !user.is_empty();
    }
    let dotted = text.split_once('.');
    dotted.is_some_and(|(first, last)| {
        is_name(first)
            && is_name(last)
            && text.chars().all(|c| c.is_alphabetic() || c == '.' || c == '-')
    })
}

/// A value of a column that says which rows are anomalies.
pub fn is_verdict(text: &str) -> bool {
    const VERDICTS: [&str; 28] = [
        "0",
        "1",
        "-1",
        "true",
        "false",
        "yes",
        "no",
        "y",
        "n",
        "positive",
        "negative",
        "normal",
        "abnormal",
        "anomaly",
        "anomalous",
        "attack",
        "benign",
        "malicious",
        "legitimate",
        "fraud",
        "genuine",
        "inlier",
        "outlier",
        "good",
        "bad",
        "clean",
        "background",
        "suspicious",
    ];
    VERDICTS.contains(&text.trim().trim_end_matches('.').to_ascii_lowercase().as_str())
}

/// Whether a verdict is one that numbers and truth values share with other columns.
pub fn is_bare_verdict(text: &str) -> bool {
    text.len() <= 5
        && ["0", "1", "-1", "true", "false", "yes", "no", "y", "n", "good", "bad"]
            .contains(&text.to_ascii_lowercase().as_str())
}

/// A status that says that something did not succeed.
pub fn is_failure(text: &str) -> bool {
    const WORDS: [&str; 18] = [
        "fail",
        "error",
        "denied",
        "deny",
        "reject",
        "block",
        "drop",
        "invalid",
        "refused",
        "nxdomain",
        "servfail",
        "forbidden",
        "unauthorized",
        "timeout",
        "abort",
        "exception",
        "declined",
        "quarantine",
    ];
    let text = text.to_ascii_lowercase();
    let denied = ["no", "not", "un"].iter().any(|prefix| {
        let rest = text.strip_prefix(prefix).unwrap_or_default();
        WORDS.iter().any(|word| rest.trim_start_matches([' ', '_', '-']).starts_with(word))
    });
    !denied && WORDS.iter().any(|word| text.contains(word))
}

/// The words of a text on average, to distinguish sentences from names.
pub fn is_sentence(text: &str) -> bool {
    text.split_whitespace().count() >= 4
}

/// A UUID, or a long hexadecimal or mixed token.
pub fn is_token(text: &str) -> bool {
    let bare = text.trim_matches(['{', '}']);
    bare.len() >= 16
        && bare
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '=' | '+' | '/'))
        && bare.chars().any(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_names_are_distinguished_from_addresses_and_words() {
        let hosts = ["www.example.com", "a-b.c_d.example.org."];
        assert!(hosts.into_iter().all(|text| is_host_name(text) && has_public_suffix(text)));
        let others = ["10.0.0.1", "example", "", "a b.com", "3.14", "x.y"];
        assert!(!others.into_iter().any(is_host_name));
        assert!(!["hans.smith", "dora.meier", "jon.rossi"].into_iter().any(has_public_suffix));
    }

    /// A predicate with texts that satisfy it, and texts that do not.
    type Case<'a> = (fn(&str) -> bool, &'a [&'a str], &'a [&'a str]);

    #[test]
    fn values_have_forms() {
        let cases: [Case<'_>; 7] = [
            (is_address, &["10.0.0.1", "2001:db8::1", "10.0.0.0/8", "10.0.0.1:443"], &["1.2", "a"]),
            (is_path, &["/", "/a?b=1", "https://a.example/"], &["a/b", "://", ""]),
            (
                is_user,
                &["hans.smith", "a@b.example", r"CORP\hans"],
                &["hans", "10.0", "a b.c", "@"],
            ),
            (is_verdict, &["0", "Normal", "attack."], &["2", "GET", ""]),
            (
                is_failure,
                &["failure", "NXDOMAIN", "Access denied", "unauthorized"],
                &["success", "NOERROR", "no error", "unblocked", "OK"],
            ),
            (is_sentence, &["a b c d"], &["a b c", ""]),
            (is_token, &["0b6c1f0e-7a41-4c43-9f3d-3a1b2c3d4e5f"], &["abcdefghijklmnopqrst", "12"]),
        ];
        for (is, yes, no) in cases {
            assert!(yes.iter().all(|text| is(text)), "{yes:?}");
            assert!(!no.iter().any(|text| is(text)), "{no:?}");
        }
    }
}
