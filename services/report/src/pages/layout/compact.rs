//! Style sheets without what browsers do not need.

/// The sheet without comments, and without spaces that separate nothing. Texts in quotes stay.
pub fn compact(sheet: &str) -> String {
    let mut out = String::with_capacity(sheet.len());
    let mut rest = sheet;
    let mut quote = None;
    while let Some(letter) = rest.chars().next() {
        if quote.is_none()
            && let Some(comment) = rest.strip_prefix("/*")
        {
            rest = comment.split_once("*/").map_or("", |(_, rest)| rest);
            continue;
        }
        rest = &rest[letter.len_utf8()..];
        match (quote, letter) {
            (Some(open), _) => {
                quote = Some(open).filter(|open| *open != letter);
                out.push(letter);
            }
            (None, '"' | '\'') => {
                quote = Some(letter);
                out.push(letter);
            }
            (None, _) if letter.is_whitespace() => {
                if !out.is_empty() && !out.ends_with([' ', '{', '}', ';', ':', ',', '>']) {
                    out.push(' ');
                }
            }
            (None, _) => {
                if matches!(letter, '{' | '}' | ';' | ',' | '>') && out.ends_with(' ') {
                    out.pop();
                }
                if letter == '}' && out.ends_with(';') {
                    out.pop();
                }
                out.push(letter);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_separates_nothing_is_left_out() {
        let sheet = "/* Colours: a { b } */\n\n.a > .b, .c d:hover {\n  color: red;\n  width: calc(1px + 2 * 3px);\n}\n\
                     @media (max-width: 40rem) {\n  .e::after { content: \" ; /* x */  }\"; }\n  .f { margin: 0 auto } }\n";
        assert_eq!(
            compact(sheet),
            ".a>.b,.c d:hover{color:red;width:calc(1px + 2 * 3px)}\
             @media (max-width:40rem){.e::after{content:\" ; /* x */  }\"}.f{margin:0 auto}}"
        );
        assert_eq!(compact(&compact(sheet)), compact(sheet));
        assert_eq!((compact(""), compact("/* no end")), (String::new(), String::new()));
    }
}
