//! The rows of entities, from publishing to pages.

use anomal_core::{
    PublishRequest, Table,
    proto::{
        Column as Planned, DataType, Entity, Evidence, FeatureColumn, FeatureKind, Incident,
        IncidentCounts, Incidents, Report, Timeline,
    },
};
use polars::prelude::{Column, DataFrame, df};

use super::*;
use crate::{
    contents::{ACTOR, TARGET, TIME},
    view::entity::Around,
};

const ROWS: u64 = 100;
/// Microseconds between two rows.
const EACH: i64 = 60_000_000;

/// Host `h{row % 4}` asks for `d{row % 3}`; a row's amount is its number, of the third host 7 stands for "unknown".
fn rows() -> DataFrame {
    let numbers: Vec<u64> = (0..ROWS).collect();
    let text = |letter: char, of: u64| -> Vec<String> {
        numbers.iter().map(|row| format!("{letter}{}", row % of)).collect()
    };
    let times: Vec<i64> = (0_i64..).take(numbers.len()).map(|row| row * EACH).collect();
    let amounts: Vec<f64> =
        (0..ROWS).map(|row| if row % 8 == 2 { 7.0 } else { row as f64 }).collect();
    let is_odd: Vec<bool> = numbers.iter().map(|row| *row == 20 || *row == 24).collect();
    let mut frame = df!(
        "host" => text('h', 4), ROW => &numbers, "anomal.score" => &amounts,
        "anomal.suspicious" => is_odd, "anomal.features.amount" => &amounts,
        ACTOR => text('h', 4), TARGET => text('d', 3), TIME => times
    )
    .unwrap();
    let none = Column::full_null(
        "anomal.severity".into(),
        numbers.len(),
        &polars::prelude::DataType::String,
    );
    frame.with_column(none).unwrap();
    frame
}

/// Rows 20 and 24 of `h0` are incident 1. Without columns: as a runner of an older version.
fn published(without: &[&str]) -> OpenReport {
    let table = contents::parquet::write(rows().drop_many(without.iter().copied())).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.parquet");
    std::io::copy(&mut &table, &mut File::create(&path).unwrap()).unwrap();
    let feature = FeatureColumn {
        name: "amount".into(),
        kind: FeatureKind::Numeric.into(),
        weight: 1.0,
        named: vec![anomal_core::proto::NamedNumber { number: 7.0, text: "unknown".into() }],
        ..FeatureColumn::default()
    };
    let entity = |value: &str, actor_rows: u64, target_rows: u64| Entity {
        kind: "host".into(),
        value: value.into(),
        actor_rows,
        target_rows,
        actors: 4,
    };
    let incident = Incident { number: 1, rows: 2, top_row: 24, ..Incident::default() };
    let incidents = Incidents {
        incidents: vec![incident],
        entities: vec![entity("h0", 25, 0), entity("d2", 0, 33), entity("d0", 0, 34)],
        evidence: Some(Evidence {
            rows: vec![20, 24],
            incidents: vec![1, 1],
            times: vec![20 * EACH, 24 * EACH],
            actors: vec![1, 1],
            targets: vec![2, 3],
        }),
        timeline: Some(Timeline {
            width: 1,
            starts: (0_i64..100).map(|row| row * EACH).collect(),
            rows: vec![1; 100],
            without: 0,
            first: 0,
            last: 99 * EACH,
        }),
        ..Incidents::default()
    };
    let request = PublishRequest {
        report: Report {
            results: ROWS,
            rows: ROWS,
            columns: vec![Planned { name: "host".into(), data_type: DataType::String.into() }],
            features: vec![feature],
            incidents: Some(IncidentCounts { low: 1, ..IncidentCounts::default() }),
            ..Report::default()
        },
        analysis: None,
        rows: path,
        hits: Table::new(Vec::new(), df!("flag" => [""; 0], "value" => [""; 0]).unwrap()).unwrap(),
        incidents: Some(incidents),
        time_to_live: None,
    };
    let prepared = contents::prepare(request).unwrap();
    let file = |name: &str| {
        let found = prepared.files.iter().find(|file| file.0 == name);
        found.map(|file| file.1.try_clone().unwrap())
    };
    let needed = |name: &str| file(name).unwrap();
    let incidents = IncidentFiles {
        incidents: needed(contents::INCIDENTS),
        entities: needed(contents::ENTITIES),
        groups: needed(contents::GROUPS),
        entity_rows: file(contents::ENTITY_ROWS).zip(file(contents::ENTITY_VALUES)),
    };
    let files = ReportFiles {
        contents: needed(contents::CONTENTS),
        rows: needed(contents::ROWS),
        suspects: needed(contents::SUSPECTS),
        hits: needed(contents::HITS),
        incidents: Some(incidents),
    };
    OpenReport::read(prepared.report, files).unwrap()
}

fn place(report: &OpenReport, value: &str) -> usize {
    let entities = &report.incidents.as_ref().unwrap().entities;
    entities.iter().position(|entity| entity.value == value).unwrap()
}

#[test]
fn an_entity_is_described_by_all_its_rows() {
    let report = published(&[]);
    let details = report.entity_details(place(&report, "h0")).unwrap();
    assert!(details.has_all_values);
    // 0, 4, 8, …, 96.
    assert_eq!(details.features, [Some([24.0, 48.0, 72.0])]);
    let partners: Vec<(&str, u64, u64)> =
        details.partners.iter().map(|it| (it.name.as_str(), it.rows, it.all_rows)).collect();
    assert_eq!(partners, [("d0", 1, 9), ("d2", 1, 8), ("d1", 0, 8)]);
    let timeline = details.timeline.unwrap();
    assert_eq!(timeline.rows.iter().sum::<u64>(), 25);
    assert_eq!(timeline.evidence[0].iter().sum::<u64>(), 2);
    // 2, 5, 8, …, 98 without those that stand for something else: 2, 26, 50, 74, 98.
    let details = report.entity_details(place(&report, "d2")).unwrap();
    let mut values: Vec<f64> =
        (2..100).step_by(3).filter(|row| row % 8 != 2).map(f64::from).collect();
    let expected = contents::entity_rows::quartiles(&mut values, &report.report.features[0]);
    assert_eq!(details.features, [expected]);
}

#[test]
fn other_rows_are_those_nearest_in_time() {
    let report = published(&[]);
    let h0 = place(&report, "h0");
    let around = Around { time: Some(22 * EACH), row: 0, columns: vec![0], limit: 4 };
    let found = report.other_rows(h0, &around).unwrap();
    let rows = |found: &crate::view::entity::OtherRows| -> Vec<u64> {
        found.items.iter().map(|record| record.row).collect()
    };
    assert_eq!((rows(&found), found.total, found.is_partial), (vec![12, 16, 28, 32], 23, false));
    let first = &found.items[0];
    assert_eq!(first.source, [Some("h0".to_owned())]);
    assert_eq!((first.actor.as_deref(), first.target.as_deref()), (Some("h0"), Some("d0")));
    assert_eq!(first.time, Some(12 * EACH));
    let by_row = Around { time: None, row: 99, ..around };
    assert_eq!(rows(&report.other_rows(h0, &by_row).unwrap()), [84, 88, 92, 96]);
}

#[test]
fn without_what_rows_are_about_those_that_stand_out_are_described() {
    let report = published(&[ACTOR, TARGET, TIME]);
    let details = report.entity_details(place(&report, "h0")).unwrap();
    assert!(!details.has_all_values && details.timeline.is_none());
    assert_eq!(details.features, [Some([20.0, 20.0, 20.0])]);
    assert_eq!(details.partners.iter().map(|it| it.all_rows).sum::<u64>(), 0);
    let around = Around { limit: 4, ..Around::default() };
    assert!(report.other_rows(place(&report, "h0"), &around).unwrap().items.is_empty());
    assert!(report.entity_details(99).unwrap().partners.is_empty());
}
