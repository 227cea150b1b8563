//! Helpers of the fuzz targets.

use std::{future::Future, io::Write, sync::OnceLock};

use anomal_connectors::{OpenOptions, open};
use anomal_core::{Code, Result, proto::Column};
use anomal_dataflow::read_batches;
use anomal_spec::Input;
use tokio::runtime::Runtime;

/// Waits for an engine's result. A panic in the engine is an `Internal` error, which fails the target.
pub fn block_on<T>(work: impl Future<Output = Result<T>>) -> Option<T> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| Runtime::new().expect("a runtime"));
    match runtime.block_on(work) {
        Ok(result) => Some(result),
        Err(error) => {
            assert_ne!(error.code, Code::Internal, "{error}");
            None
        }
    }
}

/// Reads `bytes` to the end, as a file of the input that `input` returns for its path. Checks that every row is either
/// read or rejected, and none twice.
pub fn read_all(bytes: &[u8], input: impl Fn(String) -> Input) {
    let mut file = tempfile::NamedTempFile::new_in("/dev/shm").expect("a file in memory");
    file.write_all(bytes).expect("room for it");
    let input = input(file.path().display().to_string());
    // Small blocks, so that records cross their borders.
    let options = OpenOptions { batch_rows: 5, block_bytes: 16, ..OpenOptions::default() };
    let Ok(mut source) = open(&input, &options) else { return };
    let schema: Vec<Column> = source.schema().to_vec();
    if source.select(&schema).is_err() {
        return;
    }
    let mut next_row = 0;
    for batch in read_batches(source) {
        let Ok(batch) = batch else { return };
        let mut rows = batch.offsets();
        rows.extend(batch.rejected.iter().map(|rejected| rejected.row));
        rows.sort_unstable();
        for row in rows {
            assert_eq!(row, next_row, "rows are numbered without a gap");
            next_row += 1;
        }
        assert_eq!(batch.typed.height(), batch.height());
        assert_eq!(batch.raw.width(), schema.len());
    }
}

/// Writes a binary seed into the folder that SEEDS names, if it is set.
pub fn write_seed(name: &str, bytes: &[u8]) {
    if let Some(folder) = std::env::var_os("SEEDS") {
        let path = std::path::Path::new(&folder).join(name);
        std::fs::write(&path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}
