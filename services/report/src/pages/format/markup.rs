//! HTML that templates do not escape again.

use std::fmt;

use anomal_core::{Error, Result};
use askama::{FastWritable, Template, Values, filters::HtmlSafe};

/// HTML that is safe in a page: from a template, from a chart, or escaped in this module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Markup(String);

impl Markup {
    /// # Errors
    /// `Internal`: a defect of the template.
    pub fn from_template(template: &impl Template) -> Result<Self> {
        match template.render() {
            Ok(html) => Ok(Self(html)),
            Err(error) => Err(Error::internal(format!("page: {error}"))),
        }
    }

    /// A chart. Charts escape their own text.
    pub fn svg(svg: impl Into<String>) -> Self {
        Self(svg.into())
    }

    /// HTML built from escaped parts.
    pub(in crate::pages) fn trusted(html: impl Into<String>) -> Self {
        Self(html.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Display for Markup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FastWritable for Markup {
    fn write_into(&self, dest: &mut dyn fmt::Write, _values: &dyn Values) -> askama::Result<()> {
        Ok(dest.write_str(&self.0)?)
    }
}

impl HtmlSafe for Markup {}

/// Escapes the five characters that have a meaning in HTML.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + text.len() / 8);
    for character in text.chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Template)]
    #[template(source = "{{ safe }} {{ plain }}", ext = "html")]
    struct Both {
        safe: Markup,
        plain: String,
    }

    #[test]
    fn templates_escape_everything_except_markup() {
        let both = Both { safe: Markup::trusted("<b>1</b>"), plain: "<b>".to_owned() };
        assert_eq!(Markup::from_template(&both).unwrap().as_str(), "<b>1</b> &#60;b&#62;");
    }

    #[test]
    fn special_characters_are_escaped() {
        assert_eq!(escape("<a b=\"c\" d='e'>&"), "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;");
    }
}
