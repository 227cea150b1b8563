//! The files of new packs.

use crate::args::PackKind;

/// A file: its path, and its text, in which `NAME` is the name of the pack.
type File = (&'static str, &'static str);

const RUST: [File; 8] = [
    ("pack.yaml", include_str!("templates/rust/pack.yaml")),
    ("Cargo.toml", include_str!("templates/rust/Cargo.toml.txt")),
    ("src/lib.rs", include_str!("templates/rust/lib.rs")),
    ("tests/components.yaml", include_str!("templates/rust/tests.yaml")),
    ("Makefile", include_str!("templates/rust/Makefile")),
    (".gitignore", include_str!("templates/rust/gitignore")),
    (".github/workflows/pack.yaml", include_str!("templates/rust/ci.yaml")),
    ("README.md", include_str!("templates/rust/README.md")),
];

const PYTHON: [File; 9] = [
    ("pack.yaml", include_str!("templates/python/pack.yaml")),
    ("app.py", include_str!("templates/python/app.py")),
    ("anomal_pack.py", include_str!("../../../../sdk/python/anomal_pack.py")),
    ("wit/anomal-pack.wit", WIT),
    ("tests/components.yaml", include_str!("templates/python/tests.yaml")),
    ("Makefile", include_str!("templates/python/Makefile")),
    (".gitignore", include_str!("templates/python/gitignore")),
    (".github/workflows/pack.yaml", include_str!("templates/python/ci.yaml")),
    ("README.md", include_str!("templates/python/README.md")),
];

const WIT: &str = include_str!("../../../../crates/pack-host/wit/anomal-pack.wit");

const DECLARATIVE: [File; 3] = [
    ("pack.yaml", include_str!("templates/declarative/pack.yaml")),
    ("tests/components.yaml", include_str!("templates/declarative/tests.yaml")),
    ("README.md", include_str!("templates/declarative/README.md")),
];

pub fn files(kind: PackKind) -> &'static [File] {
    match kind {
        PackKind::Declarative => &DECLARATIVE,
        PackKind::Rust => &RUST,
        PackKind::Python => &PYTHON,
    }
}
