//! Settings that are edited field by field. Each change is one of the text, which keeps everything else of it.

use anomal_spec::{edit::Change, nearest};
use serde_json::{Value as Json, json};

use crate::{
    document::{Document, keys},
    effect::Effect,
    input::Key,
    keymap::Action,
    message::Inspection,
    model::{Model, Screen},
    overlays::{Choice, Choosable, Chosen, Field, Form, Kind, Overlay, Prompt, Purpose, typed},
};

impl Model {
    /// Opens the selected item as a form; as text where it has no fields.
    pub(crate) fn open_form(&mut self) -> Vec<Effect> {
        let path = match self.screen {
            Screen::Detector => Some(keys(&["classification"])),
            _ => match self.selected_item() {
                Some((entry, _)) if !entry.on => {
                    self.say("It is off; Space switches it on");
                    return Vec::new();
                }
                item => item.map(|(_, path)| path),
            },
        };
        let form = path.map(|path| Form { screen: self.screen, path, at: 0 });
        match form.filter(|form| !self.fields(form).is_empty()) {
            Some(form) => {
                self.overlay = Some(Overlay::Form(form));
                Vec::new()
            }
            None => {
                let line = self.selected_line();
                self.edit_yaml(line)
            }
        }
    }

    pub(crate) fn fields(&self, form: &Form) -> Vec<Field> {
        let document = self.job.as_ref().map(|job| &job.document);
        let fields = document.map(|document| form.fields(document, &self.options));
        let mut fields = fields.unwrap_or_default();
        for field in fields.iter_mut().filter(|field| field.problem.is_none()) {
            let value = field.value.as_ref();
            field.problem = value.and_then(|value| self.unknown_column(field, value));
        }
        fields
    }

    pub(crate) fn form_key(&mut self, key: Key) -> Vec<Effect> {
        let Some(Overlay::Form(mut form)) = self.overlay.take() else { return Vec::new() };
        let fields = self.fields(&form);
        let last = fields.len().saturating_sub(1);
        let page = usize::from(self.size.height / 2).max(1);
        match key {
            Key::Up | Key::Char('k') => form.at = form.at.saturating_sub(1),
            Key::Down | Key::Char('j') => form.at = (form.at + 1).min(last),
            Key::PageUp => form.at = form.at.saturating_sub(page),
            Key::PageDown => form.at = (form.at + page).min(last),
            Key::Home | Key::Char('g') => form.at = 0,
            Key::End | Key::Char('G') => form.at = last,
            Key::Char('e') => {
                let path = fields.get(form.at).map_or(&form.path, |field| &field.path);
                let line = self.job.as_ref().map_or(1, |job| job.document.line(path));
                return self.edit_yaml(line);
            }
            Key::Char(undo @ ('u' | 'U')) => {
                let action = if undo == 'u' { Action::Undo } else { Action::Redo };
                let effects = self.act_on_settings(action);
                self.reopen(form);
                return effects;
            }
            Key::Char('d') | Key::Delete => {
                let field = fields.into_iter().nth(form.at);
                let effects = field.map(|field| self.set_field(&field, None)).unwrap_or_default();
                self.reopen(form);
                return effects;
            }
            Key::Enter => {
                if let Some(field) = fields.into_iter().nth(form.at) {
                    self.ask_field(form, &field);
                    return Vec::new();
                }
            }
            _ => {}
        }
        self.overlay = Some(Overlay::Form(form));
        Vec::new()
    }

    /// Shows a form again, unless what it was of is gone.
    pub(crate) fn reopen(&mut self, mut form: Form) {
        let fields = self.fields(&form);
        form.at = form.at.min(fields.len().saturating_sub(1));
        self.overlay = (!fields.is_empty()).then_some(Overlay::Form(form));
    }

    /// Asks for the value of a field: one of several, or a text.
    fn ask_field(&mut self, form: Form, field: &Field) {
        let choices = match &field.kind {
            Kind::Choice(names) => names.iter().map(|name| json!(name)).collect(),
            Kind::Truth => vec![json!(true), json!(false)],
            _ => Vec::new(),
        };
        if choices.is_empty() {
            let value = field.value.as_ref().map(typed).unwrap_or_default();
            let title = format!("{}: {}", field.name, field.kind.describe());
            self.overlay = Some(Overlay::Prompt(Prompt::new(Purpose::Field, &title, &value)));
        } else {
            let at = choices.iter().position(|value| Some(value) == field.value.as_ref());
            let option = |value: Json| Choosable::new(typed(&value), Chosen::Field(Some(value)));
            let mut options: Vec<Choosable> = choices.into_iter().map(option).collect();
            if !field.is_required {
                let text = field.default.as_ref().map_or_else(
                    || "not set".to_owned(),
                    |default| format!("not set: {}", typed(default)),
                );
                options.push(Choosable::new(text, Chosen::Field(None)));
            }
            let last = options.len() - 1;
            let choice = Choice::new(&field.name, options);
            self.overlay = Some(Overlay::Choice(Choice { at: at.unwrap_or(last), ..choice }));
        }
        self.form = Some(form);
    }

    /// Takes a text for the field that was asked for. One that it does not take is asked for again.
    pub(crate) fn typed_field(&mut self, text: &str) -> Vec<Effect> {
        let Some(form) = self.form.take() else { return Vec::new() };
        let Some(field) = self.fields(&form).into_iter().nth(form.at) else { return Vec::new() };
        let text = text.trim();
        if text.is_empty() {
            return self.finish_field(form, &field, None);
        }
        match field.kind.parse(text) {
            Ok(value) => self.finish_field(form, &field, Some(value)),
            Err(message) => {
                self.ask_field(form, &Field { value: Some(json!(text)), ..field });
                self.complain(message);
                Vec::new()
            }
        }
    }

    /// Takes a choice for the field that was asked for.
    pub(crate) fn chosen_field(&mut self, value: Option<Json>) -> Vec<Effect> {
        let Some(form) = self.form.take() else { return Vec::new() };
        let field = self.fields(&form).into_iter().nth(form.at);
        field.map(|field| self.finish_field(form, &field, value)).unwrap_or_default()
    }

    fn finish_field(&mut self, form: Form, field: &Field, value: Option<Json>) -> Vec<Effect> {
        let effects = self.set_field(field, value);
        self.reopen(form);
        effects
    }

    /// Sets a field, or leaves it to its default.
    fn set_field(&mut self, field: &Field, value: Option<Json>) -> Vec<Effect> {
        let name = &field.name;
        let (change, note) = match value {
            Some(value) if field.value.as_ref() == Some(&value) => return Vec::new(),
            Some(value) => {
                let unknown = self.unknown_column(field, &value);
                let unknown = unknown.map(|unknown| format!(", but {unknown}"));
                let note = format!("{name} is set{}", unknown.unwrap_or_default());
                (Change::Set(value), note)
            }
            None if field.is_required => {
                self.complain(format!("{name} is needed: {}", field.kind.describe()));
                return Vec::new();
            }
            None if field.value.is_none() => return Vec::new(),
            None => (Change::Remove, format!("{name} is not set")),
        };
        self.edit(&[(field.path.clone(), change)], &note)
    }

    /// What to say of a name of a column that the input does not have.
    fn unknown_column(&self, field: &Field, value: &Json) -> Option<String> {
        let job = self.job.as_ref()?;
        let input = job.input.as_ref()?;
        let names: Vec<&str> = match (field.name.as_str(), value) {
            ("dataNeeded" | "by", Json::Array(names)) => {
                names.iter().filter_map(Json::as_str).collect()
            }
            ("dataNeeded", Json::Object(names)) => {
                names.values().filter_map(Json::as_str).collect()
            }
            ("of", Json::String(name)) => vec![name],
            ("name", Json::String(name)) if is_of_a_column(&job.document, field) => {
                let has = input.columns.iter().any(|column| column.name == *name);
                // Its own name is among those of features.
                return (!has).then(|| no_column(name, input));
            }
            _ => return None,
        };
        let features = job.document.value(&keys(&["features"])).unwrap_or_default();
        let features = features.as_array().into_iter().flatten();
        let features: Vec<&str> = features
            .flat_map(|feature| [feature.get("name"), feature.get("as")])
            .flatten()
            .filter_map(Json::as_str)
            .collect();
        let columns = || input.columns.iter().map(|column| column.name.as_str());
        let is_unknown =
            |name: &&str| !columns().any(|column| column == *name) && !features.contains(name);
        names.into_iter().find(is_unknown).map(|unknown| no_column(unknown, input))
    }
}

/// Whether the name of an item is that of a column.
fn is_of_a_column(document: &Document, field: &Field) -> bool {
    let item = field.path.split_last().and_then(|(_, item)| document.value(item));
    item.is_some_and(|item| item["type"] == "field")
}

fn no_column(name: &str, input: &Inspection) -> String {
    let similar = nearest(name, input.columns.iter().map(|column| column.name.as_str()));
    let hint = similar.map(|name| format!("; did you mean {name}?")).unwrap_or_default();
    format!("the input has no column {name}{hint}")
}
