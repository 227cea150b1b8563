//! `anomal fit` and `anomal score`: a run that keeps its model, and one that scores by a kept one.

use anomal_core::Error;
use anomal_spec::{Classification, ModelFile};

use super::{Ended, run};
use crate::{
    args::WithModel,
    present::error::Failure,
    settings::{self, Settings},
};

/// Writes the model, and rows only where `--output` names a file for them.
pub fn fit(arguments: WithModel) -> Ended {
    let WithModel { model, run: arguments } = arguments;
    run::last_word(&arguments, || {
        let mut settings = settings::of_run(&arguments)?;
        let save = Some(model.to_string_lossy().into_owned());
        classification(&mut settings)?.model = Some(ModelFile { save, load: None });
        if arguments.output.is_none() {
            settings.job.spec.outputs.clear();
        }
        let results = arguments.output.is_some();
        run::with(&arguments, &settings, results)
    })
}

pub fn score(arguments: WithModel) -> Ended {
    let WithModel { model, run: arguments } = arguments;
    run::last_word(&arguments, || {
        let mut settings = settings::of_run(&arguments)?;
        let load = Some(model.to_string_lossy().into_owned());
        classification(&mut settings)?.model = Some(ModelFile { save: None, load });
        run::with(&arguments, &settings, true)
    })
}

fn classification(settings: &mut Settings) -> Result<&mut Classification, Failure> {
    settings.job.spec.classification.as_mut().ok_or_else(|| {
        let message = "a model is one of a detector, and the job has none; name one, such as engine: Ensemble";
        Failure::from(Error::settings("classification", "CLASSIFICATION_MISSING", message))
    })
}
