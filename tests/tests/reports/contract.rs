//! The contract of every report engine.

use std::time::Duration;

use anomal_core::{
    Code, PublishRequest,
    proto::{
        ColumnRoles, Entity, Evidence, ExportFormat, Incident, IncidentCounts, Incidents,
        ListReportsRequest, Report, Severity,
    },
};

use super::fixtures::{EnginePair, ReportFixture, bytes, export};

/// The report without the fields that differ between engines.
fn comparable(report: &Report) -> Report {
    Report {
        id: String::new(),
        create_time: String::new(),
        url: String::new(),
        bytes: 0,
        ..report.clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn published_reports_are_listed_exported_and_deleted() {
    let fixture = ReportFixture::new();
    let pair = EnginePair::new().await;
    let mut seen = Vec::new();
    for engine in &pair.engines {
        let report = engine.publish(fixture.request()).await.unwrap();
        assert_eq!((report.suspects, report.namespace.as_str()), (4, "shop"));
        assert!(report.bytes > 0 && report.expire_time.is_empty());
        assert_eq!(engine.get(&report.id).await.unwrap(), report);
        let second = engine.publish(fixture.request()).await.unwrap();
        assert!(second.id > report.id, "ids ascend with time");

        let all = engine.list(ListReportsRequest::default()).await.unwrap();
        let ids: Vec<&str> = all.reports.iter().map(|report| report.id.as_str()).collect();
        assert_eq!((ids, all.total), (vec![second.id.as_str(), report.id.as_str()], 2));
        let first = ListReportsRequest { page_size: 1, ..ListReportsRequest::default() };
        let page = engine.list(first.clone()).await.unwrap();
        assert_eq!((page.reports.len(), page.total), (1, 2));
        let rest = ListReportsRequest { page_token: page.next_page_token, ..first };
        let rest = engine.list(rest).await.unwrap();
        assert_eq!(rest.reports[0].id, report.id);
        assert_eq!(rest.next_page_token, "");
        for (search, namespace, found) in
            [("PAY", "", 2), ("much", "shop", 2), ("nothing", "", 0), ("", "other", 0)]
        {
            let request = ListReportsRequest {
                search: search.into(),
                namespace: namespace.into(),
                ..ListReportsRequest::default()
            };
            assert_eq!(engine.list(request).await.unwrap().total, found, "{search} {namespace}");
        }

        let parquet = bytes(engine.as_ref(), export(&report.id, ExportFormat::Parquet)).await;
        assert_eq!(parquet, std::fs::read(fixture.rows()).unwrap(), "as it was published");
        let csv = bytes(engine.as_ref(), export(&report.id, ExportFormat::Csv)).await;
        let csv = String::from_utf8(csv).unwrap();
        assert_eq!(csv.lines().count(), 401);
        assert!(csv.starts_with("name,amount,anomal.row,anomal.score,"), "{csv:.200}");
        let mut some = export(&report.id, ExportFormat::Csv);
        some.suspects_only = true;
        let suspects = String::from_utf8(bytes(engine.as_ref(), some.clone()).await).unwrap();
        let amounts: Vec<&str> =
            suspects.lines().skip(1).map(|line| line.split(',').nth(1).unwrap()).collect();
        // Scores are equal; rows with a flag come first.
        assert_eq!(amounts, ["9200", "9300", "9000", "9100"]);
        some.suspects_only = false;
        some.flag = "much".into();
        let flagged = String::from_utf8(bytes(engine.as_ref(), some.clone()).await).unwrap();
        assert_eq!(flagged.lines().count(), 3);
        some.flag = "none".into();
        assert_eq!(engine.export(some).await.err().map(|error| error.code), Some(Code::NotFound));
        let html = bytes(engine.as_ref(), export(&report.id, ExportFormat::Html)).await;
        let pdf = bytes(engine.as_ref(), export(&report.id, ExportFormat::Pdf)).await;
        assert!(pdf.starts_with(b"%PDF-"));
        assert_eq!(pdf, bytes(engine.as_ref(), export(&report.id, ExportFormat::Pdf)).await);
        assert!(String::from_utf8(html).unwrap().contains("payments"));

        engine.delete(&report.id).await.unwrap();
        for error in [
            engine.get(&report.id).await.err(),
            engine.delete(&report.id).await.err(),
            engine.export(export(&report.id, ExportFormat::Csv)).await.err(),
            engine.get("../../etc/passwd").await.err(),
        ] {
            assert_eq!(error.map(|error| error.code), Some(Code::NotFound));
        }
        assert_eq!(engine.list(ListReportsRequest::default()).await.unwrap().total, 1);
        seen.push(comparable(&second));
    }
    assert_eq!(seen[0], seen[1]);
    // Nothing of the deleted report is left.
    for folder in &pair.folders {
        assert_eq!(std::fs::read_dir(folder.path("reports")).unwrap().count(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn publishing_again_gives_the_same_report() {
    let fixture = ReportFixture::new();
    for engine in &EnginePair::new().await.engines {
        let mut request = fixture.request();
        request.report.id = anomal_report::new_id();
        let first = engine.publish(request.clone()).await.unwrap();
        assert_eq!(engine.publish(request).await.unwrap(), first);
        assert_eq!(engine.list(ListReportsRequest::default()).await.unwrap().total, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn invalid_reports_are_refused_and_leave_nothing() {
    let fixture = ReportFixture::new();
    let pair = EnginePair::new().await;
    let damaged = fixture.rows().with_file_name("damaged.parquet");
    let whole = std::fs::read(fixture.rows()).unwrap();
    std::fs::write(&damaged, &whole[..whole.len() / 2]).unwrap();
    let good = fixture.request();
    let wrong: Vec<(&str, PublishRequest)> = vec![
        ("rows", PublishRequest { rows: damaged.clone(), ..good.clone() }),
        ("count", with_change(&good, |report| report.results = 7)),
        ("column", with_change(&good, |report| report.columns[0].name = "other".into())),
        ("flag", with_change(&good, |report| report.flags.clear())),
        ("id", with_change(&good, |report| report.id = "../x".into())),
    ];
    for engine in &pair.engines {
        for (what, request) in wrong.clone() {
            let error = engine.publish(request).await.unwrap_err();
            assert_eq!(error.code, Code::InvalidRequest, "{what}: {error}");
        }
        let mut refused = 0;
        // Corrupt one byte at different positions of the file.
        for place in (0..whole.len()).step_by(whole.len() / 40) {
            let mut bytes = whole.clone();
            bytes[place] ^= 0x55;
            std::fs::write(&damaged, &bytes).unwrap();
            // A changed value can't be detected.
            let request = PublishRequest { rows: damaged.clone(), ..good.clone() };
            match engine.publish(request).await {
                Ok(report) => engine.delete(&report.id).await.unwrap(),
                Err(_) => refused += 1,
            }
        }
        // At least the byte of the file's signature.
        assert!(refused > 0);
        assert_eq!(engine.list(ListReportsRequest::default()).await.unwrap().total, 0);
    }
}

/// The request with its four suspects as two incidents.
fn with_incidents(request: &PublishRequest) -> PublishRequest {
    let incident = |number: u64, title: &str, severity: Severity| Incident {
        number,
        title: title.to_owned(),
        severity: severity.into(),
        risk: u32::try_from(90 / number).unwrap(),
        rows: 2,
        ..Incident::default()
    };
    let name = |value: &str| Entity {
        kind: "user".to_owned(),
        value: value.to_owned(),
        actor_rows: 80,
        ..Entity::default()
    };
    let evidence = Evidence {
        rows: vec![0, 100, 200, 300],
        incidents: vec![2, 2, 1, 1],
        times: vec![i64::MIN, 1_000, 2_000, 3_000],
        actors: vec![0, 1, 1, 2],
        targets: vec![0; 4],
    };
    let incidents = Incidents {
        incidents: vec![
            incident(1, "n0: large payments", Severity::High),
            incident(2, "two rows alike", Severity::Medium),
        ],
        entities: vec![name("n0"), name("<b>\u{202e}")],
        evidence: Some(evidence),
        ..Incidents::default()
    };
    let counts = IncidentCounts { high: 1, medium: 1, ..IncidentCounts::default() };
    let mut request = with_change(request, |report| {
        (report.incidents, report.roles) = (Some(counts.clone()), Some(ColumnRoles::default()));
    });
    request.incidents = Some(incidents);
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn incidents_are_stored_and_filter_exports() {
    let fixture = ReportFixture::new();
    let pair = EnginePair::new().await;
    let good = with_incidents(&fixture.request());
    let mut seen = Vec::new();
    for engine in &pair.engines {
        let report = engine.publish(good.clone()).await.unwrap();
        assert_eq!(report.incidents.as_ref().map(|counts| counts.high), Some(1));
        let export_of = |filter: &str| {
            let mut request = export(&report.id, ExportFormat::Csv);
            request.filter = filter.to_owned();
            request
        };
        let mut found = Vec::new();
        for (filter, amounts) in [
            ("incident=1", vec!["9200", "9300"]),
            ("severity=medium", vec!["9000", "9100"]),
            ("actor=n0&risk=50..", vec!["9200"]),
            ("flag=much&f.amount=9300", vec!["9300"]),
            ("x.amount=%3E9100&page=2", vec!["9000", "9100"]),
            ("actor=none", vec![]),
        ] {
            let csv = bytes(engine.as_ref(), export_of(filter)).await;
            let csv = String::from_utf8(csv).unwrap();
            let shown: Vec<&str> =
                csv.lines().skip(1).map(|line| line.split(',').nth(1).unwrap()).collect();
            assert_eq!(shown, amounts, "{filter}");
            assert!(!csv.contains("anomal.actor"), "{csv:.200}");
            found.push(csv);
        }
        let refused = engine.export(export_of("f.none=1")).await.err().unwrap();
        assert_eq!(refused.code, Code::InvalidRequest, "{refused}");
        let html = bytes(engine.as_ref(), export(&report.id, ExportFormat::Html)).await;
        let html = String::from_utf8(html).unwrap();
        assert!(html.contains("n0: large payments") && !html.contains('\u{202e}'));
        assert!(bytes(engine.as_ref(), export(&report.id, ExportFormat::Pdf)).await.len() > 1_000);
        seen.push(found);

        let wrong: [(&str, fn(&mut Incidents)); 5] = [
            ("lengths", |all| all.evidence.as_mut().unwrap().times.truncate(2)),
            ("order", |all| all.evidence.as_mut().unwrap().rows.reverse()),
            ("entity", |all| all.evidence.as_mut().unwrap().actors[0] = 3),
            ("number", |all| all.incidents.reverse()),
            ("no incident", |all| all.evidence.as_mut().unwrap().incidents[0] = 0),
        ];
        for (what, change) in wrong {
            let mut request = good.clone();
            change(request.incidents.as_mut().unwrap());
            let error = engine.publish(request).await.unwrap_err();
            assert_eq!(error.code, Code::InvalidRequest, "{what}: {error}");
        }
        let error = engine.publish(PublishRequest { incidents: None, ..good.clone() }).await;
        assert_eq!(error.unwrap_err().code, Code::InvalidRequest);
    }
    assert_eq!(seen[0], seen[1]);
}

fn with_change(request: &PublishRequest, change: impl Fn(&mut Report)) -> PublishRequest {
    let mut request = request.clone();
    change(&mut request.report);
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_expire() {
    let fixture = ReportFixture::new();
    for engine in &EnginePair::new().await.engines {
        let request =
            PublishRequest { time_to_live: Some(Duration::from_secs(1)), ..fixture.request() };
        let report = engine.publish(request).await.unwrap();
        assert!(report.expire_time > report.create_time);
        tokio::time::sleep(Duration::from_millis(2_100)).await;
        assert_eq!(engine.get(&report.id).await.unwrap_err().code, Code::NotFound);
        assert_eq!(engine.list(ListReportsRequest::default()).await.unwrap().total, 0);
    }
}
