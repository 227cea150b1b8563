//! A compiled pack.

use std::{fmt, sync::Arc};

use anomal_components::Lists;
use wasmtime::component::{Component as WasmComponent, InstancePre};

use crate::{
    describe::{self, GuestComponent},
    error::{Failure, GuestError},
    host::HostState,
    imports,
    instance::{CallLimits, Instance, InstanceState},
    limits::LARGE_COMPONENT,
    world::{Exports, WireComponent},
};

/// Bytes of a description with all its texts.
const MAX_DESCRIPTION: usize = 32 << 20;

/// A compiled pack with its description.
pub struct Guest {
    pub(crate) host: Arc<HostState>,
    pub(crate) pre: InstancePre<InstanceState>,
    pub(crate) exports: Exports,
    pub(crate) components: Vec<Arc<GuestComponent>>,
    size: u64,
}

impl fmt::Debug for Guest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.components.iter().map(|one| one.name.as_str()).collect();
        f.debug_struct("Guest").field("components", &names).finish_non_exhaustive()
    }
}

/// The settings of a pack for its guest.
#[derive(Clone)]
pub struct GuestOptions {
    /// The name of the pack in messages.
    pub pack: String,
    /// Bytes of memory of an instance, if lower than the host's limit.
    pub memory: Option<u64>,
    /// The limit of the size of answers, if lower than the host's.
    pub output_ratio: Option<u32>,
    /// Whether an instance can be called more than once.
    pub stateless: bool,
    pub on_trap: OnTrap,
    /// Calls each instance twice, and fails if the answers differ: for tests of packs.
    pub repeat: bool,
}

impl GuestOptions {
    /// Those of a pack that sets none.
    pub fn for_pack(name: &str) -> Self {
        Self {
            pack: name.to_owned(),
            memory: None,
            output_ratio: None,
            stateless: false,
            on_trap: OnTrap::Fail,
            repeat: false,
        }
    }
}

/// What happens where a guest fails for a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnTrap {
    /// The call fails, with the row and value.
    Fail,
    /// The value is missing, and counted. The call fails if there are more than `most`.
    Missing { most: u64 },
}

/// The lists that a pack has brought into a job.
#[derive(Clone, Default)]
pub(crate) struct PackLists {
    pub pack: String,
    pub lists: Lists,
}

impl PackLists {
    /// Whether a list contains a value; nothing if there is no such list.
    pub fn contains(&self, list: &str, value: &str) -> Option<bool> {
        let list = self.lists.get(&format!("{}/{list}", self.pack)).ok()?;
        Some(list.find(value, self.lists.started()).is_some())
    }
}

impl Guest {
    pub(crate) fn new(
        host: &Arc<HostState>,
        component: &WasmComponent,
        size: u64,
    ) -> Result<Self, GuestError> {
        let linker = imports::link(component)?;
        let exports = Exports::find(component).map_err(|message| another_world(&message))?;
        let pre = linker
            .instantiate_pre(component)
            .map_err(|error| GuestError::Incompatible(format!("{error:#}")))?;
        let mut guest = Self { host: Arc::clone(host), pre, exports, components: Vec::new(), size };
        let described = guest.describe()?;
        guest.components = describe::check(described).map_err(GuestError::Invalid)?;
        Ok(guest)
    }

    fn describe(&self) -> Result<Vec<WireComponent>, GuestError> {
        let failed = |failure: Failure| {
            let message = match failure {
                Failure::Cancelled => "it was cancelled".to_owned(),
                Failure::Call(_, message) => message,
            };
            GuestError::Invalid(format!("it can't be asked for its components: {message}"))
        };
        let memory = self.host.limits.instance_memory;
        let reserved = self.host.memory.reserve(memory, || false);
        let state = InstanceState::new(memory, None, PackLists::default());
        let limits = CallLimits { time: self.host.limits.call, memory };
        let running = self.host.ticker.run();
        let mut instance =
            Instance::new(&self.pre, state, limits, running, reserved).map_err(failed)?;
        let (parts, store) = instance.parts();
        self.exports.check(parts, store).map_err(|message| another_world(&message))?;
        let (described,) =
            instance.call(&self.exports.describe, (), MAX_DESCRIPTION).map_err(failed)?;
        Ok(described)
    }

    /// What a user should know of it, such as that it is large.
    pub fn warning(&self) -> Option<String> {
        (self.size >= LARGE_COMPONENT).then(|| {
            let mebibytes = self.size >> 20;
            format!("the component has {mebibytes} MiB: components above 32 MiB are slow to load")
        })
    }

    /// Bytes of the component.
    pub fn size(&self) -> u64 {
        self.size
    }
}

fn another_world(message: &str) -> GuestError {
    GuestError::Incompatible(format!("it is not of the world {}: {message}", crate::WORLD))
}
