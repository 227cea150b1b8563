//! The report as one file: works from a folder, asks no server for anything.

use anomal_core::Result;
use askama::Template;
use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

use crate::{
    pages::{Links, Markup, Shown, behaviour, clustering, flags, help, numbers, summary, suspects, text},
    view::{Page, Whole},
    web::assets,
};

/// Rows for which the columns of both tables are repeated as a list: no more than a reader scrolls.
const LEVEL: u8 = 3;

#[derive(Template)]
#[template(path = "file.html")]
struct File<'a> {
    policy: String,
    style: Markup,
    script: Markup,
    picture: String,
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

/// The file.
///
/// # Errors
/// `Internal`, which would be a defect of the templates.
pub fn html(whole: &Whole) -> Result<String> {
    let links = Links::File { rows: whole.suspects.iter().map(|record| record.row).collect() };
    let (report, analysis) = (&whole.report, whole.analysis.as_ref());
    let shown = Shown { report, analysis, view: &whole.view, links: &links, level: LEVEL };
    let style = Markup::svg(assets::STYLE.as_str());
    let script = Markup::svg(assets::SCRIPT);
    let job = if report.job.is_empty() { "Report".to_owned() } else { text::short(&report.job, 120) };
    let file = File {
        policy: policy(style.as_str(), script.as_str()),
        picture: format!("data:image/svg+xml;base64,{}", STANDARD.encode(assets::PICTURE)),
        style,
        script,
        title: job,
        job: text::name(&report.job),
        time: numbers::time(&report.create_time),
        input: text::name(&report.input),
        analysed: analysis.is_some(),
        has_flags: !report.flags.is_empty(),
        summary: summary::section(&shown, found(&shown, whole)?)?,
        clustering: match analysis {
            Some(_) => clustering::section(&shown, None)?,
            None => Markup::default(),
        },
        behaviour: behaviour::section(&shown, None, &most_suspicious(whole))?,
        flags: flags::section(&shown, &hits(whole))?,
        help: help::text("help-", 1),
        version: &report.version,
    };
    Ok(Markup::of(&file)?.into_string())
}

/// Only this style and this script, and no other source of anything.
fn policy(style: &str, script: &str) -> String {
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; img-src data:; \
         base-uri 'none'; form-action 'none'",
        hash(style),
        hash(script)
    )
}

fn found(shown: &Shown<'_>, whole: &Whole) -> Result<Markup> {
    let records = &whole.suspects;
    let all = usize::try_from(whole.report.suspects).unwrap_or(usize::MAX);
    let table = |label, features| {
        if records.is_empty() {
            return Ok(Markup::default());
        }
        suspects::table(shown, label, None, features, records)
    };
    Markup::of(&Suspects {
        count: if records.is_empty() {
            "No row is suspicious, and no flag hit any.".to_owned()
        } else if records.len() < all {
            format!(
                "The {} most suspicious of {} suspects.",
                numbers::size(records.len()),
                numbers::size(all)
            )
        } else {
            format!("All {}, the most suspicious first.", numbers::size(records.len()))
        },
        original: table("Suspects as they came", false)?,
        features: table("Suspects as their features", true)?,
        help: shown.links.help("reasons"),
    })
}

fn most_suspicious(whole: &Whole) -> Vec<crate::view::Record> {
    let suspicious = whole.suspects.iter().filter(|record| record.suspicious);
    suspicious.take(behaviour::SUSPICIOUS).cloned().collect()
}

fn hits(whole: &Whole) -> Vec<Page<crate::view::Hit>> {
    let page = |hits: &Vec<_>| Page { items: hits.clone(), offset: 0, total: hits.len() };
    whole.hits.iter().map(page).collect()
}
