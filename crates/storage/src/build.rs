//! Opens stores, with credentials from a secret or from the environment.

use std::{sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_STANDARD};
use object_store::{
    BackoffConfig, Certificate, ClientOptions, HeaderMap, HeaderValue, ObjectStore, RetryConfig,
    aws::AmazonS3Builder, azure::MicrosoftAzureBuilder, gcp::GoogleCloudStorageBuilder,
    http::HttpBuilder, path::Path,
};
use url::Url;

use crate::{
    credentials::{self, CA},
    error::{Error, Result},
    location::Scheme,
    secret::Secret,
};

/// Timeouts and retries of requests to a store.
#[derive(Clone, Debug, Default)]
pub(crate) struct RequestPolicy {
    /// The timeout of a request including its body; `None` is the library's default.
    pub request: Option<Duration>,
    /// `None` is the library's default.
    pub retry: Option<RetryConfig>,
}

impl RequestPolicy {
    /// For a run: outages of some seconds are retried, and longer ones are reported within a minute.
    pub fn for_run(request: Duration) -> Self {
        let backoff = BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(5),
            base: 2.0,
        };
        let retry = RetryConfig { backoff, max_retries: 6, retry_timeout: Duration::from_mins(1) };
        Self { request: Some(request), retry: Some(retry) }
    }

    /// For small objects whose owner tries again itself: a moment of overload is retried.
    pub fn for_objects(request: Duration, longest: Duration) -> Self {
        let backoff = BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(1),
            base: 2.0,
        };
        let retry = RetryConfig { backoff, max_retries: 3, retry_timeout: longest };
        Self { request: Some(request), retry: Some(retry) }
    }
}

/// Opens a store by its URL, with credentials from the environment. Returns the path in the URL as well.
///
/// # Errors
/// `Settings`: an unknown scheme, or unusable variables.
pub fn from_environment(url: &Url) -> Result<(Arc<dyn ObjectStore>, Path)> {
    let scheme = match url.scheme() {
        "s3" => Scheme::S3,
        "gs" => Scheme::Gs,
        "az" => Scheme::Az,
        other => {
            return Err(Error::settings(format!(
                "`{other}://` is not a supported store; use s3://, gs:// or az://"
            )));
        }
    };
    let path = Path::from_url_path(url.path())
        .map_err(|error| Error::settings(format!("invalid path in a store: {error}")))?;
    Ok((build(scheme, url.as_str(), None, RequestPolicy::default())?, path))
}

/// `root`: the URL of a bucket, or of an HTTP server.
pub(crate) fn build(
    scheme: Scheme,
    root: &str,
    secret: Option<&Secret>,
    policy: RequestPolicy,
) -> Result<Arc<dyn ObjectStore>> {
    let mut options = Vec::new();
    // A secret with an identity is used alone: mixed with variables, it would be another identity.
    if secret.is_none_or(|secret| !credentials::has_identity(secret)) {
        options.extend(environment(scheme));
    }
    if let Some(secret) = secret {
        options.extend(credentials::options(scheme, secret)?);
    }
    let client = client(scheme, root, secret, &options)?;
    let retry = policy.retry.unwrap_or_default();
    if let Some(request) = policy.request {
        options.push(("timeout".into(), format!("{}s", request.as_secs())));
    }
    // Unknown keys are variables of other programs.
    macro_rules! built {
        ($builder:ty) => {{
            let mut builder =
                <$builder>::new().with_url(root).with_client_options(client).with_retry(retry);
            for (key, value) in options {
                if let Ok(key) = key.parse() {
                    builder = builder.with_config(key, value);
                }
            }
            builder.build().map(|store| Arc::new(store) as Arc<dyn ObjectStore>)
        }};
    }
    let built = match scheme {
        Scheme::S3 => built!(AmazonS3Builder),
        Scheme::Gs => built!(GoogleCloudStorageBuilder),
        Scheme::Az => built!(MicrosoftAzureBuilder),
        Scheme::Http => built!(HttpBuilder),
    };
    // The library's message may contain a value.
    built.map_err(|_| match secret {
        Some(secret) => Error::settings(format!(
            "cannot open the store with the keys of the secret {}; check their values",
            secret.name()
        )),
        None => Error::settings(format!(
            "cannot open the store with the environment variables {}; check their values, or name a secret in \
             auth.secretRef",
            prefixes(scheme).map(|prefix| format!("{prefix}*")).join(", ")
        )),
    })
}

fn client(
    scheme: Scheme,
    root: &str,
    secret: Option<&Secret>,
    options: &[(String, String)],
) -> Result<ClientOptions> {
    let mut client = ClientOptions::new();
    // Google's metadata server uses HTTP; HTTP inputs use the scheme of their URL.
    if scheme == Scheme::Gs || root.starts_with("http://") {
        client = client.with_allow_http(true);
    }
    let Some(secret) = secret else { return Ok(client) };
    let wrong = |key: &str, problem: &str| {
        Error::settings(format!("the key {key} of the secret {} {problem}", secret.name()))
    };
    if let Some(pem) = secret.get(CA) {
        let certificates = Certificate::from_pem_bundle(pem.as_bytes())
            .map_err(|_| wrong(CA, "is not a PEM certificate"))?;
        for certificate in certificates {
            client = client.with_root_certificate(certificate);
        }
    }
    if scheme == Scheme::Http && options.is_empty() {
        let header = match (secret.get("token"), secret.get("username"), secret.get("password")) {
            (Some(token), _, _) => Some(format!("Bearer {token}")),
            (None, Some(user), Some(password)) => {
                Some(format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}"))))
            }
            _ => None,
        };
        if let Some(header) = header {
            let mut value = HeaderValue::from_str(&header)
                .map_err(|_| wrong("token", "has characters that are not allowed in a header"))?;
            value.set_sensitive(true);
            let mut headers = HeaderMap::new();
            headers.insert("authorization", value);
            client = client.with_default_headers(headers);
        }
    }
    Ok(client)
}

/// The prefixes of a store's variables. Variables without a prefix, such as REGION or TOKEN, are ignored.
fn prefixes(scheme: Scheme) -> [&'static str; 1] {
    match scheme {
        Scheme::S3 => ["AWS_"],
        Scheme::Gs => ["GOOGLE_"],
        Scheme::Az => ["AZURE_"],
        Scheme::Http => ["(none)"],
    }
}

fn environment(scheme: Scheme) -> impl Iterator<Item = (String, String)> {
    /// Variables of Azure's machines, and the library's second name for Google's credentials file.
    const MORE: [&str; 4] =
        ["IDENTITY_ENDPOINT", "MSI_ENDPOINT", "SERVICE_ACCOUNT", "IDENTITY_HEADER"];
    let used = move |name: &str| {
        prefixes(scheme).iter().any(|prefix| name.starts_with(prefix))
            || (scheme != Scheme::S3 && scheme != Scheme::Http && MORE.contains(&name))
    };
    let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    std::env::vars_os()
        .filter_map(text)
        .filter(move |(name, _)| used(name))
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn opening_a_store_sends_no_request() {
        for url in ["s3://b/k", "gs://b/k"] {
            let (_, path) = from_environment(&Url::parse(url).unwrap()).unwrap();
            assert_eq!(path.as_ref(), "k");
        }
        let error = from_environment(&Url::parse("ftp://b/k").unwrap()).unwrap_err();
        assert_eq!(error.kind, Kind::Settings);
    }

    #[test]
    fn errors_do_not_contain_values() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("g")).unwrap();
        std::fs::write(folder.path().join("g/serviceAccountKey"), "not-json-but-secret").unwrap();
        std::fs::create_dir(folder.path().join("c")).unwrap();
        std::fs::write(folder.path().join("c/ca.crt"), "-----BEGIN CERTIFICATE-----\n!\n").unwrap();
        std::fs::write(folder.path().join("c/token"), "x").unwrap();
        let secrets = crate::Secrets::new(Some(folder.path().into()));
        let open = |scheme, root: &str, name: &str| {
            let secret = secrets.read(name).unwrap();
            build(scheme, root, Some(&secret), RequestPolicy::default()).unwrap_err()
        };
        let error = open(Scheme::Gs, "gs://b", "g");
        assert!(
            error.message.contains("secret g") && !error.message.contains("not-json"),
            "{error}"
        );
        let error = open(Scheme::Http, "https://h", "c");
        assert!(error.message.contains("ca.crt"), "{error}");
    }
}
