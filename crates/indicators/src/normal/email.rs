//! Email addresses: in lower case, with the domain in its normal form. Most servers ignore the case of the local part.

use super::domain;

/// The longest local part (RFC 5321, section 4.5.3.1.1).
const LONGEST_LOCAL: usize = 64;

/// An address in its normal form; nothing if it is none. `Name <local@domain>` is the address in it.
pub(crate) fn email(text: &str) -> Option<String> {
    let text = text.trim();
    let text = match text.strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
        Some((_, address)) => address,
        None => text,
    };
    let text = text.strip_prefix("mailto:").unwrap_or(text);
    let (local, host) = text.rsplit_once('@')?;
    let local = local.to_lowercase();
    let plain = |character: char| !character.is_whitespace() && !character.is_control();
    if local.is_empty() || local.len() > LONGEST_LOCAL || !local.chars().all(plain) {
        return None;
    }
    Some(format!("{local}@{}", domain(host)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_one_form() {
        for (text, address) in [
            ("Jo@Example.COM", Some("jo@example.com")),
            ("Jo Doe <jo@example.com>", Some("jo@example.com")),
            ("mailto:jo@b\u{fc}cher.example", Some("jo@xn--bcher-kva.example")),
            ("@example.com", None),
            ("jo@", None),
            ("jo doe@example.com", None),
            ("jo", None),
        ] {
            assert_eq!(email(text).as_deref(), address, "{text}");
        }
    }
}
