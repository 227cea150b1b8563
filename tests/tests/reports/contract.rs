//! What every report engine does.

use std::time::Duration;

use anomal_core::{
    Code, PublishRequest,
    proto::{ExportFormat, ListReportsRequest, Report},
};

use super::made::{Both, Made, bytes, export};

/// Of two engines the ids and times differ.
fn alike(report: &Report) -> Report {
    Report {
        id: String::new(),
        create_time: String::new(),
        url: String::new(),
        bytes: 0,
        ..report.clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_is_listed_got_exported_and_deleted() {
    let made = Made::new();
    let both = Both::new().await;
    let mut seen = Vec::new();
    for engine in &both.engines {
        let report = engine.publish(made.request()).await.unwrap();
        assert_eq!((report.suspects, report.namespace.as_str()), (4, "shop"));
        assert!(report.bytes > 0 && report.expire_time.is_empty());
        assert_eq!(engine.get(&report.id).await.unwrap(), report);
        let second = engine.publish(made.request()).await.unwrap();
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
        assert_eq!(parquet, std::fs::read(made.rows()).unwrap(), "as it was published");
        let csv = bytes(engine.as_ref(), export(&report.id, ExportFormat::Csv)).await;
        let csv = String::from_utf8(csv).unwrap();
        assert_eq!(csv.lines().count(), 401);
        assert!(csv.starts_with("name,amount,anomal.row,anomal.score,"), "{csv:.200}");
        let mut some = export(&report.id, ExportFormat::Csv);
        some.suspects_only = true;
        let suspects = String::from_utf8(bytes(engine.as_ref(), some.clone()).await).unwrap();
        let amounts: Vec<&str> =
            suspects.lines().skip(1).map(|line| line.split(',').nth(1).unwrap()).collect();
        assert_eq!(amounts, ["9000", "9100", "9200", "9300"]);
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
        seen.push(alike(&second));
    }
    assert_eq!(seen[0], seen[1]);
    // Nothing of the one that was deleted is left.
    for folder in &both.folders {
        assert_eq!(std::fs::read_dir(folder.path("reports")).unwrap().count(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_try_is_the_same_report() {
    let made = Made::new();
    for engine in &Both::new().await.engines {
        let mut request = made.request();
        request.report.id = anomal_report::new_id();
        let first = engine.publish(request.clone()).await.unwrap();
        assert_eq!(engine.publish(request).await.unwrap(), first);
        assert_eq!(engine.list(ListReportsRequest::default()).await.unwrap().total, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_report_is_refused_and_leaves_nothing() {
    let made = Made::new();
    let both = Both::new().await;
    let damaged = made.rows().with_file_name("damaged.parquet");
    let whole = std::fs::read(made.rows()).unwrap();
    std::fs::write(&damaged, &whole[..whole.len() / 2]).unwrap();
    let good = made.request();
    let wrong: Vec<(&str, PublishRequest)> = vec![
        ("rows", PublishRequest { rows: damaged.clone(), ..good.clone() }),
        ("count", with(&good, |report| report.results = 7)),
        ("column", with(&good, |report| report.columns[0].name = "other".into())),
        ("flag", with(&good, |report| report.flags.clear())),
        ("id", with(&good, |report| report.id = "../x".into())),
    ];
    for engine in &both.engines {
        for (what, request) in wrong.clone() {
            let error = engine.publish(request).await.unwrap_err();
            assert_eq!(error.code, Code::InvalidRequest, "{what}: {error}");
        }
        // Any byte of the file may be another.
        for place in (0..whole.len()).step_by(whole.len() / 40) {
            let mut bytes = whole.clone();
            bytes[place] ^= 0x55;
            std::fs::write(&damaged, &bytes).unwrap();
            // Some damage is in values, which nothing can see.
            let request = PublishRequest { rows: damaged.clone(), ..good.clone() };
            if let Ok(report) = engine.publish(request).await {
                engine.delete(&report.id).await.unwrap();
            }
        }
        assert_eq!(engine.list(ListReportsRequest::default()).await.unwrap().total, 0);
    }
}

fn with(request: &PublishRequest, change: impl Fn(&mut Report)) -> PublishRequest {
    let mut request = request.clone();
    change(&mut request.report);
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_expire() {
    let made = Made::new();
    for engine in &Both::new().await.engines {
        let request =
            PublishRequest { time_to_live: Some(Duration::from_secs(1)), ..made.request() };
        let report = engine.publish(request).await.unwrap();
        assert!(report.expire_time > report.create_time);
        tokio::time::sleep(Duration::from_millis(2_100)).await;
        assert_eq!(engine.get(&report.id).await.unwrap_err().code, Code::NotFound);
        assert_eq!(engine.list(ListReportsRequest::default()).await.unwrap().total, 0);
    }
}
