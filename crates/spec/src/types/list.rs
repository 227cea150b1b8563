//! Lists of indicators, such as domains of malware, that components look values up in.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Auth, input::is_default};

/// A list of domains, addresses, URLs, hashes, email addresses or texts, or a MaxMind database. Filters, metrics and flags
/// of the pack `lists` look values up in it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListSettings {
    /// Its name: lower-case letters, digits, `-` and `_`. That of a list of a pack is preceded by the pack's name and `/`
    /// where a job uses it.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z][a-z0-9_-]*$"))]
    pub name: String,
    /// Its file. In the manifest of a pack: a path in the pack's folder.
    #[serde(rename = "ref")]
    #[schemars(length(min = 1, max = 1024))]
    pub reference: String,
    /// The format of the file.
    #[serde(default, skip_serializing_if = "is_default")]
    pub format: ListFormat,
    /// The type of its entries. plain, csv: required. stix: only entries of this type are read; all by default.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    pub entry_type: Option<ListType>,
    /// domain: which names an entry matches; `exact` by default, and `subdomains` for a MISP warning list of type hostname.
    #[serde(rename = "match", default, skip_serializing_if = "Option::is_none")]
    pub matching: Option<ListMatch>,
    /// Lists that take precedence: a value that one of them contains is not found in this list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 127)))]
    pub except: Vec<String>,
    /// How old the list may be, such as `30d` (s, m, h, d or w): an older one is an error. stix: how long an entry is valid
    /// at most after its `valid_from`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 12), regex(pattern = "^[1-9][0-9]*[smhdw]$"))]
    pub max_age: Option<String>,
    /// The date of the list, such as `2026-11-20`, from which `maxAge` counts. Default: the date in the file: that of a
    /// MISP warning list or a MaxMind database, or in a comment at the head of a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(min = 10, max = 35),
        regex(pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]+Z)?$")
    )]
    pub updated: Option<String>,
    /// stix: the least confidence, 0 to 100, of the entries that are read. Entries without one are read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub confidence: Option<u8>,
    /// csv: the column of the entries: its name in the header, or its number, such as `"2"`, in a file without a header.
    /// Default: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub column: Option<String>,
    /// plain, csv: what a line that is a comment begins with; `#` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 8))]
    pub comment: Option<String>,
    /// csv: the column of the times up to which entries are valid, as for `column`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub expires: Option<String>,
    /// The SHA-256 of its bytes, as `sha256:` and 64 hexadecimal digits: a file with other bytes is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 71), regex(pattern = r"^sha256:[0-9a-f]{64}$"))]
    pub digest: Option<String>,
    /// The credentials of its URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
}

/// The format of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ListFormat {
    /// An entry a line.
    #[default]
    Plain,
    /// An entry in one column of each record.
    Csv,
    /// A hosts file: an address, then names. The names are the entries.
    Hosts,
    /// A MISP warning list, in JSON.
    MispWarninglist,
    /// A STIX 2 bundle, in JSON: indicators whose pattern is one comparison.
    Stix,
    /// A MaxMind database.
    Mmdb,
}

/// The type of a list's entries.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum ListType {
    /// Host names. `*.example.com` and `.example.com` stand for a name and its subdomains.
    Domain,
    /// IP addresses and prefixes, such as `192.0.2.0/24`.
    Ip,
    /// URLs, and parts of them: a host, or a host and a path.
    Url,
    /// MD5, SHA-1, SHA-256 and SHA-512 in hexadecimal.
    Hash,
    /// Email addresses.
    Email,
    /// Any text, compared as it is.
    Text,
}

/// Which names an entry of type domain matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ListMatch {
    /// Itself.
    Exact,
    /// Itself and its subdomains.
    Subdomains,
}
