//! Every screen as it is drawn.

mod support;

use support::Session;

fn both(name: &str, make: impl Fn(u16, u16) -> Session, keys: &[&str]) {
    for (width, height) in [(80, 24), (120, 40)] {
        let mut session = make(width, height);
        keys.iter().for_each(|keys| drop(session.keys(keys)));
        insta::assert_snapshot!(format!("{name}_{width}x{height}"), session.text());
    }
}

#[test]
fn screens() {
    both(
        "home",
        |width, height| {
            let mut session = Session::new(width, height);
            session.listed();
            session
        },
        &[],
    );
    both("data", Session::with_job, &["j"]);
    both("rows", Session::with_job, &[" "]);
    both("features", Session::with_job, &["2", "j", " "]);
    both("flags", Session::with_job, &["3"]);
    both("detector", Session::with_job, &["4"]);
    both("outputs", Session::with_job, &["5"]);
    both(
        "run",
        |width, height| {
            let mut session = Session::with_job(width, height);
            session.running();
            session
        },
        &[],
    );
    let results = |width, height| Session::with_results(width, height, 300);
    both("results", results, &[]);
    both("result_rows", results, &["\t", "j"]);
    both("result_flags", results, &["\t", "\t"]);
    both("timeline", results, &["t", "jjjj", "t", "jj"]);
    both("row", Session::with_all, &[]);
    both("cluster", Session::with_cluster, &[]);
    both("cluster_job", Session::with_cluster_job, &[]);
}

#[test]
fn overlays() {
    both("help", Session::with_job, &["2", "?"]);
    both("palette", Session::with_job, &["2", ":", "weight"]);
    both("role", Session::with_job, &["j", "R"]);
    both("write", Session::with_job, &["r"]);
    both("form", Session::with_job, &["2", "j", "\r", "jj"]);
    both("verdict", |width, height| Session::with_results(width, height, 300), &["v"]);
    both("problem", Session::with_job, &["2", "e", "\x1b[F", "x"]);
}

#[test]
fn without_colours_everything_is_said_in_words() {
    let mut session = Session::with_all(80, 24);
    let colored = session.text();
    session.keys("0");
    let buffer = session.model.view();
    let colors =
        buffer.content.iter().filter(|cell| cell.fg != ratatui_core::style::Color::Reset).count();
    assert_eq!(colors, 0);
    assert!(colored.contains("medium path_traversal"));
}
