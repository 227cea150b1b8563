//! `anomal pack test`: the tests of a pack's components.

use std::{
    fmt::Write,
    fs, io,
    path::{Path, PathBuf},
};

use anomal_spec::{PackCase, load_pack_cases};
use serde_json::Value as Json;

use super::{
    super::{CommandResult, print},
    LocalPack,
    cases::PreparedCase,
};
use crate::{exit, present::error::Failure};

/// Rows at once: results must not depend on it.
const CHUNKS: [usize; 3] = [1, 7, 65_536];

pub fn run(folder: &Path) -> CommandResult {
    // Polars may block within an expression, which a runtime of one thread can't.
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let pack = runtime.block_on(LocalPack::open(folder))?;
    let (mut text, mut passed, mut failed) = (String::new(), 0, 0);
    let mut untested: Vec<&str> = pack.components.iter().map(|one| one.name.as_str()).collect();
    for file in case_files(folder)? {
        let name = file.display().to_string();
        let bytes = fs::read(&file)
            .map_err(|error| Failure::usage(format!("cannot read {name}: {error}")))?;
        let cases =
            load_pack_cases(&bytes, &name).map_err(|error| Failure::usage(error.to_string()))?;
        for (index, case) in cases.iter().enumerate() {
            untested.retain(|component| *component != case.component);
            match runtime.block_on(check(&pack, case)) {
                Ok(()) => passed += 1,
                Err(message) => {
                    failed += 1;
                    // Writing to a string cannot fail.
                    let _ = writeln!(
                        text,
                        "{name}: test {} of {}: {message}",
                        index + 1,
                        case.component
                    );
                }
            }
        }
    }
    if !untested.is_empty() {
        let _ = writeln!(text, "without a test: {}", untested.join(", "));
    }
    let _ = writeln!(text, "{passed} passed, {failed} failed");
    print(&text)?;
    Ok(if failed > 0 { exit::FAILED } else { exit::DONE })
}

/// The files of the folder `tests`, by name.
fn case_files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let tests = folder.join("tests");
    let failed =
        |error: io::Error| Failure::usage(format!("cannot read {}: {error}", tests.display()));
    let mut files = Vec::new();
    match fs::read_dir(&tests) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
        Ok(entries) => {
            for entry in entries {
                let path = entry.map_err(failed)?.path();
                if path.extension().is_some_and(|extension| extension == "yaml") {
                    files.push(path);
                }
            }
        }
    }
    files.sort();
    Ok(files)
}

async fn check(pack: &LocalPack, case: &PackCase) -> Result<(), String> {
    let engine = &pack.engine;
    let prepared = PreparedCase::new(pack, case).await?;
    let order: Vec<usize> = (0..case.rows.len()).collect();
    let values = prepared.values(engine, &order, usize::MAX).await?;
    for (row, (value, expected)) in values.iter().zip(&case.expect).enumerate() {
        if !same(value, &expected.0) {
            return Err(format!("row {row} gives {value}, not {}", expected.0));
        }
    }
    let reversed: Vec<usize> = order.iter().rev().copied().collect();
    if !prepared.is_row_wise() {
        let others = prepared.values(engine, &reversed, usize::MAX).await?;
        return match (0..values.len()).find(|row| values[*row] != others[*row]) {
            Some(row) => Err(format!(
                "row {row} gives {} and, with the rows in reversed order, {}: its value depends on the order of rows",
                values[row], others[row]
            )),
            None => Ok(()),
        };
    }
    for chunk in CHUNKS {
        for order in [&order, &reversed] {
            let others = prepared.values(engine, order, chunk).await?;
            if let Some(row) = (0..values.len()).find(|row| values[*row] != others[*row]) {
                return Err(format!(
                    "row {row} gives {} among all rows and {} in chunks of {chunk}: its value depends on other rows",
                    values[row], others[row]
                ));
            }
        }
    }
    Ok(())
}

/// Numbers within a relative error of 1e-9.
fn same(value: &Json, expected: &Json) -> bool {
    match (value.as_f64(), expected.as_f64()) {
        (Some(value), Some(expected)) => (value - expected).abs() <= 1e-9 * expected.abs().max(1.0),
        _ => value == expected,
    }
}
