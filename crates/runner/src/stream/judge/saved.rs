//! What a checkpoint has of a judge.

use std::collections::BTreeMap;

use anomal_core::Result;
use anomal_stream::{FrozenState, JudgeState, Objects, StateObject};

use super::{Scorer, StreamJudge};
use crate::stream::{
    check,
    event_time::{FrozenTime, SavedTime},
    generation::Generation,
    learning::Learner,
    state::{self, DecodedState, StateHead},
};

impl StreamJudge {
    pub(super) fn frozen(&self) -> FrozenState {
        let model = match &self.scorer {
            Scorer::Model(generation) => generation.object.clone(),
            _ => None,
        };
        let warm_up = match &self.scorer {
            Scorer::WarmUp(warm_up) => warm_up.rows().cloned(),
            _ => None,
        };
        let FrozenTime { clocks, windows } = self.event_time.freeze();
        let learner = self.learner.as_ref().map(Learner::freeze);
        let sample = self.sample_object.clone();
        let mut head = StateHead {
            settings: self.settings,
            sample: sample.name().to_owned(),
            sample_file: self.sample.name.clone(),
            model: model.as_ref().map(|object| object.name().to_owned()),
            counts: self.counts,
            memory: self.saved_memory(),
            clocks,
            windows: BTreeMap::new(),
            learning: None,
            calibrations: Vec::new(),
        };
        FrozenState::new(move |objects: &mut dyn Objects| {
            for object in [Some(&sample), model.as_ref()].into_iter().flatten() {
                objects.store(object)?;
            }
            let (mut calibrations, mut table) = (Vec::new(), warm_up);
            if let Some(learner) = learner {
                let saved = learner.save(objects)?;
                head.learning = Some(saved.learning);
                calibrations = saved.calibrations;
                table = table.or(saved.sample);
            }
            let encoded =
                windows.into_iter().map(|(number, states)| Ok((number, states.encode()?)));
            let bytes = encoded
                .collect::<Result<_>>()
                .and_then(|windows| state::encode(head, &windows, &calibrations, table.as_ref()));
            bytes.map_err(|error| anomal_stream::Error::Judge(error.into()))
        })
    }

    pub(super) fn restored(&mut self, saved: &JudgeState) -> Result<()> {
        let DecodedState { head, windows, calibrations, table } = state::decode(&saved.bytes)?;
        check::same_settings(head.settings, self.settings)?;
        self.counts = head.counts;
        self.event_time.restore(SavedTime { clocks: head.clocks, windows })?;
        let (plan, extras) = (&self.plan, self.extras);
        let generation = |object| Generation::of_object(object, plan, extras);
        let is_model = |object: &&StateObject| head.model.as_deref() == Some(object.name());
        let object = saved.objects.iter().find(is_model);
        let mut sample = None;
        match (&mut self.scorer, object) {
            (Scorer::WarmUp(warm_up), None) => warm_up.restore(table),
            (_, Some(object)) => {
                self.scorer = Scorer::Model(Box::new(generation(object.clone())?));
                sample = table;
            }
            _ => sample = table,
        }
        if let (Some(learner), Some(learning)) = (&mut self.learner, head.learning) {
            learner.restore(learning, &calibrations, sample, &saved.objects, generation)?;
        }
        self.restore_memory(head.memory);
        Ok(())
    }
}
