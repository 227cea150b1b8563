//! New packs in Rust and Python, built and tested as their authors would. Without the tools the tests are skipped, which is
//! printed.

use std::{path::Path, process::Command};

use anomal_tests::{Workspace, program, repository, skip};

use crate::support::expect_printed;

fn works(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

fn has_wasm_target() -> bool {
    let sysroot = Command::new("rustc").args(["--print", "sysroot"]).output();
    let sysroot = sysroot.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    sysroot
        .is_ok_and(|root| Path::new(&root).join("lib/rustlib/wasm32-unknown-unknown/lib").is_dir())
}

fn make(workspace: &Workspace, variables: &[String]) -> (bool, String) {
    let mut command = Command::new("make");
    command.args(["-C", "acme", "test"]).arg(format!("ANOMAL={}", program("anomal").display()));
    command.args(variables).current_dir(workspace.path(""));
    // Those of this build are not those of the pack's.
    for variable in ["CARGO_TARGET_DIR", "RUSTFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"] {
        command.env_remove(variable);
    }
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.success(), text)
}

#[test]
fn a_new_pack_in_rust() {
    let workspace = Workspace::with_files(&[]);
    expect_printed(
        &workspace.anomal(&["pack", "new", "acme", "--kind", "rust"]),
        0,
        &["edit acme/src/lib.rs, then run `make -C acme test`"],
    );
    if !has_wasm_target() || !works(Command::new("make").arg("--version")) {
        return skip("Rust's target wasm32-unknown-unknown, or make, is not installed");
    }
    let sdk = repository().join("sdk/rust/anomal-pack");
    let cargo =
        format!("CARGO=cargo --config 'patch.crates-io.anomal-pack.path=\"{}\"'", sdk.display());
    let (passed, text) = make(&workspace, &[cargo]);
    if !passed && text.contains("failed to download") {
        return skip("crates of the SDK can't be fetched");
    }
    assert!(passed && text.contains("3 passed, 0 failed"), "{text}");
    let size = workspace.bytes("acme/component.wasm").len();
    assert!(size < 200_000, "{size} bytes");
    expect_printed(
        &workspace.anomal(&["pack", "show", "acme"]),
        0,
        &[
            "many_names: flag, type aggregation, of client (text), names (text), times (times)",
            "A name that is longer",
        ],
    );
}

#[test]
fn a_new_pack_in_python() {
    let workspace = Workspace::with_files(&[]);
    expect_printed(
        &workspace.anomal(&["pack", "new", "acme", "--kind", "python"]),
        0,
        &["edit acme/app.py"],
    );
    let Ok(tool) = std::env::var("ANOMAL_TEST_COMPONENTIZE_PY") else {
        return skip("ANOMAL_TEST_COMPONENTIZE_PY is not set");
    };
    let (passed, text) = make(&workspace, &[format!("COMPONENTIZE={tool}")]);
    assert!(passed && text.contains("3 passed, 0 failed"), "{text}");
}

#[test]
fn the_interface_is_one() {
    let wit = std::fs::read(repository().join("crates/pack-host/wit/anomal-pack.wit")).unwrap();
    let copy =
        std::fs::read(repository().join("sdk/rust/anomal-pack/wit/anomal-pack.wit")).unwrap();
    assert!(wit == copy, "copy crates/pack-host/wit/anomal-pack.wit to sdk/rust/anomal-pack/wit");
    let module = std::fs::read(repository().join("sdk/python/anomal_pack.py")).unwrap();
    let workspace = Workspace::with_files(&[]);
    expect_printed(&workspace.anomal(&["pack", "new", "acme", "--kind", "python"]), 0, &[]);
    assert!(workspace.bytes("acme/anomal_pack.py") == module);
}
