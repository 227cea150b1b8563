//! What incidents are made from.

use std::sync::Arc;

use anomal_core::{Facts, proto::plan::FactInfo};
use anomal_spec::{EntityKind, Severity};

/// The place of a value in [`IncidentInput::values`].
pub(crate) type Code = u32;

/// No value.
pub(crate) const NONE: Code = Code::MAX;

/// A canonical value of an entity or of a key. Two values of one kind with the same text do not occur.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Value {
    pub kind: EntityKind,
    pub text: String,
    /// All rows that have it as their actor, and as their target.
    pub actor_rows: u64,
    pub target_rows: u64,
    /// Different actors of the rows that have it as their target: exact up to 64, beyond that 65.
    pub actors: u32,
}

/// A part of the key by which a flag groups its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct HitKey {
    pub code: Code,
    pub part: KeyPart,
}

/// What a value of a key is to the rows of its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum KeyPart {
    Actor,
    Target,
    Other,
}

/// A row that is suspicious or that a flag has hit. Rows share what is equal, and what may be missing takes no
/// room of its own, so that a million of them take 88 MB.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Evidence {
    pub row: u64,
    /// Microseconds since the epoch.
    pub time: OptionalTime,
    pub actor: Code,
    pub target: Code,
    pub suspicious: bool,
    pub score: OptionalScore,
    /// Flags that have hit it, by their places in [`IncidentInput::flags`], ascending.
    pub hits: Arc<[usize]>,
    /// The key of the group of its lead flag, where that has one.
    pub group: Option<Arc<[HitKey]>>,
    /// What its lead flag has measured.
    pub facts: Option<Facts>,
    /// Place in [`IncidentInput::signatures`]; of rows without a flag.
    pub signature: OptionalPlace,
}

/// A time in microseconds since the epoch, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OptionalTime(i64);

impl OptionalTime {
    const NONE: i64 = i64::MIN;

    pub fn get(self) -> Option<i64> {
        Some(self.0).filter(|time| *time != Self::NONE)
    }
}

impl Default for OptionalTime {
    fn default() -> Self {
        Self(Self::NONE)
    }
}

impl From<Option<i64>> for OptionalTime {
    fn from(time: Option<i64>) -> Self {
        Self(time.unwrap_or(Self::NONE))
    }
}

/// A score, or none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OptionalScore(f64);

impl OptionalScore {
    pub fn get(self) -> Option<f64> {
        Some(self.0).filter(|score| !score.is_nan())
    }
}

impl Default for OptionalScore {
    fn default() -> Self {
        Self(f64::NAN)
    }
}

impl PartialEq for OptionalScore {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl From<Option<f64>> for OptionalScore {
    fn from(score: Option<f64>) -> Self {
        Self(score.unwrap_or(f64::NAN))
    }
}

/// A place in a list, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OptionalPlace(u32);

impl OptionalPlace {
    pub fn get(self) -> Option<usize> {
        usize::try_from(self.0).ok().filter(|_| self.0 != u32::MAX)
    }
}

impl Default for OptionalPlace {
    fn default() -> Self {
        Self(u32::MAX)
    }
}

impl From<Option<usize>> for OptionalPlace {
    fn from(place: Option<usize>) -> Self {
        Self(place.and_then(|place| u32::try_from(place).ok()).unwrap_or(u32::MAX))
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct FlagInfo {
    pub name: String,
    pub severity: Severity,
    /// With names in braces; empty if there is none.
    pub title: String,
    /// With `{count}`; empty if there is none.
    pub message: String,
    /// What a hit means; empty if that is not said.
    pub description: String,
    /// What it measures.
    pub facts: Vec<FactInfo>,
}

/// In which way a row without a flag is odd.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Signature {
    /// One feature, or the two that contributed most.
    pub features: Vec<String>,
    pub state: SignatureState,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum SignatureState {
    High,
    Low,
    Missing,
    Value(String),
    /// No value is unusual by itself.
    Combination,
}

impl Signature {
    /// `network.bytes is high`.
    pub fn describe(&self) -> String {
        let feature = self.features.first().map_or("", String::as_str);
        match &self.state {
            SignatureState::High => format!("{feature} is high"),
            SignatureState::Low => format!("{feature} is low"),
            SignatureState::Missing => format!("{feature} is missing"),
            SignatureState::Value(value) => format!("{feature} is {value}"),
            SignatureState::Combination => match self.features.as_slice() {
                [] => "unusual by no single feature".to_owned(),
                [only] => format!("{only} is unusual with the other features"),
                [first, second, ..] => format!("{first} is unusual with {second}"),
            },
        }
    }
}

/// Everything that incidents depend on.
#[derive(Clone, Debug, Default)]
pub(crate) struct IncidentInput {
    /// In the order of the settings.
    pub flags: Vec<FlagInfo>,
    pub values: Vec<Value>,
    pub signatures: Vec<Signature>,
    /// All rows of the result table.
    pub rows: u64,
    /// Different actors of all rows.
    pub actors: u64,
    /// Microseconds of the pause that ends a finding.
    pub gap: i64,
    /// Microseconds of the unit that times count, where they are whole numbers.
    pub time_step: Option<i64>,
    /// The kinds of actors with their nouns, for one and for several.
    pub actor_nouns: Vec<(EntityKind, [String; 2])>,
    /// Findings beyond which causes are grouped more coarsely.
    pub max_findings: usize,
    /// Bytes of rows that each step holds in memory; beyond that they are in temporary files.
    pub memory: usize,
    /// Whether rows have no actors, and no targets: the roles were given up.
    pub without: [bool; 2],
}

impl IncidentInput {
    /// The row's actor, if it distinguishes rows: a value of more than half of all rows does not.
    pub fn actor(&self, code: Code) -> Code {
        match self.values.get(code as usize) {
            Some(value) if value.actor_rows * 2 <= self.rows => code,
            _ => NONE,
        }
    }

    /// The row's target, if it distinguishes rows: a value of more than a fifth of all rows does not.
    pub fn target(&self, code: Code) -> Code {
        match self.values.get(code as usize) {
            Some(value) if value.target_rows * 5 <= self.rows => code,
            _ => NONE,
        }
    }

    /// The flag that leads of those of a row: the highest severity, of equal ones the first in the settings.
    pub fn lead(&self, hits: &[usize]) -> Option<usize> {
        let rank = |flag: &usize| (std::cmp::Reverse(self.flags[*flag].severity), *flag);
        hits.iter().copied().min_by_key(rank)
    }
}
