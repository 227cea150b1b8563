//! The report as one HTML file that works without a server.

use anomal_core::Result;
use askama::Template;
use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

use crate::{
    pages::{
        Links, Markup, ReportContext, behaviour, clustering,
        flags::{self, FlagHits},
        format::{numbers, text},
        help,
        incident::{self, IncidentParts},
        layout::{assets, frame::plain_name},
        overview, run,
        suspect_table::{self, TableOptions},
    },
    view::{Page, Record, ReportDocument, display_name, filter::FilterQuery, incidents::FlagGroup},
};

/// The level of the headings in a section.
const LEVEL: u8 = 3;

#[derive(Template)]
#[template(path = "file.html")]
struct File<'a> {
    policy: String,
    style: Markup,
    script: Markup,
    icon: String,
    title: String,
    job: Markup,
    time: Markup,
    input: Markup,
    analysed: bool,
    has_flags: bool,
    overview: Markup,
    incidents: Vec<IncidentSection>,
    /// How many incidents are in the file, if not all are.
    left_off: Option<String>,
    suspects: Markup,
    run: Markup,
    clustering: Markup,
    behaviour: Markup,
    flags: Markup,
    help: Markup,
    version: &'a str,
}

struct IncidentSection {
    number: u64,
    title: String,
    body: Markup,
}

#[derive(Template)]
#[template(path = "file_suspects.html")]
struct Suspects {
    count: String,
    original: Markup,
    features: Markup,
    help: String,
}

/// The HTML file.
///
/// # Errors
/// `Internal`: a defect of the templates.
pub fn html(document: &ReportDocument) -> Result<String> {
    let rows = document.suspects.iter().map(|record| record.row).collect();
    let links = Links::File { rows, incidents: document.incident_rows.len() as u64 };
    let (report, analysis) = (&document.report, document.analysis.as_ref());
    let query = FilterQuery::default();
    let context = ReportContext {
        report,
        analysis,
        view: &document.view,
        incidents: document.incidents.as_ref(),
        links: &links,
        query: &query,
        matches: None,
        verdicts: document.verdicts.as_ref(),
        level: LEVEL,
    };
    let described = document.incidents.as_ref().map_or(0, |all| all.incidents.len());
    let style = Markup::svg(assets::STYLE.as_str());
    let script = Markup::svg(assets::SCRIPT);
    let file = File {
        policy: policy(style.as_str(), script.as_str()),
        icon: format!("data:image/svg+xml;base64,{}", STANDARD.encode(assets::ICON)),
        style,
        script,
        title: plain_name(display_name(report), text::CELL),
        job: text::name(display_name(report)),
        time: numbers::time(&report.create_time),
        input: text::name(&report.input),
        analysed: analysis.is_some(),
        has_flags: !report.flags.is_empty(),
        overview: overview::section(&context, &document.lanes, Markup::default(), None)?,
        incidents: incidents(&context, document)?,
        left_off: (document.incident_rows.len() < described).then(|| {
            format!(
                "The {} incidents with the highest risk of {} are in this file.",
                numbers::size(document.incident_rows.len()),
                numbers::count(context.incident_count())
            )
        }),
        suspects: suspects(&context, document)?,
        run: run::section(&context)?,
        clustering: match analysis {
            Some(_) => clustering::section(&context, None)?,
            None => Markup::default(),
        },
        behaviour: behaviour::section(&context, None, &most_suspicious(document))?,
        flags: flags::section(&context, &hits(document))?,
        help: help::text("help-", 1),
        version: &report.version,
    };
    Ok(Markup::from_template(&file)?.into_string())
}

/// The content security policy: only this style and this script.
fn policy(style: &str, script: &str) -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; img-src data:; \
         base-uri 'none'; form-action 'none'",
        hash(style),
        hash(script)
    )
}

fn suspects(context: &ReportContext<'_>, document: &ReportDocument) -> Result<Markup> {
    let records = &document.suspects;
    let all = usize::try_from(document.report.suspects).unwrap_or(usize::MAX);
    let table = |label, features, id_prefix| {
        let columns: Vec<usize> = (0..context.report.columns.len()).collect();
        let options = TableOptions {
            label,
            params: None,
            features,
            columns: &columns,
            id_prefix,
            choose: false,
            without: &[],
        };
        if records.is_empty() {
            Ok(Markup::default())
        } else {
            suspect_table::table(context, options, records)
        }
    };
    Markup::from_template(&Suspects {
        count: if records.is_empty() {
            "No row is suspicious or hit by a flag.".to_owned()
        } else if records.len() < all {
            format!(
                "The {} most suspicious of {} suspects.",
                numbers::size(records.len()),
                numbers::size(all)
            )
        } else {
            format!("All {}, the most suspicious first.", numbers::size(records.len()))
        },
        original: table("Original records of the suspects", false, "row")?,
        features: table("Features of the suspects", true, "features")?,
        help: context.links.help("reasons"),
    })
}

fn most_suspicious(document: &ReportDocument) -> Vec<Record> {
    let suspicious = document.suspects.iter().filter(|record| record.suspicious);
    suspicious.take(behaviour::SUSPICIOUS).cloned().collect()
}

fn hits(document: &ReportDocument) -> Vec<FlagHits> {
    let of_flag = |flag: usize| FlagHits {
        hits: whole(document.hits.get(flag)),
        groups: whole(document.groups.get(flag)),
    };
    (0..document.report.flags.len()).map(of_flag).collect()
}

fn whole<T: Clone>(items: Option<&Vec<T>>) -> Page<T> {
    let items = items.cloned().unwrap_or_default();
    Page { offset: 0, total: items.len(), items }
}

/// The first incidents, each with what was found and its first rows.
fn incidents(
    context: &ReportContext<'_>,
    document: &ReportDocument,
) -> Result<Vec<IncidentSection>> {
    let below = ReportContext { level: LEVEL + 1, ..*context };
    let all = document.incidents.as_ref().map_or(&[][..], |all| &all.incidents);
    let section = |(described, rows): (&anomal_core::proto::Incident, &Vec<Record>)| {
        let groups: Vec<FlagGroup> = document
            .groups
            .iter()
            .flatten()
            .filter(|group| group.incident == described.number)
            .take(incident::GROUPS)
            .cloned()
            .collect();
        let parts = IncidentParts {
            rows: whole(Some(rows)),
            groups: whole(Some(&groups)),
            ..IncidentParts::default()
        };
        Ok(IncidentSection {
            number: described.number,
            title: format!("Incident {}", numbers::count(described.number)),
            body: incident::section(&below, described, &parts)?,
        })
    };
    all.iter().zip(&document.incident_rows).map(section).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        pages::testing::{fixture, html::check_page},
        view::View,
    };

    fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
        let start = text.find(from).unwrap() + from.len();
        &text[start..start + text[start..].find(to).unwrap()]
    }

    #[test]
    fn the_file_keeps_the_invariants_and_its_policy_fits() {
        let file = html(&fixture::document()).unwrap();
        check_page("file", &file);
        let policy =
            between(&file, "Content-Security-Policy\" content=\"", "\">").replace("&#39;", "'");
        for (kind, tag) in [("style-src", "style"), ("script-src", "script")] {
            let block = between(&file, &format!("<{tag}>"), &format!("</{tag}>"));
            let hash = STANDARD.encode(Sha256::digest(block));
            assert!(policy.contains(&format!("{kind} 'sha256-{hash}'")), "{policy}");
            assert_eq!(file.matches(&format!("<{tag}>")).count(), 1);
        }
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"));
    }

    #[test]
    fn the_file_refers_to_no_server() {
        let file = html(&fixture::document()).unwrap();
        assert!(
            !file.contains("href=\"/") && !file.contains("src=\"") && !file.contains("action=")
        );
        assert!(file.contains("The 20 most suspicious of 57 suspects."));
        assert!(file.contains("id=\"help-map\""));
        assert!(file.contains("3 of 18 judged, 2 quiet (as of 3 Mar 2026)"));
    }

    #[test]
    fn sections_that_do_not_apply_are_left_out() {
        let mut document = fixture::document();
        (document.analysis, document.view) = (None, View::default());
        let file = html(&document).unwrap();
        check_page("file of flags", &file);
        assert!(!file.contains("id=\"clustering\"") && file.contains("id=\"flags\""));
        check_page("empty file", &html(&ReportDocument::default()).unwrap());
    }
}
