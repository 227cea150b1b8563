//! Who asks: the header that says it, made of a secret's keys.

use anomal_storage::{Secret, Secrets};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use reqwest::header::HeaderValue;

/// The key with the certificates of authorities to trust.
const CA: &str = "ca.crt";
const KEYS: [&str; 5] = ["username", "password", "apiKey", "token", CA];

/// What a secret says, read again when a server does not take it any more: a mounted secret changes under a run.
pub(super) struct Credentials {
    secrets: Secrets,
    name: Option<String>,
}

/// What was read.
pub(super) struct Read {
    pub authorization: Option<HeaderValue>,
    pub ca: Option<String>,
}

impl Credentials {
    pub fn new(secrets: &Secrets, name: Option<&str>) -> Self {
        Self { secrets: secrets.clone(), name: name.map(str::to_owned) }
    }

    /// Where they are, for people.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// # Errors
    /// What is wrong with the secret, never what is in it.
    pub fn read(&self) -> Result<Read, String> {
        let Some(name) = &self.name else { return Ok(Read { authorization: None, ca: None }) };
        let secret = self.secrets.read(name).map_err(|error| error.message)?;
        let others = secret.others(&KEYS);
        if !others.is_empty() {
            tracing::warn!(
                "the secret {name} has keys that are not used here: {}; known are {}",
                others.join(", "),
                KEYS.join(", ")
            );
        }
        let ca = secret.get(CA).map(str::to_owned);
        let authorization = authorization(&secret)?;
        if authorization.is_none() && ca.is_none() {
            return Err(format!(
                "the secret {name} has none of the keys that are used here: {}",
                KEYS.join(", ")
            ));
        }
        Ok(Read { authorization, ca })
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
            return Err(format!(
                "the secret {name} has one of username and password; they go together"
            ));
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
                "the secret {name} says in several ways who asks ({}); keep one of them",
                keys.join(", ")
            ));
        }
    };
    let mut value = HeaderValue::from_str(header).map_err(|_| {
        format!("the key {key} of the secret {name} is no text that a header can hold")
    })?;
    value.set_sensitive(true);
    Ok(Some(value))
}

/// A key is given out as `id` and `api_key`, or as both in base64, which is how it travels.
fn encoded(key: &str) -> String {
    if key.contains(':') { BASE64_STANDARD.encode(key) } else { key.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(keys: &[(&str, &str)]) -> Result<Read, String> {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("es");
        std::fs::create_dir(&place).unwrap();
        for (key, value) in keys {
            std::fs::write(place.join(key), value).unwrap();
        }
        Credentials::new(&Secrets::new(Some(folder.path().into())), Some("es")).read()
    }

    fn header(keys: &[(&str, &str)]) -> String {
        let header = read(keys).unwrap().authorization.unwrap();
        assert!(header.is_sensitive());
        header.to_str().unwrap().to_owned()
    }

    #[test]
    fn each_way_to_say_who_asks() {
        assert_eq!(header(&[("username", "me"), ("password", "pw\n")]), "Basic bWU6cHc=");
        assert_eq!(header(&[("apiKey", "aWQ6a2V5")]), "ApiKey aWQ6a2V5");
        assert_eq!(header(&[("apiKey", "id:key")]), "ApiKey aWQ6a2V5");
        assert_eq!(header(&[("token", "t")]), "Bearer t");
        let ca = read(&[("ca.crt", "pem")]).unwrap();
        assert!(ca.authorization.is_none() && ca.ca.is_some());
        let none = Credentials::new(&Secrets::default(), None).read().unwrap();
        assert!(none.authorization.is_none() && none.ca.is_none());
    }

    #[test]
    fn what_does_not_serve_is_told_without_values() {
        let told = |keys: &[(&str, &str)]| read(keys).err().unwrap();
        let half = told(&[("username", "hidden")]);
        assert!(half.contains("go together") && !half.contains("hidden"), "{half}");
        let both = told(&[("apiKey", "hidden"), ("token", "hidden")]);
        assert!(both.contains("apiKey, token") && !both.contains("hidden"), "{both}");
        assert!(told(&[("other", "x")]).contains("none of the keys"));
        let odd = told(&[("token", "hidden\u{7}")]);
        assert!(odd.contains("token") && !odd.contains("hidden"), "{odd}");
    }
}
