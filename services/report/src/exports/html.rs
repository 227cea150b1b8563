//! The report as one file: works from a folder, asks no server for anything.

use anomal_core::Result;
use askama::Template;
use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

use crate::{
    pages::{
        Links, Markup, Shown, behaviour, clustering, flags, help, numbers, summary,
        suspects::{self, Which},
        text,
    },
    view::{Hit, Page, Record, Whole, called},
    web::assets,
};

/// Of headings below those of the sections.
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
    let job = if called(report).is_empty() {
        "Report".to_owned()
    } else {
        text::short(called(report), 120)
    };
    let file = File {
        policy: policy(style.as_str(), script.as_str()),
        picture: format!("data:image/svg+xml;base64,{}", STANDARD.encode(assets::PICTURE)),
        style,
        script,
        title: job,
        job: text::name(called(report)),
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
    let table = |label, features, ids| {
        let which = Which { label, asked: None, features, ids };
        if records.is_empty() {
            Ok(Markup::default())
        } else {
            suspects::table(shown, which, records)
        }
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
        original: table("Suspects as they came", false, "row")?,
        features: table("Suspects as their features", true, "features")?,
        help: shown.links.help("reasons"),
    })
}

fn most_suspicious(whole: &Whole) -> Vec<Record> {
    let suspicious = whole.suspects.iter().filter(|record| record.suspicious);
    suspicious.take(behaviour::SUSPICIOUS).cloned().collect()
}

fn hits(whole: &Whole) -> Vec<Page<Hit>> {
    let page = |hits: &Vec<_>| Page { items: hits.clone(), offset: 0, total: hits.len() };
    whole.hits.iter().map(page).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        pages::{fixture, sound},
        view::View,
    };

    fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
        let start = text.find(from).unwrap() + from.len();
        &text[start..start + text[start..].find(to).unwrap()]
    }

    #[test]
    fn the_file_is_sound_and_its_policy_fits_it() {
        let file = html(&fixture::whole()).unwrap();
        sound::check("file", &file);
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
    fn it_leads_to_no_server() {
        let file = html(&fixture::whole()).unwrap();
        assert!(
            !file.contains("href=\"/") && !file.contains("src=\"") && !file.contains("action=")
        );
        assert!(file.contains("The 20 most suspicious of 57 suspects."));
        assert!(file.contains("id=\"help-map\""));
    }

    #[test]
    fn what_does_not_apply_is_left_out() {
        let mut whole = fixture::whole();
        (whole.analysis, whole.view) = (None, View::default());
        let file = html(&whole).unwrap();
        sound::check("file of flags", &file);
        assert!(!file.contains("id=\"clustering\"") && file.contains("id=\"flags\""));
        sound::check("empty file", &html(&Whole::default()).unwrap());
    }
}
