//! Builds the authorization header from a secret's keys.

use anomal_storage::{Secret, Secrets};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::header::HeaderValue;

/// The key with the certificates of trusted authorities.
const CA: &str = "ca.crt";
const KEYS: [&str; 5] = ["username", "password", "apiKey", "token", CA];

/// A secret's credentials. They are read again when a server no longer accepts them, since a mounted secret can change
/// during a run.
pub(super) struct Credentials {
    secrets: Secrets,
    name: Option<String>,
}

/// The values of a secret.
pub(super) struct Authorization {
    pub header: Option<HeaderValue>,
    pub ca: Option<String>,
}

impl Credentials {
    pub fn new(secrets: &Secrets, name: Option<&str>) -> Self {
        Self { secrets: secrets.clone(), name: name.map(str::to_owned) }
    }

    /// The secret's name, for messages.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// # Errors
    /// What is wrong with the secret, without its values.
    pub fn read(&self) -> Result<Authorization, String> {
        let Some(name) = &self.name else { return Ok(Authorization { header: None, ca: None }) };
        let secret = self.secrets.read(name).map_err(|error| error.message)?;
        let others = secret.others(&KEYS);
        if !others.is_empty() {
            tracing::warn!(
                "the secret {name} has keys that are not used: {}; supported keys are {}",
                others.join(", "),
                KEYS.join(", ")
            );
        }
        let ca = secret.get(CA).map(str::to_owned);
        let authorization = authorization(&secret)?;
        if authorization.is_none() && ca.is_none() {
            return Err(format!(
                "the secret {name} has none of the supported keys: {}",
                KEYS.join(", ")
            ));
        }
        Ok(Authorization { header: authorization, ca })
    }
}

fn authorization(secret: &Secret) -> Result<Option<HeaderValue>, String> {
    let name = secret.name();
    let (user, password) = (secret.get("username"), secret.get("password"));
    let basic = match (user, password) {
        (Some(user), Some(password)) => Some((
            "username",
            format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}"))),
        )),
        (None, None) => None,
        _ => {
            return Err(format!("the secret {name} needs both keys, username and password"));
        }
    };
    let key = secret.get("apiKey").map(|key| ("apiKey", format!("ApiKey {}", encoded(key))));
    let token = secret.get("token").map(|token| ("token", format!("Bearer {token}")));
    let found: Vec<(&str, String)> = [basic, key, token].into_iter().flatten().collect();
    let (key, header) = match found.as_slice() {
        [] => return Ok(None),
        [one] => one,
        several => {
            let keys: Vec<&str> = several.iter().map(|(key, _)| *key).collect();
            return Err(format!(
                "the secret {name} has several kinds of credentials ({}); keep one of them",
                keys.join(", ")
            ));
        }
    };
    let mut value = HeaderValue::from_str(header).map_err(|_| {
        format!(
            "the key {key} of the secret {name} has characters that are not allowed in a header"
        )
    })?;
    value.set_sensitive(true);
    Ok(Some(value))
}

/// An API key comes as `id:api_key` or as both in base64, the form that is sent.
fn encoded(key: &str) -> String {
    if key.contains(':') { BASE64_STANDARD.encode(key) } else { key.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(keys: &[(&str, &str)]) -> Result<Authorization, String> {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("es");
        std::fs::create_dir(&place).unwrap();
        for (key, value) in keys {
            std::fs::write(place.join(key), value).unwrap();
        }
        Credentials::new(&Secrets::new(Some(folder.path().into())), Some("es")).read()
    }

    fn header(keys: &[(&str, &str)]) -> String {
        let header = read(keys).unwrap().header.unwrap();
        assert!(header.is_sensitive());
        header.to_str().unwrap().to_owned()
    }

    #[test]
    fn each_kind_of_credentials() {
        assert_eq!(header(&[("username", "me"), ("password", "pw\n")]), "Basic bWU6cHc=");
        assert_eq!(header(&[("apiKey", "aWQ6a2V5")]), "ApiKey aWQ6a2V5");
        assert_eq!(header(&[("apiKey", "id:key")]), "ApiKey aWQ6a2V5");
        assert_eq!(header(&[("token", "t")]), "Bearer t");
        let ca = read(&[("ca.crt", "pem")]).unwrap();
        assert!(ca.header.is_none() && ca.ca.is_some());
        let none = Credentials::new(&Secrets::default(), None).read().unwrap();
        assert!(none.header.is_none() && none.ca.is_none());
    }

    #[test]
    fn errors_do_not_contain_values() {
        let message = |keys: &[(&str, &str)]| read(keys).err().unwrap();
        let half = message(&[("username", "hidden")]);
        assert!(half.contains("needs both") && !half.contains("hidden"), "{half}");
        let both = message(&[("apiKey", "hidden"), ("token", "hidden")]);
        assert!(both.contains("apiKey, token") && !both.contains("hidden"), "{both}");
        assert!(message(&[("other", "x")]).contains("none of the supported keys"));
        let odd = message(&[("token", "hidden\u{7}")]);
        assert!(odd.contains("token") && !odd.contains("hidden"), "{odd}");
    }
}
