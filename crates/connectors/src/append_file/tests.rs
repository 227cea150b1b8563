use super::*;
use crate::compression::decompress;

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into()).collect();
    names.sort();
    names
}

#[test]
fn a_series_continues_at_its_mark_with_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.ndjson");
    let open = || AppendFile::new(path.clone(), Some(Rotation::Bytes(10)));
    let mut file = open();
    file.restore(None).unwrap();
    file.write(b"1234\n67\n").unwrap();
    let mark = file.flush().unwrap();
    file.write(b"90\na line that is too long\n1\n2\n").unwrap();
    file.flush().unwrap();
    let read =
        |part: u32| fs::read_to_string(folder.path().join(format!("r-{part:06}.ndjson"))).unwrap();
    let texts = || [1, 2, 3, 4].map(read);
    let expected = ["1234\n67\n", "90\n", "a line that is too long\n", "1\n2\n"];
    assert_eq!(texts(), expected);
    drop(file);
    let mut file = open();
    file.restore(Some(&mark)).unwrap();
    assert_eq!(names(folder.path()), ["r-000001.ndjson"]);
    // In other pieces.
    for line in ["90\n", "a line that is too long\n", "1\n", "2\n"] {
        file.write(line.as_bytes()).unwrap();
    }
    file.flush().unwrap();
    assert_eq!(texts(), expected);
}

#[test]
fn records_with_line_ends_in_quotes_stay_whole_behind_a_header() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.csv");
    let new = AppendFile::new(path, Some(Rotation::Bytes(24)));
    let mut file = new.with_records(Records::QuotedLines);
    file.restore(None).unwrap();
    file.set_header(b"a,b\n".to_vec());
    file.write(
        b"1,\"x\ny\"\n2,\"\"\"\n\"\"\"\n\"3\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\",z\n4,w\n",
    )
    .unwrap();
    file.flush().unwrap();
    let texts: Vec<String> = names(folder.path())
        .iter()
        .map(|name| fs::read_to_string(folder.path().join(name)).unwrap())
        .collect();
    let long = format!("a,b\n\"3{}\",z\n", "\n".repeat(20));
    assert_eq!(texts, ["a,b\n1,\"x\ny\"\n2,\"\"\"\n\"\"\"\n", &long, "a,b\n4,w\n"]);
}

#[test]
fn a_file_has_one_writer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.ndjson");
    let mut file = AppendFile::new(path.clone(), None);
    file.restore(None).unwrap();
    let mark = file.flush().unwrap();
    let mut other = AppendFile::new(path, None);
    let error = other.restore(Some(&mark)).unwrap_err();
    assert!(error.message.contains("another process writes it"), "{error}");
    drop(file);
    other.restore(Some(&mark)).unwrap();
}

#[test]
fn a_series_has_one_writer_though_it_is_at_a_later_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.ndjson");
    let open = || AppendFile::new(path.clone(), Some(Rotation::Bytes(10)));
    let mut file = open();
    file.restore(None).unwrap();
    file.write(b"12345678\n").unwrap();
    let mark = file.flush().unwrap();
    file.write(b"abcdefgh\n12345678\n").unwrap();
    let mut other = open();
    let error = other.restore(Some(&mark)).unwrap_err();
    assert!(error.message.contains("another process writes it"), "{error}");
    assert_eq!(names(folder.path()).len(), 3);
    drop(file);
    other.restore(Some(&mark)).unwrap();
    assert_eq!(names(folder.path()).len(), 1);
}

#[test]
fn compressed_files_continue_at_each_mark() {
    for ending in ["gz", "zst"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(format!("r.ndjson.{ending}"));
        let open = || AppendFile::new(path.clone(), Some(Rotation::Bytes(10)));
        let text = |part: u32| {
            let path = folder.path().join(format!("r-{part:06}.ndjson.{ending}"));
            let mut text = String::new();
            let mut read = decompress(File::open(path).unwrap()).unwrap();
            io::Read::read_to_string(&mut read, &mut text).unwrap();
            text
        };
        let mut file = open();
        file.restore(None).unwrap();
        assert!(file.is_empty());
        file.write(b"123\n").unwrap();
        let mark = file.flush().unwrap();
        assert_eq!(file.flush().unwrap(), mark);
        assert_eq!(text(1), "123\n");
        file.write(b"456\n").unwrap();
        file.flush().unwrap();
        file.write(b"789\n").unwrap();
        drop(file);
        let mut file = open();
        file.restore(Some(&mark)).unwrap();
        file.write(b"456\n789\n").unwrap();
        file.flush().unwrap();
        assert_eq!([1, 2].map(text), ["123\n456\n", "789\n"]);
    }
}

#[test]
fn names_have_the_time_of_each_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("%Y/%H%M%S.ndjson");
    let open = || AppendFile::new(path.clone(), Some(Rotation::Every(1)));
    let mut file = open();
    file.restore(None).unwrap();
    let begun = file.flush().unwrap();
    let wait = || {
        let since = now();
        while now() == since {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    };
    let texts = || {
        let years = names(folder.path());
        let files = years.iter().flat_map(|year| {
            let year = folder.path().join(year);
            names(&year).into_iter().map(move |name| year.join(name)).collect::<Vec<_>>()
        });
        files.map(|path| fs::read_to_string(path).unwrap()).collect::<Vec<_>>()
    };
    wait();
    file.write(b"1\n").unwrap();
    let mark = file.flush().unwrap();
    assert_eq!(texts(), ["1\n"], "a file without records is not left");
    wait();
    file.write(b"2\n").unwrap();
    file.flush().unwrap();
    assert_eq!(texts(), ["1\n", "2\n"]);
    drop(file);
    // What is behind a mark is removed, also where its first file is gone.
    let mut file = open();
    file.restore(Some(&mark)).unwrap();
    assert_eq!(texts(), ["1\n"]);
    drop(file);
    let mut file = open();
    file.restore(Some(&begun)).unwrap();
    file.write(b"1\n").unwrap();
    file.flush().unwrap();
    assert_eq!(texts(), ["1\n"]);
}

#[test]
fn foreign_and_shortened_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.ndjson");
    let mut file = AppendFile::new(path.clone(), None);
    file.restore(None).unwrap();
    file.write(b"1\n2\n").unwrap();
    let mark = file.flush().unwrap();
    drop(file);
    let mut file = AppendFile::new(path.clone(), None);
    let error = file.restore(None).unwrap_err();
    assert!(error.message.contains("not from this stream"), "{error}");
    fs::write(&path, "1\n").unwrap();
    let error = file.restore(Some(&mark)).unwrap_err();
    assert!(error.message.contains("has 2 bytes, and 4 were written"), "{error}");
    fs::write(&path, "1\n2\n").unwrap();
    file.restore(Some(&mark)).unwrap();
    fs::remove_file(&path).unwrap();
    file.write(b"3\n").unwrap();
    assert!(file.flush().is_err());
}
