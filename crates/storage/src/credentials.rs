//! Converts the keys of a secret to the options of each kind of store.

use crate::{
    error::{Error, Result},
    location::Scheme,
    secret::Secret,
};

/// The keys of secrets and `object_store`'s options.
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

/// The opposite of `virtualHosted`.
const PATH_STYLE: &str = "pathStyle";
pub(crate) const CA: &str = "ca.crt";
const SWITCHES: [&str; 3] = ["allowHttp", "virtualHosted", PATH_STYLE];
/// Keys that hold an identity. Without one, the identity comes from the environment, for example if a secret has only an
/// endpoint and its certificate.
const IDENTITY: [&str; 6] =
    ["accessKeyId", "serviceAccountKey", "accountKey", "sasToken", "token", "clientId"];
/// Keys that require each other.
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

/// All keys that are supported for this kind of store.
fn supported(scheme: Scheme) -> Vec<&'static str> {
    let mut keys: Vec<&str> = options_of(scheme).iter().map(|(key, _)| *key).collect();
    match scheme {
        Scheme::S3 => keys.push(PATH_STYLE),
        Scheme::Http => keys.extend(["username", "password", "token"]),
        Scheme::Gs | Scheme::Az => {}
    }
    keys.push(CA);
    keys
}

/// Whether the secret has an identity.
pub(crate) fn has_identity(secret: &Secret) -> bool {
    IDENTITY.iter().any(|key| secret.get(key).is_some())
}

/// The options for the store's builder. Unknown keys are logged by name.
///
/// # Errors
/// `Settings`: no supported key, a key without its counterpart, a switch that is neither true nor false.
pub(crate) fn options(scheme: Scheme, secret: &Secret) -> Result<Vec<(String, String)>> {
    let name = secret.name();
    let supported = supported(scheme);
    let others = secret.others(&supported);
    if !others.is_empty() {
        tracing::warn!(
            "the secret {name} has keys that are not used: {}; supported keys are {}",
            others.join(", "),
            supported.join(", ")
        );
    }
    if supported.iter().all(|key| secret.get(key).is_none()) {
        return Err(Error::settings(format!(
            "the secret {name} has none of the supported keys: {}",
            supported.join(", ")
        )));
    }
    for (one, other) in PAIRS.into_iter().filter(|pair| supported.contains(&pair.0)) {
        for (present, missing) in [(one, other), (other, one)] {
            if secret.get(present).is_some() && secret.get(missing).is_none() {
                return Err(Error::settings(format!(
                    "the secret {name} has the key {present} but not {missing}; both are required"
                )));
            }
        }
    }
    let switches = SWITCHES.iter().filter_map(|key| Some((key, secret.get(key)?)));
    for (key, value) in switches {
        if !["true", "false"].contains(&value) {
            return Err(Error::settings(format!(
                "the key {key} of the secret {name} must be true or false"
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
        let option = |name: &str| {
            options.iter().find(|option| option.0 == name).map(|option| option.1.as_str())
        };
        assert_eq!(option("aws_secret_access_key"), Some("b"));
        assert_eq!(option("aws_virtual_hosted_style_request"), Some("true"));
        assert!(has_identity(&secret));
    }

    #[test]
    fn the_builders_know_every_option() {
        use object_store::{aws::AmazonS3ConfigKey, azure::AzureConfigKey, gcp::GoogleConfigKey};
        assert!(S3.iter().all(|(_, option)| option.parse::<AmazonS3ConfigKey>().is_ok()));
        assert!(GS.iter().all(|(_, option)| option.parse::<GoogleConfigKey>().is_ok()));
        assert!(AZ.iter().all(|(_, option)| option.parse::<AzureConfigKey>().is_ok()));
    }

    #[test]
    fn errors_name_the_key() {
        let failure =
            |scheme, keys: &[(&str, &str)]| options(scheme, &secret(keys)).unwrap_err().message;
        let message = failure(Scheme::S3, &[("accessKeyId", "AKIA")]);
        assert!(message.contains("but not secretAccessKey"), "{message}");
        let message = failure(
            Scheme::S3,
            &[("accessKeyId", "a"), ("secretAccessKey", "b"), ("allowHttp", "perhaps")],
        );
        assert!(message.contains("allowHttp") && !message.contains("perhaps"), "{message}");
        let message = failure(Scheme::Gs, &[("accessKeyId", "a")]);
        assert!(
            message.contains("none of the supported keys") && message.contains("serviceAccountKey")
        );
        let message = failure(Scheme::Http, &[("username", "a")]);
        assert!(message.contains("password"), "{message}");
    }
}
