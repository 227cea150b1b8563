//! Files without rows, columns that can't be read, and files that are not Parquet.

use anomal_tests::Workspace;
use polars::prelude::{Column, DataFrame};
use polars_io::parquet::write::ParquetWriter;

use super::{data, run_fields};
use crate::support::{fields, job, run};

#[test]
fn files_without_rows_have_their_columns() {
    for name in ["no-rows.parquet", "no-groups.parquet"] {
        let done = run_fields(name, &["int32", "decimal9"]).succeeded();
        let text = done.workspace.read("out.csv");
        assert!(text.starts_with("bool,int8,int16,") && text.lines().count() == 1, "{text}");
    }
}

#[test]
fn names_may_differ_by_case_alone() {
    let done = run_fields("case.parquet", &["a", "A"]).succeeded();
    assert_eq!(
        (done.csv("a"), done.csv("A")),
        (vec!["1".into(), "2".into()], vec!["x".into(), "y".into()])
    );
    let parts = ["twice.parquet has two columns with the name `a`", "rename"];
    run_fields("twice.parquet", &["a"]).output.expect(3, &parts);
}

#[test]
fn a_column_that_can_not_be_read_concerns_itself_alone() {
    let done = run_fields("reserved.parquet", &["v"]).succeeded();
    assert!(done.note("UNSUPPORTED_TYPE").starts_with("`x` is left out"));
    assert!(done.workspace.read("out.csv").starts_with("v,anomal.row,"));
    let used = run_fields("reserved.parquet", &["x"]);
    used.output.expect(3, &["column `x` of reserved.parquet can't be read", "leave it out"]);
    // The codec of a column without compression, behind its path, becomes that of LZO.
    let text = data("bad-text.parquet");
    let place = text.windows(6).position(|bytes| bytes == b"\x19\x18\x01s\x15\x00").unwrap();
    let lzo = [&text[..place + 5], b"\x06", &text[place + 6..]].concat();
    let settings = job("parquet: {path: in.parquet}", &fields(&["v"]));
    let done = run("in.parquet", &lzo, &settings).succeeded();
    assert_eq!(
        done.note("UNSUPPORTED_TYPE"),
        "`s` is left out, since its compression LZO is not supported"
    );
    let parts = ["bad-text.parquet: column `s`", "UTF-8"];
    run_fields("bad-text.parquet", &["v"]).output.expect(3, &parts);
    let parts =
        ["split-bytes.parquet: column `d`", "ByteStreamSplit", "plain or dictionary encoding"];
    run_fields("split-bytes.parquet", &["v"]).output.expect(3, &parts);
}

#[test]
fn other_files_are_called_by_their_name() {
    run_fields("encrypted.parquet", &["b"]).output.expect(3, &["is encrypted", "decrypt it"]);
    let parts = ["encrypted-columns.parquet: column `a`", "encrypted"];
    run_fields("encrypted-columns.parquet", &["b"]).output.expect(3, &parts);
    let parts = ["feather.arrow is an Arrow IPC (Feather) file", "pyarrow.parquet.write_table"];
    run_fields("feather.arrow", &["v"]).output.expect(3, &parts);

    let settings = job("parquet: {path: in.parquet}", &fields(&["int32"]));
    let whole = data("types.parquet");
    let expect = |bytes: &[u8], part: &str| {
        let parts = ["in.parquet", "not a complete Parquet file", part];
        run("in.parquet", bytes, &settings).output.expect(3, &parts);
    };
    expect(&[], "is empty");
    expect(&whole[..whole.len() - 100], "no footer");
    expect(b"int32\n1\n2\n3\n", "does not begin as one");
    // Without its middle, in which pages are.
    let end = whole.len() - 6_000;
    let cut = [&whole[..100], &whole[end..]].concat();
    run("in.parquet", &cut, &settings).output.expect(3, &["in.parquet", "copy"]);
}

#[test]
fn columns_that_nothing_reads_are_not_decoded() {
    let numbers: Vec<i64> = (0..2_000).map(|row| row * 7_919 % 1_000).collect();
    let texts: Vec<String> = numbers.iter().map(|number| format!("text {number:x}")).collect();
    let write = |columns: Vec<Column>| {
        let mut frame = DataFrame::new(numbers.len(), columns).unwrap();
        let mut file = Vec::new();
        ParquetWriter::new(&mut file).finish(&mut frame).unwrap();
        file
    };
    let column = |name: &str| Column::new(name.into(), &numbers);
    let text = || Column::new("unused".into(), &texts);
    // The second file has the columns in another order.
    let mut first = write(vec![column("a"), column("b"), text()]);
    let second = write(vec![text(), column("b"), column("a")]);
    let zstd = [0x28, 0xb5, 0x2f, 0xfd];
    let last = first.windows(4).rposition(|bytes| bytes == zstd).unwrap();
    first[last..last + 12].fill(0xee);
    let settings = "input: {parquet: {path: data}}\nfeatures:\n- {type: field, name: a}\n\
                    - {type: field, name: b}\nidColumn: b\nclassification: {engine: HBOS}\n";
    let files: [(&str, &[u8]); 3] = [
        ("data/1.parquet", &first),
        ("data/2.parquet", &second),
        ("job.yaml", settings.as_bytes()),
    ];
    let workspace = Workspace::with_files(&files);
    workspace.anomal(&["fit", "job.yaml", "--model", "m.anomal"]).expect(0, &["4,000"]);
    workspace.anomal(&["run", "job.yaml"]).expect(3, &["1.parquet", "unused"]);
}

#[test]
fn damaged_files_are_errors() {
    let settings = job("parquet: {path: in.parquet}", &fields(&["delta"]));
    let whole = data("none.parquet");
    // Lengths of texts, and the footer.
    let lengths = whole.windows(8).position(|bytes| bytes == b"prefix 0").unwrap();
    for place in [lengths - 40, lengths - 20, lengths - 8, whole.len() - 300, whole.len() - 900] {
        let mut damaged = whole.clone();
        damaged[place..place + 6].fill(0xee);
        let done = run("in.parquet", &damaged, &settings);
        if done.output.code == Some(3) {
            done.output.expect(3, &["in.parquet", "write"]);
        } else {
            // The bytes stand for other values.
            done.output.expect(0, &[]);
        }
    }
}
