//! `anomal fit` and `anomal score`: a run that saves its model, and a run that scores with a saved model.

use anomal_core::Error;
use anomal_spec::{Classification, ModelFile};

use super::{CommandResult, run};
use crate::{
    args::WithModel,
    present::error::Failure,
    settings::{self, Settings},
};

/// Writes the model, and rows only with `--output`.
pub fn fit(arguments: WithModel) -> CommandResult {
    let WithModel { model, run: arguments } = arguments;
    run::with_termination_message(&arguments, || {
        let mut settings = settings::for_run(&arguments)?;
        let save = Some(model.to_string_lossy().into_owned());
        classification(&mut settings)?.model = Some(ModelFile { save, load: None });
        if arguments.output.is_none() {
            settings.job.spec.outputs.clear();
        }
        let results = arguments.output.is_some();
        run::run_settings(&arguments, &settings, results)
    })
}

pub fn score(arguments: WithModel) -> CommandResult {
    let WithModel { model, run: arguments } = arguments;
    run::with_termination_message(&arguments, || {
        let mut settings = settings::for_run(&arguments)?;
        let load = Some(model.to_string_lossy().into_owned());
        classification(&mut settings)?.model = Some(ModelFile { save: None, load });
        run::run_settings(&arguments, &settings, true)
    })
}

fn classification(settings: &mut Settings) -> Result<&mut Classification, Failure> {
    settings.job.spec.classification.as_mut().ok_or_else(|| {
        let message = "the job has no detector to fit; set one, such as `engine: Ensemble`";
        Failure::from(Error::settings("classification", "CLASSIFICATION_MISSING", message))
    })
}
