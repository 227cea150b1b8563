//! What effects have found out.

use crate::{
    effect::Effect,
    message::{Message, Proposal},
    model::{Job, Model, PreviewState, Screen},
};

impl Model {
    pub(crate) fn outcome(&mut self, message: Message) -> Vec<Effect> {
        match message {
            Message::Listed { folder, result } => {
                match result {
                    Ok(listing) => {
                        if self.home.folder != folder {
                            self.home.cursor.at = 0;
                        }
                        (self.home.folder, self.home.listing, self.home.failure) =
                            (folder, listing, None);
                    }
                    Err(message) => self.home.failure = Some(message),
                }
                let last = self.home_items().len().saturating_sub(1);
                self.home.cursor.at = self.home.cursor.at.min(last);
                return self.peek().into_iter().collect();
            }
            Message::Peeked { path, lines } => self.home.peeked = (path, lines),
            Message::Opened { path, result } => match result {
                Ok(file) => {
                    let written = file.as_written.then(|| file.text.clone());
                    self.job = Some(Job::new(path, file.text, written));
                    return self.opened_job();
                }
                Err(message) => self.complain(message),
            },
            Message::Proposed { generation, result } => return self.proposed(generation, result),
            Message::Inspected { generation, result } => {
                let Some(job) = self.job.as_mut().filter(|job| job.inspecting == Some(generation))
                else {
                    return Vec::new();
                };
                job.inspecting = None;
                match result {
                    Ok(input) => job.input = Some(input),
                    Err(message) => self.complain(message),
                }
            }
            Message::Previewed { generation, result } => {
                if let Some(job) = &mut self.job
                    && matches!(job.preview, PreviewState::Loading(current, _) if current == generation)
                {
                    job.preview = match result {
                        Ok(preview) => PreviewState::Ready(preview, job.document.text().to_owned()),
                        Err(message) => PreviewState::Failed(message),
                    };
                }
            }
            Message::Written { path, text, result } => return self.written(path, text, result),
            Message::Run(event) => return self.run_event(event),
            Message::Report(result) => return self.opened_report(result),
            Message::Rows { generation, result } => return self.rows_read(generation, result),
            Message::Record(result) => match (result, &mut self.results) {
                (Ok(record), Some(results)) => {
                    (results.record, results.scroll) = (Some(record), 0);
                    self.screen = Screen::Row;
                }
                (Err(message), _) => self.complain(message),
                _ => {}
            },
            Message::IsResults { generation, path } => {
                let opening = self.home.opening.as_ref();
                if opening.is_some_and(|(_, current, _)| *current == generation) {
                    return vec![Effect::OpenResults { path }];
                }
            }
            Message::Judged(result) => self.judged(result),
            Message::Cluster { generation, event } => self.cluster_event(generation, event),
            Message::Edited(result) => return self.edited(result),
            Message::Note(text) => self.say(text),
            Message::Failed(text) => {
                self.home.opening = None;
                self.complain(format!("A task has failed, which is a defect: {text}"));
            }
            Message::Input(_) | Message::Resize(_) | Message::Tick(_) => {}
        }
        Vec::new()
    }

    fn proposed(&mut self, generation: u64, result: Result<Proposal, String>) -> Vec<Effect> {
        if self.home.opening.as_ref().is_none_or(|(_, current, _)| *current != generation) {
            return Vec::new();
        }
        self.home.opening = None;
        match result {
            Ok(proposal) => {
                let mut job = Job::new(proposal.target, proposal.text, None);
                job.input = Some(proposal.input);
                if let Some(preview) = proposal.preview {
                    job.preview = PreviewState::Ready(preview, job.document.text().to_owned());
                }
                self.job = Some(job);
                self.screen = Screen::Data;
                self.say("A whole job is proposed: r runs it, Enter goes through its steps");
            }
            Err(message) => self.complain(message),
        }
        Vec::new()
    }
}
