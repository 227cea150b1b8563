//! Secrets by name: a folder of files for each, as Kubernetes mounts them, or environment variables.
//!
//! A value is given out by [`Secret::get`] alone. It is in no message, no log and no debug output.

use std::{
    collections::BTreeMap,
    fmt, fs, io,
    path::{Path, PathBuf},
};

use crate::error::{Error, Result};

const VARIABLE: &str = "ANOMAL_SECRET_";
/// As Kubernetes has it for a whole secret.
const MAX_BYTES: u64 = 1 << 20;

/// Where secrets are read from.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    folder: Option<PathBuf>,
}

/// A secret that was read.
#[derive(Clone)]
pub struct Secret {
    name: String,
    values: Values,
}

#[derive(Clone)]
enum Values {
    /// By the names of its files.
    Files(BTreeMap<String, String>),
    /// By what follows the secret's name in a variable's, brought to one form.
    Variables(BTreeMap<String, String>),
}

impl Secrets {
    /// `folder`: the files `NAME/KEY`; without it, or where it has no such secret, the environment is asked.
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self { folder }
    }

    /// # Errors
    /// `Settings` with the remedy if there is none of that name.
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
        // It becomes a part of a path.
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
            return Err(Error::settings(format!(
                "`{}` is no name of a secret; it has letters, digits and `-`",
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
            .filter_map(|(name, value)| Some((form(name.strip_prefix(&prefix)?), value)))
            .collect();
        if values.is_empty() {
            let there = self.folder.as_ref().map_or_else(
                || format!("keep its keys as files DIR/{name}/KEY and name DIR by --secrets"),
                |folder| format!("keep its keys as files in {}", folder.join(name).display()),
            );
            return Err(Error::settings(format!(
                "there is no secret {name}; {there}, or set the environment's variables {prefix}KEY"
            )));
        }
        Ok(Secret { name: name.into(), values: Values::Variables(values) })
    }
}

impl Secret {
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A key's value, without the line end that editors put behind it.
    pub fn get(&self, key: &str) -> Option<&str> {
        let value = match &self.values {
            Values::Files(values) => values.get(key),
            Values::Variables(values) => values.get(&form(key)),
        };
        value.map(|value| value.trim_end_matches(['\n', '\r']))
    }

    /// Keys that are none of `known`. Of variables none is told: they may be another secret's, whose name
    /// begins alike.
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
        // Kubernetes keeps links to folders beside the keys, with dots before their names.
        let file = fs::metadata(entry.path())?;
        if key.starts_with('.') || !file.is_file() {
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

/// In upper case, with `_` for all that a variable's name can't have.
fn variable(name: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    name.chars().map(letter).collect()
}

/// A key in one form: `accessKeyId`, `ACCESSKEYID` and `ACCESS_KEY_ID` are the same.
fn form(key: &str) -> String {
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
        // The folder is asked first.
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
    fn one_that_is_not_there_is_told_with_the_remedy() {
        let message = |secrets: Secrets, name: &str| {
            secrets.read_beside(name, environment(&[])).unwrap_err().message
        };
        let told = message(Secrets::default(), "s3.logs");
        assert!(told.contains("--secrets") && told.contains("ANOMAL_SECRET_S3_LOGS_KEY"), "{told}");
        let folder = tempfile::tempdir().unwrap();
        assert!(message(Secrets::new(Some(folder.path().into())), "x").contains("as files in"));
        for name in ["..", "../x", "/etc", "", "a/b"] {
            let told = message(Secrets::new(Some(folder.path().into())), name);
            assert!(told.contains("no name of a secret"), "{told}");
        }
    }

    proptest! {
        #[test]
        fn values_are_never_told(value in "[a-z]{12}", name in ".{0,20}") {
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
