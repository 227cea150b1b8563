//! Packs by digest, as callers sent them. A pack belongs to the tenants that sent it: knowing its digest is not enough.

mod policy;

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anomal_core::{
    Code, Error, PackUpload, Result,
    proto::{ListPacksResponse, list_packs_response::StoredPack as Entry},
};
use anomal_packs::{Artifact, Digest, Kind, Policy};
use anomal_rpc::Tenant;

pub use policy::PackPolicy;

/// The reason of the error for a digest whose pack the caller has not sent.
pub const PACK_ABSENT: &str = "PACK_ABSENT";
/// Packs of a tenant that were used within this time count against its bounds; older ones make room.
const IDLE: Duration = Duration::from_mins(10);

/// The bounds of a store.
#[derive(Clone, Copy, Debug)]
pub struct StoreLimits {
    /// Packs of one tenant.
    pub packs: usize,
    /// Bytes of the packs of one tenant.
    pub tenant_bytes: usize,
    /// Bytes of all packs; beyond them the least recently used are dropped, and sent again when they are needed.
    pub bytes: usize,
}

impl Default for StoreLimits {
    fn default() -> Self {
        Self { packs: 64, tenant_bytes: 512 << 20, bytes: 2 << 30 }
    }
}

/// Packs of all tenants of an engine, by their pins.
#[derive(Debug, Default)]
pub struct PackStore {
    policy: PackPolicy,
    /// The trust policy for code, read again for each pack, since keys are revoked while engines run.
    trust: Option<PathBuf>,
    limits: StoreLimits,
    packs: Mutex<HashMap<Digest, StoredPack>>,
}

#[derive(Debug)]
struct StoredPack {
    artifact: Arc<Artifact>,
    bytes: usize,
    /// When each tenant last used it.
    tenants: HashMap<Tenant, Instant>,
}

impl PackStore {
    pub fn new(policy: PackPolicy, limits: StoreLimits) -> Self {
        Self { policy, limits, trust: None, packs: Mutex::default() }
    }

    /// The same store with the file of a trust policy.
    #[must_use]
    pub fn with_trust(self, trust: Option<PathBuf>) -> Self {
        Self { trust, ..self }
    }

    pub fn policy(&self) -> PackPolicy {
        self.policy
    }

    /// Keeps a pack for a tenant.
    ///
    /// # Errors
    /// `InvalidSettings` if it is damaged or refused by the policy, `ResourceExhausted` beyond the tenant's bounds.
    pub fn put(&self, tenant: &Tenant, pack: &PackUpload, now: Instant) -> Result<()> {
        let artifact = Artifact::from_upload(pack).map_err(|error| error.at("packs"))?;
        self.check(&artifact).map_err(|error| error.at("packs"))?;
        let digest = artifact.pin();
        let bytes = artifact.size();
        let mut packs = self.lock();
        if let Some(stored) = packs.get_mut(&digest)
            && stored.tenants.contains_key(tenant)
        {
            stored.tenants.insert(tenant.clone(), now);
            return Ok(());
        }
        self.make_room(&mut packs, tenant, bytes, now)?;
        let stored = packs.entry(digest).or_insert_with(|| StoredPack {
            artifact: Arc::new(artifact),
            bytes,
            tenants: HashMap::new(),
        });
        stored.tenants.insert(tenant.clone(), now);
        self.shrink(&mut packs, &digest);
        Ok(())
    }

    fn check(&self, artifact: &Artifact) -> anomal_packs::Result<()> {
        self.policy.check_kind(artifact.kind())?;
        if self.policy == PackPolicy::Signed && artifact.kind() == Kind::Wasm {
            Policy::find(self.trust.as_deref())?.check(artifact, None, true)?;
        }
        Ok(())
    }

    /// Takes packs that a tenant no longer uses from it, until another of `bytes` bytes is within its bounds.
    fn make_room(
        &self,
        packs: &mut HashMap<Digest, StoredPack>,
        tenant: &Tenant,
        bytes: usize,
        now: Instant,
    ) -> Result<()> {
        loop {
            let own = packs
                .iter()
                .filter_map(|(digest, pack)| Some((pack.tenants.get(tenant)?, digest, pack.bytes)));
            let own: BTreeMap<_, _> =
                own.map(|(used, digest, bytes)| ((*used, *digest), bytes)).collect();
            let total = own.values().fold(bytes, |total, bytes| total.saturating_add(*bytes));
            if own.len() < self.limits.packs && total <= self.limits.tenant_bytes {
                return Ok(());
            }
            let idle = own
                .first_key_value()
                .filter(|((used, _), _)| now.saturating_duration_since(*used) >= IDLE);
            let Some(((_, digest), _)) = idle else {
                let message = format!(
                    "{} packs of {total} bytes for {tenant}; this engine keeps at most {} packs of {} bytes for each; use \
                     fewer or smaller packs at a time",
                    own.len() + 1,
                    self.limits.packs,
                    self.limits.tenant_bytes
                );
                return Err(Error::new(Code::ResourceExhausted, "PACK_QUOTA", message));
            };
            let digest = *digest;
            if let Some(pack) = packs.get_mut(&digest) {
                pack.tenants.remove(tenant);
                if pack.tenants.is_empty() {
                    packs.remove(&digest);
                }
            }
        }
    }

    /// Drops the packs that were not used for longest, but `newest`, until all are within the bounds.
    fn shrink(&self, packs: &mut HashMap<Digest, StoredPack>, newest: &Digest) {
        let mut total: usize = packs.values().map(|pack| pack.bytes).sum();
        while total > self.limits.bytes {
            let others = packs.iter().filter(|(digest, _)| *digest != newest);
            let oldest = others.min_by_key(|(_, pack)| pack.tenants.values().max().copied());
            let Some((digest, bytes)) = oldest.map(|(digest, pack)| (*digest, pack.bytes)) else {
                return;
            };
            tracing::debug!("pack {digest} is dropped from memory");
            packs.remove(&digest);
            total -= bytes;
        }
    }

    /// A pack that a tenant has sent.
    ///
    /// # Errors
    /// `NotFound` with the reason [`PACK_ABSENT`].
    pub fn get(&self, tenant: &Tenant, digest: &Digest, now: Instant) -> Result<Arc<Artifact>> {
        let mut packs = self.lock();
        let held = packs.get_mut(digest).and_then(|pack| {
            *pack.tenants.get_mut(tenant)? = now;
            Some(Arc::clone(&pack.artifact))
        });
        held.ok_or_else(|| {
            let message = format!("the engine does not have the pack {digest} of this caller");
            Error::new(Code::NotFound, PACK_ABSENT, message)
        })
    }

    /// The packs of a tenant, and what is accepted.
    pub fn list(&self, tenant: &Tenant) -> ListPacksResponse {
        let packs = self.lock();
        let own = packs.iter().filter(|(_, pack)| pack.tenants.contains_key(tenant));
        let entry = |(digest, pack): (&Digest, &StoredPack)| Entry {
            digest: digest.to_string(),
            bytes: pack.bytes as u64,
        };
        let mut own: Vec<Entry> = own.map(entry).collect();
        own.sort_by(|one, other| one.digest.cmp(&other.digest));
        ListPacksResponse {
            packs: own,
            policy: self.policy.to_string(),
            max_packs: u32::try_from(self.limits.packs).unwrap_or(u32::MAX),
            max_bytes: self.limits.tenant_bytes as u64,
        }
    }

    /// A panic under the lock leaves whole entries.
    fn lock(&self) -> MutexGuard<'_, HashMap<Digest, StoredPack>> {
        self.packs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> PackUpload {
        Artifact::from_list_file(text.to_owned()).unwrap().to_upload()
    }

    fn digest(pack: &PackUpload) -> Digest {
        Artifact::from_upload(pack).unwrap().pin()
    }

    fn tenant(name: &str) -> Tenant {
        Tenant::from(&anomal_access::User { name: name.into(), ..anomal_access::User::default() })
    }

    fn store(limits: StoreLimits) -> PackStore {
        PackStore::new(PackPolicy::Any, limits)
    }

    #[test]
    fn a_pack_is_there_for_those_who_sent_it() {
        let (store, now) = (store(StoreLimits::default()), Instant::now());
        let (one, other, pack) = (tenant("one"), tenant("other"), list("a.example\n"));
        store.put(&one, &pack, now).unwrap();
        assert!(store.get(&one, &digest(&pack), now).is_ok());
        let error = store.get(&other, &digest(&pack), now).unwrap_err();
        assert_eq!((error.code, error.reason.as_str()), (Code::NotFound, PACK_ABSENT));
        assert_eq!((store.list(&one).packs.len(), store.list(&other).packs.len()), (1, 0));
        store.put(&other, &pack, now).unwrap();
        assert!(store.get(&other, &digest(&pack), now).is_ok());
    }

    #[test]
    fn packs_with_other_bytes_than_their_manifest_says_are_refused() {
        let (store, now, one) = (store(StoreLimits::default()), Instant::now(), tenant("one"));
        let mut pack = list("a.example\n");
        pack.blobs = pack.blobs.iter().map(|blob| [blob, &b"x"[..]].concat().into()).collect();
        let error = store.put(&one, &pack, now).unwrap_err();
        assert_eq!((error.code, error.reason.as_str()), (Code::InvalidSettings, "PACK_DIGEST"));
        assert!(store.list(&one).packs.is_empty());
    }

    #[test]
    fn tenants_have_bounds_and_idle_packs_make_room() {
        let limits = StoreLimits { packs: 2, ..StoreLimits::default() };
        let (store, start) = (store(limits), Instant::now());
        let (one, other) = (tenant("one"), tenant("other"));
        let [a, b, c] = ["a.example\n", "b.example\n", "c.example\n"].map(list);
        for pack in [&a, &b, &a] {
            store.put(&one, pack, start).unwrap();
        }
        let error = store.put(&one, &c, start).unwrap_err();
        assert_eq!((error.code, error.reason.as_str()), (Code::ResourceExhausted, "PACK_QUOTA"));
        store.put(&other, &c, start).unwrap();
        assert!(store.get(&one, &digest(&c), start).is_err());
        let later = start + IDLE;
        assert!(store.get(&one, &digest(&b), later).is_ok());
        store.put(&one, &c, later).unwrap();
        let held = [&a, &b, &c].map(|pack| store.get(&one, &digest(pack), later).is_ok());
        assert_eq!(held, [false, true, true]);
    }

    #[test]
    fn bytes_are_bounded_for_each_tenant_and_in_all() {
        let packs: Vec<PackUpload> =
            (0..4).map(|index| list(&format!("{index}\n").repeat(50_000))).collect();
        let size = Artifact::from_upload(&packs[0]).unwrap().size();
        let limits = StoreLimits { packs: 9, tenant_bytes: size * 5 / 2, bytes: size * 7 / 2 };
        let (store, start) = (store(limits), Instant::now());
        let (one, other) = (tenant("one"), tenant("other"));
        let at = |second| start + Duration::from_secs(second);
        store.put(&one, &packs[0], at(0)).unwrap();
        store.put(&one, &packs[1], at(1)).unwrap();
        assert_eq!(store.put(&one, &packs[2], at(2)).unwrap_err().reason, "PACK_QUOTA");
        store.put(&other, &packs[2], at(3)).unwrap();
        store.put(&other, &packs[3], at(4)).unwrap();
        assert_eq!((store.list(&one).packs.len(), store.list(&other).packs.len()), (1, 2));
        assert!(store.get(&one, &digest(&packs[1]), at(5)).is_ok());
    }

    #[test]
    fn kinds_that_are_not_accepted_are_refused() {
        let (one, now) = (tenant("one"), Instant::now());
        let store = PackStore::new(PackPolicy::None, StoreLimits::default());
        let error = store.put(&one, &list("a.example\n"), now).unwrap_err();
        assert_eq!(error.reason, "PACK_KIND_DENIED");
        assert!(error.message.contains("can run it with `--packs data`"), "{error}");
    }
}
