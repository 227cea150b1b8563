//! Checkpoints that are cut off, gone, or of an earlier release.

use anomal_tests::Workspace;

use super::{
    append, catch_up,
    job::{JOB, lines, results},
};

/// The names of the checkpoints, in order.
pub fn numbers(workspace: &Workspace) -> Vec<String> {
    let names = std::fs::read_dir(workspace.path("state")).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.contains(".ckpt")).collect();
    names.sort();
    names
}

/// A stream of 500 records, with the path and the name of its newest checkpoint.
pub fn written() -> (Workspace, std::path::PathBuf, String) {
    let workspace = Workspace::with_files(&[
        ("app.ndjson", lines(0..400).as_bytes()),
        ("job.yaml", JOB.as_bytes()),
    ]);
    catch_up(&workspace).expect(0, &[]);
    append(&workspace, "app.ndjson", &lines(400..500));
    catch_up(&workspace).expect(0, &[]);
    let newest = numbers(&workspace).pop().unwrap();
    (workspace, std::path::PathBuf::from("state").join(&newest), newest)
}

#[test]
fn a_checkpoint_that_is_cut_off_or_gone_costs_nothing() {
    let expected = Workspace::with_files(&[
        ("app.ndjson", lines(0..600).as_bytes()),
        ("job.yaml", JOB.as_bytes()),
    ]);
    catch_up(&expected).expect(0, &[]);
    for kept in [Some(0), Some(20), Some(700), None] {
        let (workspace, path, name) = written();
        let path = workspace.path(path.to_str().unwrap());
        let warning = if let Some(kept) = kept {
            let bytes = std::fs::read(&path).unwrap();
            assert!(bytes.len() > kept);
            std::fs::write(&path, &bytes[..kept]).unwrap();
            vec![name.as_str(), "the one before it is used"]
        } else {
            std::fs::remove_file(&path).unwrap();
            vec![]
        };
        append(&workspace, "app.ndjson", &lines(500..600));
        catch_up(&workspace).expect(0, &warning);
        assert_eq!(results(&workspace), results(&expected), "{kept:?}");
    }
}

#[test]
fn a_model_that_is_gone_from_the_state_is_named() {
    let (workspace, ..) = written();
    for entry in std::fs::read_dir(workspace.path("state")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "object") {
            std::fs::remove_file(path).unwrap();
        }
    }
    let parts = ["no checkpoint can be used", ".object, which it names, is gone"];
    catch_up(&workspace).expect(2, &parts);
    // Nothing was written over.
    assert_eq!(results(&workspace).lines().count(), 500);
}
