//! Parses the URLs of objects.

use std::fmt;

use object_store::path::Path;
use url::Url;

use crate::error::{Error, Result};

/// The kind of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    S3,
    Gs,
    Az,
    /// `http` and `https`, for reading only.
    Http,
}

/// The location of an object, or of several by a folder or pattern.
#[derive(Clone, PartialEq, Eq)]
pub struct Location {
    pub scheme: Scheme,
    /// The URL that opens the store: `s3://bucket`, or an HTTP URL without its path.
    pub(crate) root: String,
    /// The part after the bucket, unchanged: S3 keys may contain any character.
    pub(crate) key: String,
    /// The form for messages, without secrets.
    name: String,
}

impl Location {
    /// # Errors
    /// `Settings`: an unknown scheme, no bucket, or credentials in the URL.
    pub fn parse(text: &str) -> Result<Self> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        let known = match scheme {
            "s3" => Scheme::S3,
            "gs" => Scheme::Gs,
            "az" => Scheme::Az,
            "http" | "https" => return Self::http(text),
            other => {
                return Err(Error::settings(format!(
                    "`{other}://` is not supported; use s3://bucket/key, gs://bucket/key or az://container/key, or for \
                     inputs http:// or https://"
                )));
            }
        };
        let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if bucket.is_empty() || !bucket.chars().all(plain) {
            return Err(Error::settings(format!(
                "a URL has the form {scheme}://bucket/key, without credentials; put those into a secret (auth.secretRef)"
            )));
        }
        let root = format!("{scheme}://{bucket}");
        Ok(Self { scheme: known, root, key: key.into(), name: text.into() })
    }

    /// Whether both are in the same bucket.
    pub fn is_beside(&self, other: &Self) -> bool {
        self.root == other.root
    }

    fn http(text: &str) -> Result<Self> {
        let url =
            Url::parse(text).map_err(|error| Error::settings(format!("invalid URL: {error}")))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Error::settings(
                "a URL must not contain credentials; put them into a secret (auth.secretRef, keys username and password)",
            ));
        }
        let mut root = url.clone();
        root.set_path("");
        root.set_fragment(None);
        let mut name = url.clone();
        // The query may contain a signature.
        name.set_query(None);
        name.set_fragment(None);
        Ok(Self {
            scheme: Scheme::Http,
            root: root.into(),
            key: url.path().trim_start_matches('/').into(),
            name: name.into(),
        })
    }

    /// The path of a single object.
    ///
    /// # Errors
    /// `Settings` if the key is invalid.
    pub(crate) fn object(&self) -> Result<Path> {
        let path = match self.scheme {
            Scheme::Http => Path::from_url_path(&self.key),
            _ => Path::parse(&self.key),
        };
        path.map_err(|error| Error::settings(format!("{self} is not a valid object: {error}")))
    }

    /// Whether it is a folder.
    pub(crate) fn is_folder(&self) -> bool {
        self.scheme != Scheme::Http && (self.key.is_empty() || self.key.ends_with('/'))
    }

    /// Whether it is a pattern for names of objects.
    pub(crate) fn is_pattern(&self) -> bool {
        self.scheme != Scheme::Http && self.key.contains(['*', '?', '['])
    }

    /// The URL of another object in the same store.
    pub(crate) fn sibling(&self, path: &Path) -> String {
        format!("{}/{path}", self.root)
    }
}

/// Omits the query, which may be secret.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::error::Kind;

    #[test]
    fn keys_stay_unchanged() {
        let location = Location::parse("s3://logs/a b/%20?x*.csv").unwrap();
        assert_eq!(
            (location.root.as_str(), location.key.as_str()),
            ("s3://logs", "a b/%20?x*.csv")
        );
        assert!(location.is_pattern());
        assert!(Location::parse("gs://logs").unwrap().is_folder());
        assert!(Location::parse("az://logs/a/").unwrap().is_folder());
    }

    #[test]
    fn signatures_are_not_shown() {
        let location = Location::parse("https://h:1/a%20b.csv?X-Amz-Signature=abc#x").unwrap();
        assert_eq!(location.to_string(), "https://h:1/a%20b.csv");
        assert!(!format!("{location:?}").contains("abc"));
        assert_eq!(location.root, "https://h:1/?X-Amz-Signature=abc");
        assert_eq!(location.object().unwrap().as_ref(), "a b.csv");
        // A query is not a pattern, and HTTP has no listing.
        assert!(!location.is_pattern());
    }

    #[test]
    fn errors_do_not_contain_credentials() {
        for text in ["ftp://h/x", "s3:///k", "s3://user:pass@b/k", "http://u:pass@h/x", "https://"]
        {
            let error = Location::parse(text).unwrap_err();
            assert_eq!(error.kind, Kind::Settings, "{text}");
            assert!(!error.message.contains("pass@"), "{error}");
        }
        assert!(Location::parse("ftp://h").unwrap_err().message.contains("gs://bucket/key"));
        assert!(Location::parse("s3://b/a//../c").unwrap().object().is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in ".{0,60}", key in "[a-z*/?%. é-]{0,30}") {
            let _ = Location::parse(&text);
            let location = Location::parse(&format!("s3://bucket/{key}")).unwrap();
            prop_assert_eq!(&location.key, &key);
            prop_assert_eq!(location.to_string(), format!("s3://bucket/{key}"));
            let _ = location.object();
        }
    }
}
