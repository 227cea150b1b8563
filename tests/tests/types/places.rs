//! Numbers as other places write them.

use super::support::{Run, fields, job_with_engine, run};

/// A column `amount` in quotes, beside a label.
fn table(amounts: &[String]) -> String {
    let rows = amounts.iter().enumerate();
    let rows = rows.map(|(row, amount)| format!("\"{amount}\",{}\n", ["a", "b", "c"][row % 3]));
    format!("amount,host\n{}", rows.collect::<String>())
}

/// Sixty amounts, and an outlier in the last row.
fn amounts(usual: impl Fn(usize) -> String, outlier: &str) -> Vec<String> {
    (0..60).map(usual).chain([outlier.to_owned()]).collect()
}

fn over(csv: &str, more: &str) -> Run {
    let input = format!("csv: {{path: in.csv{more}}}");
    run("in.csv", csv.as_bytes(), &job_with_engine(&input, &fields(&["amount", "host"]), "KNN"))
}

/// Asserts that the column is numbers of which the last is `outlier`, that it ranks first, and that outputs have it as it
/// was read.
#[track_caller]
fn expect_numbers(csv: &str, written: &str, outlier: &str) -> Run {
    let done = over(csv, "").succeeded();
    assert_eq!(done.csv("anomal.features.amount")[60], outlier);
    assert_eq!(done.highest(), Some(60));
    assert_eq!(done.csv("amount")[60], written);
    assert_eq!(done.json("amount")[60], format!("\"{written}\""));
    let note = done.note("MARKED_NUMBERS");
    assert!(
        note.contains("`amount` is read as numbers") && note.contains("types: {amount: string}"),
        "{note}"
    );
    // The remedy of the note.
    let text = over(csv, ", types: {amount: string}").succeeded();
    assert_eq!(text.csv("anomal.features.amount")[60], written);
    done
}

#[test]
fn decimal_commas() {
    let csv = table(&amounts(|row| format!("{},{}", 100 + row % 9, row % 10), "97100,7"));
    expect_numbers(&csv, "97100,7", "97100.7");
    let csv = table(&amounts(|row| format!("1.{},{}5", 100 + row % 9, row % 10), "48.900.112,5"));
    expect_numbers(&csv, "48.900.112,5", "48900112.5");
}

#[test]
fn thousands() {
    let csv = table(&amounts(|row| format!("1,{}", 200 + row % 90), "48,900,112"));
    expect_numbers(&csv, "48,900,112", "48900112");
    let csv = table(&amounts(|row| format!("1'{}.5", 200 + row % 90), "48'900'112.5"));
    expect_numbers(&csv, "48'900'112.5", "48900112.5");
}

#[test]
fn currencies_percent_signs_and_negatives() {
    let usual = |row: usize| match row % 5 {
        0 => format!("(${}.00)", 20 + row % 7),
        _ => format!("${}.50", 100 + row % 14),
    };
    let csv = table(&amounts(usual, "$1,250,000.00"));
    let done = expect_numbers(&csv, "$1,250,000.00", "1250000");
    assert_eq!(done.csv("anomal.features.amount")[0], "-20");
    let csv = table(&amounts(|row| format!("{}%", row % 9), "450%"));
    expect_numbers(&csv, "450%", "450");
    let usual = |row: usize| {
        if row.is_multiple_of(3) {
            format!("'-{}", 10 + row % 7)
        } else {
            format!("{}", 400 + row % 20)
        }
    };
    let csv = table(&amounts(usual, "'-99999"));
    expect_numbers(&csv, "'-99999", "-99999");
    let csv = table(&amounts(|row| format!("{} CHF", 10 + row % 7), "9'500 CHF"));
    expect_numbers(&csv, "9'500 CHF", "9500");
}

#[test]
fn a_finance_flag_reads_marked_amounts() {
    let mut csv = String::from("type,amount\n");
    for row in 0..30 {
        csv.push_str(&format!("CASH_OUT,\"${}.00\"\n", 100 + row));
    }
    csv.push_str("CASH_OUT,\"$1,250,000.00\"\n");
    let settings = "input: {csv: {path: in.csv}}\npacks: [finance]\nfeatures: [{type: field, name: amount}]\n\
                    flags: [{type: direct, name: cashout_great_amount, dataNeeded: [type, amount]}]\n\
                    outputs: [{csv: {path: out.csv}}]\n";
    let done = run("in.csv", csv.as_bytes(), settings).succeeded();
    assert!(done.csv("anomal.flags")[30].contains("cashout_great_amount"));
}

#[test]
fn two_readings_are_none() {
    let csv = table(&amounts(|row| format!("1,{}", 200 + row % 90), "9,999"));
    let done = over(&csv, "").succeeded();
    assert_eq!(done.csv("anomal.features.amount")[0], "1,200");
    let note = done.note("AMBIGUOUS_NUMBER");
    assert!(note.contains("`1,200` may have a decimal comma or separate thousands"), "{note}");
    // The remedies of the note.
    let decimal = over(&csv, ", numbers: {decimal: \",\"}").succeeded();
    assert_eq!(decimal.csv("anomal.features.amount")[0], "1.2");
    let thousands = over(&csv, ", numbers: {thousands: \",\"}").succeeded();
    assert_eq!(thousands.csv("anomal.features.amount")[0], "1200");
    // Points are decimals, as everywhere.
    let csv = table(&amounts(|row| format!("1.{}", 200 + row % 90), "9.999"));
    let points = over(&csv, "").succeeded();
    assert_eq!(points.csv("anomal.features.amount")[0], "1.2");
}

#[test]
fn two_columns_decide_for_a_third() {
    let mut csv = String::from("amount,host,x,y\n");
    for row in 0..60 {
        csv.push_str(&format!("\"1,{}\",a,\"{},5\",\"{},25\"\n", 200 + row, row % 9, row % 7));
    }
    let done = over(&csv, "").succeeded();
    assert_eq!(done.csv("anomal.features.amount")[0], "1.2");
}

#[test]
fn two_currencies_are_text() {
    let csv = table(&amounts(|row| format!("{}{}.50", ["$", "€"][row % 2], 100 + row), "$5.00"));
    let done = over(&csv, "").succeeded();
    assert_eq!(done.csv("anomal.features.amount")[0], "$100.50");
    assert!(done.note("CURRENCIES").contains("`$` and `€`"));
}

#[test]
fn a_type_in_the_settings_reads_marked_numbers() {
    let csv = table(&amounts(|row| format!("${}.50", 100 + row % 9), "$1,250,000.00"));
    let done = over(&csv, ", types: {amount: float}").succeeded();
    assert_eq!(done.csv("anomal.features.amount")[60], "1250000");
    let bad = over(&csv.replace("$101.50", "free"), ", types: {amount: float}");
    bad.output.expect(3, &["in.csv:3", "`amount`", "`free` is not a number"]);
}

#[test]
fn addresses_and_versions_are_text() {
    for usual in ["192.168.100.", "1.2.", "2024-01-"] {
        let csv =
            table(&amounts(|row| format!("{usual}{}", 101 + row % 50), &format!("{usual}199")));
        let done = over(&csv, "").succeeded();
        assert_eq!(done.csv("anomal.features.amount")[0], format!("{usual}101"));
        assert_eq!(done.notes("MARKED_NUMBERS"), [""; 0]);
    }
}

#[test]
fn marks_in_the_settings_are_checked() {
    let csv = table(&amounts(|row| format!("{row}"), "7"));
    let output = over(&csv, ", numbers: {decimal: \";\"}").output;
    output.expect(2, &["numbers.decimal", "`;` is unknown"]);
    let output = over(&csv, ", numbers: {decimal: \",\", thousands: \",\"}").output;
    output.expect(2, &["numbers", "differ"]);
}
