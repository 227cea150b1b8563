//! The keys of a secret, as each kind of store has them.

use crate::{
    error::{Error, Result},
    location::Scheme,
    secret::Secret,
};

/// Our keys and `object_store`'s options.
const S3: &[(&str, &str)] = &[
    ("accessKeyId", "aws_access_key_id"),
    ("secretAccessKey", "aws_secret_access_key"),
    ("sessionToken", "aws_session_token"),
    ("region", "aws_region"),
    ("endpoint", "aws_endpoint"),
    ("allowHttp", "aws_allow_http"),
    ("virtualHosted", "aws_virtual_hosted_style_request"),
];
const GS: &[(&str, &str)] =
    &[("serviceAccountKey", "google_service_account_key"), ("endpoint", "google_base_url")];
const AZ: &[(&str, &str)] = &[
    ("accountName", "azure_storage_account_name"),
    ("accountKey", "azure_storage_account_key"),
    ("sasToken", "azure_storage_sas_token"),
    ("token", "azure_storage_token"),
    ("clientId", "azure_client_id"),
    ("clientSecret", "azure_client_secret"),
    ("tenantId", "azure_tenant_id"),
    ("endpoint", "azure_endpoint"),
    ("allowHttp", "azure_allow_http"),
];

/// Says the opposite of `virtualHosted`.
const PATH_STYLE: &str = "pathStyle";
pub(crate) const CA: &str = "ca.crt";
const SWITCHES: [&str; 3] = ["allowHttp", "virtualHosted", PATH_STYLE];
/// Keys of which one says who asks. Where there is none, the environment does, as when a secret holds no more
/// than an endpoint and its certificate.
const WHO: [&str; 6] =
    ["accessKeyId", "serviceAccountKey", "accountKey", "sasToken", "token", "clientId"];
/// Of no use without each other.
const PAIRS: [(&str, &str); 3] =
    [("accessKeyId", "secretAccessKey"), ("clientId", "clientSecret"), ("username", "password")];

fn options_of(scheme: Scheme) -> &'static [(&'static str, &'static str)] {
    match scheme {
        Scheme::S3 => S3,
        Scheme::Gs => GS,
        Scheme::Az => AZ,
        Scheme::Http => &[],
    }
}

/// All keys that a store of this kind knows.
fn known(scheme: Scheme) -> Vec<&'static str> {
    let mut known: Vec<&str> = options_of(scheme).iter().map(|(key, _)| *key).collect();
    match scheme {
        Scheme::S3 => known.push(PATH_STYLE),
        Scheme::Http => known.extend(["username", "password", "token"]),
        Scheme::Gs | Scheme::Az => {}
    }
    known.push(CA);
    known
}

/// Whether the secret says who asks.
pub(crate) fn says_who(secret: &Secret) -> bool {
    WHO.iter().any(|key| secret.get(key).is_some())
}

/// Options for the store's builder. Keys that it does not know are told once more in the log, by their names.
///
/// # Errors
/// `Settings`: a key without its other half, a switch that is neither true nor false.
pub(crate) fn options(scheme: Scheme, secret: &Secret) -> Result<Vec<(String, String)>> {
    let name = secret.name();
    let known = known(scheme);
    let others = secret.others(&known);
    if !others.is_empty() {
        tracing::warn!(
            "the secret {name} has keys that are not used here: {}; known are {}",
            others.join(", "),
            known.join(", ")
        );
    }
    if known.iter().all(|key| secret.get(key).is_none()) {
        return Err(Error::settings(format!(
            "the secret {name} has none of the keys that are used here: {}",
            known.join(", ")
        )));
    }
    for (one, other) in PAIRS.into_iter().filter(|pair| known.contains(&pair.0)) {
        for (there, missing) in [(one, other), (other, one)] {
            if secret.get(there).is_some() && secret.get(missing).is_none() {
                return Err(Error::settings(format!(
                    "the secret {name} has the key {there} and not {missing}, which goes with it"
                )));
            }
        }
    }
    let switches = SWITCHES.iter().filter_map(|key| Some((key, secret.get(key)?)));
    for (key, value) in switches {
        if !["true", "false"].contains(&value) {
            return Err(Error::settings(format!(
                "the key {key} of the secret {name} is neither true nor false"
            )));
        }
    }
    let mut options: Vec<(String, String)> = options_of(scheme)
        .iter()
        .filter_map(|(key, option)| Some(((*option).to_owned(), secret.get(key)?.to_owned())))
        .collect();
    if let Some(path_style) = secret.get(PATH_STYLE).filter(|_| scheme == Scheme::S3) {
        let virtual_hosted = path_style == "false";
        options.push(("aws_virtual_hosted_style_request".into(), virtual_hosted.to_string()));
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secrets;

    fn secret(keys: &[(&str, &str)]) -> Secret {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("s");
        std::fs::create_dir(&place).unwrap();
        for (key, value) in keys {
            std::fs::write(place.join(key), value).unwrap();
        }
        Secrets::new(Some(folder.path().into())).read("s").unwrap()
    }

    #[test]
    fn keys_become_options() {
        let secret =
            secret(&[("accessKeyId", "a"), ("secretAccessKey", "b\n"), ("pathStyle", "false")]);
        let options = options(Scheme::S3, &secret).unwrap();
        let of = |name: &str| {
            options.iter().find(|option| option.0 == name).map(|option| option.1.as_str())
        };
        assert_eq!(of("aws_secret_access_key"), Some("b"));
        assert_eq!(of("aws_virtual_hosted_style_request"), Some("true"));
        assert!(says_who(&secret));
    }

    #[test]
    fn every_option_is_one_of_the_builder() {
        use object_store::{aws::AmazonS3ConfigKey, azure::AzureConfigKey, gcp::GoogleConfigKey};
        assert!(S3.iter().all(|(_, option)| option.parse::<AmazonS3ConfigKey>().is_ok()));
        assert!(GS.iter().all(|(_, option)| option.parse::<GoogleConfigKey>().is_ok()));
        assert!(AZ.iter().all(|(_, option)| option.parse::<AzureConfigKey>().is_ok()));
    }

    #[test]
    fn what_does_not_serve_is_told_by_its_key() {
        let told =
            |scheme, keys: &[(&str, &str)]| options(scheme, &secret(keys)).unwrap_err().message;
        let message = told(Scheme::S3, &[("accessKeyId", "AKIA")]);
        assert!(message.contains("and not secretAccessKey"), "{message}");
        let message = told(
            Scheme::S3,
            &[("accessKeyId", "a"), ("secretAccessKey", "b"), ("allowHttp", "perhaps")],
        );
        assert!(message.contains("allowHttp") && !message.contains("perhaps"), "{message}");
        let message = told(Scheme::Gs, &[("accessKeyId", "a")]);
        assert!(message.contains("none of the keys") && message.contains("serviceAccountKey"));
        let message = told(Scheme::Http, &[("username", "a")]);
        assert!(message.contains("password"), "{message}");
    }
}
