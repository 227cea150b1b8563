//! Labels and identifiers are compared as they were read, and never pass through numbers.

use super::support::{fields, job, run};

/// A column of values beside a number.
fn table(name: &str, values: &[&str]) -> String {
    let rows = values.iter().enumerate();
    let rows: String = rows.map(|(row, value)| format!("{value},{}\n", 10 + row % 3)).collect();
    format!("{name},n\n{rows}")
}

fn labels(name: &str) -> String {
    format!("- {{type: field, name: {name}, kind: categorical}}\n- {{type: field, name: n}}\n")
}

#[test]
fn leading_zeros_make_other_labels() {
    let csv = table("zip", &["01730", "1730", "08028", "8028", "01730", "1730"]);
    let done =
        run("in.csv", csv.as_bytes(), &job("csv: {path: in.csv}", &labels("zip"))).succeeded();
    assert_eq!(done.csv("anomal.features.zip")[..3], ["01730", "1730", "08028"]);
    assert_eq!(done.csv("zip")[0], "01730");
    let note = done.note("CODE");
    assert!(note.contains("`zip` is text because of leading zeros (in.csv:2: `01730`)"), "{note}");
    // The remedy of the note.
    let typed = job("csv: {path: in.csv, types: {zip: float}}", &fields(&["zip", "n"]));
    let typed = run("in.csv", csv.as_bytes(), &typed).succeeded();
    assert_eq!(typed.csv("anomal.features.zip")[..2], ["1730", "1730"]);
    assert_eq!(typed.csv("zip")[0], "01730");
    assert_eq!(typed.notes("CODE"), [""; 0]);
}

#[test]
fn one_leading_zero_makes_a_column_text() {
    let mut values = vec!["44"; 5_000];
    values.push("0049");
    let csv = table("prefix", &values);
    let done =
        run("in.csv", csv.as_bytes(), &job("csv: {path: in.csv}", &fields(&["prefix", "n"])));
    let done = done.succeeded();
    assert!(done.note("CODE").contains("in.csv:5002: `0049`"));
    assert_eq!(done.json("anomal.features.prefix")[0], "\"44\"");
}

#[test]
fn labels_of_numbers_keep_their_spelling() {
    // As numbers 1.0, 1 and 1.00 are the same.
    let csv = table("version", &["1.0", "1", "1.00", "2.5", "1.0"]);
    let done =
        run("in.csv", csv.as_bytes(), &job("csv: {path: in.csv}", &labels("version"))).succeeded();
    assert_eq!(done.csv("anomal.features.version"), ["1.0", "1", "1.00", "2.5", "1.0"]);
}

#[test]
fn digits_around_an_e_are_identifiers() {
    let values = ["4758331158E590003", "4758331159E590004", "32E0134", "12E12", "9E5"];
    let csv = table("ref", &values);
    let done =
        run("in.csv", csv.as_bytes(), &job("csv: {path: in.csv}", &labels("ref"))).succeeded();
    assert_eq!(done.csv("anomal.features.ref"), values);
    let natural = job("csv: {path: in.csv}", &fields(&["ref", "n"]));
    let natural = run("in.csv", csv.as_bytes(), &natural).succeeded();
    assert_eq!(natural.csv("anomal.features.ref"), values);
    assert!(natural.note("CODE").contains("`ref` is text because of digits around an E"));
}

#[test]
fn plus_signs_hexadecimal_digits_and_long_numbers_are_text() {
    for (value, reason) in [
        ("+4915112345678", "plus signs"),
        ("0x1f", "hexadecimal"),
        ("18446744073709551615", "beyond 64 bits"),
    ] {
        let csv = table("id", &[value, "7", "8", value]);
        let done =
            run("in.csv", csv.as_bytes(), &job("csv: {path: in.csv}", &fields(&["id", "n"])));
        let done = done.succeeded();
        assert!(done.note("CODE").contains(reason), "{}", done.note("CODE"));
        assert_eq!(done.csv("anomal.features.id")[0], value);
    }
}

#[test]
fn a_column_is_a_label_and_a_number_at_once() {
    let csv = table("status", &["200", "404", "200", "500", "200"]);
    let features = "- {type: field, name: status, kind: categorical}\n\
                    - {type: expression, name: failed, expression: \"status >= 400\"}\n";
    let done = run("in.csv", csv.as_bytes(), &job("csv: {path: in.csv}", features)).succeeded();
    assert_eq!(done.json("anomal.features.status")[..2], ["\"200\"", "\"404\""]);
    assert_eq!(done.json("anomal.features.failed")[..2], ["false", "true"]);
    // What is shown of a suspect names the column once, as the input does.
    assert!(!done.output.stdout.contains("anomal.text"), "{}", done.output.stdout);
}

#[test]
fn large_identifiers_are_told_apart() {
    let ids: Vec<String> =
        (0..20_u64).map(|row| (9_007_199_254_740_993 + row).to_string()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let csv = table("id", &ids);
    let done =
        run("in.csv", csv.as_bytes(), &job("csv: {path: in.csv}", &labels("id"))).succeeded();
    assert_eq!(done.csv("anomal.features.id"), ids);
    let natural = run("in.csv", csv.as_bytes(), &job("csv: {path: in.csv}", &fields(&["id", "n"])));
    let natural = natural.succeeded();
    let note = natural.note("BIG_NUMBER");
    assert!(note.contains("`id`") && note.contains("kind: categorical"), "{note}");
}
