//! Artifacts: the same bytes each time, and hostile ones refused.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{collections::BTreeMap, fs, io::Write, path::Path};

use anomal_packs::{Artifact, Digest, Kind};
use proptest::prelude::*;
use tar::{EntryType, Header};

const MANIFEST: &str = "apiVersion: anomal.dev/pack/v1\nname: house\nversion: 1.2.3\ndescription: Rules of the house.\n\
    components:\n- {name: long, type: flag, description: A long name., inputs: [{name: name, type: text}], \
    expression: 'LENGTH({name}) > 20'}\n";

fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, bytes) in [("pack.yaml", MANIFEST.as_bytes())].iter().chain(files) {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    folder
}

fn refusal(artifact: &Artifact) -> String {
    artifact.verify().unwrap_err().message
}

#[test]
fn a_folder_becomes_the_same_bytes_each_time() {
    let files: [(&str, &[u8]); 5] = [
        ("README.md", b"# House\n"),
        ("lists/brands.txt", b"acme.com\n"),
        ("tests/cases.yaml", b"[]"),
        (".git/config", b""),
        ("target/large", b""),
    ];
    let (first, second) = (folder(&files), folder(&files));
    let artifact = Artifact::from_folder(first.path()).unwrap();
    assert_eq!(artifact, Artifact::from_folder(second.path()).unwrap());
    assert_eq!(artifact, Artifact::from_folder(&first.path().join("pack.yaml")).unwrap());
    assert_eq!(artifact.kind(), Kind::Declarative);
    assert_eq!(artifact.pack_manifest().unwrap().components[0].name, "long");
    let names: Vec<String> = artifact.files().unwrap().into_keys().collect();
    assert_eq!(names, ["README.md", "lists/brands.txt"]);
    assert_eq!(artifact.file("lists/brands.txt").unwrap(), "acme.com\n");
    assert_eq!(artifact.component(), None);
    assert_eq!(artifact.digest(), Digest::from_content(&artifact.manifest));
    // With the empty config it is another artifact with the same contents.
    let empty = artifact.with_empty_config().unwrap();
    assert_ne!(empty.digest(), artifact.digest());
    assert_eq!(empty.pack_manifest().unwrap(), artifact.pack_manifest().unwrap());
    assert!(empty.file("pack.yaml").is_some());
}

#[test]
fn components_and_lists_are_artifacts_too() {
    let component = Artifact::from_component(b"\0asm\x0d\0\x01\0".as_slice()).unwrap();
    assert_eq!(component.kind(), Kind::Wasm);
    assert_eq!(component.component().unwrap(), b"\0asm\x0d\0\x01\0".as_slice());
    assert_eq!(component.pack_manifest().unwrap().name, "component");
    assert!(Artifact::from_component(b"MZ".as_slice()).is_err());
    let list = Artifact::from_list_file(b"acme.com\n".as_slice()).unwrap();
    assert_eq!((list.kind(), list.list().unwrap()), (Kind::List, "acme.com\n".into()));
    // A list may have the bytes of the empty config.
    assert_eq!(Artifact::from_list_file(b"{}".as_slice()).unwrap().list().unwrap(), "{}");

    let manifest = MANIFEST.replace("components:", "component: bin/it.wasm\ncomponents:");
    let folder = folder(&[("pack.yaml", manifest.as_bytes()), ("bin/it.wasm", b"\0asm")]);
    let pack = Artifact::from_folder(folder.path()).unwrap();
    assert_eq!((pack.kind(), pack.component().unwrap()), (Kind::Wasm, b"\0asm".as_slice().into()));
}

#[test]
fn blobs_are_checked() {
    let folder = folder(&[("README.md", b"x")]);
    let good = Artifact::from_folder(folder.path()).unwrap();
    for digest in good.blobs.keys() {
        let mut missing = good.clone();
        missing.blobs.remove(digest);
        assert!(refusal(&missing).contains("is missing"));
        let mut other = good.clone();
        other.blobs.insert(*digest, "other".into());
        assert!(refusal(&other).contains("has 5 bytes and the digest sha256:"));
    }
    let mut more = good.clone();
    more.blobs.insert(Digest::from_content(b"x"), "x".into());
    assert!(refusal(&more).contains("does not name the blob"));
    for (manifest, part) in [
        ("", "is not JSON"),
        ("{}", "is not the manifest of an image"),
        (r#"{"manifests": []}"#, "index of several"),
    ] {
        let artifact = Artifact { manifest: manifest.into(), ..good.clone() };
        assert!(refusal(&artifact).contains(part), "{manifest}");
    }
    let large = Artifact { manifest: vec![b' '; 2 << 20].into(), ..good.clone() };
    assert!(refusal(&large).contains("larger than 1 MiB"));
    let manifest = String::from_utf8(good.manifest.to_vec()).unwrap();
    let huge = manifest.replacen("\"size\":", "\"size\":9", 1);
    assert!(refusal(&Artifact { manifest: huge.into(), ..good }).contains("has "));
}

/// An archive with one entry whose header is as given.
fn archive(path: &str, kind: EntryType, bytes: &[u8]) -> Vec<u8> {
    let mut header = Header::new_ustar();
    header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
    header.set_entry_type(kind);
    header.set_size(bytes.len() as u64);
    header.set_mode(0o644);
    header.set_cksum();
    let mut archive = tar::Builder::new(Vec::new());
    archive.append(&header, bytes).unwrap();
    archive.into_inner().unwrap()
}

fn archive_refusal(bytes: &[u8]) -> String {
    Artifact::from_archive(bytes).unwrap_err().message
}

#[test]
fn archives_of_folders_are_read() {
    let plain = archive("house/pack.yaml", EntryType::Regular, MANIFEST.as_bytes());
    let zstd = zstd::encode_all(plain.as_slice(), 1).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&plain).unwrap();
    let gzip = gzip.finish().unwrap();
    let expected = Artifact::from_folder(folder(&[]).path()).unwrap();
    for bytes in [plain.as_slice(), &zstd, &gzip] {
        assert_eq!(Artifact::from_archive(bytes).unwrap(), expected);
    }
    for bytes in [&plain[..700], &zstd[..zstd.len() - 20], &gzip[..gzip.len() - 20]] {
        let message = archive_refusal(bytes);
        assert!(
            message.contains("can't be unpacked") || message.contains("middle of a file"),
            "{message}"
        );
    }
}

#[test]
fn hostile_archives_are_refused() {
    for path in ["../x", "/etc/passwd", "a/../../x", "a//b", "C:/x", "a\\b", "a/./b"] {
        let message = archive_refusal(&archive(path, EntryType::Regular, b"x"));
        assert!(message.contains("can't be a file of a pack"), "{path}: {message}");
    }
    for kind in [EntryType::Symlink, EntryType::Link, EntryType::Char, EntryType::Fifo] {
        let message = archive_refusal(&archive("x", kind, b""));
        assert!(message.contains("is a link or device"), "{message}");
    }
    assert!(archive_refusal(b"hello").contains("is not a tar archive"));
    assert!(
        archive_refusal(&archive("README.md", EntryType::Regular, b"x"))
            .contains("has no pack.yaml")
    );

    let mut twice = archive("pack.yaml", EntryType::Regular, MANIFEST.as_bytes());
    twice.truncate(twice.len() - 1024);
    twice.extend(archive("pack.yaml", EntryType::Regular, b"x"));
    assert!(archive_refusal(&twice).contains("twice"));

    let mut many = tar::Builder::new(zstd::Encoder::new(Vec::new(), 1).unwrap());
    for index in 0..100_000 {
        let mut header = Header::new_ustar();
        header.set_size(0);
        many.append_data(&mut header, format!("data/{index}"), &b""[..]).unwrap();
    }
    let many = many.into_inner().unwrap().finish().unwrap();
    assert!(archive_refusal(&many).contains("more than"));

    // A ratio of 10,000 and more.
    let zeros = vec![0; 100 << 20];
    let bomb = archive("data/x", EntryType::Regular, &zeros);
    let bomb = zstd::encode_all(bomb.as_slice(), 1).unwrap();
    assert!(archive_refusal(&bomb).contains("more than 200 times its size"));
}

#[test]
#[cfg(unix)]
fn links_in_folders_are_refused() {
    let folder = folder(&[("lists/a.txt", b"x")]);
    std::os::unix::fs::symlink("/etc/passwd", folder.path().join("lists/b.txt")).unwrap();
    let message = Artifact::from_folder(folder.path()).unwrap_err().message;
    assert!(message.contains("b.txt is a link or device"), "{message}");
    let message = Artifact::from_folder(Path::new("/nowhere")).unwrap_err().message;
    assert!(message.contains("there is no folder"), "{message}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn files_come_back(files in proptest::collection::btree_map("[a-zé ]{1,8}(/[a-z.]{1,90}x){0,3}", any::<Vec<u8>>(), 0..8)) {
        // A file can't also be a folder.
        let files: BTreeMap<String, Vec<u8>> = files
            .iter()
            .filter(|(path, _)| !files.keys().any(|other| other.starts_with(&format!("{path}/"))))
            .filter(|(path, _)| !path.contains("/."))
            .map(|(path, bytes)| (format!("data/{path}"), bytes.clone()))
            .collect();
        let list: Vec<(&str, &[u8])> = files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
        let folder = folder(&list);
        let artifact = Artifact::from_folder(folder.path()).unwrap();
        let read: BTreeMap<String, Vec<u8>> =
            artifact.files().unwrap().into_iter().map(|(path, bytes)| (path, bytes.to_vec())).collect();
        prop_assert_eq!(read, files);
        prop_assert_eq!(Artifact::from_folder(folder.path()).unwrap(), artifact);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in any::<Vec<u8>>()) {
        let _ = Artifact::from_archive(&bytes);
        let _ = Artifact::from_archive(&[&[0x1f, 0x8b], bytes.as_slice()].concat());
        let artifact = Artifact { manifest: bytes.into(), blobs: BTreeMap::new(), signatures: Vec::new() };
        prop_assert!(artifact.verify().is_err());
    }
}
