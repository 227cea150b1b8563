//! Records from before a stream: they are learned once, and each partition begins with what was learned.

use anomal_core::{Result, blocking};
use anomal_spec::Input;
use anomal_stream::{Checkpoint, Checkpoints, Error, Judge, JudgeState};
use tokio::sync::OnceCell;

use super::{
    super::{
        StreamControl, StreamRun, StreamSummary, failure, first_records::FirstRecords,
        judge::StreamJudge, judge_failure, owned_checkpoints, preloading, state_folder, store,
    },
    folder,
};

/// The folder of its checkpoint, beside those of partitions.
const FOLDER: &str = "preloaded";

/// What the partitions of this process begin with.
#[derive(Default)]
pub(super) struct Preloaded(OnceCell<Option<JudgeState>>);

impl Preloaded {
    /// The state of a judge that has learned them: as the store has it, so that it is the same for all partitions, whenever they
    /// begin and in whichever process; else it is made now, and stored. None: the stream was stopped before that.
    ///
    /// # Errors
    /// `InvalidSettings` if another process makes it (reason [`store::IN_USE`]), or the records can't be learned; those of the
    /// store.
    pub async fn state(
        &self,
        run: &StreamRun<'_>,
        input: &Input,
        first: &FirstRecords,
        (control, named): (&StreamControl, &StreamSummary),
    ) -> Result<Option<JudgeState>> {
        let learn = async || {
            let state = folder(&state_folder(run.job, run.stream), FOLDER);
            let store = store::open(state, run.auth(), run.options.secrets.clone()).await?;
            let checkpoints = owned_checkpoints(&store, uuid::Uuid::now_v7());
            let (mut checkpoints, known) = read(checkpoints).await?;
            if known.is_some() {
                return Ok(known);
            }
            let (sample, options) = (first.sample.clone(), run.options);
            let mut judge =
                StreamJudge::new(run.job, run.stream, run.engines, options, sample).await?;
            let watch = preloading(control, named);
            if !judge.preload(input, &run.job.spec, options, watch).await? {
                return Ok(None);
            }
            let state = judge.freeze().map_err(judge_failure)?;
            let saved = blocking(move |_| {
                match checkpoints.save(Checkpoint::default(), state, &[]) {
                    // Another process was faster: its state is taken.
                    Ok(_) | Err(Error::Fenced { .. }) => Ok(checkpoints),
                    Err(error) => Err(failure(error)),
                }
            });
            Ok(read(saved.await?).await?.1)
        };
        self.0.get_or_try_init(learn).await.cloned()
    }
}

async fn read(mut checkpoints: Checkpoints) -> Result<(Checkpoints, Option<JudgeState>)> {
    blocking(move |_| {
        let point = checkpoints.restore(&[]).map_err(failure)?;
        Ok((checkpoints, point.map(|point| point.state)))
    })
    .await
}
