//! Settings that are edited field by field.

mod support;

use anomal_tui::{Effect, Model, Options, plain::SIZE};
use support::*;

#[test]
fn a_field_is_set_and_left_to_its_default() {
    let mut session = Session::with_job(120, 40);
    session.keys("2j\r");
    assert!(session.shows("features[1]"), "{}", session.text());
    assert!(session.shows("> type") && session.shows("(1.0)"), "{}", session.text());
    // What is for other kinds of features is not there.
    assert!(!session.shows("  window "), "{}", session.text());
    let before = session.settings();
    to(&mut session, "multiplier");
    session.keys("\r");
    assert!(session.shows("multiplier: number, 0 to 1000000000"), "{}", session.text());
    // A value that it does not take is said at once, and stays to be corrected.
    session.keys("much\r");
    assert!(session.shows("! \"much\" is not what it takes"), "{}", session.text());
    assert_eq!(session.settings(), before);
    session.keys("\x15");
    session.keys("2.5\r");
    assert!(session.settings().contains("{type: field, name: bytes, multiplier: 2.5}"));
    assert!(session.shows("multiplier is set"), "{}", session.text());
    session.keys("d");
    assert_eq!(session.settings(), before);
    session.keys("u");
    assert!(session.settings().contains("multiplier: 2.5"), "{}", session.settings());
    session.keys("U");
    // What is needed stays.
    to(&mut session, "type");
    session.keys("d");
    assert!(session.shows("! type is needed"), "{}", session.text());
    assert_eq!(session.settings(), before);
    session.keys("\x1b");
    assert!(session.shows("[2 Features]") || session.shows("> 2 Features"), "{}", session.text());
}

/// Selects a field.
#[track_caller]
fn to(session: &mut Session, field: &str) {
    session.keys("g");
    let is_selected = |session: &Session| session.shows(&format!("> {field} "));
    for _ in 0..60 {
        if is_selected(session) {
            return;
        }
        session.keys("j");
    }
    assert!(is_selected(session), "{field} is no field:\n{}", session.text());
}

#[test]
fn choices_are_chosen() {
    let mut session = Session::with_job(120, 40);
    session.keys("3\r");
    to(&mut session, "severity");
    session.keys("\r");
    assert!(session.shows("> medium"), "{}", session.text());
    session.keys("j\r");
    assert!(session.settings().contains("severity: high"), "{}", session.settings());
    // The last choice takes it out.
    session.keys("\rj\r");
    assert!(!session.settings().contains("severity:"), "{}", session.settings());
    session.keys("\r\x1b");
    assert!(session.shows("Enter change"), "{}", session.text());
    session.keys("uu");
    assert_eq!(session.settings(), proposal().text);
}

#[test]
fn parameters_are_those_of_the_component_and_of_the_detector() {
    let mut session = Session::with_job(120, 40);
    session.keys("2a");
    session.keys("digits\r");
    to(&mut session, "params.base");
    assert!(session.shows("(10)") && session.shows("whole number, 2 to 36"), "{}", session.text());
    session.keys("\r");
    session.keys("16\r");
    let settings = session.settings();
    assert!(settings.contains("dataNeeded: [path], params: {base: 16}}"), "{settings}");
    // A column that the input does not have is said, with a similar one.
    to(&mut session, "dataNeeded");
    session.keys("\r\x15");
    session.keys("pth\r");
    assert!(session.shows("the input has no column pth; did you mean path?"), "{}", session.text());
    session.keys("\x1b");
    // That of a feature of a column is its name.
    session.keys("2gj\r");
    to(&mut session, "name");
    session.keys("\r\x15");
    session.keys("byts\r");
    let unknown = "the input has no column byts; did you mean bytes?";
    assert!(session.shows(&format!("name is set, but {unknown}")), "{}", session.text());
    // It stays at the field.
    session.keys("jk");
    assert!(session.shows(unknown), "{}", session.text());
    session.keys("u");
    assert!(!session.shows(unknown), "{}", session.text());
    session.keys("\x1b");
    session.keys("4f");
    // No threshold is needed, and the detectors are those of the program.
    assert!(!session.shows("needed"), "{}", session.text());
    to(&mut session, "engine");
    session.keys("\r");
    assert!(session.shows("HBOS") && session.shows("External"), "{}", session.text());
    session.keys("\x1b");
    to(&mut session, "parameters.bins");
    session.keys("\r");
    session.keys("1\r");
    assert!(session.shows("whole number, 2 to 1000"), "{}", session.text());
    session.keys("\x1520\r");
    assert!(session.settings().contains("parameters: {bins: 20}"), "{}", session.settings());
    to(&mut session, "threshold.value");
    session.keys("\r0.02\r");
    // What is missing is said at the field, and in the note.
    assert!(session.shows("But now"), "{}", session.text());
    to(&mut session, "threshold.method");
    assert!(session.shows("! "), "{}", session.text());
    session.keys("\r");
    session.keys(&("k".repeat(30) + "\r"));
    assert!(session.settings().contains("method: contamination"), "{}", session.settings());
    assert!(!session.shows("But now"), "{}", session.text());
}

#[test]
fn an_output_has_the_fields_of_its_driver() {
    let mut session = Session::with_job(80, 24);
    session.keys("5\r");
    to(&mut session, "rows");
    session.keys("\r");
    session.keys("j\r");
    assert!(
        session.settings().contains("parquet: {path: access.results.parquet, rows: suspicious}"),
        "{}",
        session.settings()
    );
    to(&mut session, "include");
    session.keys("\r");
    session.keys("features, nonsense\r");
    assert!(session.shows("! \"nonsense\" is not what it takes"), "{}", session.text());
    session.keys("\x1b");
    // What only the whole settings show is said at the field too.
    to(&mut session, "rotate");
    session.keys("\r");
    session.keys("1 day\r");
    assert!(session.shows("But now"), "{}", session.text());
    session.keys("k");
    assert!(session.shows("! rotate"), "{}", session.text());
    session.keys("u");
    assert!(!session.shows("! rotate"), "{}", session.text());
    // The text of the line stays reachable.
    session.keys("e");
    assert!(session.shows("the text is checked as you type"), "{}", session.text());
}

#[test]
fn forms_are_filled_in_lines_of_text() {
    let mut session = Session::new(SIZE.width, SIZE.height);
    session.model = Model::new(Options { plain: true, ..options() }, SIZE);
    session.listed();
    session.model.answer("1");
    session.send(anomal_tui::Message::Proposed { generation: 1, result: Ok(proposal()) });
    session.model.answer("features");
    session.model.answer("2");
    session.model.answer("");
    let shown = session.model.plain_lines().join("\n");
    assert!(shown.starts_with("features[1]:"), "{shown}");
    let line = shown.lines().find(|line| line.contains("multiplier = (1.0)")).expect("a field");
    let number = line.split_whitespace().next().expect("a number").to_owned();
    session.model.answer(&number);
    session.model.answer("-3");
    let shown = session.model.plain_lines().join("\n");
    assert!(shown.starts_with("! \"-3\" is not what it takes"), "{shown}");
    session.model.answer("3");
    assert!(session.settings().contains("name: bytes, multiplier: 3}"), "{}", session.settings());
    session.model.answer(&format!("default {number}"));
    assert_eq!(session.settings(), proposal().text);
    assert_eq!(session.model.answer("99"), []);
    let effects = session.model.answer("text");
    assert!(matches!(&effects[..], [Effect::Editor { .. }]), "{effects:?}");
}
