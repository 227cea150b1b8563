//! Trust: which packs may be used, by where they come from, what they are and who signed them.

use std::{
    env,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::{
    Artifact, Digest, Kind, PackError, Reference, Result, folder, key::PublicKey, signature,
};

const API_VERSION: &str = "anomal.dev/trust/v1";
const VARIABLE: &str = "ANOMAL_TRUST";
const SYSTEM: &str = "/etc/anomal/trust.yaml";
const MAX_BYTES: u64 = 1 << 20;

/// Which packs may be used.
#[derive(Clone, Debug)]
pub struct Policy {
    /// For references without a scope.
    default: Rule,
    scopes: Vec<Scope>,
    allow: Vec<Digest>,
    deny: Vec<Digest>,
    mirrors: Vec<Mirror>,
    /// The file that it is in; absent for the built-in one.
    file: Option<PathBuf>,
}

#[derive(Clone, Debug)]
struct Scope {
    prefix: String,
    rule: Rule,
}

#[derive(Clone, Debug)]
struct Rule {
    kinds: Vec<KindName>,
    require: Requirement,
}

/// What a rule asks for.
#[derive(Clone, Debug)]
enum Requirement {
    Nothing,
    Digest,
    /// A signature by one of these.
    Keys(Vec<PublicKey>),
}

/// Another place for the same digests.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mirror {
    prefix: String,
    mirror: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum KindName {
    All,
    Native,
    List,
    Declarative,
    Rules,
    Yara,
    Wasm,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PolicyFile {
    api_version: String,
    default: Option<RuleEntry>,
    #[serde(default)]
    scopes: Vec<ScopeEntry>,
    #[serde(default)]
    allow: Digests,
    #[serde(default)]
    deny: Digests,
    #[serde(default)]
    registries: Vec<Mirror>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Digests {
    digests: Vec<Digest>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleEntry {
    kinds: Kinds,
    require: RequireEntry,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScopeEntry {
    prefix: String,
    kinds: Kinds,
    require: RequireEntry,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Kinds {
    One(KindName),
    Several(Vec<KindName>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RequireEntry {
    Named(RequireName),
    Key(KeyEntry),
    Keys(KeysEntry),
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum RequireName {
    None,
    Digest,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyEntry {
    key: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeysEntry {
    keys: Vec<PathBuf>,
}

impl Default for Policy {
    fn default() -> Self {
        use KindName::{Declarative, List, Native, Rules, Yara};
        let kinds = vec![Native, List, Declarative, Rules, Yara];
        Self {
            default: Rule { kinds, require: Requirement::Digest },
            scopes: Vec::new(),
            allow: Vec::new(),
            deny: Vec::new(),
            mirrors: Vec::new(),
            file: None,
        }
    }
}

impl Policy {
    /// The first that is there: `file`, `ANOMAL_TRUST`, ~/.config/anomal/trust.yaml, /etc/anomal/trust.yaml; else the
    /// built-in one.
    ///
    /// # Errors
    /// The file can't be read or is not valid.
    pub fn find(file: Option<&Path>) -> Result<Self> {
        let variable = || env::var_os(VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from);
        if let Some(file) = file.map(Path::to_owned).or_else(variable) {
            return Self::read(&file);
        }
        let not_empty =
            |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = not_empty("XDG_CONFIG_HOME")
            .or_else(|| not_empty("HOME").map(|home| home.join(".config")));
        let files = home
            .map(|home| home.join("anomal/trust.yaml"))
            .into_iter()
            .chain([PathBuf::from(SYSTEM)]);
        match files.into_iter().find(|file| file.is_file()) {
            Some(file) => Self::read(&file),
            None => Ok(Self::default()),
        }
    }

    /// # Errors
    /// The file or a key that it names can't be read, or is not valid.
    pub fn read(file: &Path) -> Result<Self> {
        let bytes = folder::read_file(file, MAX_BYTES)
            .map_err(|error| wrong(file, &format!("cannot be read: {error}")))?;
        let base = file.parent().unwrap_or(Path::new("."));
        let mut policy = Self::parse(&bytes, base).map_err(|message| wrong(file, &message))?;
        policy.file = Some(file.to_owned());
        Ok(policy)
    }

    /// `base`: the folder that paths of keys are relative to.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(bytes: &[u8], base: &Path) -> Result<Self, String> {
        let file: PolicyFile =
            serde_saphyr::from_slice(bytes).map_err(|error| error.to_string())?;
        if file.api_version != API_VERSION {
            return Err(format!("apiVersion must be `{API_VERSION}`"));
        }
        let mut policy = Self::default();
        if let Some(default) = file.default {
            policy.default =
                Rule { kinds: default.kinds.names(), require: default.require.read(base)? };
        }
        for entry in file.scopes {
            let rule = Rule { kinds: entry.kinds.names(), require: entry.require.read(base)? };
            policy.scopes.push(Scope { prefix: entry.prefix, rule });
        }
        policy.allow = file.allow.digests;
        policy.deny = file.deny.digests;
        policy.mirrors = file.registries;
        Ok(policy)
    }

    /// Whether an artifact from a place needs a signature, so that signatures have to be fetched.
    pub fn wants_signatures(&self, reference: &Reference) -> bool {
        match self.scope(reference) {
            Some(scope) => matches!(scope.rule.require, Requirement::Keys(_)),
            None => !reference.is_path() && matches!(self.default.require, Requirement::Keys(_)),
        }
    }

    /// The reference at a mirror, if there is one for its place.
    ///
    /// # Errors
    /// The mirror's address is not valid.
    pub fn mirrored(&self, reference: &Reference) -> Result<Reference> {
        let text = reference.place();
        let matching = self.mirrors.iter().filter(|mirror| is_below(&text, &mirror.prefix));
        let Some(mirror) = matching.max_by_key(|mirror| mirror.prefix.len()) else {
            return Ok(reference.clone());
        };
        let place = format!("{}{}", mirror.mirror, &text[mirror.prefix.len()..]);
        let place: Reference = place
            .parse()
            .map_err(|error: PackError| error.context("registries of the trust file"))?;
        Ok(match (place, reference) {
            (Reference::Oci(place), Reference::Oci(before)) => {
                Reference::Oci(crate::OciReference {
                    tag: before.tag.clone(),
                    digest: before.digest,
                    ..place
                })
            }
            (place, _) => place,
        })
    }

    /// Decides whether an artifact may be used, over its bytes. `reference`: where it comes from; absent for what a caller
    /// sends, which has to be signed by a key of the policy or allowed by its digest. `pinned`: whether the settings or
    /// the lock have its digest. Returns the fingerprint of the key that signed it, where a signature is required.
    ///
    /// # Errors
    /// `PACK_NOT_TRUSTED`, `PACK_KIND_DENIED`, with the line that would allow it.
    pub fn check(
        &self,
        artifact: &Artifact,
        reference: Option<&Reference>,
        pinned: bool,
    ) -> Result<Option<String>> {
        let digest = artifact.digest();
        if self.deny.contains(&digest) {
            return Err(PackError::not_trusted(format!(
                "{digest} is denied by {}: `deny.digests`",
                self.name()
            )));
        }
        if self.allow.contains(&digest) {
            return Ok(None);
        }
        let Some(reference) = reference else { return self.check_sent(artifact) };
        let rule = match self.scope(reference) {
            Some(scope) => &scope.rule,
            None if reference.is_path() => return Ok(None),
            None => &self.default,
        };
        let kind = artifact.kind();
        if !rule.has(kind) {
            // A pack that a scope excludes has another reason than one that no scope names.
            let message = format!(
                "{} packs from {} are not allowed by {}. To allow this one, add to the trust file\n  allow: {{digests: \
                 [{digest}]}}\nor those that somebody signs\n  scopes: [{{prefix: \"{}\", kinds: [{}], require: {{key: \
                 KEY.pub}}}}]",
                kind.name(),
                reference.place(),
                self.name(),
                reference.place(),
                kind.name(),
            );
            let by_scope = self.scope(reference).is_some();
            return Err(if by_scope {
                PackError::kind_denied(message)
            } else {
                PackError::not_trusted(message)
            });
        }
        match &rule.require {
            Requirement::Nothing => Ok(None),
            Requirement::Digest if pinned => Ok(None),
            Requirement::Digest => Err(PackError::not_trusted(format!(
                "{} has no digest, which {} requires; set `digest: {digest}`, or run without --locked to have it in the \
                 lock",
                reference.place(),
                self.name()
            ))),
            Requirement::Keys(keys) => match signature::signer(artifact, keys) {
                Some(key) => Ok(Some(key.fingerprint().to_string())),
                None => Err(unsigned(artifact, keys, &self.name())),
            },
        }
    }

    fn check_sent(&self, artifact: &Artifact) -> Result<Option<String>> {
        let scopes = self.scopes.iter().map(|scope| &scope.rule).chain([&self.default]);
        let rules = scopes.filter(|rule| rule.has(artifact.kind()));
        let keys: Vec<PublicKey> = rules
            .filter_map(|rule| match &rule.require {
                Requirement::Keys(keys) => Some(keys.clone()),
                _ => None,
            })
            .flatten()
            .collect();
        match signature::signer(artifact, &keys) {
            Some(key) => Ok(Some(key.fingerprint().to_string())),
            None => Err(unsigned(artifact, &keys, &self.name())),
        }
    }

    fn scope(&self, reference: &Reference) -> Option<&Scope> {
        let place = reference.place();
        let matches = |scope: &&Scope| match scope.prefix.as_str() {
            "./" => reference.is_path(),
            prefix => is_below(&place, prefix),
        };
        self.scopes.iter().filter(matches).max_by_key(|scope| scope.prefix.len())
    }

    fn name(&self) -> String {
        self.file
            .as_ref()
            .map_or_else(|| "the built-in policy".to_owned(), |file| file.display().to_string())
    }
}

fn unsigned(artifact: &Artifact, keys: &[PublicKey], policy: &str) -> PackError {
    let keys: Vec<String> = keys.iter().map(|key| key.fingerprint().to_string()).collect();
    let found = match artifact.signatures.len() {
        0 => "it has no signature".to_owned(),
        1 => "its signature is of another key or of other bytes".to_owned(),
        count => format!("its {count} signatures are of other keys or of other bytes"),
    };
    PackError::not_trusted(format!(
        "{} is not signed as {policy} requires: {found}; keys: {}. To allow it, add to the trust file\n  allow: {{digests: \
         [{}]}}",
        artifact.digest(),
        if keys.is_empty() { "none".to_owned() } else { keys.join(", ") },
        artifact.digest()
    ))
}

/// Whether a place is a prefix, or is below it; `oci://h/acme` is not a prefix of `oci://h/acme-evil`.
fn is_below(place: &str, prefix: &str) -> bool {
    place.strip_prefix(prefix).is_some_and(|rest| {
        !prefix.is_empty() && (rest.is_empty() || prefix.ends_with('/') || rest.starts_with('/'))
    })
}

fn wrong(file: &Path, message: &str) -> PackError {
    PackError::reference(format!("the trust file {}: {message}", file.display()))
}

impl Rule {
    fn has(&self, kind: Kind) -> bool {
        let kind = match kind {
            Kind::Declarative => KindName::Declarative,
            Kind::List => KindName::List,
            Kind::Wasm => KindName::Wasm,
        };
        self.kinds.contains(&KindName::All) || self.kinds.contains(&kind)
    }
}

impl Kinds {
    fn names(self) -> Vec<KindName> {
        match self {
            Self::One(kind) => vec![kind],
            Self::Several(kinds) => kinds,
        }
    }
}

impl RequireEntry {
    fn read(self, base: &Path) -> Result<Requirement, String> {
        let files = match self {
            Self::Named(RequireName::None) => return Ok(Requirement::Nothing),
            Self::Named(RequireName::Digest) => return Ok(Requirement::Digest),
            Self::Key(entry) => vec![entry.key],
            Self::Keys(entry) => entry.keys,
        };
        let read = |file: PathBuf| {
            let file = base.join(file);
            let bytes = folder::read_file(&file, MAX_BYTES)
                .map_err(|error| format!("the key {}: {error}", file.display()))?;
            PublicKey::from_pem(&String::from_utf8_lossy(&bytes))
                .map_err(|error| format!("the key {}: {error}", file.display()))
        };
        files.into_iter().map(read).collect::<Result<_, _>>().map(Requirement::Keys)
    }
}
