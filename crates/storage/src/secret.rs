//! Reads secrets by name, from a folder of files as Kubernetes mounts them, or from environment variables.
//!
//! Only [`Secret::get`] returns values. They do not appear in messages, logs or debug output.

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    path::{Path, PathBuf},
};

use crate::error::{Error, Result};

const VARIABLE: &str = "ANOMAL_SECRET_";
/// Kubernetes' limit for a whole secret.
const MAX_BYTES: u64 = 1 << 20;
/// The key of a secret of type `kubernetes.io/dockerconfigjson`, the only one that starts with a dot.
const DOCKER: &str = ".dockerconfigjson";

/// Where secrets are read from.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    folder: Option<PathBuf>,
}

/// The values of a secret.
#[derive(Clone)]
pub struct Secret {
    name: String,
    values: Values,
}

#[derive(Clone)]
enum Values {
    /// By file name.
    Files(BTreeMap<String, String>),
    /// By the part of the variable after the secret's name, normalised.
    Variables(BTreeMap<String, String>),
}

impl Secrets {
    /// `folder`: has the files `NAME/KEY`. Without it, or if it lacks a secret, variables are read.
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self { folder }
    }

    /// # Errors
    /// `Settings` if there is no such secret.
    pub fn read(&self, name: &str) -> Result<Secret> {
        self.read_beside(
            name,
            std::env::vars_os().filter_map(|(name, value)| {
                Some((name.into_string().ok()?, value.into_string().ok()?))
            }),
        )
    }

    fn read_beside(
        &self,
        name: &str,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Secret> {
        // The name becomes part of a path.
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
            return Err(Error::settings(format!(
                "`{}` is not a valid name of a secret; use letters, digits and `-`",
                name.escape_default()
            )));
        }
        if let Some(folder) = self.folder.as_ref().map(|folder| folder.join(name))
            && folder.is_dir()
        {
            let values = files(&folder).map_err(|error| {
                Error::settings(format!("the secret {name} can't be read: {error}"))
            })?;
            return Ok(Secret { name: name.into(), values: Values::Files(values) });
        }
        let prefix = format!("{VARIABLE}{}_", variable(name));
        let values: BTreeMap<String, String> = environment
            .filter_map(|(name, value)| Some((normalise(name.strip_prefix(&prefix)?), value)))
            .collect();
        if values.is_empty() {
            let remedy = self.folder.as_ref().map_or_else(
                || format!("store its keys as files DIR/{name}/KEY and set --secrets DIR"),
                |folder| format!("store its keys as files in {}", folder.join(name).display()),
            );
            return Err(Error::settings(format!(
                "there is no secret {name}; {remedy}, or set the environment variables {prefix}KEY"
            )));
        }
        Ok(Secret { name: name.into(), values: Values::Variables(values) })
    }
}

impl Secret {
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A key's value without a final line end.
    pub fn get(&self, key: &str) -> Option<&str> {
        let value = match &self.values {
            Values::Files(values) => values.get(key),
            Values::Variables(values) => values.get(&normalise(key)),
        };
        value.map(|value| value.trim_end_matches(['\n', '\r']))
    }

    /// Keys that are not in `known`. Always empty for variables, which may belong to another secret whose name starts
    /// alike.
    pub fn others(&self, known: &[&str]) -> Vec<&str> {
        match &self.values {
            Values::Files(values) => {
                values.keys().map(String::as_str).filter(|key| !known.contains(key)).collect()
            }
            Values::Variables(_) => Vec::new(),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.name)
    }
}

fn files(folder: &Path) -> io::Result<BTreeMap<String, String>> {
    let mut values = BTreeMap::new();
    for entry in folder.read_dir()? {
        let entry = entry?;
        let Ok(key) = entry.file_name().into_string() else { continue };
        // Kubernetes stores links to folders beside the keys, with names that start with a dot.
        let file = fs::metadata(entry.path())?;
        if (key.starts_with('.') && key != DOCKER) || !file.is_file() {
            continue;
        }
        if file.len() > MAX_BYTES {
            return Err(io::Error::other(format!("the key {key} is larger than 1 MiB")));
        }
        let value = fs::read_to_string(entry.path())
            .map_err(|error| io::Error::new(error.kind(), format!("the key {key}: {error}")))?;
        values.insert(key, value);
    }
    Ok(values)
}

/// A name as part of a variable: in upper case, with `_` for other characters.
fn variable(name: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    name.chars().map(letter).collect()
}

/// Normalises a key: `accessKeyId`, `ACCESSKEYID` and `ACCESS_KEY_ID` are the same.
fn normalise(key: &str) -> String {
    variable(key).replace('_', "")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn environment(variables: &[(&str, &str)]) -> std::vec::IntoIter<(String, String)> {
        let variables: Vec<_> =
            variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        variables.into_iter()
    }

    #[test]
    fn from_files_as_kubernetes_mounts_them() {
        let folder = tempfile::tempdir().unwrap();
        let keys = folder.path().join("s3-logs");
        fs::create_dir_all(keys.join("..data")).unwrap();
        for (key, value) in [("accessKeyId", "me\n"), ("odd", "x"), (".hidden", "x")] {
            fs::write(keys.join(key), value).unwrap();
        }
        let secrets = Secrets::new(Some(folder.path().into()));
        // The folder takes precedence.
        let secret = secrets
            .read_beside("s3-logs", environment(&[("ANOMAL_SECRET_S3_LOGS_ACCESSKEYID", "other")]))
            .unwrap();
        assert_eq!((secret.get("accessKeyId"), secret.get("region")), (Some("me"), None));
        assert_eq!(secret.others(&["accessKeyId"]), ["odd"]);
        assert_eq!(format!("{secret:?}"), "Secret(s3-logs)");
    }

    #[test]
    fn from_variables() {
        let variables = [
            ("ANOMAL_SECRET_S3_LOGS_ACCESSKEYID", "me"),
            ("ANOMAL_SECRET_S3_LOGS_SECRET_ACCESS_KEY", "mine"),
            ("ANOMAL_SECRET_S3_LOGS_CA_CRT", "pem"),
        ];
        let secret = Secrets::default().read_beside("s3-logs", environment(&variables)).unwrap();
        assert_eq!(secret.get("accessKeyId"), Some("me"));
        assert_eq!(secret.get("secretAccessKey"), Some("mine"));
        assert_eq!(secret.get("ca.crt"), Some("pem"));
        assert!(secret.others(&[]).is_empty());
    }

    #[test]
    fn a_missing_secret_is_an_error_with_a_remedy() {
        let message = |secrets: Secrets, name: &str| {
            secrets.read_beside(name, environment(&[])).unwrap_err().message
        };
        let missing = message(Secrets::default(), "s3.logs");
        assert!(missing.contains("--secrets"), "{missing}");
        assert!(missing.contains("ANOMAL_SECRET_S3_LOGS_KEY"), "{missing}");
        let folder = tempfile::tempdir().unwrap();
        assert!(message(Secrets::new(Some(folder.path().into())), "x").contains("as files in"));
        for name in ["..", "../x", "/etc", "", "a/b"] {
            let invalid = message(Secrets::new(Some(folder.path().into())), name);
            assert!(invalid.contains("not a valid name"), "{invalid}");
        }
    }

    proptest! {
        #[test]
        fn values_are_never_shown(value in "[a-z]{12}", name in ".{0,20}") {
            let variables = [("ANOMAL_SECRET_A_TOKEN", value.as_str())];
            let secret = Secrets::default().read_beside("a", environment(&variables)).unwrap();
            let debug = format!("{secret:?}");
            prop_assert!(!debug.contains(&value));
            if let Err(error) = Secrets::default().read_beside(&name, environment(&variables)) {
                prop_assert!(!error.message.contains(&value));
            }
        }
    }
}
