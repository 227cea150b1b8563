//! References: where a pack is.

use std::{fmt, path::PathBuf, str::FromStr};

use anomal_spec::is_url;

use crate::{Digest, PackError};

/// Where a pack is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// In a registry.
    Oci(OciReference),
    /// A file behind HTTP.
    Web(String),
    /// A file in an object store.
    Object(String),
    /// A folder or file of this machine.
    Path(PathBuf),
}

/// A place in a registry: `oci://HOST[:PORT]/REPOSITORY[:TAG][@DIGEST]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OciReference {
    /// The host, with its port.
    pub registry: String,
    pub repository: String,
    pub tag: Option<String>,
    pub digest: Option<Digest>,
}

impl Reference {
    /// The digest that is a part of it.
    pub fn digest(&self) -> Option<Digest> {
        match self {
            Self::Oci(reference) => reference.digest,
            _ => None,
        }
    }

    /// Without tag and digest: what the prefixes of a policy are compared with.
    pub fn place(&self) -> String {
        match self {
            Self::Oci(reference) => {
                format!("oci://{}/{}", reference.registry, reference.repository)
            }
            Self::Web(url) => anomal_spec::without_query(url).to_owned(),
            Self::Object(url) => url.clone(),
            Self::Path(path) => path.display().to_string(),
        }
    }

    pub fn is_path(&self) -> bool {
        matches!(self, Self::Path(_))
    }
}

impl FromStr for Reference {
    type Err = PackError;

    fn from_str(text: &str) -> Result<Self, PackError> {
        if !is_url(text) {
            return Ok(Self::Path(text.into()));
        }
        match text.split_once("://").unwrap_or_default() {
            ("oci", _) => text.parse().map(Self::Oci),
            ("https" | "http", rest) => {
                let wrong = |why: &str| {
                    PackError::reference(format!("{}: {why}", anomal_spec::without_query(text)))
                };
                let url = url::Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
                if rest.is_empty() || !url.username().is_empty() || url.password().is_some() {
                    return Err(PackError::reference(
                        "a URL has a host and no credentials; put those into a secret (auth.secretRef)",
                    ));
                }
                Ok(Self::Web(text.to_owned()))
            }
            ("s3" | "gs" | "az", _) => Ok(Self::Object(text.to_owned())),
            (scheme, _) => Err(PackError::reference(format!(
                "`{scheme}://` is not supported; a pack is in a folder or file, or at oci://, https://, s3://, gs:// or az://"
            ))),
        }
    }
}

/// As it was written, without the query of a URL, which may be a secret.
impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Oci(reference) => reference.fmt(f),
            other => f.write_str(&other.place()),
        }
    }
}

impl OciReference {
    /// The same place with another digest, and without a tag.
    #[must_use]
    pub fn with_digest(&self, digest: Digest) -> Self {
        Self { digest: Some(digest), tag: None, ..self.clone() }
    }

    /// What a registry is asked for: the digest, else the tag, else `latest`.
    pub fn target(&self) -> String {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => digest.to_string(),
            (None, Some(tag)) => tag.clone(),
            (None, None) => "latest".to_owned(),
        }
    }
}

impl FromStr for OciReference {
    type Err = PackError;

    fn from_str(text: &str) -> Result<Self, PackError> {
        let wrong = |why: &str| {
            let shown: String = text.escape_default().take(200).collect();
            PackError::reference(format!(
                "{shown}: {why}; the form is oci://HOST[:PORT]/REPOSITORY[:TAG][@sha256:DIGEST]"
            ))
        };
        let rest = text.strip_prefix("oci://").unwrap_or(text);
        let (rest, digest) = match rest.split_once('@') {
            Some((rest, digest)) => {
                (rest, Some(digest.parse().map_err(|message: String| wrong(&message))?))
            }
            None => (rest, None),
        };
        let (registry, path) = rest.split_once('/').ok_or_else(|| wrong("it has no repository"))?;
        let (repository, tag) = match path.rsplit_once(':') {
            Some((repository, tag)) => (repository, Some(tag)),
            None => (path, None),
        };
        if !is_host(registry) {
            return Err(wrong("the host is a name or an address, with a port or without"));
        }
        if repository.len() > 255 || !repository.split('/').all(is_component) {
            return Err(wrong(
                "the repository has lower-case letters, digits, and `.`, `_` or `-` between them",
            ));
        }
        if tag.is_some_and(|tag| !is_tag(tag)) {
            return Err(wrong("a tag has at most 128 letters, digits, `_`, `.` and `-`"));
        }
        Ok(Self {
            registry: registry.to_owned(),
            repository: repository.to_owned(),
            tag: tag.map(str::to_owned),
            digest,
        })
    }
}

impl fmt::Display for OciReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "oci://{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

fn is_host(text: &str) -> bool {
    let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, port)) => {
            if address.parse::<std::net::Ipv6Addr>().is_err() {
                return false;
            }
            ("x", port.strip_prefix(':').or(if port.is_empty() { Some("1") } else { None }))
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, Some("1")),
        },
    };
    let plain =
        |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '-');
    !host.is_empty()
        && host.len() <= 253
        && host.chars().all(plain)
        && !host.starts_with(['.', '-'])
        && port.is_some_and(|port| {
            port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok()
        })
}

/// A part of a repository's path: lower-case letters and digits, and between them one `.`, one or two `_`, or any `-`.
fn is_component(text: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    letter(*first)
        && letter(*last)
        && bytes.iter().all(|byte| letter(*byte) || matches!(byte, b'.' | b'_' | b'-'))
        && bytes.split(|byte| letter(*byte)).all(|between| {
            matches!(between, b"" | b"." | b"_" | b"__") || between.iter().all(|byte| *byte == b'-')
        })
}

fn is_tag(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let bytes = text.as_bytes();
    bytes.len() <= 128
        && bytes.first().is_some_and(|first| word(*first))
        && bytes.iter().all(|byte| word(*byte) || matches!(byte, b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn references_of_each_kind() {
        let digest = Digest::from_content(b"");
        let full = format!("oci://ghcr.io/acme/anomal-acme:1.4.2@{digest}");
        let Reference::Oci(reference) = full.parse().unwrap() else { panic!("{full}") };
        assert_eq!(reference.registry, "ghcr.io");
        assert_eq!(reference.repository, "acme/anomal-acme");
        assert_eq!((reference.tag.as_deref(), reference.digest), (Some("1.4.2"), Some(digest)));
        assert_eq!(reference.target(), digest.to_string());
        assert_eq!(reference.to_string(), full);
        for text in ["oci://localhost:5000/a", "oci://[::1]:5000/a/b__c", "oci://h/a-b.c:latest"] {
            assert_eq!(text.parse::<Reference>().unwrap().to_string(), text);
        }
        let web: Reference = "https://h/x.tar?X-Amz-Signature=secret".parse().unwrap();
        assert_eq!(web.to_string(), "https://h/x.tar");
        assert!(matches!("s3://b/x".parse(), Ok(Reference::Object(_))));
        assert!("./packs/lab".parse::<Reference>().unwrap().is_path());
    }

    #[test]
    fn others_are_refused_with_the_form() {
        for text in [
            "oci://ghcr.io",
            "oci:///a",
            "oci://h/A",
            "oci://h/a//b",
            "oci://h/a/../b",
            "oci://h/a:",
            "oci://h/a:b/c",
            "oci://h/a@sha256:12",
            "oci://h:x/a",
            "oci://user:pass@h/a",
            "oci://h/a_",
            "oci://h/a..b",
            "oci://[::x]/a",
        ] {
            let error = text.parse::<Reference>().unwrap_err();
            assert_eq!(error.reason, "PACK_REFERENCE", "{text}");
        }
        assert!("git://h/a".parse::<Reference>().unwrap_err().message.contains("oci://"));
        let message = "https://user:pass@h/a".parse::<Reference>().unwrap_err().message;
        assert!(!message.contains("pass@"), "{message}");
    }

    proptest! {
        #[test]
        fn a_reference_is_read_as_it_is_written(
            host in "[a-z][a-z0-9]{0,9}(\\.[a-z]{2,5})?(:[1-9][0-9]{0,3})?",
            repository in "[a-z0-9]{1,9}((\\.|_|__|-{1,3})[a-z0-9]{1,9})?(/[a-z0-9]{1,9}){0,3}",
            tag in proptest::option::of("[A-Za-z0-9_][A-Za-z0-9._-]{0,20}"),
            seed in proptest::option::of(any::<u64>()),
        ) {
            let digest = seed.map(|seed| Digest::from_content(&seed.to_le_bytes()));
            let reference = OciReference { registry: host, repository, tag, digest };
            prop_assert_eq!(reference.to_string().parse::<OciReference>().unwrap(), reference);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "(oci|https|s3|x)?(://)?.{0,60}") {
            if let Ok(reference) = text.parse::<OciReference>() {
                prop_assert_eq!(reference.to_string().parse::<OciReference>().unwrap(), reference);
            }
            let _ = text.parse::<Reference>();
        }
    }
}
