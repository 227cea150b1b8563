//! A fitted model as a file: eight bytes that name the format and its version, a checksum, and a JSON
//! document that says what it is. There is no code in it, and a damaged one is refused.

use anomal_core::{Code, Error, Model, Result, proto::FeatureColumn};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::rows::Ranking;

const MAGIC: &[u8; 8] = b"ANOMALM1";
/// A larger one is none of ours.
const MAX_BYTES: usize = 1 << 30;

/// What a model file holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelFile {
    pub detector: String,
    pub features: Vec<FeatureColumn>,
    /// Rows with a score at or above it are suspicious; absent where clusters decide, or nothing was
    /// fitted. By its bits: JSON has no infinity.
    pub cut_bits: Option<u64>,
    pub ranking: Ranking,
    /// The detector's own; absent where there was nothing to learn from.
    pub state: Option<serde_json::Value>,
}

impl ModelFile {
    pub fn to_model(&self) -> Result<Model> {
        let json = serde_json::to_vec(self)
            .map_err(|error| Error::internal(format!("the model as JSON: {error}")))?;
        let mut bytes = Vec::with_capacity(json.len() + 16);
        bytes.extend(MAGIC);
        bytes.extend(xxh3_64(&json).to_le_bytes());
        bytes.extend(json);
        Ok(Model(bytes.into()))
    }

    /// # Errors
    /// `InvalidRequest` if it is no model, of another version, or damaged.
    pub fn from_model(model: &Model) -> Result<Self> {
        let bad = |why: &str| Err(Error::new(Code::InvalidRequest, "MODEL_INVALID", why.to_owned()));
        let bytes = &model.0;
        if bytes.len() > MAX_BYTES {
            return bad("the model is larger than 1 GiB");
        }
        let Some((magic, rest)) = bytes.split_first_chunk::<8>() else {
            return bad("this is no model: it is too short");
        };
        if magic[..7] != MAGIC[..7] {
            return bad("this is no model of Anomal");
        }
        if magic != MAGIC {
            return bad("the model is of another version of Anomal; fit it again");
        }
        let Some((checksum, json)) = rest.split_first_chunk::<8>() else {
            return bad("the model is cut off");
        };
        if xxh3_64(json) != u64::from_le_bytes(*checksum) {
            return bad("the model is damaged: its checksum is another");
        }
        serde_json::from_slice(json).or_else(|error| bad(&format!("the model is damaged: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file() -> ModelFile {
        ModelFile {
            detector: "HBOS".into(),
            features: vec![FeatureColumn { name: "a".into(), kind: 1, weight: 0.1, origin: "field a".into() }],
            cut_bits: Some(f64::INFINITY.to_bits()),
            ranking: Ranking::new(&[0.1, 1.0 / 3.0]),
            state: None,
        }
    }

    #[test]
    fn what_was_written_is_read() {
        assert_eq!(ModelFile::from_model(&file().to_model().unwrap()).unwrap(), file());
    }

    proptest! {
        #[test]
        fn a_damaged_model_is_refused(place in 0_usize..500, flip in 1_u8..=255, cut in any::<bool>()) {
            let mut bytes = file().to_model().unwrap().0.to_vec();
            let place = place % bytes.len();
            if cut { bytes.truncate(place) } else { bytes[place] ^= flip }
            let error = ModelFile::from_model(&Model(bytes.into())).unwrap_err();
            prop_assert_eq!(error.code, Code::InvalidRequest);
        }

        #[test]
        fn junk_behind_a_good_checksum_is_refused(junk in prop::collection::vec(any::<u8>(), 0..100)) {
            let mut bytes = MAGIC.to_vec();
            bytes.extend(xxh3_64(&junk).to_le_bytes());
            bytes.extend(junk);
            prop_assert!(ModelFile::from_model(&Model(bytes.into())).is_err());
        }
    }
}
