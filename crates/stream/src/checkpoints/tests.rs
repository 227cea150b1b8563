use std::{fs, path::Path};

use super::*;
use crate::folder::FolderStore;

/// The checkpoints of a process.
fn open(folder: &Path) -> Checkpoints {
    Checkpoints::new(Box::new(FolderStore::open(folder).unwrap()), 1)
}

/// Saves one behind so many records, whose state has these objects.
fn save(checkpoints: &mut Checkpoints, records: u64, objects: &[&[u8]]) -> u64 {
    let positions = [(0, records)].into_iter().collect();
    let checkpoint = Checkpoint { positions, ..Checkpoint::default() };
    let objects: Vec<StateObject> = objects.iter().map(|bytes| StateObject::new(*bytes)).collect();
    let state = FrozenState::new(move |to: &mut dyn Objects| {
        objects.iter().try_for_each(|object| to.store(object))?;
        Ok(records.to_le_bytes().to_vec())
    });
    checkpoints.save(checkpoint, state, &[]).unwrap()
}

fn contents(point: &RestorePoint) -> Vec<&[u8]> {
    point.state.objects.iter().map(StateObject::bytes).collect()
}

fn path_of(folder: &Path, object: &[u8]) -> std::path::PathBuf {
    folder.join(StateObject::new(object).name())
}

#[test]
fn objects_are_stored_once_and_removed_when_no_checkpoint_needs_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut checkpoints = open(folder.path());
    save(&mut checkpoints, 1, &[b"first", b"always"]);
    let written = fs::metadata(path_of(folder.path(), b"always")).unwrap().modified().unwrap();
    for records in 2..6 {
        save(&mut checkpoints, records, &[b"always", b"always", b"later"]);
    }
    assert!(!path_of(folder.path(), b"first").exists());
    let again = fs::metadata(path_of(folder.path(), b"always")).unwrap().modified().unwrap();
    assert_eq!(written, again);
    drop(checkpoints);
    let point = open(folder.path()).restore(&[]).unwrap().unwrap();
    assert_eq!(contents(&point), [b"always".as_slice(), b"later"]);
    assert_eq!(point.state.bytes, 5_u64.to_le_bytes());
}

#[test]
fn an_object_of_an_owner_that_takes_over_is_not_removed_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut checkpoints = open(folder.path());
    for records in 1..4 {
        save(&mut checkpoints, records, &[b"own"]);
    }
    // It is not in a checkpoint yet.
    let path = path_of(folder.path(), b"other's");
    fs::write(&path, b"other's").unwrap();
    save(&mut checkpoints, 4, &[b"own"]);
    assert!(path.exists());
    // The other owner would have taken this number.
    save(&mut checkpoints, 5, &[b"own"]);
    assert!(!path.exists());
}

#[test]
fn with_a_damaged_object_the_checkpoint_before_is_used() {
    for damage in [Some(b"two?".as_slice()), Some(b""), None] {
        let folder = tempfile::tempdir().unwrap();
        let mut checkpoints = open(folder.path());
        save(&mut checkpoints, 1, &[b"one"]);
        let newest = save(&mut checkpoints, 2, &[b"one", b"two!"]);
        drop(checkpoints);
        let path = path_of(folder.path(), b"two!");
        match damage {
            Some(bytes) => fs::write(&path, bytes).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let mut checkpoints = open(folder.path());
        let point = checkpoints.restore(&[]).unwrap().unwrap();
        assert_eq!(point.state.bytes, 1_u64.to_le_bytes());
        assert_eq!(contents(&point), [b"one"]);
        assert_eq!(point.damaged[0].0, name(newest));
        assert!(point.damaged[0].1.contains(StateObject::new(*b"two!").name()));
        // What is judged again makes it anew.
        save(&mut checkpoints, 2, &[b"one", b"two!"]);
        drop(checkpoints);
        let point = open(folder.path()).restore(&[]).unwrap().unwrap();
        assert_eq!(contents(&point), [b"one".as_slice(), b"two!"]);
        assert!(point.damaged.is_empty(), "{:?}", point.damaged);
    }
}

#[test]
fn without_any_sound_object_the_reasons_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut checkpoints = open(folder.path());
    save(&mut checkpoints, 1, &[b"one"]);
    save(&mut checkpoints, 2, &[b"one"]);
    drop(checkpoints);
    fs::write(path_of(folder.path(), b"one"), "on").unwrap();
    let error = open(folder.path()).restore(&[]).unwrap_err().to_string();
    assert!(error.contains("0000000000000001.ckpt") && error.contains("is damaged"), "{error}");
}
