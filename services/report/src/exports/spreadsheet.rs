//! CSV fields that spreadsheets open as data, not as formulas. Quoting is up to the CSV writer.

use std::borrow::Cow;

/// Prepends an apostrophe, the spreadsheets' mark for text, to a field that a spreadsheet would evaluate: one that
/// starts with `=`, `+`, `-`, `@`, a tab or a carriage return. Plain numbers, such as `-1.5e-3`, stay unchanged.
pub fn safe_field(text: &str) -> Cow<'_, str> {
    if text.starts_with([
        '=', '+', '-', '@', '\t', '\r', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}',
    ]) && !is_number(text)
    {
        return Cow::Owned(format!("'{text}"));
    }
    Cow::Borrowed(text)
}

/// Whether the text is an optional sign, digits with at most one decimal point, and an optional exponent. `inf`,
/// `nan` and separators are excluded: spreadsheets read them differently.
fn is_number(text: &str) -> bool {
    let unsigned = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let signless =
        |text: &str| text.strip_prefix(['+', '-']).map_or(text.to_owned(), str::to_owned);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(signless(exponent))),
        None => (text, None),
    };
    let mantissa = signless(mantissa);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((&mantissa, ""));
    let digits = format!("{whole}{fraction}");
    unsigned(&digits) && exponent.is_none_or(|exponent| unsigned(&exponent))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn formulas_become_text() {
        for text in [
            "=1+1",
            "=HYPERLINK(\"http://example.org\",\"x\")",
            "+cmd|' /C calc'!A0",
            "-2+3",
            "@SUM(A1:A9)",
            "\t=1",
            "\r=1",
            "-",
            "+",
            "-.",
            "--1",
            "-1-1",
            "-1e",
            "-1.2.3",
            "-1,000",
            "-inf",
            "+nan",
            "-0x10",
            "\u{ff1d}1+1",
        ] {
            assert_eq!(safe_field(text), format!("'{text}"), "{text:?}");
        }
    }

    #[test]
    fn other_text_stays_unchanged() {
        for text in [
            "",
            "0",
            "-1",
            "+1",
            "-1.5",
            "-.5",
            "-5.",
            "-1.5e-3",
            "+2E10",
            "a=1",
            "'=1",
            " =1",
            "www.example.org",
        ] {
            assert!(matches!(safe_field(text), Cow::Borrowed(same) if same == text), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_field_starts_a_formula(text in any::<String>(), first in "[=+@\t\r-]?") {
            let text = format!("{first}{text}");
            let field = safe_field(&text);
            prop_assert!(
                !field.starts_with(['=', '+', '-', '@', '\t', '\r']) || field.parse::<f64>().is_ok()
            );
            // Only the apostrophe is added.
            prop_assert!(field == text || field.strip_prefix('\'') == Some(&text));
        }

        #[test]
        fn numbers_stay_unchanged(number in any::<f64>().prop_filter("finite", |number| number.is_finite())) {
            for text in [format!("{number}"), format!("{number:e}"), format!("{number:.3}")] {
                prop_assert_eq!(safe_field(&text), text.as_str());
            }
        }
    }
}
