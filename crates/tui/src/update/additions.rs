//! What can be added to the lists of the settings. It is opened, to be completed.

use anomal_spec::edit::{Change, Step};
use serde_json::{Value as Json, json};

use crate::{
    document::keys,
    effect::Effect,
    model::{Addition, Job, Model, Screen},
    overlays::{Choice, Choosable, Chosen},
};

/// Outputs, with what they are.
const OUTPUTS: [(&str, &str, &str); 6] = [
    ("parquet", "results.parquet", "a Parquet file"),
    ("csv", "results.csv", "a CSV file"),
    ("ndjson", "results.ndjson", "a file with a JSON object a line"),
    ("elasticsearch", "", "documents in Elasticsearch"),
    ("opensearch", "", "documents in OpenSearch"),
    ("terminal", "", "a table on standard output"),
];

impl Model {
    /// Lists what can be added to the list of the step.
    pub(crate) fn choose_addition(&mut self) {
        let Some(job) = &self.job else { return };
        let option = |text: String, item: Json| Choosable::new(text, Chosen::Add(item));
        let components = |is_flag: bool| {
            let of_kind = self.options.components.iter().filter(move |one| one.is_flag == is_flag);
            of_kind.map(|one| option(one.text.clone(), complete(one, job)))
        };
        let (title, options): (_, Vec<_>) = match self.screen {
            Screen::Features => {
                let columns = job.input.iter().flat_map(|input| &input.columns);
                let columns = columns.map(|column| {
                    let text = format!("{}: the column itself ({})", column.name, column.role);
                    option(text, json!({"type": "field", "name": column.name}))
                });
                let own = json!({"type": "expression", "name": "new_feature", "expression": "0.0"});
                let own = option("an SQL expression".to_owned(), own);
                ("add a feature", columns.chain([own]).chain(components(false)).collect())
            }
            Screen::Flags => {
                let own = json!({
                    "type": "direct", "name": "new_flag", "expression": "false", "severity": "medium",
                });
                let own = option("an SQL condition".to_owned(), own);
                ("add a flag", [own].into_iter().chain(components(true)).collect())
            }
            _ => {
                let outputs = OUTPUTS.iter().map(|(driver, path, about)| {
                    let settings = match *driver {
                        "terminal" => json!({}),
                        "elasticsearch" | "opensearch" => {
                            json!({"hosts": ["http://localhost:9200"], "index": "anomal-results"})
                        }
                        _ => json!({"path": path}),
                    };
                    option(format!("{driver}: {about}"), json!({ *driver: settings }))
                });
                ("add an output", outputs.collect())
            }
        };
        self.choose(Choice::new(title, options).filtered());
    }

    /// Adds an item at the end of the list of the step, and opens it.
    pub(crate) fn add(&mut self, item: &Json) -> Vec<Effect> {
        let screen = self.screen;
        let (Some(job), Some(key)) = (&mut self.job, Job::list_key(screen)) else {
            return Vec::new();
        };
        let count = job.items(screen).len();
        let index = job.items(screen).iter().filter(|item| item.on).count();
        let mut changes = vec![(keys(&[key]), Change::Insert(index, item.clone()))];
        let pack = self.options.components.iter().find(|one| {
            one.item.get("name") == item.get("name") && one.item.get("type") == item.get("type")
        });
        let packs = job.document.value(&keys(&["packs"]));
        let named = |packs: &Json, pack: &str| {
            let mut names = packs.as_array().into_iter().flatten();
            names.any(|one| one == pack || one.get("name").is_some_and(|name| name == pack))
        };
        if let Some(pack) = pack.map(|one| one.pack.as_str())
            && !packs.as_ref().is_some_and(|packs| named(packs, pack))
        {
            let place = packs.and_then(|packs| packs.as_array().map(Vec::len)).unwrap_or(0);
            changes.insert(0, (vec![Step::from("packs")], Change::Insert(place, json!(pack))));
        }
        let before = job.document.text().to_owned();
        let effects = self.edit(&changes, "Added; u undoes it");
        let Some(job) = self.job.as_mut().filter(|job| job.document.text() != before) else {
            return effects;
        };
        if let Some(step) = screen.step() {
            job.cursors[step].at = count;
        }
        effects.into_iter().chain(self.open_form()).collect()
    }

    /// Takes the settings as they were left in another program.
    pub(crate) fn edited(&mut self, result: Result<String, String>) -> Vec<Effect> {
        match (result, &mut self.job) {
            (Ok(text), Some(job)) if job.document.text() != text => {
                job.document.set_text(text);
                return self.changed("Changed");
            }
            (Ok(_), _) => self.say("Nothing was changed"),
            (Err(message), _) => self.complain(message),
        }
        Vec::new()
    }
}

/// The item of a component, with columns that its inputs take.
fn complete(addition: &Addition, job: &Job) -> Json {
    let columns: Vec<_> = job.input.iter().flat_map(|input| &input.columns).collect();
    let mut used: Vec<&str> = Vec::new();
    for types in &addition.inputs {
        let fits = |name: &str| types.is_empty() || types.iter().any(|known| known == name);
        let free = columns.iter().filter(|column| !used.contains(&column.name.as_str()));
        let best = free.clone().find(|column| column.role != "label" && fits(&column.data_type));
        let column = best.or_else(|| free.clone().next());
        used.push(column.map_or("COLUMN", |column| column.name.as_str()));
    }
    let mut item = addition.item.clone();
    if !used.is_empty() {
        item["dataNeeded"] = json!(used);
    }
    item
}
