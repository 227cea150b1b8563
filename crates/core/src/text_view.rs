//! Names under which a column is selected as the text that was read or as times, beside or instead of its typed form.

/// Begin with the prefix that is reserved for results, so that no column of an input has such a name.
const TEXT: &str = "anomal.text.";
const TIME: &str = "anomal.time.";

/// The name under which the text of `column` is selected.
pub fn text_view(column: &str) -> String {
    format!("{TEXT}{column}")
}

/// The name under which `column` is selected as times.
pub fn time_view(column: &str) -> String {
    format!("{TIME}{column}")
}

/// The column of the input that a selected column shows.
pub fn column_of_view(name: &str) -> &str {
    name.strip_prefix(TEXT).or_else(|| name.strip_prefix(TIME)).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_leads_to_its_column() {
        assert_eq!(column_of_view(&text_view("zip")), "zip");
        assert_eq!(column_of_view(&time_view("zip")), "zip");
        assert_eq!(column_of_view("zip"), "zip");
    }
}
