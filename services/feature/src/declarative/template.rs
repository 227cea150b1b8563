//! SQL with placeholders. A placeholder becomes a token of the parser, an identifier or a literal, so that no value can
//! become a part of the expression.

use anomal_spec::{ParameterDefinition, ParameterType, seconds};
use serde_json::Value as Json;
use sqlparser::{
    dialect::GenericDialect,
    tokenizer::{Token, Tokenizer},
};

/// The tokens of an expression, in which `{NAME}` is replaced by the tokens that `value` has for the name.
///
/// # Errors
/// A message: no SQL, a brace that encloses no name, a name that stands for nothing.
pub(crate) fn fill(
    sql: &str,
    value: &mut dyn FnMut(&str) -> Option<Vec<Token>>,
) -> Result<Vec<Token>, String> {
    let tokens = Tokenizer::new(&GenericDialect, sql).tokenize();
    let tokens = tokens.map_err(|error| format!("not valid SQL: {error}"))?;
    let mut filled = Vec::with_capacity(tokens.len());
    let mut rest = tokens.into_iter();
    while let Some(token) = rest.next() {
        if token != Token::LBrace {
            filled.push(token);
            continue;
        }
        let (name, end) = (rest.next(), rest.next());
        let (Some(Token::Word(name)), Some(Token::RBrace)) = (name, end) else {
            return Err("a brace encloses a name, as in `{client}`".into());
        };
        match value(&name.value) {
            Some(tokens) => filled.extend(tokens),
            None => return Err(format!("`{{{}}}` is no input and no parameter", name.value)),
        }
    }
    Ok(filled)
}

/// The name of a column.
pub(crate) fn column(name: &str) -> Vec<Token> {
    vec![Token::make_word(name, Some('"'))]
}

/// The value of a parameter as a literal, or as a list of literals in parentheses.
pub(crate) fn literal(definition: &ParameterDefinition, value: &Json) -> Vec<Token> {
    let text =
        |value: &Json| Token::SingleQuotedString(value.as_str().unwrap_or_default().to_owned());
    match definition.parameter_type {
        ParameterType::Text => vec![text(value)],
        ParameterType::Texts => {
            let mut tokens = vec![Token::LParen];
            for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                if index > 0 {
                    tokens.push(Token::Comma);
                }
                tokens.push(text(item));
            }
            tokens.push(Token::RParen);
            tokens
        }
        ParameterType::Boolean => {
            vec![Token::make_keyword(if value == true { "TRUE" } else { "FALSE" })]
        }
        ParameterType::Duration => {
            let length = value.as_str().and_then(seconds).unwrap_or_default();
            vec![Token::Number(length.to_string(), false)]
        }
        ParameterType::Integer | ParameterType::Number => {
            let number = value.to_string();
            match number.strip_prefix('-') {
                None => vec![Token::Number(number, false)],
                Some(positive) => vec![
                    Token::LParen,
                    Token::Minus,
                    Token::Number(positive.to_owned(), false),
                    Token::RParen,
                ],
            }
        }
    }
}

/// The SQL of tokens. Their own form does not double quotes within texts and names.
pub(crate) fn text(tokens: &[Token]) -> String {
    let text = |token: &Token| match token {
        Token::SingleQuotedString(text) => format!("'{}'", text.replace('\'', "''")),
        Token::Word(word) if word.quote_style == Some('"') => {
            format!("\"{}\"", word.value.replace('"', "\"\""))
        }
        other => other.to_string(),
    };
    tokens.iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn definition(parameter_type: ParameterType) -> ParameterDefinition {
        ParameterDefinition {
            parameter_type,
            description: None,
            default: None,
            minimum: None,
            maximum: None,
            choices: Vec::new(),
        }
    }

    fn filled(sql: &str, parameter_type: ParameterType, value: &Json) -> Result<String, String> {
        let tokens = fill(sql, &mut |name| match name {
            "x" => Some(column("a \"b")),
            "p" => Some(literal(&definition(parameter_type), value)),
            _ => None,
        });
        tokens.map(|tokens| text(&tokens))
    }

    #[test]
    fn a_value_stays_one_literal_whatever_it_contains() {
        let text = ParameterType::Text;
        let evil = json!("x' OR '1' = '1");
        assert_eq!(filled("{x} = {p}", text, &evil).unwrap(), r#""a ""b" = 'x'' OR ''1'' = ''1'"#);
        // A placeholder within a text is no placeholder.
        assert_eq!(filled("'{p}' = {x}", text, &evil).unwrap(), r#"'{p}' = "a ""b""#);
        assert_eq!(
            filled("{x} > {p}", ParameterType::Integer, &json!(-3)).unwrap(),
            r#""a ""b" > (-3)"#
        );
        assert_eq!(filled("{p}", ParameterType::Boolean, &json!(true)).unwrap(), "TRUE");
        assert_eq!(filled("{p}", ParameterType::Duration, &json!("5m")).unwrap(), "300");
        let list = filled("{x} IN {p}", ParameterType::Texts, &json!(["a'", "b"])).unwrap();
        assert_eq!(list, r#""a ""b" IN ('a''','b')"#);
    }

    #[test]
    fn braces_enclose_a_known_name() {
        let message = |sql| filled(sql, ParameterType::Text, &json!("")).unwrap_err();
        assert_eq!(message("{y} = 1"), "`{y}` is no input and no parameter");
        for sql in ["{", "{x", "{1} = 2", "{x y}", "{}"] {
            assert!(message(sql).contains("a brace encloses a name"), "{sql}: {}", message(sql));
        }
        assert!(message("'open").contains("not valid SQL"));
    }
}
