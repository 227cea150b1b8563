//! Stores shared by several replicas, and stores that fail.

use std::{io::Write, net::TcpStream, sync::Arc, thread, time::Duration};

use anomal_core::{
    Code, ReportEngine,
    proto::{
        Evidence, Incident, IncidentCounts, Incidents, JudgeRequest, ListReportsRequest, Severity,
        report_engine_client::ReportEngineClient,
    },
};
use anomal_report::{LocalReportEngine, Store};
use anomal_tests::{Engine, Workspace, http, s3::S3};
use futures::stream;
use tonic::transport::Endpoint;

use super::fixtures::{ReportFixture, bytes, connect, export, open, serve};
use anomal_core::proto::{ExportFormat, PublishRequest, publish_request};

async fn assert_shared(replicas: [Engine; 2]) {
    let fixture = ReportFixture::new();
    let first = connect(&replicas[0]).await;
    let second = connect(&replicas[1]).await;
    let report = first.publish(fixture.request()).await.unwrap();
    let listed = second.list(ListReportsRequest::default()).await.unwrap();
    assert_eq!(listed.reports[0].id, report.id);
    let parquet = bytes(second.as_ref(), export(&report.id, ExportFormat::Parquet)).await;
    assert_eq!(parquet, std::fs::read(fixture.rows()).unwrap());
    for replica in &replicas {
        let address = replica.pages.as_ref().unwrap();
        for section in ["", "/flags", "/rows/300", "/rows/7", "/download/suspects.csv"] {
            let answer = http::get(address, &format!("/reports/{}{section}", report.id), &[]);
            assert_eq!(answer.status, 200, "{section}: {}", answer.text());
        }
        let row = http::get(address, &format!("/reports/{}/rows/{}", report.id, 4_000), &[]);
        assert_eq!(row.status, 404);
    }
    assert_judged_once(&first, &second, &fixture).await;
    // Both publish the same report concurrently.
    let mut same = fixture.request();
    same.report.id = anomal_report::new_id();
    let (a, b) = tokio::join!(first.publish(same.clone()), second.publish(same));
    assert_eq!(a.unwrap().id, b.unwrap().id);
    second.delete(&report.id).await.unwrap();
    assert_eq!(first.get(&report.id).await.unwrap_err().code, Code::NotFound);
    let gone = format!("/reports/{}", report.id);
    assert_eq!(http::get(replicas[0].pages.as_ref().unwrap(), &gone, &[]).status, 404);
    assert_eq!(first.list(ListReportsRequest::default()).await.unwrap().total, 1);
}

/// Of two who judge at once, one stores a verdict, and the other gets it.
async fn assert_judged_once(
    first: &Arc<dyn ReportEngine>,
    second: &Arc<dyn ReportEngine>,
    fixture: &ReportFixture,
) {
    let mut request = fixture.request();
    request.report.job = "judged".into();
    request.report.incidents = Some(IncidentCounts { high: 1, ..IncidentCounts::default() });
    request.incidents = Some(Incidents {
        incidents: vec![Incident {
            number: 1,
            key: "a".to_owned(),
            keys: vec!["a".to_owned(), "b".to_owned()],
            severity: Severity::High.into(),
            risk: 80,
            rows: 4,
            suspicious: 4,
            ..Incident::default()
        }],
        evidence: Some(Evidence {
            rows: vec![0, 100, 200, 300],
            incidents: vec![1; 4],
            times: vec![i64::MIN; 4],
            actors: vec![0; 4],
            targets: vec![0; 4],
        }),
        ..Incidents::default()
    });
    let report = first.publish(request).await.unwrap();
    for after in 0..5 {
        let judge = |who: &str| JudgeRequest {
            report: report.id.clone(),
            incidents: vec![1],
            verdict: "benign".to_owned(),
            who: who.to_owned(),
            after,
            ..JudgeRequest::default()
        };
        let (a, b) = tokio::join!(first.judge(judge("a")), second.judge(judge("b")));
        let (a, b) = (a.unwrap(), b.unwrap());
        assert_eq!(a.stored.len() + b.stored.len(), 1, "{a:?} {b:?}");
        let (winner, loser) = if a.stored.is_empty() { (b, a) } else { (a, b) };
        assert_eq!(winner.stored, loser.newer);
        // Sent again, as after a lost answer.
        let again = judge(&winner.stored[0].who);
        assert_eq!(second.judge(again).await.unwrap().stored, winner.stored);
        for engine in [first, second] {
            let all = engine.list_verdicts("shop", "judged").await.unwrap();
            assert_eq!((all.len() as u64, all.last()), (after + 1, winner.stored.first()));
        }
    }
    assert_eq!(second.delete_verdicts("shop", "judged").await.unwrap(), 5);
    assert!(first.list_verdicts("shop", "judged").await.unwrap().is_empty());
    first.delete(&report.id).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_share_a_folder() {
    let folder = Workspace::default();
    let store = folder.folder.path().display().to_string();
    assert_shared([serve(&store), serve(&store)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_share_a_bucket() {
    let Some(mut s3) = S3::start() else { return };
    s3.bucket("reports");
    let environment = s3.environment();
    let replica = || {
        let arguments = ["--store", "s3://reports/of/us", "--web-listen", "127.0.0.1:0"];
        Engine::start_with_environment("anomal-report-engine", &arguments, &environment)
    };
    assert_shared([replica(), replica()]).await;
    // An unavailable store is an error, not an empty one.
    let server = replica();
    s3.kill();
    let answer = http::get(server.pages.as_ref().unwrap(), "/", &[]);
    assert_eq!(answer.status, 503, "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_folder_is_an_error() {
    let (fixture, folder) = (ReportFixture::new(), Workspace::default());
    let store = folder.path("store");
    let server = serve(&store.display().to_string());
    let engine = connect(&server).await;
    let report = engine.publish(fixture.request()).await.unwrap();
    std::fs::rename(&store, folder.path("elsewhere")).unwrap();
    let address = server.pages.as_ref().unwrap();
    for path in ["/", &format!("/reports/{}", report.id)] {
        let answer = http::get(address, path, &[]);
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert!(answer.text().contains("The service is busy"), "{}", answer.text());
    }
    std::fs::rename(folder.path("elsewhere"), &store).unwrap();
    assert_eq!(http::get(address, "/", &[]).status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupted_publish_leaves_nothing_visible() {
    let (fixture, folder) = (ReportFixture::new(), Workspace::default());
    let server = serve(&folder.folder.path().display().to_string());
    let endpoint = Endpoint::from_shared(server.address.clone()).unwrap();
    let mut client = ReportEngineClient::new(endpoint.connect().await.unwrap());
    let contents = publish_request::Contents {
        report: Some(fixture.request().report),
        ..publish_request::Contents::default()
    };
    let rows = std::fs::read(fixture.rows()).unwrap();
    let parts =
        [publish_request::Part::Contents(contents), publish_request::Part::Rows(rows.into())];
    // Everything except the end.
    let messages = parts.map(|part| PublishRequest { part: Some(part) });
    let refused = client.publish(stream::iter(messages)).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::InvalidArgument, "{refused}");
    // A client that disconnects.
    let mut lost = TcpStream::connect(server.address.strip_prefix("http://").unwrap()).unwrap();
    lost.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    drop(lost);
    let engine = connect(&server).await;
    assert_eq!(engine.list(ListReportsRequest::default()).await.unwrap().total, 0);
    assert!(!folder.path("reports").exists());
}

/// The remains of a killed publish are invisible, and removed after a day.
#[tokio::test(flavor = "multi_thread")]
async fn remains_of_a_killed_publish_are_swept() {
    let (fixture, folder) = (ReportFixture::new(), Workspace::default());
    let id = anomal_report::new_id();
    folder.write(&format!("reports/{id}/rows.parquet"), &std::fs::read(fixture.rows()).unwrap());
    let store = open(&folder);
    assert!(store.manifests().await.unwrap().is_empty());
    let now = jiff::Timestamp::now();
    assert_eq!(store.sweep(now).await.unwrap(), 0);
    let later = now.checked_add(Duration::from_hours(25)).unwrap();
    assert_eq!(store.sweep(later).await.unwrap(), 1);
    assert!(!folder.path(&format!("reports/{id}")).exists());
    // Nothing else in the folder is touched.
    folder.write("reports/notes/mine.txt", b"x");
    assert_eq!(store.sweep(later).await.unwrap(), 0);
    assert!(folder.path("reports/notes/mine.txt").exists());
}

/// A file system of a few kilobytes is full before the report is written.
#[tokio::test(flavor = "multi_thread")]
async fn full_disk_leaves_nothing_visible() {
    use anomal_core::ReportEngine;
    let (fixture, folder) = (ReportFixture::new(), Workspace::default());
    let small = folder.path("small");
    std::fs::create_dir(&small).unwrap();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=24k", "anomal-test"])
        .arg(&small)
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        anomal_tests::skip("file systems can't be mounted here");
        return;
    }
    let engine = LocalReportEngine::new(Store::open(&small.display().to_string()).unwrap(), "");
    let published = engine.publish(fixture.request()).await;
    let total = engine.list(ListReportsRequest::default()).await.map(|list| list.total);
    let unmounted = std::process::Command::new("umount").arg("--lazy").arg(&small).status();
    assert!(unmounted.is_ok_and(|status| status.success()));
    let error = published.unwrap_err();
    assert_eq!(error.code, Code::Output, "{error}");
    assert!(error.message.contains("cannot write to the store"), "{error}");
    assert_eq!(total.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_concurrent_readers() {
    let (fixture, folder) = (ReportFixture::new(), Workspace::default());
    let server = serve(&folder.folder.path().display().to_string());
    let report = connect(&server).await.publish(fixture.request()).await.unwrap();
    let address = server.pages.clone().unwrap();
    thread::scope(|scope| {
        for reader in 0..200_u64 {
            let (address, id) = (&address, &report.id);
            scope.spawn(move || {
                let path = match reader % 5 {
                    0 => format!("/reports/{id}"),
                    1 => format!("/reports/{id}/suspects?sort=feature.amount&order=down&q=n1"),
                    2 => format!("/reports/{id}/flags"),
                    3 => format!("/reports/{id}/rows/{}", reader * 2),
                    _ => format!("/reports/{id}/download/all.csv"),
                };
                let answer = http::get(address, &path, &[]);
                assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            });
        }
    });
}
