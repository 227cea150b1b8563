//! The same sessions in lines of text.

mod support;

use anomal_tui::{Effect, Message, Model, Options, RunEvent, plain::SIZE};
use support::*;

fn session() -> Session {
    let options = Options { plain: true, ..options() };
    let mut session = Session::new(SIZE.width, SIZE.height);
    session.model = Model::new(options, SIZE);
    session.listed();
    session
}

fn lines(session: &Session) -> String {
    session.model.plain_lines().join("\n")
}

#[test]
fn from_a_file_to_suspects_by_answers() {
    let mut session = session();
    insta::assert_snapshot!("plain_home", lines(&session));
    assert!(session.model.answer("9").is_empty());
    assert!(lines(&session).starts_with("! 9: there is no such line"), "{}", lines(&session));
    let effects = session.model.answer("1\n");
    assert!(effects.contains(&Effect::Propose { path: "access.csv".into(), generation: 1 }));
    session.send(Message::Proposed { generation: 1, result: Ok(proposal()) });
    insta::assert_snapshot!("plain_data", lines(&session));
    assert_eq!(session.model.answer("run"), []);
    assert_eq!(
        lines(&session),
        "Write the settings to this file, and run them [job.yaml]: (back: leave it)"
    );
    let effects = session.model.answer("");
    assert!(matches!(&effects[..], [Effect::Write { path, .. }] if path == "job.yaml"));
    let text = proposal().text;
    session.send(Message::Written { path: "job.yaml".into(), text, result: Ok(()) });
    session.send(Message::Run(RunEvent::Started { pid: 1 }));
    session.send(Message::Run(RunEvent::Stage("read".into())));
    session.send(Message::Run(RunEvent::Progress { rows: 1, done: 1, total: Some(3) }));
    assert_eq!(session.model.progress_line().as_deref(), Some("read, 33 %"));
    session.send(Message::Run(RunEvent::Stage("classify".into())));
    let words = "member 2 of 5 (KNN), about 12 s left".to_owned();
    session.send(Message::Run(RunEvent::Step { rows: 12, done: 1, total: Some(10), words }));
    let line = session.model.progress_line();
    assert_eq!(line.as_deref(), Some("classify, 10 %, member 2 of 5 (KNN), about 12 s left"));
    session.ran();
    insta::assert_snapshot!("plain_results", lines(&session));
    let effects = session.model.answer("1");
    let [Effect::Rows(query)] = &effects[..] else { unreachable!("{effects:?}") };
    assert_eq!(query.incident, Some(1));
    let generation = query.generation;
    session.send(Message::Rows { generation, result: Ok(suspects(0, 12)) });
    let effects = session.model.answer("2");
    assert!(effects.contains(&Effect::Record { row: 7 }), "{effects:?}");
    session.send(Message::Record(Ok(record())));
    insta::assert_snapshot!("plain_row", lines(&session));
    session.model.answer("back");
    assert!(lines(&session).contains("filter of rows: incident 1"));
    assert_eq!(session.model.answer("q"), [Effect::Quit]);
}

#[test]
fn settings_are_changed_by_answers() {
    let mut session = session();
    session.model.answer("1");
    session.send(Message::Proposed { generation: 1, result: Ok(proposal()) });
    session.model.answer("2");
    // On this screen a number selects a column, so steps are gone to by their names.
    assert!(lines(&session).contains("[Data]"));
    session.model.answer("flags");
    assert!(lines(&session).contains("[Flags]"), "{}", lines(&session));
    session.model.answer("back");
    assert!(lines(&session).contains("[Features]"), "{}", lines(&session));
    session.model.answer("2");
    session.model.answer("weight");
    assert!(session.settings().contains("{type: field, name: bytes, multiplier: 2}"));
    session.model.answer("u");
    assert_eq!(session.settings(), proposal().text);
    session.model.answer("add");
    session.model.answer("user agent");
    session.model.answer("user_agent");
    let shown = lines(&session);
    assert!(shown.contains("  1  user_agent: the column itself"), "{shown}");
    assert_eq!(session.model.answer("1"), []);
    assert!(lines(&session).contains("features[3]:"), "{}", lines(&session));
    let effects = session.model.answer("text");
    let [Effect::Editor { text, .. }] = &effects[..] else { unreachable!("{effects:?}") };
    let broken = text.replace("name: bytes", "nam: bytes");
    session.send(Message::Edited(Ok(broken)));
    assert!(lines(&session).starts_with("! Changed. But now"), "{}", lines(&session));
    assert_eq!(session.model.answer("run"), []);
    assert!(lines(&session).starts_with("! line 10"), "{}", lines(&session));
    assert!(matches!(&session.model.answer("yaml")[..], [Effect::Editor { .. }]));
    session.model.answer("undo");
    session.model.answer("undo");
    assert_eq!(session.settings(), proposal().text);
    session.model.answer("?");
    insta::assert_snapshot!("plain_help", lines(&session));
    session.model.answer("back");
    session.model.answer("]");
    session.model.answer("]");
    session.model.answer("8");
    assert!(session.settings().contains("engine: HBOS"), "{}", session.settings());
}
