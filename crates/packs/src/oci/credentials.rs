//! Credentials for registries: those of a secret, or of the user's Docker configuration and its helpers.

use std::{
    collections::HashMap,
    env, fmt,
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
};

use anomal_storage::Secret;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;

use crate::{PackError, Result};

/// What a client authenticates with. Never shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Credentials {
    #[default]
    Anonymous,
    Basic {
        user: String,
        password: String,
    },
    /// Exchanged for a token at the registry's token server.
    Refresh(String),
    /// Sent as it is.
    Token(String),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

/// A configuration in the form of Docker's `config.json`.
#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct DockerConfig {
    auths: HashMap<String, Entry>,
    cred_helpers: HashMap<String, String>,
    creds_store: String,
}

#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
    registrytoken: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HelperAnswer {
    username: String,
    secret: String,
}

impl DockerConfig {
    /// The user's: `config.json` in `DOCKER_CONFIG` or ~/.docker, else the empty one.
    ///
    /// # Errors
    /// It can't be read, or is not JSON of this form.
    pub fn from_user() -> Result<Self> {
        let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".docker"));
        let folder =
            env::var_os("DOCKER_CONFIG").filter(|folder| !folder.is_empty()).map(PathBuf::from);
        let Some(file) = folder.or_else(home).map(|folder| folder.join("config.json")) else {
            return Ok(Self::default());
        };
        match std::fs::read(&file) {
            Ok(bytes) => Self::parse(&bytes).map_err(|error| error.context(file.display())),
            // Without the file, or the right to read it, registries are asked without credentials.
            Err(_) => Ok(Self::default()),
        }
    }

    /// # Errors
    /// It is not JSON of this form. The message has no part of it.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        serde_json::from_slice(bytes).map_err(|error| {
            PackError::reference(format!(
                "it is not a Docker configuration, at line {} column {}",
                error.line(),
                error.column()
            ))
        })
    }

    /// The credentials for a repository of a registry.
    ///
    /// # Errors
    /// A helper fails, or an entry is not valid.
    pub fn credentials(&self, registry: &str, repository: &str) -> Result<Credentials> {
        let wrong = |message: String| {
            PackError::denied(format!("the credentials for {registry}: {message}"))
        };
        let names = names(registry);
        let helper = names.iter().find_map(|name| self.cred_helpers.get(name));
        if let Some(helper) = helper {
            return run_helper(helper, &names).map_err(wrong);
        }
        // An entry for a part of the registry, as Podman writes it, goes before one for the whole.
        let parts = repository.match_indices('/').map(|(end, _)| end).chain([repository.len()]);
        let mut paths: Vec<String> =
            parts.map(|end| format!("{registry}/{}", &repository[..end])).collect();
        paths.reverse();
        let entry = paths.iter().chain(&names).find_map(|name| self.auths.get(name));
        match entry {
            Some(entry) if !entry.is_empty() => entry.credentials().map_err(wrong),
            _ if !self.creds_store.is_empty() => {
                run_helper(&self.creds_store, &names).map_err(wrong)
            }
            _ => Ok(Credentials::Anonymous),
        }
    }

    /// The credentials of a secret: a Docker configuration, or a user name and password.
    ///
    /// # Errors
    /// The secret has neither.
    pub fn from_secret(secret: &Secret, registry: &str, repository: &str) -> Result<Credentials> {
        let wrong =
            |message: &str| PackError::denied(format!("the secret {}: {message}", secret.name()));
        for key in [".dockerconfigjson", "config.json"] {
            if let Some(text) = secret.get(key) {
                let config = Self::parse(text.as_bytes()).map_err(|error| wrong(&error.message))?;
                // Helpers are programs, and a secret names none that this machine should run.
                let config = Self { auths: config.auths, ..Self::default() };
                return config.credentials(registry, repository);
            }
        }
        if let Some(token) = secret.get("token") {
            return Ok(Credentials::Token(token.to_owned()));
        }
        match (secret.get("username"), secret.get("password")) {
            (Some(user), Some(password)) => {
                Ok(Credentials::Basic { user: user.to_owned(), password: password.to_owned() })
            }
            _ => Err(wrong(
                "it has neither the key .dockerconfigjson, nor username and password, nor token",
            )),
        }
    }
}

/// The names that configurations have for a registry.
fn names(registry: &str) -> Vec<String> {
    let mut names = vec![
        registry.to_owned(),
        format!("https://{registry}"),
        format!("https://{registry}/"),
        format!("https://{registry}/v1/"),
        format!("https://{registry}/v2/"),
        format!("http://{registry}"),
    ];
    if matches!(registry, "docker.io" | "index.docker.io" | "registry-1.docker.io") {
        names.insert(0, "https://index.docker.io/v1/".to_owned());
    }
    names
}

impl Entry {
    fn is_empty(&self) -> bool {
        [&self.auth, &self.username, &self.identitytoken, &self.registrytoken]
            .iter()
            .all(|text| text.is_empty())
    }

    fn credentials(&self) -> Result<Credentials, String> {
        if !self.registrytoken.is_empty() {
            return Ok(Credentials::Token(self.registrytoken.clone()));
        }
        if !self.identitytoken.is_empty() {
            return Ok(Credentials::Refresh(self.identitytoken.clone()));
        }
        if self.auth.is_empty() {
            return Ok(Credentials::Basic {
                user: self.username.clone(),
                password: self.password.clone(),
            });
        }
        let decoded =
            STANDARD.decode(self.auth.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let decoded = decoded.ok_or("`auth` is not base64 of text")?;
        let (user, password) = decoded.split_once(':').ok_or("`auth` is not user:password")?;
        let password = password.trim_end_matches('\0');
        Ok(Credentials::Basic { user: user.to_owned(), password: password.to_owned() })
    }
}

/// Asks `docker-credential-HELPER` for the first of the names that it has.
fn run_helper(helper: &str, names: &[String]) -> Result<Credentials, String> {
    let plain =
        |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    if helper.is_empty() || !helper.chars().all(plain) {
        return Err("the helper's name has letters, digits, `-` and `_`".to_owned());
    }
    let program = format!("docker-credential-{helper}");
    for name in names.iter().take(2) {
        let failed = |error: std::io::Error| format!("{program} can't be run: {error}");
        let mut child = Command::new(&program)
            .arg("get")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed)?;
        if let Some(mut stdin) = child.stdin.take() {
            // A helper that does not read it says so by its exit status.
            let _ = stdin.write_all(name.as_bytes());
        }
        let output = child.wait_with_output().map_err(failed)?;
        if !output.status.success() {
            continue;
        }
        let answer: HelperAnswer = serde_json::from_slice(&output.stdout)
            .map_err(|_| format!("{program} gave no credentials"))?;
        return Ok(match answer.username.as_str() {
            "<token>" => Credentials::Refresh(answer.secret),
            _ => Credentials::Basic { user: answer.username, password: answer.secret },
        });
    }
    Ok(Credentials::Anonymous)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_of_a_configuration() {
        let config = br#"{"auths": {
            "ghcr.io": {"auth": "bWU6cGFzczp3b3Jk"},
            "ghcr.io/acme": {"username": "a", "password": "b"},
            "https://index.docker.io/v1/": {"identitytoken": "refresh"},
            "broken.example.org": {"auth": "?"},
            "empty.example.org": {}
        }, "HttpHeaders": {"x": "y"}}"#;
        let config = DockerConfig::parse(config).unwrap();
        let get = |registry: &str, repository: &str| config.credentials(registry, repository);
        let basic = |user: &str, password: &str| Credentials::Basic {
            user: user.into(),
            password: password.into(),
        };
        assert_eq!(get("ghcr.io", "x/y").unwrap(), basic("me", "pass:word"));
        assert_eq!(get("ghcr.io", "acme/y").unwrap(), basic("a", "b"));
        assert_eq!(get("docker.io", "library/x").unwrap(), Credentials::Refresh("refresh".into()));
        assert_eq!(get("empty.example.org", "x").unwrap(), Credentials::Anonymous);
        assert_eq!(get("other.example.org", "x").unwrap(), Credentials::Anonymous);
        assert!(get("broken.example.org", "x").unwrap_err().message.contains("not base64"));
        assert!(
            DockerConfig::parse(b"{\"auths\": \"secret\"}")
                .is_err_and(|error| !error.message.contains("secret"))
        );
        assert_eq!(format!("{:?}", basic("a", "secret")), "Credentials");
    }
}
