use anomal_core::{Code, Table};
use polars::prelude::*;
use proptest::prelude::*;

use super::*;

type Row = (Option<String>, Option<f64>, Option<bool>, Option<i64>);

fn rows(most: usize) -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec(any::<Row>(), 0..most)
}

fn table(rows: &[Row]) -> Table {
    let time = Column::new("time".into(), rows.iter().map(|row| row.3).collect::<Vec<_>>());
    let time = time.cast(&DataType::Datetime(TimeUnit::Microseconds, None)).unwrap();
    let mut columns = df!(
        "text" => rows.iter().map(|row| row.0.clone()).collect::<Vec<_>>(),
        "number" => rows.iter().map(|row| row.1).collect::<Vec<_>>(),
        "truth" => rows.iter().map(|row| row.2).collect::<Vec<_>>(),
        "cluster" => rows.iter().map(|row| row.3.map(|_| 7_u32)).collect::<Vec<_>>(),
    )
    .unwrap();
    columns.with_column(time).unwrap();
    Table::new((0..rows.len() as u64).map(|row| row * 3).collect(), columns).unwrap()
}

fn encoded(table: &Table) -> Vec<u8> {
    chunks(table.clone()).unwrap().flatten().collect()
}

fn decoded(bytes: &[u8], cut: usize) -> anomal_core::Result<Table> {
    let mut assembler = Assembler::new(64 << 20);
    bytes.chunks(cut).try_for_each(|chunk| assembler.push(chunk))?;
    assembler.into_table()
}

#[track_caller]
fn same(back: &Table, table: &Table) {
    assert_eq!(back.rows(), table.rows());
    assert_eq!(back.columns().schema(), table.columns().schema());
    assert!(back.columns().equals_missing(table.columns()));
}

proptest! {
    #[test]
    fn what_was_cut_is_put_together(rows in rows(50), cut in 1_usize..200) {
        let table = table(&rows);
        same(&decoded(&encoded(&table), cut).unwrap(), &table);
    }

    #[test]
    fn random_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert_eq!(decoded(&bytes, 64).unwrap_err().code, Code::InvalidRequest);
    }

    /// Lies in lengths, offsets, types and marks: an error or another table, never a panic, never an
    /// allocation of what is not there.
    #[test]
    fn damaged_bytes_are_survived(flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let row = (Some("a".repeat(20)), Some(1.0), None, Some(3));
        let mut bytes = encoded(&table(&vec![row; 3]));
        for (place, value) in flips {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        let _ = decoded(&bytes, 1 << 20);
    }

    #[test]
    fn a_part_is_no_table(rows in rows(5), cut in any::<prop::sample::Index>()) {
        let bytes = encoded(&table(&rows));
        let part = &bytes[..cut.index(bytes.len())];
        prop_assert_eq!(decoded(part, 64).unwrap_err().code, Code::InvalidRequest);
    }
}

#[test]
fn many_batches_and_columns_in_pieces_give_the_same_bytes() {
    let rows: Vec<Row> = (0..150_000_i32)
        .map(|n| ((n % 7 > 0).then(|| format!("host{n}")), Some(f64::from(n)), None, Some(n.into())))
        .collect();
    let whole = table(&rows);
    let bytes = encoded(&whole);
    same(&decoded(&bytes, CHUNK_BYTES).unwrap(), &whole);
    let mut pieces = whole.slice(0, 1_000);
    pieces.append(&whole.slice(1_000, 70_000)).unwrap();
    pieces.append(&whole.slice(71_000, 79_000)).unwrap();
    assert!(encoded(&pieces) == bytes);
}

#[test]
fn rows_without_columns_travel() {
    let none = Table::new(vec![4, 9], DataFrame::empty()).unwrap();
    assert_eq!(decoded(&encoded(&none), 10).unwrap().rows(), [4, 9]);
}

#[test]
fn a_cell_larger_than_a_message_travels() {
    let table = table(&[(Some("x".repeat(5 << 20)), None, Some(true), None)]);
    let pieces: Vec<Bytes> = chunks(table.clone()).unwrap().collect();
    assert!(pieces.len() >= 5 && pieces.iter().all(|piece| piece.len() <= CHUNK_BYTES));
    same(&decoded(&pieces.concat(), CHUNK_BYTES).unwrap(), &table);
    let mut small = Assembler::new(4 << 20);
    let refused = pieces.iter().try_for_each(|piece| small.push(piece)).unwrap_err();
    assert_eq!(refused.code, Code::ResourceExhausted);
    assert!(refused.message.contains("4 MiB") && refused.message.contains("at least 6"), "{refused}");
}

/// What pyarrow and others may write and tables here do not have is refused in words.
#[test]
fn types_that_do_not_travel() {
    let list = Column::new("list".into(), [Series::new("".into(), [1, 2])]);
    let list = Table::new(vec![0], DataFrame::new(1, vec![list]).unwrap()).unwrap();
    assert_eq!(chunks(list.clone()).unwrap_err().code, Code::Internal);
    let mut bytes = Vec::new();
    let mut frame = list.into_frame().unwrap();
    polars_io::ipc::IpcStreamWriter::new(&mut bytes).finish(&mut frame).unwrap();
    let refused = decoded(&bytes, 1 << 20).unwrap_err();
    assert!(refused.message.contains("\"list\""), "{refused}");
}

#[test]
fn compressed_batches_are_refused() {
    use polars_io::ipc::{IpcCompression, IpcStreamWriter};
    let mut bytes = Vec::new();
    let mut frame = table(&vec![(None, Some(0.0), None, None); 1_000]).into_frame().unwrap();
    let compression = Some(IpcCompression::ZSTD(polars::prelude::ZstdLevel::default()));
    IpcStreamWriter::new(&mut bytes).with_compression(compression).finish(&mut frame).unwrap();
    let refused = decoded(&bytes, 1 << 20).unwrap_err();
    assert!(refused.message.contains("compressed"), "{refused}");
}
