//! The text of the settings, which is all that there is to save; what is shown is derived from it.

use std::io;

use anomal_spec::{
    Form, LoadedSettings, Source,
    edit::{self, Change, EditError, ListEntry, Step},
    load,
};
use serde_json::Value as Json;

/// Texts that can be gone back to, and their bytes.
const HISTORY: usize = 1_000;
const HISTORY_BYTES: usize = 8 << 20;

/// A problem with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// From 1; none where it is about the whole file.
    pub line: Option<usize>,
    pub column: usize,
    /// Such as `features[3].name`.
    pub path: String,
    pub message: String,
}

/// Settings as text, with what was undone.
#[derive(Clone, Debug)]
pub struct Document {
    text: String,
    before: Vec<String>,
    after: Vec<String>,
    loaded: Option<Box<LoadedSettings>>,
    issues: Vec<Issue>,
    in_manifest: bool,
}

impl Document {
    pub fn new(text: String) -> Self {
        let mut document = Self {
            text,
            before: Vec::new(),
            after: Vec::new(),
            loaded: None,
            issues: Vec::new(),
            in_manifest: false,
        };
        document.check();
        document
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn issues(&self) -> &[Issue] {
        &self.issues
    }

    /// The settings, if the text has no problem.
    pub fn settings(&self) -> Option<&LoadedSettings> {
        self.loaded.as_deref()
    }

    /// Replaces the text, which can be undone.
    pub fn set_text(&mut self, text: String) {
        if text == self.text {
            return;
        }
        self.before.push(std::mem::replace(&mut self.text, text));
        self.after.clear();
        let mut bytes: usize = self.before.iter().map(String::len).sum();
        while self.before.len() > HISTORY || bytes > HISTORY_BYTES && self.before.len() > 1 {
            bytes -= self.before.remove(0).len();
        }
        self.check();
    }

    /// Whether there was something to undo.
    pub fn undo(&mut self) -> bool {
        let Some(text) = self.before.pop() else { return false };
        self.after.push(std::mem::replace(&mut self.text, text));
        self.check();
        true
    }

    /// Whether there was something to do again.
    pub fn redo(&mut self) -> bool {
        let Some(text) = self.after.pop() else { return false };
        self.before.push(std::mem::replace(&mut self.text, text));
        self.check();
        true
    }

    /// Changes a setting.
    ///
    /// # Errors
    /// Why the text can't be changed so; it is then as it was.
    pub fn edit(&mut self, path: &[Step], change: &Change) -> Result<(), EditError> {
        let edited = edit::edit(&self.text, &self.full(path), change)?;
        self.set_text(edited);
        Ok(())
    }

    /// Changes several settings in one step.
    ///
    /// # Errors
    /// As [`Document::edit`]; none of them is then changed.
    pub fn edit_all(&mut self, changes: &[(Vec<Step>, Change)]) -> Result<(), EditError> {
        let mut text = self.text.clone();
        for (path, change) in changes {
            text = edit::edit(&text, &self.full(path), change)?;
        }
        self.set_text(text);
        Ok(())
    }

    pub fn can_undo(&self) -> bool {
        !self.before.is_empty()
    }

    /// The value of a setting; none where it is not set, or the text is no YAML.
    pub fn value(&self, path: &[Step]) -> Option<Json> {
        edit::value(&self.text, &self.full(path)).ok().flatten()
    }

    /// The items of a list, with those that are switched off.
    pub fn entries(&self, path: &[Step]) -> Vec<ListEntry> {
        edit::entries(&self.text, &self.full(path)).unwrap_or_default()
    }

    /// The line of a setting, from 1.
    pub fn line(&self, path: &[Step]) -> usize {
        edit::line(&self.text, &self.full(path)).unwrap_or(1)
    }

    /// Whether one of these keys of the settings has a problem. One of the text itself belongs to the key above it.
    pub fn has_issue(&self, keys: &[&str]) -> bool {
        self.issues.iter().any(|issue| {
            let path = issue.path.strip_prefix("spec.").unwrap_or(&issue.path);
            let key = match (path.split(['.', '[']).next(), issue.line) {
                (None | Some(""), Some(line)) => self.key_above(line),
                (key, _) => key.unwrap_or_default(),
            };
            keys.contains(&key)
        })
    }

    /// The key of the settings that a line is of.
    fn key_above(&self, line: usize) -> &str {
        let indent = if self.in_manifest { "  " } else { "" };
        let lines = self.text.lines().take(line);
        let keys = lines.filter_map(|line| {
            let rest = line.strip_prefix(indent)?;
            let (key, _) = rest.split_once(':')?;
            key.chars().all(char::is_alphanumeric).then_some(key)
        });
        keys.last().unwrap_or_default()
    }

    fn full(&self, path: &[Step]) -> Vec<Step> {
        let above = self.in_manifest.then(|| Step::from("spec"));
        above.into_iter().chain(path.iter().cloned()).collect()
    }

    fn check(&mut self) {
        let source = Source { file: "job.yaml", name: "job" };
        let other = |_: &str| Err(io::Error::other("another file is not read here"));
        let root = edit::value(&self.text, &[]).ok().flatten();
        self.in_manifest = root.is_some_and(|root| root.get("spec").is_some_and(Json::is_object));
        match load(self.text.as_bytes(), source, &other) {
            Ok(settings) => {
                self.in_manifest = settings.form == Form::Manifest;
                self.loaded = Some(Box::new(settings));
                self.issues.clear();
            }
            Err(error) => {
                self.loaded = None;
                let issue = |problem: anomal_spec::Problem| Issue {
                    line: problem.place.map(|place| place.line),
                    column: problem.place.map_or(1, |place| place.column),
                    path: problem.path,
                    message: problem.message,
                };
                self.issues = error.problems.into_iter().map(issue).collect();
            }
        }
    }
}

/// A path of keys.
pub fn keys(names: &[&str]) -> Vec<Step> {
    names.iter().map(|name| Step::from(*name)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TEXT: &str = "input:\n  csv: {path: a.csv}\nfeatures:\n  # why\n  - {type: field, name: a}\n  - {type: field, name: b}\n";

    #[test]
    fn edits_are_undone_byte_for_byte() {
        let mut document = Document::new(TEXT.into());
        assert_eq!(document.issues(), []);
        let weight = [Step::from("features"), Step::from(1), Step::from("multiplier")];
        document.edit(&weight, &Change::Set(json!(2))).unwrap();
        assert!(document.text().contains("name: b, multiplier: 2}"));
        assert!(document.undo() && document.text() == TEXT && !document.undo());
        assert!(document.redo() && document.value(&weight) == Some(json!(2)));
    }

    #[test]
    fn problems_have_their_line_and_the_text_stays() {
        let document = Document::new(TEXT.replace("name: b", "nmae: b"));
        assert_eq!(document.issues()[0].line, Some(6));
        assert!(document.has_issue(&["features"]) && !document.has_issue(&["flags"]));
        assert!(document.text().contains("nmae"));
    }

    #[test]
    fn a_text_that_is_no_yaml_has_its_problem_at_a_step() {
        let document =
            Document::new(TEXT.replace("  - {type: field, name: b}", "  - x{type: field}: b}"));
        assert!(
            document.has_issue(&["features"]) && !document.has_issue(&["", "input"]),
            "{:?}",
            document.issues()
        );
    }

    #[test]
    fn a_manifest_is_edited_below_its_spec() {
        let text = "apiVersion: anomal.io/v1\nkind: AnomalyJob\nmetadata: {name: a}\nspec:\n  input:\n    csv: {path: a.csv}\n";
        let mut document = Document::new(text.into());
        document.edit(&keys(&["timeColumn"]), &Change::Set(json!("t"))).unwrap();
        assert!(document.text().ends_with("\n  timeColumn: t\n"), "{}", document.text());
    }
}
