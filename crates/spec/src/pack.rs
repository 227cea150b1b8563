//! Loads the manifest of a pack, and its tests.

use std::sync::LazyLock;

use serde::de::DeserializeOwned;

use crate::{
    Problem, SettingsError,
    check::Check,
    load::validate,
    schema::SettingsSchema,
    types::{PackCase, PackManifest},
    yaml,
};

/// Loads a `pack.yaml`. Never panics, whatever the bytes, and takes milliseconds for a hostile file.
///
/// # Errors
/// All problems, with file, line, column and path.
pub fn load_pack(bytes: &[u8], file: &str) -> Result<PackManifest, SettingsError> {
    static SCHEMA: LazyLock<SettingsSchema> =
        LazyLock::new(SettingsSchema::for_type::<PackManifest>);
    load(bytes, file, &SCHEMA)
}

/// Loads a file with tests of a pack's components, as [`load_pack`].
///
/// # Errors
/// All problems, with file, line, column and path.
pub fn load_pack_cases(bytes: &[u8], file: &str) -> Result<Vec<PackCase>, SettingsError> {
    static SCHEMA: LazyLock<SettingsSchema> =
        LazyLock::new(SettingsSchema::for_type::<Vec<PackCase>>);
    load(bytes, file, &SCHEMA)
}

fn load<T: DeserializeOwned>(
    bytes: &[u8],
    file: &str,
    schema: &SettingsSchema,
) -> Result<T, SettingsError> {
    let failed = |problem: Problem| SettingsError::new(file, vec![problem]);
    let node = yaml::parse(bytes).map_err(failed)?;
    validate(Check::default(), &node, schema, file).map(|(loaded, _)| loaded)
}
