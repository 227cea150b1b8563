//! Indicators are often written so that no program makes links of them: `hxxps://evil[.]example`.

use std::borrow::Cow;

/// The text as it was before.
pub(crate) fn refang(text: &str) -> Cow<'_, str> {
    let scheme = text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("hxxp"));
    if !scheme && !text.contains(['[', '(']) {
        return Cow::Borrowed(text);
    }
    let text = if scheme { Cow::Owned(format!("http{}", &text[4..])) } else { Cow::Borrowed(text) };
    let mut refanged = text.into_owned();
    for (written, meant) in [
        ("[.]", "."),
        ("(.)", "."),
        ("[dot]", "."),
        ("[:]", ":"),
        ("[://]", "://"),
        ("[@]", "@"),
        ("[at]", "@"),
    ] {
        if refanged.contains(written) {
            refanged = refanged.replace(written, meant);
        }
    }
    Cow::Owned(refanged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_written_as_they_were() {
        for (written, meant) in [
            ("hxxps://evil[.]example[:]80/a", "https://evil.example:80/a"),
            ("HXXP[://]evil(.)example", "http://evil.example"),
            ("a[@]evil[dot]example", "a@evil.example"),
            ("http://[2001:db8::1]/", "http://[2001:db8::1]/"),
            ("plain.example", "plain.example"),
        ] {
            assert_eq!(refang(written), meant);
        }
    }
}
