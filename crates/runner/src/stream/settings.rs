//! Whether a state is of the settings of a job.

use anomal_spec::{
    AnomalyJobSpec, EntityModel, LateRecords, LearnSuspects, Refit, Stream, StreamEntity,
    StreamModel, StreamTime,
};
use xxhash_rust::xxh3::xxh3_64;

use super::check;
use crate::identity;

/// Of everything that results depend on.
pub(super) fn settings_hash(spec: &AnomalyJobSpec, stream: &Stream) -> u64 {
    // Not what is read before the stream: that is over with the first checkpoint.
    let warm_up = stream.warm_up.clone().unwrap_or_default().rows;
    // Only where it is set, so that streams of older settings continue.
    let further = match &stream.time {
        Some(time) => format!("{warm_up} {}", of_time(time)),
        None => warm_up.to_string(),
    };
    let further = match &stream.model {
        Some(model) => format!("{further} {}", of_model(model)),
        None => further,
    };
    let further = match &stream.entity {
        Some(entity) => format!("{further} {}", of_entity(entity)),
        None => further,
    };
    let further = if check::is_collected(spec) { format!("{further} windows") } else { further };
    let spec = AnomalyJobSpec { input: spec.input.of_records(), ..spec.clone() };
    xxh3_64(identity::inputs_of_results(&spec, &further).as_bytes())
}

/// As settings without `late` have always been written. `idle` may change, as the clock that it goes by.
fn of_time(time: &StreamTime) -> String {
    let StreamTime { disorder, lateness, ahead, idle: _, late } = time;
    let late = match late {
        LateRecords::Keep => "",
        LateRecords::DeadLetter => " late aside",
    };
    format!("{disorder} {lateness} {ahead}{late}")
}

/// As settings without `atLeast` and `learnSuspects` have always been written.
fn of_model(model: &StreamModel) -> String {
    let StreamModel { learn, online, learn_suspects, sample, refit } = model;
    let Refit { every, rows, shadow, on_drift } = refit;
    let trial = shadow.at_least.as_ref().map(|time| format!(" {time}")).unwrap_or_default();
    let suspects = match learn_suspects {
        LearnSuspects::Trimmed => String::new(),
        other => format!(" {other:?}"),
    };
    format!(
        "StreamModel {{ learn: {learn:?}, online: {online:?}, sample: {sample:?}, refit: Refit {{ every: {every:?}, rows: \
         {rows:?}, shadow: {}, on_drift: {on_drift} }} }}{trial}{suspects}",
        shadow.rows
    )
}

/// As settings without a `model` have always been written.
fn of_entity(entity: &StreamEntity) -> String {
    let StreamEntity { by, model, min_rows, max, forget_after, silence } = entity;
    let model = match model {
        EntityModel::Profile => String::new(),
        other => format!(" {other:?}"),
    };
    format!(
        "StreamEntity {{ by: {by:?}, min_rows: {min_rows}, max: {max}, forget_after: {forget_after:?}, silence: {silence:?} \
         }}{model}"
    )
}
