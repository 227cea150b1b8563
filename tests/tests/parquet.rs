//! Parquet inputs of every type and kind, through the built program.

#[path = "types/support.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod support;

mod parquet {
    mod edges;
    mod expected;
    mod files;
    mod matrix;
    mod typed;
    mod views;

    use anomal_tests::repository;

    use crate::support::{Run, fields, job, run};

    /// A file of tests/data/parquet, which generate.py there makes.
    fn data(name: &str) -> Vec<u8> {
        std::fs::read(repository().join("tests/data/parquet").join(name)).expect(name)
    }

    /// Runs a job over a file with features of type field.
    fn run_fields(name: &str, names: &[&str]) -> Run {
        run_features(name, &fields(names))
    }

    fn run_features(name: &str, features: &str) -> Run {
        run(name, &data(name), &job(&format!("parquet: {{path: {name}}}"), features))
    }
}
