//! Packs by references, as commands use them: where the lock is, which policy holds, what is cached.

use std::path::{Path, PathBuf};

use anomal_core::{FeatureEngine, proto::Component};
use anomal_feature::LocalFeatureEngine;
use anomal_packs::{Access, Fetcher, LockedPack, PackError, Policy, Resolver};
use anomal_storage::Secrets;

use crate::{
    args::{Connection, PackArgs},
    exit,
    present::error::Failure,
    settings::{Settings, folder_of},
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

/// Packs and lists that are asked for again.
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
            secrets: Secrets::new(arguments.secrets.clone()),
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
        let secrets = std::env::var_os("ANOMAL_SECRETS").map(PathBuf::from);
        Self::new(&PackArgs { secrets, offline, ..PackArgs::default() }, Some(file))
    }

    pub fn resolver(self) -> Result<Resolver, Failure> {
        let fetcher = fetcher(&self.arguments)?;
        let mut resolver = Resolver::new(fetcher, self.secrets, self.lock.as_deref())?;
        resolver.locked = self.arguments.locked;
        resolver.base = self.base;
        resolver.keep_references = self.keep_references;
        resolver.fetcher.all_signatures = self.all_signatures;
        if let Some(lock) = &mut resolver.lock {
            let is_kept = |pack: &LockedPack| match &self.refresh {
                Refresh::Nothing => true,
                Refresh::All => false,
                Refresh::Pack(name) => *name != pack.name,
            };
            lock.lock.packs.retain(is_kept);
            lock.lock.lists.retain(is_kept);
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

/// The components of a job's packs that are not part of the product.
pub async fn job_components(settings: &Settings) -> Result<Vec<Component>, Failure> {
    let engine = LocalFeatureEngine::default();
    let failed = |error: anomal_core::Error| settings.failure(&error);
    for upload in &settings.contents {
        engine.put_pack(upload.clone()).await.map_err(failed)?;
    }
    engine.job_components(&settings.job.spec.packs).map_err(failed)
}

impl From<PackError> for Failure {
    fn from(error: PackError) -> Self {
        Self::new(error.message, exit::from_code(error.code))
    }
}
