//! Figures of steps, added up over calls.

use anomal_core::proto::StepStatistics;

pub(crate) fn add(sum: &mut Vec<StepStatistics>, steps: &[StepStatistics]) {
    for step in steps {
        match sum.iter_mut().find(|known| known.step == step.step) {
            Some(known) => {
                known.rows_in += step.rows_in;
                known.rows_out += step.rows_out;
                known.nulls += step.nulls;
                known.seconds += step.seconds;
            }
            None => sum.push(step.clone()),
        }
    }
}
