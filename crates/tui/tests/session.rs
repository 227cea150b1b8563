//! Whole sessions by their keys: what is done outside, and what the settings are then.

mod support;

use std::time::Duration;

use anomal_tui::{
    Effect, FileKind, Input, Listing, Message, OpenedFile, Record, RunEvent, Screen, WriteProblem,
};
use support::*;

#[test]
fn from_a_file_to_suspects_by_enter_and_r() {
    let mut session = Session::new(80, 24);
    session.listed();
    let proposed = session.keys("\r");
    assert_eq!(proposed, [Effect::Propose { path: "access.csv".into(), generation: 1 }]);
    assert!(session.shows("Inspecting access.csv"));
    session.send(Message::Proposed { generation: 1, result: Ok(proposal()) });
    assert_eq!(session.model.screen(), Screen::Data);
    assert!(session.shows("161 suspicious, 85 flagged"));
    assert_eq!(session.keys("r"), []);
    assert!(session.shows("Write the settings to this file, and run them"));
    let written = session.keys("\r");
    let text = proposal().text;
    let write =
        Effect::Write { path: "job.yaml".into(), text: text.clone(), known: None, force: false };
    assert_eq!(written, [write]);
    let run = session.send(Message::Written { path: "job.yaml".into(), text, result: Ok(()) });
    assert!(run.contains(&Effect::Run { path: "job.yaml".into() }), "{run:?}");
    session.ran();
    assert_eq!(session.model.screen(), Screen::Results);
    assert!(session.shows("path_traversal"), "{}", session.text());
    let listed = session.keys("\r");
    let [Effect::Rows(query)] = &listed[..] else { panic!("{listed:?}") };
    assert_eq!(query.incident, Some(1));
    let generation = query.generation;
    session.send(Message::Rows { generation, result: Ok(suspects(0, 12)) });
    assert!(session.shows("filter of rows: incident 1") && session.shows("[Rows 12]"));
    let opened = session.keys("j\r");
    assert_eq!(opened, [Effect::Record { row: 7 }]);
    session.send(Message::Record(Ok(record())));
    assert!(session.shows("row 4711") && session.shows("/../../etc/passwd"), "{}", session.text());
    session.keys("\x1b");
    assert_eq!(session.model.screen(), Screen::Results);
}

#[test]
fn every_key_of_every_screen_is_taken() {
    for screen in
        [None, Some('1'), Some('2'), Some('3'), Some('4'), Some('5'), Some('6'), Some('7')]
    {
        for key in anomal_tui::keymap::BINDINGS.iter().flat_map(|binding| binding.keys) {
            let mut session = Session::with_all(100, 30);
            if let Some(screen) = screen {
                session.keys(&screen.to_string());
            } else {
                session.keys("0");
            }
            session.send(Message::Input(Input::Key(*key)));
            session.text();
            // Whatever it did can be undone, byte for byte.
            session.keys("\x1b");
            for _ in 0..3 {
                session.keys("u");
            }
            assert_eq!(
                session.model.settings(),
                Some(proposal().text.as_str()),
                "{screen:?} {key:?}"
            );
        }
    }
}

#[test]
fn lists_are_edited_as_text() {
    let mut session = Session::with_job(120, 40);
    session.keys("2");
    session.keys("j ");
    assert!(
        session.settings().contains("  # - {type: field, name: bytes}\n"),
        "{}",
        session.settings()
    );
    session.keys(" ");
    assert_eq!(session.settings(), proposal().text);
    session.keys("+");
    assert!(session.settings().contains("{type: field, name: bytes, multiplier: 2}"));
    session.keys("-d");
    assert!(!session.settings().contains("name: bytes"));
    session.keys("uuu");
    assert_eq!(session.settings(), proposal().text);
    session.keys("3s");
    assert!(session.settings().contains("severity: high"));
    session.keys("4\x1b[B\x1b[B\r");
    assert!(
        session.settings().contains("threshold: {method: contamination, value: 0.005}"),
        "{}",
        session.settings()
    );
    session.keys("\t\x1b[B\r");
    assert!(session.settings().contains("engine: HBOS"), "{}", session.settings());
}

#[test]
fn a_role_changes_the_lines_of_features() {
    let mut session = Session::with_job(120, 40);
    // The column `bytes` becomes a category, then nothing.
    session.keys("1jjR\x1b[B\r");
    assert!(
        session.settings().contains("{type: field, name: bytes, kind: categorical}"),
        "{}",
        session.settings()
    );
    assert!(!session.settings().contains("{type: field, name: bytes}"));
    session.keys("R\x1b[F");
    session.keys("jjjjj\r");
    assert!(!session.settings().contains("name: bytes"), "{}", session.settings());
    session.keys("T");
    assert!(session.settings().contains("timeColumn: bytes"), "{}", session.settings());
}

#[test]
fn a_problem_is_shown_at_its_line_and_nothing_is_lost() {
    let mut session = Session::with_job(80, 24);
    session.keys("2e");
    for _ in 0.."  - {type: metric".len() {
        session.keys("\x1b[C");
    }
    session.keys("x");
    assert!(session.settings().contains("metricx"));
    assert!(session.shows("! "), "{}", session.text());
    session.keys("\x1b");
    assert!(session.shows("1 problem") && session.shows("[2 Features]!"), "{}", session.text());
    // It does not run, and shows the line instead.
    assert_eq!(session.keys("r"), []);
    assert!(session.shows("metricx") && session.shows("line 9"), "{}", session.text());
    session.keys("\x1b");
    session.keys("u");
    assert_eq!(session.settings(), proposal().text);
}

#[test]
fn a_file_that_has_changed_is_replaced_only_if_asked() {
    let mut session = Session::with_job(80, 24);
    session.keys("w\r");
    let text = session.settings();
    session.send(Message::Written {
        path: "job.yaml".into(),
        text,
        result: Err(WriteProblem::Changed),
    });
    assert!(session.shows("Replace it?"));
    let effects = session.keys("\r");
    assert!(matches!(&effects[..], [Effect::Write { force: true, .. }]), "{effects:?}");
}

#[test]
fn runs_are_stopped_killed_and_may_fail() {
    let mut session = Session::with_job(80, 24);
    session.running();
    assert!(session.shows("> running") && session.shows("50 %"), "{}", session.text());
    assert_eq!(session.keys("x"), [Effect::Stop { kill: false }]);
    assert_eq!(session.keys("x"), [Effect::Stop { kill: true }]);
    session.send(Message::Run(RunEvent::Ended { code: None }));
    assert!(session.shows("Stopped. No result was written"), "{}", session.text());
    session.running();
    session.send(Message::Run(RunEvent::Ended { code: None }));
    assert!(session.shows("ended by the system"), "{}", session.text());
    session.running();
    session.send(Message::Run(RunEvent::Log("error: job.yaml:3:1: broken".into())));
    session.send(Message::Run(RunEvent::Ended { code: Some(2) }));
    assert!(session.shows("exit code 2") && session.shows("job.yaml:3:1: broken"));
    // Quitting asks only while it runs.
    session.running();
    assert_eq!(session.keys("q"), []);
    assert_eq!(session.keys("\r"), [Effect::Stop { kill: false }, Effect::Quit]);
}

#[test]
fn changes_become_drafts_and_previews_once_they_rest() {
    let mut session = Session::with_job(80, 24);
    session.keys("2j+");
    assert!(session.model.wants_time());
    assert_eq!(session.send(Message::Tick(Duration::from_millis(100))), []);
    let effects = session.send(Message::Tick(Duration::from_secs(1)));
    let [Effect::Draft { text: Some(_), .. }, Effect::Preview { generation, .. }] = &effects[..]
    else {
        panic!("{effects:?}")
    };
    session.send(Message::Previewed { generation: generation + 1, result: Err("old".into()) });
    assert!(session.model.wants_time());
    session
        .send(Message::Previewed { generation: *generation, result: Err("no such column".into()) });
    assert!(session.shows("Preview: no such column"));
    assert!(!session.model.wants_time());
    assert!(matches!(&session.keys("q")[..], [Effect::Draft { .. }, Effect::Quit]));
}

#[test]
fn rows_are_read_as_they_are_seen() {
    let mut session = Session::with_results(80, 24, 1_000);
    session.keys("\t");
    assert!(session.shows("[Rows 1,000]"), "{}", session.text());
    let effects = session.keys("G");
    let [Effect::Rows(query)] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(query.offset, 899);
    assert!(
        matches!(&session.keys("s")[..], [Effect::Rows(query)] if query.sort == "severity" && query.offset == 0)
    );
    let effects = session.keys("/admin\r");
    assert!(
        matches!(&effects[..], [Effect::Rows(query)] if query.search == "admin"),
        "{effects:?}"
    );
    let effects = session.keys("\x1b");
    assert!(
        matches!(&effects[..], [Effect::Rows(query)] if query.search.is_empty()),
        "{effects:?}"
    );
}

#[test]
fn outcomes_of_what_is_no_longer_wanted_are_dropped() {
    let mut session = Session::new(80, 24);
    session.listed();
    session.keys("\r\x1b");
    session.send(Message::Proposed { generation: 1, result: Ok(proposal()) });
    assert_eq!(session.model.screen(), Screen::Home);
    session.send(Message::Record(Ok(Record::default())));
    session.send(Message::Failed("a defect".into()));
    assert!(session.shows("a defect"));
}

#[test]
fn a_paste_of_a_megabyte_is_taken_or_refused_whole() {
    let mut session = Session::with_job(80, 24);
    let text = "x: 日本\n".repeat(150_000);
    session.send(Message::Input(Input::Paste(text.clone())));
    assert!(session.shows("no place"));
    session.keys("e");
    session.send(Message::Input(Input::Paste(text.clone())));
    session.text();
    session.send(Message::Input(Input::Paste("# é\n".repeat(1_000))));
    assert!(session.settings().contains("# é\n# é\n"));
    session.keys("\x1bu");
    assert_eq!(session.settings(), proposal().text);
    session.keys("o/");
    session.send(Message::Input(Input::Paste(text)));
    session.text();
}

#[test]
fn a_job_that_is_opened_is_inspected_and_previewed() {
    let mut session = Session::new(80, 24);
    session.listed();
    let file = OpenedFile { text: proposal().text, as_written: true };
    let effects = session.send(Message::Opened { path: "job.yaml".into(), result: Ok(file) });
    assert!(
        matches!(&effects[..], [Effect::Inspect { .. }, Effect::Preview { .. }]),
        "{effects:?}"
    );
    assert_eq!(session.keys("w"), []);
    assert!(session.shows("Written already"));
    // It runs without being asked where to write it.
    assert_eq!(session.keys("r"), [Effect::Run { path: "job.yaml".into() }]);
    // One that reads from another machine is not.
    let text = proposal().text.replace("access.csv}", "s3://b/access.csv}");
    let file = OpenedFile { text, as_written: true };
    let effects = session.send(Message::Opened { path: "job.yaml".into(), result: Ok(file) });
    assert!(matches!(&effects[..], [Effect::Inspect { .. }]), "{effects:?}");
}

#[test]
fn folders_are_gone_through() {
    let mut session = Session::new(80, 24);
    session.listed();
    let effects = session.keys("G");
    assert_eq!(effects, []);
    let folder = session
        .listing
        .entries
        .iter()
        .rfind(|entry| entry.kind == FileKind::Folder)
        .unwrap()
        .path
        .clone();
    let at = session.listing.entries.iter().position(|entry| entry.path == folder).unwrap();
    session.keys("g");
    (0..at).for_each(|_| drop(session.keys("j")));
    assert_eq!(session.keys("\r"), [Effect::List { folder: folder.clone() }]);
    session.send(Message::Listed { folder, result: Err("no rights".into()) });
    assert!(session.shows("! no rights"));
    session.send(Message::Listed { folder: "/".into(), result: Ok(Listing::default()) });
    assert!(session.shows("nothing; o takes a path or URL"));
    assert_eq!(
        session.keys("os3://b/a.csv\r"),
        [Effect::Propose { path: "s3://b/a.csv".into(), generation: 1 }]
    );
    session.keys("\x1b");
    assert_eq!(session.keys("omy.yaml\r"), [Effect::Open { path: "my.yaml".into() }]);
    assert_eq!(session.keys("\x0c"), [Effect::Repaint]);
    assert_eq!(session.keys("\x1a"), [Effect::Suspend]);
}

/// Clicks on the first cell of a text that is shown.
fn click(session: &mut Session, part: &str) -> Vec<Effect> {
    let shown = session.text();
    let found = shown.lines().enumerate().find_map(|(y, line)| Some((line.find(part)?, y)));
    assert!(found.is_some(), "{part} is not shown:\n{shown}");
    let (x, y) = found.unwrap_or_default();
    session.keys(&format!("\x1b[<0;{};{}M", x + 1, y + 1))
}

#[test]
fn the_mouse_does_what_keys_do() {
    for (width, height) in [(80, 24), (120, 40)] {
        let mut session = Session::new(width, height);
        session.listed();
        // The selected line is opened, another one is selected first.
        click(&mut session, "other.job.yaml");
        assert!(session.shows("> other.job.yaml"), "{}", session.text());
        let opened = click(&mut session, "other.job.yaml");
        assert_eq!(opened, [Effect::Open { path: "other.job.yaml".into() }]);
        let mut session = Session::with_job(width, height);
        click(&mut session, "4 Detector");
        assert_eq!(session.model.screen(), Screen::Detector);
        click(&mut session, "HBOS");
        click(&mut session, "HBOS");
        assert!(session.settings().contains("engine: HBOS"), "{}", session.settings());
        click(&mut session, "2 Features");
        session.keys("\x1b[<65;5;5M");
        assert!(session.shows("> method"), "{}", session.text());
        session.keys("\x1b[<64;5;5M");
        assert!(session.shows("> path.length"), "{}", session.text());
        // The bar of keys, a list that lies above, and what is below it.
        click(&mut session, "? help");
        assert!(session.shows("Everywhere"));
        session.keys("\x1b:");
        click(&mut session, "Raise the weight");
        assert!(session.settings().contains("multiplier: 2"), "{}", session.settings());
        session.keys("1R");
        click(&mut session, "Data");
        assert!(session.shows("Use time as"), "{}", session.text());
        click(&mut session, "how common");
        assert!(session.settings().contains("time.rows"), "{}", session.settings());
        let mut session = Session::with_results(width, height, 300);
        click(&mut session, "Rows 300");
        assert!(session.shows("[Rows 300]"), "{}", session.text());
    }
    let mut session = Session::with_job(80, 24);
    assert_eq!(session.keys("m"), [Effect::Mouse(false)]);
    assert_eq!(session.keys("m"), [Effect::Mouse(true)]);
}

#[test]
fn texts_are_copied() {
    let mut session = Session::new(80, 24);
    session.listed();
    assert_eq!(session.keys("y"), []);
    assert!(session.shows("nothing to copy"));
    let mut session = Session::with_all(80, 24);
    let copied = session.keys("yj\r");
    let [Effect::Copy { text }] = &copied[..] else { panic!("{copied:?}") };
    let copy: serde_json::Value = serde_json::from_str(text).unwrap();
    assert_eq!(copy["user_agent"], "\u{1b}[31mcurl\u{202e}");
    let copied = session.keys("yjj\r");
    assert_eq!(copied, [Effect::Copy { text: "anomal run job.yaml".into() }]);
    session.keys("\x1b");
    let copied = session.keys("y\r");
    assert!(matches!(&copied[..], [Effect::Copy { text }] if !text.is_empty()), "{copied:?}");
}

#[test]
fn items_are_added_and_completed() {
    let mut session = Session::with_job(120, 40);
    session.keys("2a");
    session.keys("user_agent\r");
    assert!(session.settings().contains("- {type: field, name: user_agent}\n"));
    // It is open, to be completed.
    assert!(session.shows("Esc close"), "{}", session.text());
    session.keys("\x1b");
    assert!(session.shows("> user_agent"), "{}", session.text());
    session.keys("a");
    session.keys("digits\r\x1b");
    let settings = session.settings();
    assert!(settings.contains("{type: metric, name: numbers, dataNeeded: [path]}"), "{settings}");
    assert!(settings.contains("packs: [text, dns]"), "{settings}");
    session.keys("3a");
    session.keys("condition\r\x1b");
    assert!(session.settings().contains("name: new_flag"), "{}", session.settings());
    session.keys("5a");
    session.keys("csv\r\x1b");
    assert!(session.settings().contains("- {csv: {path: results.csv}}"), "{}", session.settings());
    for _ in 0..4 {
        session.keys("u");
    }
    assert_eq!(session.settings(), proposal().text);
    // No option has these words.
    session.keys("azzz\r");
    assert_eq!(session.settings(), proposal().text);
}

#[test]
fn another_editor_gives_the_settings_back() {
    let mut session = Session::with_job(80, 24);
    let effects = session.keys("2E");
    let [Effect::Editor { text, line: 9 }] = &effects[..] else { panic!("{effects:?}") };
    let text = text.replace("bytes", "time");
    session.send(Message::Edited(Ok(text.clone())));
    assert_eq!(session.settings(), text);
    session.send(Message::Edited(Ok(text)));
    assert!(session.shows("Nothing was changed"));
    session.send(Message::Edited(Err("vi has failed".into())));
    assert!(session.shows("! vi has failed"));
    session.keys("u");
    assert_eq!(session.settings(), proposal().text);
}
