//! What a checkpoint has of members.

use std::sync::{Arc, Mutex, PoisonError};

use anomal_core::{Error, Result};
use anomal_detectors::online::{Calibration, Profiles, SEGMENTS};
use anomal_stream::{Objects, StateObject};

use super::{Members, row_by_row::RowByRow};

/// The objects of each segment.
#[derive(Clone)]
pub(super) struct SegmentParts(Arc<Mutex<Vec<Option<Parts>>>>);

impl Default for SegmentParts {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(vec![None; SEGMENTS])))
    }
}

/// The objects that a segment was saved as: all its entities, then those that had changed.
#[derive(Clone, Default)]
struct Parts {
    /// The segment's revision at the last one.
    revision: u64,
    names: Vec<String>,
    /// Bytes of the first, and of the others.
    whole: usize,
    changes: usize,
}

/// Changes are saved until they have half of the bytes of all.
const CHANGES: usize = 2;
/// Objects of a segment.
const MOST_PARTS: usize = 20;

/// What members have learned by one moment.
pub(in crate::stream::learning) struct FrozenMembers {
    profiles: Profiles,
    calibrations: [Calibration; 3],
    row_by_row: RowByRow,
    /// Where entities have forests.
    entity_forest: Option<Calibration>,
    segments: SegmentParts,
}

impl FrozenMembers {
    /// What a checkpoint has of them: bytes, and the names of the objects of each segment.
    ///
    /// # Errors
    /// `Store`.
    pub fn save(
        self,
        objects: &mut dyn Objects,
    ) -> anomal_stream::Result<(Vec<Vec<u8>>, Vec<Vec<String>>)> {
        let mut known = self.segments.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut names = Vec::with_capacity(SEGMENTS);
        for (segment, known) in known.iter_mut().enumerate() {
            let parts = match known.take() {
                Some(parts) => self.continued(segment, parts, objects)?,
                None => None,
            };
            let parts = match parts {
                Some(parts) => parts,
                None => self.whole(segment, objects)?,
            };
            names.push(parts.names.clone());
            *known = Some(parts);
        }
        let mut bytes: Vec<Vec<u8>> = self.calibrations.iter().map(Calibration::to_bytes).collect();
        bytes.push(self.profiles.to_bytes());
        bytes.extend(self.row_by_row.to_bytes());
        bytes.extend(self.entity_forest.as_ref().map(Calibration::to_bytes));
        Ok((bytes, names))
    }

    /// What was saved of a segment, and what has changed since; none where that is too much, or not stored.
    fn continued(
        &self,
        segment: usize,
        mut parts: Parts,
        objects: &mut dyn Objects,
    ) -> anomal_stream::Result<Option<Parts>> {
        let revision = self.profiles.revision(segment);
        let mut change = None;
        if revision != parts.revision {
            let changes = self.profiles.changes(segment, parts.revision);
            let fits = |bytes: &Vec<u8>| {
                (parts.changes + bytes.len()) * CHANGES <= parts.whole
                    && parts.names.len() < MOST_PARTS
            };
            let Some(bytes) = changes.filter(fits) else { return Ok(None) };
            change = Some(bytes);
        }
        if !parts.names.iter().all(|name| objects.reuse(name)) {
            return Ok(None);
        }
        if let Some(bytes) = change {
            parts.changes += bytes.len();
            let object = StateObject::new(bytes);
            objects.store(&object)?;
            parts.names.push(object.name().to_owned());
            parts.revision = revision;
        }
        Ok(Some(parts))
    }

    fn whole(&self, segment: usize, objects: &mut dyn Objects) -> anomal_stream::Result<Parts> {
        let object = StateObject::new(self.profiles.segment_bytes(segment));
        objects.store(&object)?;
        Ok(Parts {
            revision: self.profiles.revision(segment),
            names: vec![object.name().to_owned()],
            whole: object.bytes().len(),
            changes: 0,
        })
    }
}

impl Members {
    /// What they have learned by now.
    pub fn freeze(&self) -> FrozenMembers {
        FrozenMembers {
            profiles: self.profiles.clone(),
            calibrations: [&self.online, &self.entity, &self.joint].map(Clone::clone),
            row_by_row: self.row_by_row.clone(),
            entity_forest: self.parts.forest.then(|| self.entity_forest.clone()),
            segments: self.segments.clone(),
        }
    }

    /// # Errors
    /// `Internal` if they are damaged.
    pub fn restore(&mut self, bytes: &[Vec<u8>], segments: &[Vec<&StateObject>]) -> Result<()> {
        let [online, entity, joint, all, further @ ..] = bytes else {
            return Err(Error::internal("the state has no profiles"));
        };
        self.online = Calibration::from_bytes(online)?;
        self.entity = Calibration::from_bytes(entity)?;
        self.joint = Calibration::from_bytes(joint)?;
        let mut further = further.iter();
        self.row_by_row.restore(&mut further)?;
        if self.parts.forest {
            let bytes = further.next().map(Vec::as_slice).unwrap_or_default();
            self.entity_forest = Calibration::from_bytes(bytes)?;
        }
        let bytes = segments.iter().map(|parts| parts.iter().map(|object| object.bytes()));
        self.profiles.restore(all, bytes)?;
        let parts = |objects: &Vec<&StateObject>| {
            let lengths = || objects.iter().map(|object| object.bytes().len());
            Some(Parts {
                revision: 0,
                names: objects.iter().map(|object| object.name().to_owned()).collect(),
                whole: lengths().next().unwrap_or_default(),
                changes: lengths().skip(1).sum(),
            })
        };
        self.segments = SegmentParts(Arc::new(Mutex::new(segments.iter().map(parts).collect())));
        Ok(())
    }
}
