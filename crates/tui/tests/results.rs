//! Verdicts, the timeline, and result files.

mod support;

use anomal_tui::{
    Decision, Effect, Judged, Judgement, Message, Model, Options, Record, Report, Screen,
    plain::SIZE,
};
use support::*;

fn stored() -> Judged {
    let decision = Decision {
        verdict: "true positive".into(),
        who: "ben".into(),
        time: "2026-03-03T08:00:00Z".into(),
        note: "host isolated".into(),
        change: String::new(),
    };
    Judged { newer: Vec::new(), newest: 4, decisions: vec![(1, decision)] }
}

#[test]
fn an_incident_is_judged_with_a_comment() {
    let mut session = Session::with_results(100, 30, 300);
    assert!(session.shows("1 judged: 1 false positive"), "{}", session.text());
    session.keys("vc");
    assert_eq!(session.keys("host isolated\r"), []);
    assert!(session.shows("c  comment: host isolated"), "{}", session.text());
    let effects = session.keys("r");
    let judgement = Judgement {
        incident: 1,
        verdict: "true-positive".into(),
        note: "host isolated".into(),
        after: 3,
    };
    assert_eq!(effects, [Effect::Judge(judgement)]);
    session.send(Message::Judged(Ok(stored())));
    assert!(session.shows("Incident 1: true positive"), "{}", session.text());
    // What was said of the other one has been taken back in the meantime.
    assert!(session.shows("1 judged: 1 true positive"), "{}", session.text());
    assert!(session.shows("true positive by ben, 2026-03-03T08:00:00Z: host isolated"));
    // The comment was that verdict's.
    session.keys("v");
    assert!(session.shows("c  comment: write one first"), "{}", session.text());
}

#[test]
fn a_row_is_judged_by_its_incident() {
    let mut session = Session::with_all(100, 30);
    assert!(session.shows("incident 2: false positive by ana"), "{}", session.text());
    let effects = session.keys("vu");
    assert!(
        matches!(&effects[..], [Effect::Judge(one)] if one.incident == 2 && one.verdict == "undecided")
    );
    session.keys("\x1b");
    let effects = session.keys("\tjvn");
    assert!(
        matches!(&effects[..], [Effect::Judge(one)] if one.incident == 2 && one.verdict == "false-positive"),
        "{effects:?}"
    );
    session.send(Message::Record(Ok(Record { incident: None, ..record() })));
    assert_eq!(session.keys("v"), []);
    assert!(session.shows("! It is in no incident"), "{}", session.text());
    session.keys("\x1b");
    session.keys("\t");
    assert_eq!(session.keys("v"), []);
    assert!(session.shows("A verdict is about an incident or a row"), "{}", session.text());
}

#[test]
fn what_others_have_decided_is_seen_before_it_is_replaced() {
    let mut session = Session::with_results(100, 30, 300);
    session.keys("vc");
    session.keys("mine\r");
    session.keys("b");
    let newer = vec!["true positive by ben, 2026-03-03T08:00:00Z".to_owned()];
    session.send(Message::Judged(Ok(Judged { newer, ..stored() })));
    assert!(session.shows("Others have decided in the meantime; nothing is stored"));
    assert!(session.shows("positive by ben"), "{}", session.text());
    // What is there now is shown, whatever is answered.
    let effects = session.keys("\r");
    let judgement =
        Judgement { incident: 1, verdict: "benign".into(), note: "mine".into(), after: 4 };
    assert_eq!(effects, [Effect::Judge(judgement)]);
    session.send(Message::Judged(Err("reports: Permission denied".into())));
    assert!(session.shows("! Not stored: reports: Permission denied"), "{}", session.text());
    // What was typed is still there.
    session.keys("v");
    assert!(session.shows("c  comment: mine"), "{}", session.text());
}

#[test]
fn verdicts_are_given_in_lines_of_text() {
    let mut session = Session::with_results(SIZE.width, SIZE.height, 300);
    let lines = |model: &Model| model.plain_lines().join("\n");
    session.model.answer("verdict");
    assert!(lines(&session.model).contains("  3  n  noise: false positive"));
    assert_eq!(session.model.answer("x"), []);
    assert!(lines(&session.model).starts_with("! x: there is no such line"));
    session.model.answer("c");
    assert_eq!(lines(&session.model), "A comment on the verdict: (back: leave it)");
    session.model.answer("backup");
    let effects = session.model.answer("n");
    assert!(matches!(&effects[..], [Effect::Judge(one)] if one.note == "backup"), "{effects:?}");
}

#[test]
fn the_timeline_zooms_to_a_span() {
    let mut session = Session::with_results(100, 30, 300);
    assert!(session.shows("2026-03-02 00:00") && session.shows("2026-03-03 00:00"));
    session.keys("t");
    assert!(session.shows("[Timeline 24]"), "{}", session.text());
    assert!(session.shows("in intervals of 1 h; 4 rows have no time"), "{}", session.text());
    for _ in 0..16 {
        session.keys("j");
    }
    session.keys("t");
    let effects = session.keys("jt");
    let [Effect::Rows(query)] = &effects[..] else { panic!("{effects:?}") };
    let times = query.times.clone().expect("a span");
    assert_eq!((times.from, times.to), (16 * 3_600_000_000, 18 * 3_600_000_000));
    assert_eq!(times.label, "2026-03-02 16:00 to 2026-03-02 18:00");
    // Incidents of other times are left out, and those without one.
    assert!(session.shows("[Incidents 1]"), "{}", session.text());
    assert!(session.shows("time: 2026-03-02 16:00 to 2026-03-02 18:00"), "{}", session.text());
    // Other filters are within that time.
    let effects = session.keys("/admin\r");
    let [Effect::Rows(query)] = &effects[..] else { panic!("{effects:?}") };
    assert!(query.times.is_some() && query.search == "admin");
    // Further in, by the timeline of the span; Enter is for a single interval.
    session.keys("t");
    assert!(session.shows("[Timeline 2]"), "{}", session.text());
    let effects = session.keys("j\r");
    let [Effect::Rows(query)] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(query.times.as_ref().expect("a span").from, 17 * 3_600_000_000);
    // Out again, by the text and then by the time.
    let effects = session.keys("\x1b");
    assert!(matches!(&effects[..], [Effect::Rows(query)] if query.search.is_empty()));
    let effects = session.keys("\x1b");
    assert!(matches!(&effects[..], [Effect::Rows(query)] if query.times.is_none()), "{effects:?}");
    assert_eq!(session.model.screen(), Screen::Results);
}

#[test]
fn without_times_there_is_no_timeline() {
    let mut session = Session::with_results(100, 30, 300);
    session.send(Message::Report(Ok(Report { timeline: None, ..report() })));
    session.keys("t");
    assert!(session.shows("! The rows have no times"), "{}", session.text());
    session.keys("\x1b[Z");
    assert!(session.shows("[Timeline 0]") && session.shows("timeColumn"), "{}", session.text());
    assert_eq!(session.keys("t"), []);
    assert_eq!(session.keys("\r"), []);
}

fn file() -> Report {
    let notes = vec!["hits are grouped by their actors and targets".to_owned()];
    Report { id: "results.csv".into(), is_file: true, notes, ..report() }
}

#[test]
fn a_result_file_is_browsed() {
    let mut session = Session::new(100, 30);
    session.listed();
    let effects = session.keys("\r");
    assert_eq!(effects, [Effect::Propose { path: "access.csv".into(), generation: 1 }]);
    let path = "access.csv".to_owned();
    let effects = session.send(Message::IsResults { generation: 1, path: path.clone() });
    assert_eq!(effects, [Effect::OpenResults { path: path.clone() }]);
    let effects = session.send(Message::Report(Ok(file())));
    assert!(matches!(&effects[..], [Effect::Rows(_)]), "{effects:?}");
    assert!(session.shows("[Incidents 2]") && session.shows("hits are grouped"));
    for (key, message) in [("v", "has no verdicts"), ("b", "has no pages"), ("P", "has no pages")] {
        assert_eq!(session.keys(key), [], "{key}");
        assert!(session.shows(message), "{key}: {}", session.text());
    }
    // One that is no longer waited for is dropped, as is one of an older request.
    session.keys("0");
    session.listed();
    session.keys("\r");
    session.keys("\x1b");
    assert_eq!(session.send(Message::IsResults { generation: 3, path }), []);
    assert_eq!(session.send(Message::Report(Ok(file()))), []);
    assert_eq!(session.model.screen(), Screen::Home);
}

#[test]
fn results_have_the_same_keys_in_lines_of_text() {
    let mut session = Session::new(SIZE.width, SIZE.height);
    session.model = Model::new(Options { plain: true, ..options() }, SIZE);
    session.listed();
    session.model.answer("1");
    session.send(Message::IsResults { generation: 1, path: "access.csv".into() });
    session.send(Message::Report(Ok(file())));
    session.model.answer("timeline");
    // A number looks at one interval.
    let effects = session.model.answer("17");
    let [Effect::Rows(query)] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(query.times.as_ref().expect("a span").label, "2026-03-02 16:00 to 2026-03-02 17:00");
}

/// Whether a line stands for a row that is not read.
fn waits(session: &Session) -> bool {
    session.text().lines().any(|line| line.trim_start_matches([' ', '>']).trim_end() == "...")
}

#[test]
fn pages_are_read_before_they_are_seen() {
    let mut session = Session::with_results(100, 30, 1_000);
    session.keys("\t");
    let mut read = 200;
    for page in 0..20 {
        let effects = session.keys("\x1b[6~");
        assert!(!waits(&session), "page {page}: {}", session.text());
        assert!(!session.shows("reading"), "page {page}: {}", session.text());
        let [Effect::Rows(query)] = &effects[..] else {
            assert!(effects.is_empty(), "{effects:?}");
            continue;
        };
        let rows = suspects(query.offset, 1_000);
        read = read.max(query.offset + rows.rows.len());
        let generation = query.generation;
        // Once asked for, rows are waited for.
        assert_eq!(session.keys("\x1b[6~"), []);
        assert!(!waits(&session), "page {page}: {}", session.text());
        assert_eq!(session.send(Message::Rows { generation, result: Ok(rows) }), []);
    }
    assert!(read > 300, "{read}");
}

#[test]
fn rows_that_are_selected_while_others_are_read_are_read_next() {
    let mut session = Session::with_results(100, 30, 1_000);
    session.keys("\t");
    let effects = session.keys("G");
    let [Effect::Rows(far)] = &effects[..] else { panic!("{effects:?}") };
    assert!(session.shows("reading"), "{}", session.text());
    assert_eq!(session.keys("g"), []);
    let (generation, rows) = (far.generation, suspects(far.offset, 1_000));
    let effects = session.send(Message::Rows { generation, result: Ok(rows) });
    let [Effect::Rows(near)] = &effects[..] else { panic!("{effects:?}") };
    assert!(near.offset == 0 && waits(&session), "{near:?}: {}", session.text());
    let (generation, rows) = (near.generation, suspects(0, 1_000));
    assert_eq!(session.send(Message::Rows { generation, result: Ok(rows) }), []);
    assert!(!waits(&session), "{}", session.text());
    // What fails is not tried again by itself.
    let effects = session.keys("G");
    let [Effect::Rows(far)] = &effects[..] else { panic!("{effects:?}") };
    let generation = far.generation;
    session.keys("g");
    let failed = Err("the store is gone".to_owned());
    assert_eq!(session.send(Message::Rows { generation, result: failed }), []);
    assert!(session.shows("! the store is gone"), "{}", session.text());
}
