//! Files that are large, many, strange, gone, or changed by others.

use std::fs;

use anomal_tests::{Workspace, pty::Terminal};

use super::support::{start, workspace};

#[test]
fn a_file_that_vanishes_has_a_message_and_the_settings_stay() {
    let workspace = workspace();
    let mut terminal = start(&workspace, &["ui", "--report-store", "reports", "access.csv"]);
    terminal.wait_for("A whole job is proposed");
    fs::remove_file(workspace.path("access.csv")).expect("removed");
    terminal.keys("p").wait_for("Preview: access.csv can't be read: No such file");
    terminal.keys("r\r").wait_for("Failed with exit code");
    terminal.wait_for("access.csv");
    assert!(workspace.read("job.yaml").contains("path: access.csv"));
    // Back, it runs.
    workspace.write("access.csv", &super::support::access_log());
    terminal.keys("r").wait_for("[7 Results]+");
    assert_eq!(terminal.keys("q").ends(), 0);
}

#[test]
fn a_folder_of_100_000_files_is_listed_in_part() {
    let workspace = workspace();
    let folder = workspace.path("many");
    fs::create_dir(&folder).expect("a folder");
    for number in 0..100_000 {
        fs::File::create(folder.join(format!("{number:06}.csv"))).expect("a file");
    }
    let mut terminal = Terminal::start(&folder, &["ui"], 100, 30);
    terminal.wait_for("> 000000.csv");
    terminal.keys("G").wait_for("> ..");
    terminal.wait_for("and 98,000 more");
    terminal.keys("/001999\r").wait_for("> 001999.csv");
    assert_eq!(terminal.keys("q").ends(), 0);
}

#[test]
fn of_a_file_of_50_gigabytes_only_the_beginning_is_read() {
    let workspace = Workspace::default();
    let head = "time,client,bytes\n".to_owned();
    let rows = (0..120_000).map(|row| {
        let (hour, minute, second) = (row / 3_600 % 24, row / 60 % 60, row % 60);
        format!("2026-03-02T{hour:02}:{minute:02}:{second:02}Z,c{},{}\n", row % 7, row % 1_013)
    });
    let csv = rows.fold(head, |csv, row| csv + &row);
    workspace.write("large.csv", csv.as_bytes());
    // The rest is a hole, which takes no space.
    let file = fs::File::options().write(true).open(workspace.path("large.csv")).expect("open");
    file.set_len(50_000_000_000).expect("a sparse file");
    let mut terminal = start(&workspace, &[]);
    terminal.wait_for("50 GB");
    terminal.keys("\r").wait_for("A whole job is proposed");
    terminal.wait_for("about ");
    assert_eq!(terminal.keys("q").ends(), 0);
}

#[test]
fn of_two_instances_the_second_to_write_is_asked() {
    let workspace = workspace();
    workspace.anomal(&["init", "access.csv", "-o", "job.yaml", "--no-trial"]).expect(0, &[]);
    let mut first = start(&workspace, &["ui", "job.yaml"]);
    let mut second = start(&workspace, &["ui", "job.yaml"]);
    first.wait_for("Used as");
    second.wait_for("Used as");
    first.keys("2+").wait_for("Weight 2");
    second.keys("2j+").wait_for("Weight 2");
    first.keys("w").wait_for("Written to job.yaml");
    let written = workspace.read("job.yaml");
    second.keys("w").wait_for("has changed since it was read. Replace it?");
    assert_eq!(workspace.read("job.yaml"), written);
    second.keys("n").wait_for("[2 Features]");
    // What is not replaced is written elsewhere.
    second.keys("W").wait_for("Write the settings to this file");
    second.keys("\x15mine.yaml\r").wait_for("Written to mine.yaml");
    assert_eq!(workspace.read("job.yaml"), written);
    assert!(workspace.read("mine.yaml").contains("multiplier: 2"));
    assert_eq!(first.keys("q").ends(), 0);
    assert_eq!(second.keys("q").ends(), 0);
}

#[test]
fn wide_and_combining_characters_keep_their_columns() {
    let mut csv = String::from("zeit,名前,Größe\u{301},emoji\n");
    for row in 0..200 {
        csv += &format!(
            "2026-03-02T00:{:02}:00Z,日本語{},{row},👩\u{200d}🔧\u{202e}\n",
            row % 60,
            row % 3
        );
    }
    let workspace = Workspace::with_files(&[("日本語 é.csv", csv.as_bytes())]);
    let mut terminal = start(&workspace, &[]);
    terminal.wait_for("> 日本語 é.csv");
    let size = |text: &str| text.lines().find(|line| line.contains("日本語")).map(str::to_owned);
    assert!(size(&terminal.text()).is_some_and(|line| line.trim_end().ends_with("data")));
    terminal.keys("\r").wait_for("A whole job is proposed");
    let data = terminal.wait_for("名前");
    // The cells behind are where they are in other lines, two for each wide character.
    let cells = |line: &str, part: &str| {
        let at = line.find(part)?;
        let head: String = line[..at].to_owned();
        Some(head.chars().map(|c| if c > '\u{2e7f}' { 2 } else { 1 }).sum::<usize>())
    };
    let of = |name: &str, part: &str| {
        data.lines().find(|line| line.contains(name)).and_then(|line| cells(line, part))
    };
    let (wide, plain) = (of("名前", "text"), of("Used as", "Type"));
    assert!(wide.is_some() && wide == plain, "{data}");
    assert!(!data.contains('\u{202e}') && !data.contains('\u{200d}'), "{data}");
    assert_eq!(terminal.keys("q").ends(), 0);
}
