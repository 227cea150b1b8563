//! Index templates with the mappings and settings for result documents.

use anomal_core::{Code, Error, Result};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::elasticsearch::{
    client::{Client, Request, Server},
    document::ecs,
};

/// The version of the templates; older ones are replaced.
const VERSION: u64 = 5;
/// Higher than that of the servers' own templates.
const PRIORITY: u64 = 501;
pub const MAPPINGS: &str = "anomal-mappings";
pub const SETTINGS: &str = "anomal-settings";
/// Longer values are stored, but not indexed.
const IGNORE_ABOVE: u64 = 1024;

/// A template: its path on the server, and its body.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    pub path: String,
    pub body: Value,
}

/// The templates for an index or data stream, in order of installation.
pub fn templates(server: Server, index: &str, data_stream: bool) -> [Template; 3] {
    let component = |name: &str, template: Value| Template {
        path: format!("/_component_template/{name}"),
        body: json!({"template": template, "version": VERSION, "_meta": meta()}),
    };
    let mut body = json!({
        // Not a pattern: two templates of one priority must not match the same index.
        "index_patterns": [index],
        "composed_of": [MAPPINGS, SETTINGS],
        "priority": priority(index),
        "version": VERSION,
        "_meta": meta(),
    });
    if data_stream {
        body["data_stream"] = json!({});
    }
    let path = format!("/_index_template/{}", name(index));
    [
        component(MAPPINGS, json!({"mappings": mappings(server)})),
        component(SETTINGS, json!({"settings": settings()})),
        Template { path, body },
    ]
}

/// The name of an index's template, without the asterisks of a pattern.
fn name(index: &str) -> String {
    let name = index.replace('*', "").trim_end_matches(['-', '.', '_']).to_owned();
    if name.starts_with("anomal-") { name } else { format!("anomal-{name}") }
}

/// A pattern has a lower priority than one index: of two templates with one priority, the second is refused.
fn priority(index: &str) -> u64 {
    if index.contains('*') { PRIORITY - 1 } else { PRIORITY }
}

fn meta() -> Value {
    json!({"managed_by": "anomal", "description": "results of Anomal as ECS documents"})
}

fn settings() -> Value {
    json!({"index": {
        "codec": "best_compression",
        // No replica on a single node, where the index would stay yellow.
        "auto_expand_replicas": "0-1",
        "mapping": {"total_fields": {"limit": 2000}},
    }})
}

/// The mappings. They are not dynamic: unmapped fields are stored without being indexed.
fn mappings(server: Server) -> Value {
    let keyword = || json!({"type": "keyword", "ignore_above": IGNORE_ABOVE});
    let keywords = |names: &[&str]| -> Map<String, Value> {
        names.iter().map(|name| ((*name).to_owned(), keyword())).collect()
    };
    let flattened = || match server {
        Server::Elasticsearch => {
            json!({"type": server.flattened(), "ignore_above": IGNORE_ABOVE})
        }
        Server::OpenSearch => json!({"type": server.flattened()}),
    };
    let mut root = Map::new();
    for (field, kind) in ecs::fields() {
        let mapping = match (field.as_str(), kind) {
            ("message" | "error.message" | "error.stack_trace", _) => json!({"type": "text"}),
            (_, ecs::FieldType::Keyword) => keyword(),
            (_, kind) => json!({"type": kind.name()}),
        };
        put(&mut root, &field, mapping);
    }
    let mut event = keywords(&["kind", "category", "type", "module", "dataset", "id", "url"]);
    for time in ["created", "start", "end"] {
        event.insert(time.into(), json!({"type": "date"}));
    }
    event.insert("severity".into(), json!({"type": "long"}));
    event.insert("risk_score".into(), json!({"type": "float"}));
    event.insert("risk_score_norm".into(), json!({"type": "float"}));
    let reason = json!({"type": "keyword", "ignore_above": IGNORE_ABOVE, "fields": {"text": {"type": "text"}}});
    event.insert("reason".into(), reason);
    let mut ours =
        keywords(&["job", "run", "engine", "severity", "flags", "report", "strays", "entity"]);
    ours.insert("row".into(), json!({"type": "long"}));
    ours.insert("partition".into(), json!({"type": "long"}));
    for mark in ["warm", "late", "skewed"] {
        ours.insert(mark.into(), json!({"type": "boolean"}));
    }
    let times = json!({"start": {"type": "date"}, "end": {"type": "date"}});
    ours.insert("window".into(), json!({"properties": times}));
    ours.insert("score".into(), json!({"type": "double"}));
    ours.insert("rank".into(), json!({"type": "double"}));
    ours.insert("pvalue".into(), json!({"type": "double"}));
    ours.insert("model".into(), json!({"type": "long"}));
    ours.insert("cluster".into(), json!({"type": "long"}));
    ours.insert("suspicious".into(), json!({"type": "boolean"}));
    ours.insert("explanation".into(), json!({"type": "text"}));
    ours.insert("features".into(), flattened());
    ours.insert("source".into(), flattened());
    ours.insert("long".into(), json!({"type": "object", "enabled": false}));
    let mut contribution = keywords(&["feature", "value"]);
    contribution.insert("number".into(), json!({"type": "double"}));
    contribution.insert("share".into(), json!({"type": "double"}));
    ours.insert(
        "contributions".into(),
        json!({"type": "nested", "dynamic": false, "properties": contribution}),
    );
    let mut detail = keywords(&["flag", "name", "text"]);
    detail.insert("number".into(), json!({"type": "double"}));
    let details = json!({"type": "nested", "dynamic": false, "properties": detail});
    ours.insert("details".into(), details);
    let mut incident = keywords(&["id", "key", "keys", "title", "severity", "together"]);
    for number in ["number", "risk", "rows", "suspicious", "findings"] {
        incident.insert(number.into(), json!({"type": "long"}));
    }
    for time in ["core_start", "core_end"] {
        incident.insert(time.into(), json!({"type": "date"}));
    }
    let part = || json!({"type": "long"});
    let parts = json!({"flag": part(), "score": part(), "more": part(), "rarity": part()});
    incident.insert("parts".into(), json!({"properties": parts}));
    for side in ["actors", "targets"] {
        let mut entity = keywords(&["kind", "value"]);
        entity.insert("rows".into(), json!({"type": "long"}));
        incident.insert(side.into(), json!({"properties": entity}));
    }
    ours.insert("incident".into(), json!({"dynamic": false, "properties": incident}));
    root.insert("@timestamp".into(), json!({"type": "date"}));
    let mut objects = vec![
        ("ecs", keywords(&["version"])),
        ("event", event),
        ("rule", keywords(&["name", "ruleset"])),
        ("observer", keywords(&["vendor", "product", "version"])),
        ("labels", keywords(&["job"])),
        ("anomal", ours),
    ];
    let mut orchestrator = keywords(&["type", "namespace"]);
    orchestrator.insert("resource".into(), json!({"properties": keywords(&["type", "name"])}));
    objects.push(("orchestrator", orchestrator));
    let mut related = keywords(&["user", "hosts"]);
    related.insert("ip".into(), json!({"type": "ip"}));
    objects.push(("related", related));
    for (name, properties) in objects {
        root.insert(name.into(), json!({"dynamic": false, "properties": properties}));
    }
    json!({"dynamic": false, "date_detection": false, "properties": root})
}

/// Inserts a field below its parents.
fn put(properties: &mut Map<String, Value>, field: &str, mapping: Value) {
    match field.split_once('.') {
        None => {
            properties.insert(field.to_owned(), mapping);
        }
        Some((parent, below)) => {
            let parent = properties.entry(parent).or_insert_with(|| json!({"properties": {}}));
            if let Some(properties) = parent.get_mut("properties").and_then(Value::as_object_mut) {
                put(properties, below, mapping);
            }
        }
    }
}

#[derive(Deserialize)]
struct Components {
    #[serde(default)]
    component_templates: Vec<Component>,
    #[serde(default)]
    index_templates: Vec<Index>,
}

#[derive(Deserialize)]
struct Component {
    component_template: TemplateInfo,
}

#[derive(Deserialize)]
struct Index {
    index_template: TemplateInfo,
}

/// The description of an installed template.
#[derive(Deserialize)]
struct TemplateInfo {
    version: Option<u64>,
    data_stream: Option<Value>,
}

/// Installs the templates that are missing or older.
///
/// # Errors
/// `Incompatible` if a template is refused; those of [`Client::request`].
pub fn install(client: &Client, server: Server, index: &str, data_stream: bool) -> Result<()> {
    let hint = |error: Error| match error.code {
        Code::PermissionDenied => Error::new(
            error.code,
            &error.reason,
            format!(
                "{}; the templates of this output require the cluster privilege manage_index_templates. Alternatively \
                 install them once with `anomal elastic template`, and set manageTemplate: false",
                error.message
            ),
        ),
        _ => error,
    };
    for template in templates(server, index, data_stream) {
        if !is_installed(client, &template, data_stream).map_err(hint)? {
            let put = Request::put(&template.path).json(&template.body);
            let answer = client.request(&put).map_err(hint)?;
            if !answer.is_success() {
                let message = format!(
                    "{} refuses the template {} ({}); fix the cause, or set manageTemplate: false",
                    client.name(),
                    template.path.trim_start_matches('/'),
                    answer.describe()
                );
                return Err(Error::new(Code::Incompatible, "TEMPLATE_REFUSED", message));
            }
        }
    }
    Ok(())
}

fn is_installed(client: &Client, template: &Template, data_stream: bool) -> Result<bool> {
    let answer = client.request(&Request::get(&template.path))?;
    if answer.status == 404 {
        return Ok(false);
    }
    let installed: Components = answer.json()?;
    let current =
        |template: &TemplateInfo| template.version.is_some_and(|version| version >= VERSION);
    let component =
        installed.component_templates.iter().any(|one| current(&one.component_template));
    let index = installed.index_templates.iter().any(|one| {
        let template = &one.index_template;
        current(template) && template.data_stream.is_some() == data_stream
    });
    Ok(component || index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_server_has_its_own_type_for_objects() {
        for (server, name) in
            [(Server::Elasticsearch, "flattened"), (Server::OpenSearch, "flat_object")]
        {
            let [mappings, ..] = templates(server, "anomal-results-dns", false);
            let at = |path: &str| mappings.body["template"]["mappings"].pointer(path).cloned();
            assert_eq!(at("/properties/anomal/properties/source/type"), Some(name.into()));
            assert_eq!(at("/properties/source/properties/ip/type"), Some("ip".into()));
            assert_eq!(at("/properties/anomal/dynamic"), Some(false.into()));
            let nested = "/properties/anomal/properties/contributions/type";
            assert_eq!(at(nested), Some("nested".into()));
            assert_eq!(
                at("/properties/orchestrator/properties/resource/properties/type/type"),
                Some("keyword".into())
            );
        }
    }

    #[test]
    fn a_template_is_for_one_index() {
        let [_, _, plain] = templates(Server::OpenSearch, "alerts", false);
        assert_eq!(plain.path, "/_index_template/anomal-alerts");
        assert_eq!(plain.body["index_patterns"], json!(["alerts"]));
        assert_eq!(plain.body["priority"], 501);
        assert!(plain.body.get("data_stream").is_none());
        let [.., stream] = templates(Server::OpenSearch, "anomal-results-x", true);
        assert_eq!(stream.path, "/_index_template/anomal-results-x");
        assert!(stream.body["data_stream"].is_object());
    }
}
