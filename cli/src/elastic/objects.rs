//! Panels, the dashboard and the data view as saved objects, one JSON object per line.

use serde_json::{Value, json};

use super::{
    charts,
    panels::{COLUMNS, Content, Panel, panels},
};

/// The program that shows the dashboards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Flavor {
    /// Of Elasticsearch
    Kibana,
    /// OpenSearch Dashboards
    Opensearch,
}

const DATA: &str = "anomal-results";
const DASHBOARD: &str = "anomal";
/// The name of a panel's reference to the data view.
const DATA_NAME: &str = "kibanaSavedObjectMeta.searchSourceJSON.index";

impl Flavor {
    /// The version of an object's format; the importing program migrates it to its own.
    fn version(self, kind: &str) -> &'static str {
        match (self, kind) {
            (Self::Kibana, "index-pattern") => "7.11.0",
            (Self::Kibana, "visualization" | "dashboard") => "7.14.0",
            (Self::Opensearch, "index-pattern") => "7.6.0",
            (Self::Opensearch, "visualization") => "7.10.0",
            _ => "7.9.3",
        }
    }

    /// The name of the dashboard's reference to a panel.
    fn reference(self, panel: &str) -> String {
        match self {
            Self::Kibana => format!("{panel}:panel_{panel}"),
            Self::Opensearch => format!("panel_{panel}"),
        }
    }

    fn object(self, kind: &str, id: &str, attributes: &Value, references: &Value) -> Value {
        json!({
            "id": id,
            "type": kind,
            "attributes": attributes,
            "references": references,
            "migrationVersion": {kind: self.version(kind)},
        })
    }
}

/// The objects for the indices of a pattern, one per line. An object comes after those that it refers to.
pub fn saved_objects(flavor: Flavor, index: &str) -> String {
    let panels = panels(index);
    let mut objects = vec![data_view(flavor, index)];
    objects.extend(panels.iter().map(|panel| saved_panel(flavor, panel)));
    objects.push(dashboard(flavor, &panels));
    objects.iter().fold(String::new(), |lines, object| lines + &object.to_string() + "\n")
}

fn data_view(flavor: Flavor, index: &str) -> Value {
    let number = |pattern: &str| json!({"id": "number", "params": {"pattern": pattern}});
    let formats = json!({
        "event.url": {
            "id": "url",
            "params": {"type": "a", "urlTemplate": "{{rawValue}}", "labelTemplate": "open in the report"},
        },
        "event.risk_score_norm": number("0.0"),
        "anomal.score": number("0.000"),
        "anomal.rank": number("0.000"),
    });
    let mut attributes = json!({
        "title": index,
        "timeFieldName": "@timestamp",
        // Loaded from the index when it is first used.
        "fields": "[]",
        "fieldFormatMap": formats.to_string(),
    });
    if flavor == Flavor::Kibana {
        attributes["name"] = json!("Anomal's results");
    }
    flavor.object("index-pattern", DATA, &attributes, &json!([]))
}

fn saved_panel(flavor: Flavor, panel: &Panel) -> Value {
    let mut source = json!({"query": {"query": panel.query, "language": "kuery"}, "filter": []});
    let mut references = json!([]);
    let visualization = match &panel.content {
        Content::Documents => None,
        Content::Visualization(state) => Some(state),
    };
    // Markdown has no data, and a Vega specification names its own.
    let has_own = |state: &&Value| ["markdown", "vega"].iter().any(|kind| state["type"] == **kind);
    if visualization.as_ref().is_none_or(|state| !has_own(state)) {
        source["indexRefName"] = json!(DATA_NAME);
        references = json!([{"name": DATA_NAME, "type": "index-pattern", "id": DATA}]);
    }
    let mut attributes = json!({
        "title": format!("Anomal: {}", panel.title),
        "description": panel.about,
        "version": 1,
        "kibanaSavedObjectMeta": {"searchSourceJSON": source.to_string()},
    });
    let kind = if let Some(state) = visualization {
        attributes["visState"] = json!(state.to_string());
        attributes["uiStateJSON"] = json!(charts::ui_state().to_string());
        "visualization"
    } else {
        attributes["columns"] = json!(COLUMNS);
        attributes["sort"] = json!([[COLUMNS[0], "desc"]]);
        attributes["hits"] = json!(0);
        "search"
    };
    flavor.object(kind, panel.id, &attributes, &references)
}

fn dashboard(flavor: Flavor, panels: &[Panel]) -> Value {
    let mut placed = Vec::new();
    let mut references = Vec::new();
    for (number, panel) in (1..).zip(panels) {
        let index = number.to_string();
        let kind = match panel.content {
            Content::Documents => "search",
            Content::Visualization(_) => "visualization",
        };
        let [x, y, w, h] = panel.place;
        let mut one = json!({
            "version": "7.10.0",
            "gridData": {"x": x, "y": y, "w": w, "h": h, "i": index},
            "panelIndex": index,
            "embeddableConfig": {},
            "title": panel.title,
            "panelRefName": format!("panel_{index}"),
        });
        if flavor == Flavor::Kibana {
            one["type"] = json!(kind);
            one["embeddableConfig"] = json!({"enhancements": {}});
        }
        placed.push(one);
        references.push(json!({"name": flavor.reference(&index), "type": kind, "id": panel.id}));
    }
    let source = json!({"query": {"query": "", "language": "kuery"}, "filter": []});
    let options = json!({"useMargins": true, "hidePanelTitles": false});
    let attributes = json!({
        "title": "Anomal: what stands out",
        "description": "The rows that stand out, the reasons, and the entities",
        "hits": 0,
        "version": 1,
        "panelsJSON": Value::from(placed).to_string(),
        "optionsJSON": options.to_string(),
        "timeRestore": true,
        "timeFrom": "now-30d",
        "timeTo": "now",
        "refreshInterval": {"pause": true, "value": 0},
        "kibanaSavedObjectMeta": {"searchSourceJSON": source.to_string()},
    });
    flavor.object("dashboard", DASHBOARD, &attributes, &references.into())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn objects(flavor: Flavor) -> Vec<Value> {
        let lines = saved_objects(flavor, "anomal-results-*");
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn references_come_after_their_targets() {
        for flavor in [Flavor::Kibana, Flavor::Opensearch] {
            let mut seen = HashSet::new();
            for object in objects(flavor) {
                for reference in object["references"].as_array().unwrap() {
                    let named = (reference["type"].clone(), reference["id"].clone());
                    assert!(seen.contains(&named), "{object}");
                }
                assert!(seen.insert((object["type"].clone(), object["id"].clone())), "{object}");
            }
        }
    }

    /// Each panel's name has a reference, by the rules of the program that reads it.
    #[test]
    fn the_dashboard_finds_its_panels() {
        for (flavor, prefix) in [(Flavor::Kibana, true), (Flavor::Opensearch, false)] {
            let dashboard = objects(flavor).pop().unwrap();
            let panels = dashboard["attributes"]["panelsJSON"].as_str().unwrap();
            let panels: Vec<Value> = serde_json::from_str(panels).unwrap();
            let names: Vec<&str> = dashboard["references"]
                .as_array()
                .unwrap()
                .iter()
                .map(|reference| reference["name"].as_str().unwrap())
                .collect();
            assert_eq!(panels.len(), names.len());
            for panel in &panels {
                let (index, name) = (&panel["panelIndex"], panel["panelRefName"].as_str().unwrap());
                let index = index.as_str().unwrap();
                let full = if prefix { format!("{index}:{name}") } else { name.to_owned() };
                assert!(names.contains(&full.as_str()), "{full}: {names:?}");
            }
        }
    }

    #[test]
    fn panels_do_not_overlap() {
        let panels = panels("a");
        for (number, panel) in panels.iter().enumerate() {
            assert!(panel.place[0] + panel.place[2] <= 48);
            for other in &panels[..number] {
                let overlaps = |begin: usize| {
                    let [one, two] = [panel.place, other.place];
                    one[begin] < two[begin] + two[begin + 2]
                        && two[begin] < one[begin] + one[begin + 2]
                };
                assert!(!(overlaps(0) && overlaps(1)), "{} and {}", panel.title, other.title);
            }
        }
    }
}
