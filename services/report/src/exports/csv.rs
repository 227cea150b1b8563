use std::borrow::Cow;
pub(crate) fn field(text: &str) -> Cow<'_, str> { text.into() }
