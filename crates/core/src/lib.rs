//! What all parts share: [`Table`], the engine traits, and errors with codes.
//!
//! Nothing here knows a transport, a file format or an algorithm.

pub mod blocking;
pub mod engine;
pub mod error;
pub mod memory;
pub mod model;
pub mod table;

pub use anomal_proto::v1 as proto;
pub use blocking::{Cancel, blocking};
pub use engine::{
    Classification, ClassificationEngine, ClassifyRequest, Download, ExtractRequest, Extraction,
    FeatureEngine, FeatureSettings, FittedModel, PlanRequest, PublishRequest, ReportEngine,
    ScoredTable,
};
pub use error::{Code, Error, Result, Violation};
pub use memory::MemoryBudget;
pub use model::{Model, ModelId};
pub use table::{ROW, Table};
