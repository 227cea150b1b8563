//! Whether a state is of the settings of a job.

use anomal_spec::{AnomalyJobSpec, EntityModel, Stream, StreamEntity};
use xxhash_rust::xxh3::xxh3_64;

use super::check;
use crate::identity;

/// Of everything that results depend on.
pub(super) fn settings_hash(spec: &AnomalyJobSpec, stream: &Stream) -> u64 {
    // Not what is read before the stream: that is over with the first checkpoint.
    let warm_up = stream.warm_up.clone().unwrap_or_default().rows;
    // Only where it is set, so that streams of older settings continue.
    let further = match &stream.time {
        Some(time) => format!("{warm_up} {} {} {}", time.disorder, time.lateness, time.ahead),
        None => warm_up.to_string(),
    };
    let further = match &stream.model {
        Some(model) => format!("{further} {model:?}"),
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
