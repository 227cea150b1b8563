//! Settings from the roles of columns.

use anomal_core::proto::DataType;
use anomal_core::words::grouped;
use anomal_spec::TimeStep;
use serde_json::{Value, json};

use super::{
    column::ColumnProfile,
    entities::Entities,
    names::{self, has},
    profile::Profile,
    rates::{Feature, entities, rates},
    roles::{Role, quoted, shorten},
    schema::Schema,
    values,
};

/// Rows from which on a detector that needs no comparison between rows is proposed.
const MANY_ROWS: usize = 2_000_000;
/// Span of the rows in microseconds, from which on the hour of the day is a feature.
const TWO_DAYS: f64 = 2.0 * 86_400e6;

/// Settings with a comment for each line.
pub struct Proposal {
    pub time: Option<(String, String)>,
    pub label: Option<(String, String)>,
    pub id: Option<(String, String)>,
    /// The column of numbers that count units of time, with the unit, where there is no time.
    pub steps: Option<(String, TimeStep, String)>,
    pub entities: Entities,
    pub packs: Vec<String>,
    pub features: Vec<Feature>,
    /// Columns that are no features, and why.
    pub left_out: Vec<(String, String)>,
    pub flags: Vec<Value>,
    pub engine: (&'static str, String),
    /// Lines for the head of the settings.
    pub notes: Vec<String>,
}

impl Proposal {
    pub fn new(profile: &Profile, schema: Option<&Schema>, roles: &[Role]) -> Self {
        let rows = profile.total;
        let engine = if rows > MANY_ROWS {
            ("HBOS", format!("about {} rows; the Ensemble takes much longer", grouped(rows)))
        } else {
            ("Ensemble", "several detectors at once; `anomal detectors` lists others".to_owned())
        };
        let mut proposal = Self {
            time: None,
            label: None,
            id: None,
            steps: None,
            entities: Entities::new(profile, roles),
            packs: Vec::new(),
            features: Vec::new(),
            left_out: Vec::new(),
            flags: Vec::new(),
            engine,
            notes: Vec::new(),
        };
        let replaced = schema.map(|schema| proposal.schema(profile, schema)).unwrap_or_default();
        for (column, role) in profile.columns.iter().zip(roles) {
            if replaced.contains(&column.name) {
                let why = "the features made of it stand for it".to_owned();
                proposal.left_out.push((column.name.clone(), why));
            } else {
                proposal.column(profile, roles, column, role);
            }
        }
        let mut rates = rates(profile, roles);
        for addition in schema.into_iter().flat_map(|schema| schema.features(profile)) {
            if let (Some(column), Some(name)) =
                (&addition.stands_for, addition.settings["name"].as_str())
            {
                rates.iter_mut().for_each(|rate| rate.count_by(column, name));
            }
        }
        proposal.features.extend(rates);
        proposal.id = id(profile, roles);
        if proposal.time.is_none() {
            let steps = schema.and_then(|schema| schema.steps(profile));
            proposal.steps = steps
                .map(|(column, unit)| (column.name.clone(), unit, describe(column, profile.rows)));
        }
        proposal.name_flags();
        proposal
    }

    /// Gives flags that several columns have names of their own.
    fn name_flags(&mut self) {
        let mut names: Vec<String> = Vec::new();
        for flag in &mut self.flags {
            let name = [&flag["as"], &flag["name"]].into_iter().find_map(Value::as_str);
            let name = name.unwrap_or_default().to_owned();
            let taken = names.iter().filter(|known| **known == name).count();
            if taken > 0 {
                flag["as"] = json!(format!("{name}_{}", taken + 1));
            }
            names.push(name);
        }
    }

    /// Adds what a schema has beyond the roles of columns. Returns the columns that its features stand for.
    fn schema(&mut self, profile: &Profile, schema: &Schema) -> Vec<String> {
        self.notes.push(format!("{}, by the names of the columns.", schema.title));
        self.notes.extend(schema.notes.iter().cloned());
        self.packs.extend(schema.packs.iter().cloned());
        self.flags.extend(schema.flags(profile).map(|flag| flag.settings.clone()));
        let mut replaced = Vec::new();
        for addition in schema.features(profile) {
            replaced.extend(addition.replaces.iter().cloned());
            let (settings, comment) = (addition.settings.clone(), addition.comment.clone());
            self.features.push(Feature { settings, comment });
        }
        replaced
    }

    /// Adds what a column of this role is good for.
    fn column(&mut self, profile: &Profile, roles: &[Role], column: &ColumnProfile, role: &Role) {
        let name = column.name.as_str();
        let about = describe(column, profile.rows);
        let mut feature = |settings: Value, comment: String| {
            self.features.push(Feature { settings, comment });
        };
        match role {
            Role::Time => {
                self.time = Some((name.to_owned(), about));
                let (first, last) = column.range.unwrap_or_default();
                if last - first >= TWO_DAYS {
                    feature(metric("hour_of_day", name, &format!("{name}.hour")), "UTC".into());
                }
            }
            Role::Label => {
                self.left_out
                    .push((name.to_owned(), format!("says which rows are anomalies: {about}")));
                self.label.get_or_insert((name.to_owned(), about));
            }
            Role::Entity(_) => {
                let rated = entities(profile, roles).iter().any(|(entity, _)| entity.name == name);
                let why =
                    if rated { "its rates stand for it" } else { "two other columns have rates" };
                self.left_out.push((name.to_owned(), format!("{why}: {about}")));
            }
            Role::HostName => self.host_name(profile, roles, column, &about),
            Role::Path => {
                feature(metric("text_length", name, &format!("{name}.length")), about);
                let comment = "characters that are escaped, as in encoded attacks".to_owned();
                feature(metric("percent_escapes", name, &format!("{name}.escapes")), comment);
                self.flags.extend(path_flags(name));
            }
            Role::Command => {
                for (component, short, comment) in [
                    ("text_length", "length", about.as_str()),
                    ("text_entropy", "entropy", "high for encoded commands"),
                    ("special_share", "special_share", "of characters such as ^ and `"),
                    ("base64_run", "base64_run", "characters of the longest run of base 64"),
                ] {
                    let settings = metric(component, name, &format!("{name}.{short}"));
                    feature(settings, comment.to_owned());
                }
            }
            Role::Address => {
                feature(metric("address_class", name, &format!("{name}.class")), about);
            }
            Role::Port => feature(metric("port_class", name, &format!("{name}.class")), about),
            Role::Status(_) | Role::Category => {
                feature(json!({"type": "field", "name": name, "kind": "categorical"}), about);
            }
            Role::Number => feature(json!({"type": "field", "name": name}), about),
            Role::Frequent => {
                let of = quoted(name);
                let expression = format!("COUNT({of}) OVER (PARTITION BY {of})");
                feature(
                    expressed(&format!("{name}.rows"), &expression),
                    format!("how common it is: {about}"),
                );
            }
            Role::Text => {
                feature(metric("text_length", name, &format!("{name}.length")), about);
            }
            Role::LeftOut(why) => {
                let entropy =
                    has(name, &["answer", "answers"]) && column.data_type == DataType::String;
                if entropy && roles.contains(&Role::HostName) && column.distinct() > 1 {
                    let comment = format!("random for encoded data: {about}");
                    feature(metric("entropy", name, &format!("{name}.entropy")), comment);
                    self.flags.push(json!({
                        "type": "direct", "name": "has_dns_data_b64_encoded", "dataNeeded": [name],
                        "severity": "medium", "description": "An answer is base64",
                        "message": "{count} answers carry base64",
                    }));
                } else {
                    self.left_out.push((name.to_owned(), format!("{why} ({about})")));
                }
            }
        }
    }

    /// Metrics of a host name, and flags for those that clients ask for.
    fn host_name(
        &mut self,
        profile: &Profile,
        roles: &[Role],
        column: &ColumnProfile,
        about: &str,
    ) {
        if self.packs.iter().any(|pack| pack == "dns") {
            // The first is the name that was asked for.
            self.left_out.push((
                column.name.clone(),
                format!("another host name has the metrics ({about})"),
            ));
            return;
        }
        self.packs.push("dns".to_owned());
        let name = column.name.as_str();
        for (component, feature, comment) in [
            ("hostname_entropy", "entropy", about),
            ("numbers_in_hostname", "digits", ""),
            ("subdomain_length", "subdomain_length", ""),
            ("vowel_ratio", "vowel_ratio", "low for generated names"),
            ("alexa_1m_rating", "popularity", "its rank among the popular domains"),
            ("unlisted_domain", "unlisted", "not among them"),
            ("levenshtein", "typo_distance", "letters from the nearest popular domain"),
        ] {
            let settings = metric(component, name, &format!("{name}.{feature}"));
            self.features.push(Feature { settings, comment: comment.to_owned() });
        }
        let time = profile.columns.iter().zip(roles).find(|(_, role)| **role == Role::Time);
        let client = entities(profile, roles).first().map(|(column, _)| column.name.clone());
        let (Some((time, _)), Some(client)) = (time, client) else { return };
        let domain = format!("{name}.domain");
        let mut registered = metric("registered_domain", name, &domain);
        registered["multiplier"] = json!(0);
        self.features
            .push(Feature { settings: registered, comment: "for the next one".to_owned() });
        self.features.push(Feature {
            settings: json!({
                "type": "aggregate", "name": format!("{name}.names_1h"), "function": "distinct",
                "of": name, "by": [client, domain], "window": "1h",
            }),
            comment: format!(
                "different names below one domain, of the same {client}: a tunnel has many"
            ),
        });
        let mut flag =
            |name: &str, needs: Value, params: Value, severity: &str, description: &str| {
                self.flags.push(json!({
                    "type": "aggregation", "name": name, "dataNeeded": needs, "params": params,
                    "severity": severity, "description": description,
                    "message": format!("{{count}} rows: {}", description.to_lowercase()),
                }));
            };
        flag(
            "unique_subdomains",
            json!([client, time.name, name]),
            json!({}),
            "high",
            "Many different names below one domain in an hour, as a tunnel has",
        );
        flag(
            "beaconing_detector",
            json!([client, time.name]),
            json!({"domain": name}),
            "low",
            "A client calls a domain at regular intervals, as malware and updates do",
        );
        let codes = profile
            .columns
            .iter()
            .find(|column| column.values.iter().any(|(text, _)| text == "NXDOMAIN"));
        if let Some(codes) = codes {
            flag(
                "nxdomain_ratio",
                json!([client, codes.name, time.name, name]),
                json!({}),
                "medium",
                "A client asks for many names that do not exist, as generated ones do",
            );
        }
    }
}

/// The first column that identifies a row and is no feature.
fn id(profile: &Profile, roles: &[Role]) -> Option<(String, String)> {
    let columns = profile.columns.iter().zip(roles);
    let mut ids = columns.filter(|(column, role)| {
        matches!(role, Role::LeftOut(_))
            && column.is_unique()
            && column.missing() == 0
            && (has(&column.name, names::IDENTIFIER) || column.share(values::is_token) >= 0.9)
    });
    ids.next().map(|(column, _)| (column.name.clone(), describe(column, profile.rows)))
}

fn expressed(name: &str, expression: &str) -> Value {
    json!({"type": "expression", "name": name, "expression": expression})
}

fn metric(component: &str, column: &str, name: &str) -> Value {
    json!({"type": "metric", "name": component, "dataNeeded": [column], "as": name})
}

/// Flags for requests that look for holes.
fn path_flags(path: &str) -> [Value; 2] {
    let lower = format!("LOWER({})", quoted(path));
    let any = |patterns: &[&str]| {
        let likes = patterns
            .iter()
            .map(|pattern| format!("{lower} LIKE '{}'", pattern.replace('\'', "''")));
        likes.collect::<Vec<_>>().join(" OR ")
    };
    let flag = |name: &str, expression: String, description: &str, message: &str| {
        json!({
            "type": "direct", "name": name, "expression": expression, "severity": "medium",
            "description": description, "message": message,
        })
    };
    [
        flag(
            "path_traversal",
            any(&["%../%", "%2e%2e%2f%", "%/etc/passwd%"]),
            "A path that leaves the folder of the site",
            "{count} requests with paths that leave the folder of the site",
        ),
        flag(
            "injection",
            any(&["%union%select%", "%<script%", "%3cscript%", "%' or %", "%${jndi:%"]),
            "Parts of SQL or script in a path",
            "{count} requests with parts of SQL or script",
        ),
    ]
}

/// What a column holds, in a few words.
fn describe(column: &ColumnProfile, rows: usize) -> String {
    let distinct = column.distinct();
    let text = match column.values.as_slice() {
        [] => return "no values".to_owned(),
        [(only, _)] => format!("only {}", shorten(only)),
        [(most, count), ..] if distinct <= 50 && count * 100 >= rows => {
            format!("{distinct} values, {} in {} %", shorten(most), count * 100 / rows.max(1))
        }
        [(most, count), ..] if distinct <= 50 => {
            format!("{distinct} values, {} in {} rows", shorten(most), grouped(count))
        }
        [(most, _), ..] => format!("{} values, such as {}", grouped(distinct), shorten(most)),
    };
    match column.missing() {
        0 => text,
        missing => {
            format!("{text}; missing in {} of {} rows", grouped(missing), grouped(rows))
        }
    }
}
