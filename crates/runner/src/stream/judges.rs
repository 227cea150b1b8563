//! What judges a stream: each record as it comes, or windows of them.

use std::{sync::Arc, time::Duration};

use anomal_connectors::{Sample, StreamResults};
use anomal_core::Result;
use anomal_dataflow::TextChunk;
use anomal_spec::{AnomalyJob, AnomalyJobSpec, Stream};
use anomal_stream::{Cause, Chunk, FrozenState, Judge, JudgeState};
use async_trait::async_trait;

use super::{
    EntityCounts, ModelCounts, SilentEntities,
    attempts::Attempts,
    check,
    judge::StreamJudge,
    memory::{self, MemoryCounts},
    reports::Reports,
    state::StreamCounts,
    status::Preloading,
    windows::WindowJudge,
};
use crate::options::{Engines, Options};

pub(super) enum AnyJudge {
    Records(Box<StreamJudge>, Attempts),
    Windows(Box<WindowJudge>),
}

impl AnyJudge {
    /// # Errors
    /// Those of the judge that the settings ask for.
    pub async fn new(
        job: &AnomalyJob,
        stream: &Stream,
        engines: &Engines,
        options: &Options,
        sample: Sample,
        attempts: Attempts,
    ) -> Result<Self> {
        if check::is_collected(&job.spec) {
            let judge = WindowJudge::new(job, engines, options, sample).await?;
            return Ok(Self::Windows(Box::new(judge)));
        }
        let judge = StreamJudge::new(job, stream, engines, options, sample).await?;
        Ok(Self::Records(Box::new(judge), attempts))
    }

    /// Learns records from before the stream, if the settings name some; false: it was stopped.
    ///
    /// # Errors
    /// Those of [`StreamJudge::preload`].
    pub async fn preload(
        &mut self,
        job: &AnomalyJob,
        stream: &Stream,
        options: &Options,
        watch: impl FnMut(Preloading) -> bool,
    ) -> Result<bool> {
        match (self, stream.preload()) {
            (Self::Records(judge, _), Some(input)) => {
                judge.preload(input, &job.spec, options, watch).await
            }
            _ => Ok(true),
        }
    }

    /// From now on, the state may have so many bytes.
    ///
    /// # Errors
    /// `InvalidSettings` if models and samples need more.
    pub fn limit_memory(&mut self, spec: &AnomalyJobSpec, most: u64) -> Result<()> {
        let Self::Records(judge, _) = self else { return Ok(()) };
        let fixed = memory::check_fixed(spec, most)?;
        judge.limit_memory(most, fixed);
        Ok(())
    }

    /// None: it is not limited.
    pub fn memory(&self) -> Option<MemoryCounts> {
        match self {
            Self::Records(judge, _) => judge.memory(),
            Self::Windows(_) => None,
        }
    }

    /// From now on, rows are reported.
    pub fn report_to(&mut self, reports: &Arc<Reports>) {
        match self {
            Self::Records(judge, _) => judge.report_to(reports),
            Self::Windows(judge) => judge.report_to(reports),
        }
    }

    pub fn counts(&self) -> &StreamCounts {
        match self {
            Self::Records(judge, _) => judge.counts(),
            Self::Windows(judge) => judge.counts(),
        }
    }

    /// Whether rows are scored.
    pub fn is_warm(&self) -> bool {
        match self {
            Self::Records(judge, _) => judge.is_warm(),
            Self::Windows(judge) => judge.is_scored(),
        }
    }

    pub fn watermark(&self) -> Option<i64> {
        match self {
            Self::Records(judge, _) => judge.watermark(),
            Self::Windows(_) => None,
        }
    }

    /// The models since the beginning; none where nothing is learned.
    pub fn models(&self) -> Option<ModelCounts> {
        match self {
            Self::Records(judge, _) => judge.models(),
            Self::Windows(_) => None,
        }
    }

    /// The entities that have profiles; none where there are none of any.
    pub fn entities(&self) -> Option<EntityCounts> {
        match self {
            Self::Records(judge, _) => judge.entities(),
            Self::Windows(_) => None,
        }
    }

    /// The entities that are silent, so long after the last record was read; none where that is not asked for.
    pub fn silent(&self, idle: Duration) -> Option<SilentEntities> {
        match self {
            Self::Records(judge, _) => judge.silent(idle),
            Self::Windows(_) => None,
        }
    }
}

#[async_trait]
impl Judge for AnyJudge {
    type Records = TextChunk;
    type Results = StreamResults;

    async fn judge(&mut self, chunk: Chunk<TextChunk>) -> Result<StreamResults, Cause> {
        match self {
            Self::Records(judge, attempts) => attempts.judge(judge, chunk).await,
            Self::Windows(judge) => judge.judge(chunk).await,
        }
    }

    fn rest(&mut self) -> bool {
        match self {
            Self::Records(judge, _) => judge.rest(),
            Self::Windows(_) => false,
        }
    }

    fn freeze(&self) -> Result<FrozenState, Cause> {
        match self {
            Self::Records(judge, attempts) => {
                attempts.saving();
                judge.freeze()
            }
            Self::Windows(judge) => judge.freeze(),
        }
    }

    fn restore(&mut self, state: JudgeState) -> Result<(), Cause> {
        match self {
            Self::Records(judge, _) => judge.restore(state),
            Self::Windows(judge) => judge.restore(state),
        }
    }
}
