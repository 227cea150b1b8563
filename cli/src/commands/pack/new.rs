//! `anomal pack new`: a folder to start from.

use std::{fs, io::Write, path::PathBuf};

use super::{
    super::{CommandResult, print},
    templates,
};
use crate::{
    args::{NewPack, PackKind},
    present::error::Failure,
};

pub fn create(arguments: &NewPack) -> CommandResult {
    let name = &arguments.name;
    let plain = |character: char| {
        character.is_ascii_lowercase() || character.is_ascii_digit() || "_-".contains(character)
    };
    if !name.starts_with(|first: char| first.is_ascii_lowercase())
        || !name.chars().all(plain)
        || name.len() > 63
    {
        return Err(Failure::usage(format!(
            "`{name}` is no name of a pack: lower-case letters, digits, `-` and `_`, a letter first, at most 63 characters"
        )));
    }
    let folder = arguments.folder.clone().unwrap_or_else(|| PathBuf::from(name));
    let failed = |error: std::io::Error| Failure::usage(format!("{}: {error}", folder.display()));
    let files = templates::files(arguments.kind);
    if let Some((file, _)) = files.iter().find(|(file, _)| folder.join(file).exists()) {
        let file = folder.join(file);
        return Err(Failure::usage(format!("{} is there already", file.display())));
    }
    for (file, text) in files {
        let path = folder.join(file);
        fs::create_dir_all(path.parent().unwrap_or(&folder)).map_err(failed)?;
        let text = text.replace("MODULE_NAME", &name.replace('-', "_")).replace("NAME", name);
        let mut file = fs::File::create_new(&path).map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)?;
    }
    let folder = folder.display();
    let (edit, test) = match arguments.kind {
        PackKind::Declarative => ("pack.yaml", format!("anomal pack test {folder}")),
        PackKind::Rust => ("src/lib.rs", format!("make -C {folder} test")),
        PackKind::Python => ("app.py", format!("make -C {folder} test")),
    };
    print(&format!("made {folder}: edit {folder}/{edit}, then run `{test}`\n"))
}
