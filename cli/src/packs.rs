//! Packs by references, as commands use them: where the lock is, which policy holds, what is cached.

use std::path::{Path, PathBuf};

use anomal_packs::{Access, Fetcher, PackError, Policy, Resolver};
use anomal_storage::Secrets;

use crate::{
    args::{Connection, PackArgs},
    exit,
    present::error::Failure,
    settings::folder_of,
};

/// What goes with the packs of a job.
pub struct PackContext {
    pub arguments: PackArgs,
    pub secrets: Secrets,
    /// The folder of the settings file, which has the lock; absent where settings come from no file.
    pub lock: Option<PathBuf>,
    /// The folder that paths in the settings are relative to.
    pub base: PathBuf,
    pub keep_references: bool,
    /// Whether signatures are fetched that the policy does not ask for.
    pub all_signatures: bool,
    /// What is asked for again although the lock has it.
    pub refresh: Refresh,
}

/// Packs that are asked for again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refresh {
    Nothing,
    All,
    /// The one of this name.
    Pack(String),
}

impl PackContext {
    pub fn new(arguments: &PackArgs, file: Option<&Path>) -> Self {
        let lock = file.map(folder_of);
        Self {
            arguments: arguments.clone(),
            secrets: Secrets::default(),
            base: lock.clone().unwrap_or_default(),
            lock,
            keep_references: false,
            all_signatures: false,
            refresh: Refresh::Nothing,
        }
    }

    /// For commands without these options.
    pub fn from_environment(file: &Path) -> Self {
        let offline = std::env::var("ANOMAL_OFFLINE");
        let offline = offline.is_ok_and(|text| {
            !matches!(text.as_str(), "" | "0" | "n" | "no" | "f" | "false" | "off")
        });
        Self::new(&PackArgs { offline, ..PackArgs::default() }, Some(file))
    }

    pub fn resolver(self) -> Result<Resolver, Failure> {
        let fetcher = fetcher(&self.arguments)?;
        let mut resolver = Resolver::new(fetcher, self.secrets, self.lock.as_deref())?;
        resolver.locked = self.arguments.locked;
        resolver.base = self.base;
        resolver.keep_references = self.keep_references;
        resolver.fetcher.all_signatures = self.all_signatures;
        if let Some(lock) = &mut resolver.lock {
            lock.lock.packs.retain(|pack| match &self.refresh {
                Refresh::Nothing => true,
                Refresh::All => false,
                Refresh::Pack(name) => *name != pack.name,
            });
        }
        Ok(resolver)
    }
}

pub fn fetcher(arguments: &PackArgs) -> Result<Fetcher, Failure> {
    let policy = Policy::find(arguments.trust.as_deref())?;
    Ok(Fetcher::for_user(policy, arguments.offline)?)
}

pub fn access(connection: &Connection) -> Result<Access, Failure> {
    Ok(Access::new(connection.plain_http, connection.ca.as_deref())?)
}

impl From<PackError> for Failure {
    fn from(error: PackError) -> Self {
        Self::new(error.message, exit::from_code(error.code))
    }
}
