//! Tables as received over the network.
#![no_main]

use anomal_core::Table;
use anomal_fuzz::write_seed;
use anomal_rpc::{Assembler, chunks};
use libfuzzer_sys::fuzz_target;
use polars::prelude::{Column, DataFrame};

fn write_seeds() {
    let columns = vec![
        Column::new("number".into(), [Some(1.5), None]),
        Column::new("whole".into(), [Some(1_i64), None]),
        Column::new("text".into(), [Some("ab"), None]),
        Column::new("truth".into(), [Some(true), None]),
    ];
    let columns = DataFrame::new(2, columns).expect("columns");
    let table = Table::new(vec![0, 1], columns).expect("a table");
    let bytes: Vec<u8> = chunks(table).expect("chunks").flatten().collect();
    write_seed("table", &bytes);
    // The Arrow reader panics on some invalid bytes, which is caught and returned as an error. The fuzzer's own hook
    // would abort first.
    std::panic::set_hook(Box::new(|_| ()));
}

fuzz_target!(init: write_seeds(), |bytes: &[u8]| {
    let mut assembler = Assembler::new(1 << 20);
    for chunk in bytes.chunks(100) {
        if assembler.push(chunk).is_err() {
            return;
        }
    }
    if let Ok(table) = assembler.into_table() {
        assert_eq!(table.rows().len(), table.height());
    }
});
