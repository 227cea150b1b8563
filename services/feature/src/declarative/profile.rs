//! Profiles: the filters, features and flags of a pack that a job takes over.

use std::collections::BTreeSet;

use anomal_core::{
    Error, FeatureSettings, Result,
    proto::{Column, Diagnostic},
};
use anomal_spec::{PackContents, Profile, ProfileUse, suggestion};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value as Json;

use super::template;
use crate::expression::missing_column;

/// The keys whose values are SQL.
const SQL: [&str; 3] = ["expression", "remove", "where"];

/// Adds the entries of the profiles that settings use, behind their own. Entries that need a column that the input does not
/// have are left out, with a diagnostic.
///
/// # Errors
/// `InvalidSettings` with the path: there is no such profile, or no column of a name that the job gives.
pub(crate) fn add_profiles(
    settings: &FeatureSettings,
    schema: &[Column],
) -> Result<(FeatureSettings, Vec<Diagnostic>)> {
    let mut settings = settings.clone();
    let mut diagnostics = Vec::new();
    for (index, used) in std::mem::take(&mut settings.profiles).iter().enumerate() {
        let path = format!("use[{index}]");
        let (pack, contents, profile) = find(&settings, used, &path)?;
        let columns = Columns { used, profile, schema };
        columns.check(&path)?;
        let mut entries = Entries { columns, pack, contents, left_out: Vec::new() };
        let (filters, features, flags) = (
            entries.bind(&profile.filters)?,
            entries.bind(&profile.features)?,
            entries.bind(&profile.flags)?,
        );
        if filters.is_empty() && features.is_empty() && flags.is_empty() {
            let message = format!(
                "the input has none of the columns that `{}` needs; name them: `with: {{NAME: COLUMN}}`; it needs {}",
                used.name(),
                entries.left_out.join(", ")
            );
            return Err(Error::settings(path, "PROFILE_EMPTY", message));
        }
        if !entries.left_out.is_empty() {
            diagnostics.push(Diagnostic {
                path,
                reason: "PROFILE_PARTS_LEFT_OUT".into(),
                message: format!(
                    "parts of `{}` are left out, since the input lacks their columns: {}; `with: {{NAME: COLUMN}}` names others",
                    used.name(),
                    entries.left_out.join(", ")
                ),
                count: entries.left_out.len() as u64,
            });
        }
        settings.filters.extend(filters);
        settings.features.extend(features);
        settings.flags.extend(flags);
    }
    Ok((settings, diagnostics))
}

type Found<'a> = (String, PackContents, &'a Profile);

/// The name of the pack, its contents and the profile.
fn find<'a>(settings: &'a FeatureSettings, used: &ProfileUse, path: &str) -> Result<Found<'a>> {
    let of_packs = settings.packs.iter().filter_map(|pack| pack.details());
    let all: Vec<(String, &PackContents, &Profile)> = of_packs
        .filter_map(|pack| Some((pack, pack.inline.as_ref()?)))
        .flat_map(|(pack, contents)| {
            let profiles = contents.profiles.iter();
            profiles
                .map(move |(name, profile)| (format!("{}/{name}", pack.name), contents, profile))
        })
        .collect();
    if let Some((name, contents, profile)) = all.iter().find(|(name, ..)| name == used.name()) {
        let pack = name.split('/').next().unwrap_or_default().to_owned();
        return Ok((pack, (*contents).clone(), profile));
    }
    let hint = suggestion(used.name(), all.iter().map(|(name, ..)| name.as_str()));
    let message = format!("there is no profile `{}` in the packs of this job; {hint}", used.name());
    Err(Error::settings(path, "PROFILE_UNKNOWN", message))
}

/// The columns that stand for the names of a profile.
#[derive(Clone, Copy)]
struct Columns<'a> {
    used: &'a ProfileUse,
    profile: &'a Profile,
    schema: &'a [Column],
}

impl<'a> Columns<'a> {
    fn get(&self, name: &str) -> Option<&'a str> {
        let default = self.profile.needs.get(name)?;
        Some(self.used.column(name).unwrap_or(default))
    }

    fn exists(&self, column: &str) -> bool {
        self.schema.iter().any(|known| known.name == column)
    }

    /// # Errors
    /// A name or a column that the job gives does not exist.
    fn check(&self, path: &str) -> Result<()> {
        let ProfileUse::Detailed(details) = self.used else { return Ok(()) };
        for (name, column) in &details.with {
            let path = format!("{path}.with.{name}");
            if !self.profile.needs.contains_key(name) {
                let hint = suggestion(name, self.profile.needs.keys().map(String::as_str));
                let message = format!("`{}` has no column `{name}`; {hint}", details.profile);
                return Err(Error::settings(path, "COLUMN_UNKNOWN", message));
            }
            if !self.exists(column) {
                let names: Vec<&str> =
                    self.schema.iter().map(|known| known.name.as_str()).collect();
                return Err(Error::settings(
                    path,
                    "COLUMN_MISSING",
                    missing_column(column, &names),
                ));
            }
        }
        Ok(())
    }
}

struct Entries<'a> {
    columns: Columns<'a>,
    pack: String,
    contents: PackContents,
    /// The entries that were left out, with the columns that are missing.
    left_out: Vec<String>,
}

impl Entries<'_> {
    fn bind<T: Serialize + DeserializeOwned>(&mut self, entries: &[T]) -> Result<Vec<T>> {
        let mut bound = Vec::with_capacity(entries.len());
        for entry in entries {
            let internal =
                |error: serde_json::Error| Error::internal(format!("a profile: {error}"));
            let mut entry = serde_json::to_value(entry).map_err(internal)?;
            let mut missing = BTreeSet::new();
            self.replace(&mut entry, "", &mut missing);
            if missing.is_empty() {
                bound.push(serde_json::from_value(entry).map_err(internal)?);
            } else {
                let name = [&entry["as"], &entry["name"]].into_iter().find_map(Json::as_str);
                let missing = missing.into_iter().collect::<Vec<_>>().join(", ");
                self.left_out.push(format!("{} ({missing})", name.unwrap_or("an entry")));
            }
        }
        Ok(bound)
    }

    /// Replaces the placeholders of an entry by columns, and the names of the pack's components by their full names.
    fn replace(&self, value: &mut Json, key: &str, missing: &mut BTreeSet<String>) {
        match value {
            // `{count}` is of the message itself.
            Json::String(_) if key == "message" => {}
            Json::String(sql) if SQL.contains(&key) => {
                let tokens = template::fill(sql, &mut |name| {
                    self.note_missing(name, missing);
                    Some(template::column(self.columns.get(name).unwrap_or(name)))
                });
                if let Ok(tokens) = tokens {
                    *sql = template::text(&tokens);
                }
            }
            Json::String(text) => {
                for name in self.columns.profile.needs.keys() {
                    let placeholder = format!("{{{name}}}");
                    if text.contains(&placeholder) {
                        self.note_missing(name, missing);
                        let column = self.columns.get(name).unwrap_or(name);
                        *text = text.replace(&placeholder, column);
                    }
                }
                let own = |text: &str| self.contents.components.iter().any(|one| one.name == text);
                if key == "name" && own(text) {
                    *text = format!("{}/{text}", self.pack);
                }
            }
            Json::Array(items) => {
                items.iter_mut().for_each(|item| self.replace(item, key, missing));
            }
            Json::Object(entries) => {
                for (key, below) in entries.iter_mut() {
                    self.replace(below, key, missing);
                }
            }
            _ => {}
        }
    }

    fn note_missing(&self, name: &str, missing: &mut BTreeSet<String>) {
        let column = self.columns.get(name).unwrap_or(name);
        if !self.columns.exists(column) {
            missing.insert(column.to_owned());
        }
    }
}
