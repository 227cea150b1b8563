//! From the references of a job to what the engine needs.

use std::path::{Path, PathBuf};

use anomal_core::{Error, Result};
use anomal_spec::{AnomalyJobSpec, ListSettings, PackDetails, PackSetting, is_url};
use anomal_storage::Secrets;

use crate::{
    Artifact, Digest, Kind, PackError, Reference,
    fetch::{Access, FetchedArtifact, Fetcher, Wanted, read_authorities},
    lock::{LockFile, LockedPack, Section},
};

/// Resolves the packs and lists of one job.
pub struct Resolver {
    pub fetcher: Fetcher,
    pub secrets: Secrets,
    /// Beside the settings; absent where settings come from no file.
    pub lock: Option<LockFile>,
    /// Whether everything must be in the lock, as it is there.
    pub locked: bool,
    /// The folder that paths were relative to, for the references in the lock.
    pub base: PathBuf,
    /// Whether references to other machines stay, with their digests: for settings that another machine runs.
    pub keep_references: bool,
    notes: Vec<String>,
    /// Whether a reference was pinned by nothing before.
    newly_pinned: bool,
}

/// A pack or a list of a job.
#[derive(Clone, Debug)]
pub struct ResolvedPack {
    /// Its name in the job.
    pub name: String,
    pub reference: Reference,
    pub fetched: FetchedArtifact,
    /// The fingerprint of the key that the policy asked for.
    pub signer: Option<String>,
}

/// The packs and lists of a job, and what engines need of them.
#[derive(Clone, Debug, Default)]
pub struct ResolvedJob {
    pub packs: Vec<ResolvedPack>,
    /// Those of the settings; those of packs are among `contents` alone.
    pub lists: Vec<ResolvedPack>,
    /// Packs with code, and lists, which settings name by their pins.
    pub contents: Vec<Artifact>,
}

/// A reference with what goes with it.
struct Entry<'a> {
    name: &'a str,
    reference: &'a str,
    digest: Option<&'a str>,
    section: Section,
    access: &'a Access,
}

impl Resolver {
    /// `lock`: the folder of the settings.
    ///
    /// # Errors
    /// The lock is not valid.
    pub fn new(fetcher: Fetcher, secrets: Secrets, lock: Option<&Path>) -> Result<Self, PackError> {
        let lock = lock.map(LockFile::in_folder).transpose()?;
        let base = lock
            .as_ref()
            .and_then(|lock| lock.path.parent())
            .map(Path::to_owned)
            .unwrap_or_default();
        Ok(Self {
            fetcher,
            secrets,
            lock,
            base,
            locked: false,
            keep_references: false,
            notes: Vec::new(),
            newly_pinned: false,
        })
    }

    /// Replaces each reference of the job's packs and lists by what the engine needs: the contents of a declarative pack,
    /// and the digests of code and of lists, whose bytes are in what is returned.
    ///
    /// # Errors
    /// `InvalidSettings` with the path (`PACK_NOT_FOUND`, `PACK_DIGEST`, `PACK_NOT_LOCKED`, `PACK_NOT_TRUSTED`,
    /// `PACK_KIND_DENIED`, `PACK_INVALID`), or `Unavailable` (`REGISTRY_UNAVAILABLE`).
    pub fn resolve(&mut self, spec: &mut AnomalyJobSpec) -> Result<ResolvedJob> {
        if let Some(text) = &spec.lock {
            let lock = LockFile::from_text(text);
            self.lock = Some(lock.map_err(|error| error.at("lock"))?);
        }
        let mut job = ResolvedJob::default();
        let mut lists_of_packs = Vec::new();
        for (index, pack) in spec.packs.iter_mut().enumerate() {
            let PackSetting::Detailed(details) = pack else { continue };
            let place = format!("packs[{index}]");
            let Some(resolved) = self.resolve_pack(details, &place)? else { continue };
            let lists = self
                .replace(details, &resolved, &mut job.contents)
                .map_err(|error| error.at(&format!("{place}.ref")))?;
            lists_of_packs.extend(lists);
            job.packs.push(resolved);
        }
        for (index, list) in spec.lists.iter_mut().enumerate() {
            self.resolve_list(list, &format!("lists[{index}]"), &mut job)?;
        }
        if let Some(lock) = &mut self.lock {
            let names: Vec<&str> = job.packs.iter().map(|pack| pack.name.as_str()).collect();
            lock.retain(Section::Packs, &names);
            let names: Vec<&str> = spec.lists.iter().map(|list| list.name.as_str()).collect();
            lock.retain(Section::Lists, &names);
        }
        spec.lists.extend(lists_of_packs);
        Ok(job)
    }

    /// Fetches and checks a pack; absent where it has no reference.
    ///
    /// # Errors
    /// As [`Self::resolve`].
    pub fn resolve_pack(
        &mut self,
        details: &PackDetails,
        place: &str,
    ) -> Result<Option<ResolvedPack>> {
        let Some(reference) = &details.reference else { return Ok(None) };
        let access = self.access(details, place)?;
        let entry = Entry {
            name: &details.name,
            reference,
            digest: details.digest.as_deref(),
            section: Section::Packs,
            access: &access,
        };
        self.fetch(&entry).map(Some).map_err(|error| error.at(&format!("{place}.ref")))
    }

    /// Fetches and checks a list, and names it by its digest.
    fn resolve_list(
        &mut self,
        list: &mut ListSettings,
        place: &str,
        job: &mut ResolvedJob,
    ) -> Result<()> {
        if self.keep_references && !is_url(&list.reference) {
            return Ok(());
        }
        let access =
            Access { secret: self.secret(list.auth.as_ref(), place)?, ..Access::default() };
        let entry = Entry {
            name: &list.name,
            reference: &list.reference,
            digest: list.digest.as_deref(),
            section: Section::Lists,
            access: &access,
        };
        let resolved = self.fetch(&entry).map_err(|error| error.at(&format!("{place}.ref")))?;
        let fetched = &resolved.fetched;
        if self.keep_references {
            list.digest = Some(fetched.digest.to_string());
        } else {
            list.digest = Some(fetched.artifact.pin().to_string());
            list.auth = None;
            job.contents.push(fetched.artifact.clone());
        }
        job.lists.push(resolved);
        Ok(())
    }

    /// Writes the lock, and returns notes for people.
    pub fn finish(&mut self) -> Vec<String> {
        let mut notes = std::mem::take(&mut self.notes);
        notes.extend(self.fetcher.take_notes());
        if let Some(lock) = self.lock.as_mut().filter(|_| !self.locked)
            && (self.newly_pinned || lock.path.exists())
            && let Err(error) = lock.save()
            && self.newly_pinned
        {
            notes.push(format!(
                "{} can't be written: {error}; the next run may find other bytes where a reference has no digest",
                lock.path.display()
            ));
        }
        notes
    }

    fn secret(
        &self,
        auth: Option<&anomal_spec::Auth>,
        place: &str,
    ) -> Result<Option<anomal_storage::Secret>> {
        // Offline nothing is asked for with it, and a machine that packs are carried to may have none.
        let Some(auth) = auth.filter(|_| !self.fetcher.offline) else { return Ok(None) };
        let secret = self.secrets.read(&auth.secret_ref.name);
        secret.map(Some).map_err(|error| {
            Error::settings(format!("{place}.auth.secretRef"), "SECRET_UNUSABLE", error.message)
        })
    }

    /// What goes with the reference of a pack.
    ///
    /// # Errors
    /// The secret or the file of authorities can't be read.
    pub fn access(&self, details: &PackDetails, place: &str) -> Result<Access> {
        let ca = details.tls.as_ref().map(|tls| read_authorities(Path::new(&tls.ca)));
        Ok(Access {
            secret: self.secret(details.auth.as_ref(), place)?,
            plain_http: details.plain_http,
            ca: ca.transpose().map_err(|error| error.at(&format!("{place}.tls.ca")))?,
        })
    }

    fn fetch(&mut self, entry: &Entry<'_>) -> Result<ResolvedPack, PackError> {
        let reference: Reference = entry.reference.parse()?;
        let shown = self.shown(&reference, entry.reference);
        let settings = entry
            .digest
            .map(|digest| digest.parse::<Digest>().map_err(PackError::digest))
            .transpose()?;
        let settings = settings.or(reference.digest());
        let locked =
            self.lock.as_ref().and_then(|lock| lock.get(entry.section, entry.name, &shown));
        let locked = locked.map(|locked| locked.digest);
        if self.locked {
            self.check_locked(entry.name, &shown, settings, locked)?;
        }
        let wanted = match entry.section {
            Section::Packs => Wanted::Pack,
            Section::Lists => Wanted::List,
        };
        // A folder may change; a place elsewhere is asked for the bytes that are locked.
        let expected = settings.or(if reference.is_path() { None } else { locked });
        let fetched = self.fetcher.fetch(&reference, expected, entry.access, wanted)?;
        if let Some(locked) =
            locked.filter(|locked| reference.is_path() && *locked != fetched.digest)
        {
            let message = format!(
                "PACK_CHANGED: {shown} is not as {} has it: {}, and {locked} is locked",
                crate::lock::LOCK,
                fetched.digest
            );
            if self.locked {
                return Err(PackError::digest(format!(
                    "{message}; accept it by `anomal pack update`"
                )));
            }
            self.notes.push(message);
        }
        let pinned = expected.is_some() || (self.lock.is_some() && !self.locked);
        let signer = self.fetcher.policy.check(&fetched.artifact, Some(&reference), pinned)?;
        self.newly_pinned |= expected.is_none() && !reference.is_path();
        if let Some(lock) = &mut self.lock {
            let locked = LockedPack::new(
                entry.name,
                &shown,
                fetched.digest,
                &fetched.artifact,
                signer.clone(),
            );
            lock.set(entry.section, locked);
        }
        Ok(ResolvedPack { name: entry.name.to_owned(), reference, fetched, signer })
    }

    fn check_locked(
        &self,
        name: &str,
        shown: &str,
        settings: Option<Digest>,
        locked: Option<Digest>,
    ) -> Result<(), PackError> {
        let file = self
            .lock
            .as_ref()
            .map_or_else(|| crate::lock::LOCK.to_owned(), |lock| lock.path.display().to_string());
        match (settings, locked) {
            (Some(settings), Some(locked)) if settings != locked => {
                Err(PackError::not_locked(format!(
                    "`{name}` has the digest {settings}, and {file} has {locked}; run `anomal pack update`"
                )))
            }
            // A digest in the settings pins it as well.
            (Some(_), _) | (None, Some(_)) => Ok(()),
            (None, None) => Err(PackError::not_locked(format!(
                "`{name}` ({shown}) is not in {file}, which --locked requires; run `anomal pack update`, or once without \
                 --locked"
            ))),
        }
    }

    /// A reference as the settings have it: a path relative to their folder.
    fn shown(&self, reference: &Reference, text: &str) -> String {
        match reference {
            Reference::Path(path) => match path.strip_prefix(&self.base) {
                Ok(relative)
                    if !self.base.as_os_str().is_empty() && self.base != Path::new(".") =>
                {
                    relative.display().to_string()
                }
                _ => text.to_owned(),
            },
            _ => reference.to_string(),
        }
    }

    /// Replaces the reference of a pack, and returns its lists as lists of the job.
    fn replace(
        &self,
        details: &mut PackDetails,
        resolved: &ResolvedPack,
        contents: &mut Vec<Artifact>,
    ) -> Result<Vec<ListSettings>, PackError> {
        let artifact = &resolved.fetched.artifact;
        if self.keep_references && !resolved.reference.is_path() {
            details.digest = Some(resolved.fetched.digest.to_string());
            return Ok(Vec::new());
        }
        let manifest = artifact.pack_manifest()?;
        let is_code = artifact.kind() == Kind::Wasm;
        if self.keep_references && (is_code || !manifest.lists.is_empty()) {
            return Err(PackError::reference(
                "a pack with code or lists is too large for a manifest; push it to a registry by `anomal pack push`, and \
                 name it by oci://",
            ));
        }
        *details = PackDetails {
            inline: Some(manifest.contents()),
            digest: is_code.then(|| artifact.pin().to_string()),
            reference: None,
            auth: None,
            plain_http: false,
            tls: None,
            ..details.clone()
        };
        let lists = lists_of_pack(artifact, &details.name, contents)?;
        contents.extend(is_code.then(|| artifact.clone()));
        Ok(lists)
    }
}

/// The lists of a pack, under the name that the pack has in a job. Their bytes are added to `contents`.
///
/// # Errors
/// A list's file is not in the pack.
pub fn lists_of_pack(
    artifact: &Artifact,
    pack: &str,
    contents: &mut Vec<Artifact>,
) -> Result<Vec<ListSettings>, PackError> {
    let manifest = artifact.pack_manifest()?;
    if manifest.lists.is_empty() {
        return Ok(Vec::new());
    }
    let files = artifact.files()?;
    let qualified = |name: &String| format!("{pack}/{name}");
    let lists = manifest.lists.iter().map(|list| {
        let bytes = files.get(list.reference.trim_start_matches("./")).ok_or_else(|| {
            PackError::invalid(format!(
                "the pack has no file {} for its list {}",
                list.reference, list.name
            ))
        })?;
        let of_list = Artifact::from_list_file(bytes.clone())?;
        let digest = Some(of_list.pin().to_string());
        contents.push(of_list);
        Ok(ListSettings {
            name: qualified(&list.name),
            except: list.except.iter().map(qualified).collect(),
            digest,
            ..list.clone()
        })
    });
    lists.collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{folder::MANIFEST, trust::Policy};

    fn job(reference: &Path) -> AnomalyJobSpec {
        let details = PackDetails {
            name: "house".into(),
            reference: Some(reference.to_string_lossy().into_owned()),
            ..PackDetails::default()
        };
        let packs = vec![PackSetting::from("dns"), PackSetting::Detailed(Box::new(details))];
        AnomalyJobSpec { packs, ..AnomalyJobSpec::default() }
    }

    fn resolver() -> Resolver {
        let fetcher = Fetcher::for_user(Policy::default(), true).unwrap();
        Resolver::new(fetcher, Secrets::default(), None).unwrap()
    }

    fn refusal(spec: &mut AnomalyJobSpec) -> String {
        let error = resolver().resolve(spec).unwrap_err();
        assert_eq!(error.violations[0].path, "packs[1].ref");
        error.violations[0].message.clone()
    }

    #[test]
    fn a_reference_becomes_the_contents_of_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = "apiVersion: anomal.dev/pack/v1\nname: house\nversion: 0.1.0\ndescription: Rules of the house.\n\
            components:\n- {name: long, type: flag, description: A long name., inputs: [{name: name, type: text}], \
            expression: 'LENGTH({name}) > 20'}\n";
        fs::write(folder.path().join(MANIFEST), manifest).unwrap();
        for path in [folder.path().to_owned(), folder.path().join(MANIFEST)] {
            let mut spec = job(&path);
            resolver().resolve(&mut spec).unwrap();
            let details = spec.packs[1].details().unwrap();
            assert_eq!(details.reference, None);
            assert_eq!(details.inline.as_ref().unwrap().components[0].name, "long");
            assert_eq!(spec.packs[0].name(), "dns");
        }
    }

    #[test]
    fn errors_say_what_is_missing_or_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let message = refusal(&mut job(folder.path()));
        assert!(message.ends_with("has no pack.yaml; `anomal pack new` makes one"), "{message}");
        let message = refusal(&mut job(&folder.path().join("x")));
        assert!(message.starts_with("there is no folder"), "{message}");
        let message = refusal(&mut job(Path::new("https://example.com/x")));
        assert!(message.contains("needs `digest`"), "{message}");
        let message = refusal(&mut job(Path::new("oci://example.com/x:1")));
        assert!(message.contains("is not in the cache"), "{message}");
        for (text, part) in [
            ("", "the file is empty"),
            ("name: [", "pack.yaml:1:"),
            (
                "apiVersion: anomal.dev/pack/v1\nname: x\nversion: 1.0.0\n",
                "`description` is missing",
            ),
            (
                "apiVersion: anomal.dev/pack/v2\nname: x\nversion: 1\ndescription: x\nextra: 1\n",
                "it must be `anomal.dev/pack/v1`",
            ),
        ] {
            fs::write(folder.path().join(MANIFEST), text).unwrap();
            let message = refusal(&mut job(folder.path()));
            assert!(message.contains(part), "{text}: {message}");
        }
        fs::write(folder.path().join(MANIFEST), vec![b'#'; 10 << 20]).unwrap();
        assert!(refusal(&mut job(folder.path())).contains("at most 1 MiB"));
    }
}
