//! What all parts share: [`Batch`], [`Table`], the engine traits, and errors with codes.
//!
//! Nothing here knows a transport, a file format or an algorithm.

pub mod batch;
pub mod blocking;
pub mod engine;
pub mod error;
pub mod facts;
pub mod fit_progress;
pub mod hits;
pub mod list;
pub mod memory;
pub mod model;
pub mod scope;
pub mod statistics;
pub mod table;
pub mod text_view;
pub mod words;

pub use anomal_proto::v1 as proto;
pub use batch::{Batch, Element, Position, RejectedRecord, RowId};
pub use blocking::{Cancel, blocking};
pub use engine::{
    Classification, ClassificationEngine, ClassifyRequest, Download, ExtractRequest, Extraction,
    FeatureEngine, FeatureSettings, FittedModel, FrozenStates, KeyedSteps, PackUpload, PlanRequest,
    PublishRequest, ReportEngine, ScoredTable,
};
pub use error::{Code, Error, Result, Violation};
pub use facts::{FactValue, Facts, finding_text};
pub use fit_progress::{FitProgress, FitStep};
pub use hits::{Hit, Hits};
pub use list::{json_list, list_items};
pub use memory::MemoryBudget;
pub use model::{Model, ModelId};
pub use scope::Scope;
pub use statistics::{Statistics, add_steps};
pub use table::{ROW, Table};
pub use text_view::{column_of_view, text_view, time_view};
