//! Files of a stream, also of CSV and Parquet, compressed, and with times in their names: each row once.

use std::{fs::File, process::Stdio, time::Duration};

use anomal_tests::Workspace;
use polars::prelude::{DataFrame, SerReader};
use polars_io::parquet::read::ParquetReader;

use super::{
    append, catch_up,
    job::{JOB, lines, results},
    summary,
};

fn job() -> String {
    let outputs = "outputs:\n  - csv: {path: rows.csv, rotate: 16Ki, include: [features]}\n  - parquet: {path: rows.parquet, \
                   rotate: 64Ki}\n";
    JOB.replace("outputs:\n", outputs)
}

fn names(workspace: &Workspace, start: &str, end: &str) -> Vec<String> {
    let names = workspace.files().into_iter();
    names.filter(|name| name.starts_with(start) && name.ends_with(end)).collect()
}

/// All rows of the Parquet files, in order.
fn parquet(workspace: &Workspace) -> DataFrame {
    let mut rows: Option<DataFrame> = None;
    for name in names(workspace, "rows-", ".parquet") {
        let file = File::open(workspace.path(&name)).unwrap();
        let more = ParquetReader::new(file).finish().unwrap();
        assert!(more.height() > 0, "{name}");
        match &mut rows {
            Some(rows) => drop(rows.vstack_mut(&more).unwrap()),
            none => *none = Some(more),
        }
    }
    rows.unwrap()
}

/// Appends records from a number on to what a process reads that is killed so many times: each time so many parts of so many
/// records, with a pause behind each, which is longer each time. Returns the number of records then.
fn append_through_kills(
    workspace: &Workspace,
    mut written: u64,
    kills: u64,
    (parts, records): (u64, u64),
    pause_ms: u64,
) -> u64 {
    for kill in 0..kills {
        let mut command = workspace.command(&["run", "job.yaml", "-q"]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        for _ in 0..parts {
            append(workspace, "app.ndjson", &lines(written..written + records));
            written += records;
            std::thread::sleep(Duration::from_millis(pause_ms + 70 * kill));
        }
        child.kill().unwrap();
        let ended = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&ended.stderr), "", "kill {kill}");
    }
    written
}

#[test]
fn csv_and_parquet_files_have_each_row_once_through_kills() {
    let job = job();
    let workspace = Workspace::with_files(&[
        ("app.ndjson", lines(0..500).as_bytes()),
        ("job.yaml", job.as_bytes()),
    ]);
    let written = append_through_kills(&workspace, 500, 5, (6, 90), 130);
    let last = catch_up(&workspace);
    last.expect(0, &[]);
    assert_eq!(summary(&last)["rows"], written);

    let undisturbed = Workspace::with_files(&[
        ("app.ndjson", lines(0..written).as_bytes()),
        ("job.yaml", job.as_bytes()),
    ]);
    catch_up(&undisturbed).expect(0, &[]);
    let parts = names(&workspace, "rows-", ".csv");
    assert!(parts.len() > 3, "{parts:?}");
    assert_eq!(parts, names(&undisturbed, "rows-", ".csv"));
    let header = workspace.read(&parts[0]).lines().next().unwrap().to_owned();
    for part in &parts {
        let text = workspace.read(part);
        assert!(text.len() <= 16 << 10 && text.starts_with(&header), "{part}");
        assert!(text == undisturbed.read(part), "{part} differs");
    }
    // Bounds of Parquet files depend on those of the chunks that were read, their rows do not.
    let (rows, expected) = (parquet(&workspace), parquet(&undisturbed));
    assert_eq!(rows.height() as u64, written);
    // On a busy machine chunks are larger, and files fewer.
    assert!(names(&workspace, "rows-", ".parquet").len() > 3);
    assert!(rows.equals_missing(&expected));
    let ids: Vec<Option<u64>> = rows.column("anomal.row").unwrap().u64().unwrap().iter().collect();
    assert!(ids.iter().zip(0..).all(|(id, number)| *id == Some(number)));
    assert_eq!(results(&workspace).lines().count() as u64, written);
    // What was written as Parquet is kept twice only as long as the checkpoint before the last one needs it.
    let kept = names(&workspace, "rows-", ".parquet.rows");
    assert!(kept.len() <= 5, "{kept:?}");
}

#[test]
fn other_columns_begin_another_csv_file() {
    let job = job();
    let workspace = Workspace::with_files(&[
        ("app.ndjson", lines(0..400).as_bytes()),
        ("job.yaml", job.replace("16Ki", "1Gi").as_bytes()),
    ]);
    catch_up(&workspace).expect(0, &[]);
    append(&workspace, "app.ndjson", &lines(400..450));
    catch_up(&workspace).expect(0, &[]);
    assert_eq!(names(&workspace, "rows-", ".csv"), ["rows-000001.csv"]);
    let other = job.replace("16Ki, include: [features]", "1Gi");
    workspace.write("job.yaml", other.as_bytes());
    append(&workspace, "app.ndjson", &lines(450..500));
    catch_up(&workspace).expect(0, &[]);
    assert_eq!(names(&workspace, "rows-", ".csv"), ["rows-000001.csv", "rows-000002.csv"]);
    let [first, second] = ["rows-000001.csv", "rows-000002.csv"].map(|name| workspace.read(name));
    assert_eq!((first.lines().count(), second.lines().count()), (451, 51));
    assert!(first.lines().next().unwrap().contains("anomal.features.size"), "{first}");
    assert!(!second.contains("anomal.features"), "{second}");
}

#[test]
fn compressed_files_by_time_have_each_row_once_through_kills() {
    let job = JOB.replace(
        "path: results.ndjson, rotate: 64Ki",
        "path: 'out/%Y-%m-%d/%H%M%S.ndjson.gz', rotate: 2s",
    );
    let workspace = Workspace::with_files(&[
        ("app.ndjson", lines(0..500).as_bytes()),
        ("job.yaml", job.as_bytes()),
    ]);
    let written = append_through_kills(&workspace, 500, 4, (8, 40), 310);
    catch_up(&workspace).expect(0, &[]);
    let texts = workspace.gunzip("out");
    assert!(texts.len() > 3, "{}", texts.len());
    let text = texts.concat();
    let undisturbed = Workspace::with_files(&[
        ("app.ndjson", lines(0..written).as_bytes()),
        ("job.yaml", JOB.as_bytes()),
    ]);
    catch_up(&undisturbed).expect(0, &[]);
    assert!(text == results(&undisturbed), "{} rows of {written}", text.lines().count());
}
