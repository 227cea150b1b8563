//! Names under which a column is selected as the text that was read, beside or instead of its typed form.

/// Begins with the prefix that is reserved for results, so that no column of an input has such a name.
const PREFIX: &str = "anomal.text.";

/// The name under which the text of `column` is selected.
pub fn text_view(column: &str) -> String {
    format!("{PREFIX}{column}")
}

/// The column of the input that a selected column shows.
pub fn column_of_view(name: &str) -> &str {
    name.strip_prefix(PREFIX).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_leads_to_its_column() {
        assert_eq!(column_of_view(&text_view("zip")), "zip");
        assert_eq!(column_of_view("zip"), "zip");
    }
}
