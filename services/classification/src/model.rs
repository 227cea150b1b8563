//! A fitted model as a file: eight bytes that name the format and its version, a checksum of the rest, the
//! length of a header, the header (JSON: detector, features and cut), and the body (JSON: the fitted state).
//!
//! It may be untrusted: it contains no code, a damaged one is refused, and reading one takes memory in
//! proportion to its length.

use anomal_core::{Code, Error, Model, Result, proto::FeatureColumn};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use xxhash_rust::xxh3::xxh3_64;

use crate::rows::Ranking;

const MAGIC: &[u8; 8] = b"ANOMALM2";
/// Larger files are refused.
const MAX_BYTES: usize = 1 << 30;
/// The names of some thousand features; a decoded header takes up to 20 times its length.
const MAX_HEADER: usize = 4 << 20;

/// The contents of a model file.
#[derive(Clone, Debug)]
pub(crate) struct ModelFile {
    pub header: Header,
    pub body: Body,
}

/// The detector, features and cut of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    pub detector: String,
    pub features: Vec<FeatureColumn>,
    /// Rows with a score at or above it are suspicious; absent if clusters decide, or nothing was fitted.
    /// As bits: JSON has no infinity.
    pub cut_bits: Option<u64>,
}

/// The fitted state.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    pub ranking: Ranking,
    /// The detector's state; absent if nothing was fitted.
    pub state: Option<Box<RawValue>>,
}

impl ModelFile {
    /// # Errors
    /// `ResourceExhausted` if it is too large to be read again.
    pub fn to_model(&self) -> Result<Model> {
        let json =
            |error: serde_json::Error| Error::internal(format!("the model as JSON: {error}"));
        let header = serde_json::to_vec(&self.header).map_err(json)?;
        let mut rest = u32::try_from(header.len()).unwrap_or(u32::MAX).to_le_bytes().to_vec();
        rest.extend(&header);
        serde_json::to_writer(&mut rest, &self.body).map_err(json)?;
        if header.len() > MAX_HEADER || rest.len() > MAX_BYTES {
            let message = format!(
                "the fitted model takes {} MiB (its names {} MiB) and can have {} (and {}); leave features with many \
                 categories out",
                rest.len() >> 20,
                header.len() >> 20,
                MAX_BYTES >> 20,
                MAX_HEADER >> 20
            );
            return Err(Error::new(Code::ResourceExhausted, "MODEL_TOO_LARGE", message));
        }
        Ok(Model::new([MAGIC.as_slice(), &xxh3_64(&rest).to_le_bytes(), &rest].concat()))
    }

    /// # Errors
    /// `InvalidRequest` if it is no model, has another version, or is damaged.
    pub fn from_model(model: &Model) -> Result<Self> {
        Self::parse(model.bytes()).map_err(|why| invalid(&why))
    }

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let Some((magic, rest)) = bytes.split_first_chunk::<8>() else {
            return Err("it is too short".into());
        };
        if magic[..7] != MAGIC[..7] {
            return Err("it is no model of Anomal".into());
        }
        if magic != MAGIC {
            return Err("it is of another version of Anomal; fit it again".into());
        }
        let Some((checksum, rest)) = rest.split_first_chunk::<8>() else {
            return Err("it is cut off".into());
        };
        if rest.len() > MAX_BYTES {
            return Err(format!("it is larger than {} MiB", MAX_BYTES >> 20));
        }
        if xxh3_64(rest) != u64::from_le_bytes(*checksum) {
            return Err("it is damaged: its checksum is another".into());
        }
        let header_and_body = rest.split_first_chunk::<4>().and_then(|(length, rest)| {
            let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
            rest.split_at_checked(length).filter(|(header, _)| header.len() <= MAX_HEADER)
        });
        let Some((header, body)) = header_and_body else {
            return Err("its header is cut off".into());
        };
        let damaged = |error: serde_json::Error| format!("it is damaged: {error}");
        Ok(Self {
            header: serde_json::from_slice(header).map_err(damaged)?,
            body: serde_json::from_slice(body).map_err(damaged)?,
        })
    }
}

/// The error for a model that cannot be used.
pub(crate) fn invalid(why: &str) -> Error {
    Error::new(Code::InvalidRequest, "MODEL_INVALID", format!("the model can't be used: {why}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file() -> ModelFile {
        ModelFile {
            header: Header {
                detector: "HBOS".into(),
                features: vec![FeatureColumn {
                    name: "a".into(),
                    kind: 1,
                    weight: 0.1,
                    origin: "field a".into(),
                    ..FeatureColumn::default()
                }],
                cut_bits: Some(f64::INFINITY.to_bits()),
            },
            body: Body {
                ranking: Ranking::of_sorted(&[0.1, 1.0 / 3.0]),
                state: Some(RawValue::from_string("[1]".into()).unwrap()),
            },
        }
    }

    #[test]
    fn a_written_model_is_read_back() {
        let read = ModelFile::from_model(&file().to_model().unwrap()).unwrap();
        assert_eq!(read.header, file().header);
        assert_eq!(read.body.ranking, file().body.ranking);
        assert_eq!(read.body.state.unwrap().get(), "[1]");
    }

    proptest! {
        #[test]
        fn scores_keep_their_bits(scores in prop::collection::vec(-1e300_f64..1e300, 1..20)) {
            let mut file = file();
            file.body.ranking = Ranking::of_sorted(&scores);
            let read = ModelFile::from_model(&file.to_model().unwrap()).unwrap();
            prop_assert_eq!(read.body.ranking, file.body.ranking);
        }

        #[test]
        fn a_damaged_model_is_refused(place in 0_usize..500, flip in 1_u8..=255, cut in any::<bool>()) {
            let mut bytes = file().to_model().unwrap().bytes().to_vec();
            let place = place % bytes.len();
            if cut { bytes.truncate(place) } else { bytes[place] ^= flip }
            let error = ModelFile::from_model(&Model::new(bytes)).unwrap_err();
            prop_assert_eq!(error.code, Code::InvalidRequest);
        }

        #[test]
        fn junk_behind_a_good_checksum_is_refused(junk in prop::collection::vec(any::<u8>(), 0..100)) {
            let mut bytes = MAGIC.to_vec();
            bytes.extend(xxh3_64(&junk).to_le_bytes());
            bytes.extend(junk);
            prop_assert!(ModelFile::from_model(&Model::new(bytes)).is_err());
        }
    }
}
