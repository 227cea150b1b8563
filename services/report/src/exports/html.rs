//! The report as one HTML file that works without a server.

use anomal_core::Result;
use askama::Template;
use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

use crate::{
    pages::{
        Links, Markup, ReportContext, behaviour, clustering, flags,
        format::{numbers, text},
        help,
        layout::{assets, frame::plain_name},
        summary,
        suspects::{self, TableOptions},
    },
    view::{Hit, Page, Record, ReportDocument, display_name},
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
    summary: Markup,
    clustering: Markup,
    behaviour: Markup,
    flags: Markup,
    help: Markup,
    version: &'a str,
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
    let links = Links::File { rows: document.suspects.iter().map(|record| record.row).collect() };
    let (report, analysis) = (&document.report, document.analysis.as_ref());
    let context =
        ReportContext { report, analysis, view: &document.view, links: &links, level: LEVEL };
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
        summary: summary::section(&context, suspects(&context, document)?)?,
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
        let options = TableOptions { label, params: None, features, id_prefix };
        if records.is_empty() {
            Ok(Markup::default())
        } else {
            suspects::table(context, options, records)
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

fn hits(document: &ReportDocument) -> Vec<Page<Hit>> {
    let page = |hits: &Vec<_>| Page { items: hits.clone(), offset: 0, total: hits.len() };
    document.hits.iter().map(page).collect()
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
