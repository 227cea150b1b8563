//! Downloads: each file is opened and checked.

use std::{fs, io::Cursor, path::Path, process::Command};

use anomal_tests::{
    Workspace,
    browser::{Browser, Download, Page},
};

use polars::prelude::SerReader;
use polars_io::parquet::read::ParquetReader;

use crate::served::{ServedReport, number, records};

/// Downloads a file from the menu of the suspects.
async fn table(page: &Page, name: &str) -> Download {
    if page.attribute("details.menu", "open").await.is_none() {
        page.click("details.menu summary").await;
    }
    let file = page.download(&format!("details.menu a[href$='/{name}']")).await;
    assert_eq!(file.name, format!("job-{name}"));
    file
}

/// The header and the records of a CSV file.
fn csv(file: &Download) -> (Vec<String>, Vec<Vec<String>>) {
    let mut records = records(file.text());
    let head = records.remove(0);
    assert!(records.iter().all(|record| record.len() == head.len()), "{head:?}");
    (head, records)
}

/// The values of the name column of a Parquet file.
fn names(parquet: &Download) -> Vec<String> {
    let frame = ParquetReader::new(Cursor::new(parquet.bytes.clone())).finish().unwrap();
    let names = frame.column("dns.question.name").unwrap().str().unwrap().clone();
    names.iter().map(|name| name.unwrap_or_default().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_complete() {
    let served = ServedReport::example("dns");
    let page = served.open().await;
    page.follow("nav.tabs a[href$='/suspects']").await;
    let suspects = number(&page.text("#suspects-title .pill").await);
    page.screenshot("report-before-menu-1280").await;

    let all = table(&page, "all.csv").await;
    let (head, rows) = csv(&all);
    assert_eq!((head[0].as_str(), rows.len()), ("id", 5000));
    let place = |name: &str| head.iter().position(|head| head == name).expect(name);
    let input = records(&served.workspace.read("dns.csv"));
    let name = place("dns.question.name");
    assert!(rows.iter().zip(&input[1..]).all(|(row, input)| row[name] == input[name]));
    let (suspicious, flags) = (place("anomal.suspicious"), place("anomal.flags"));
    let found = |row: &&Vec<String>| row[suspicious] == "true" || !row[flags].is_empty();
    let expected: Vec<&Vec<String>> = rows.iter().filter(found).collect();
    assert_eq!(expected.len() as f64, suspects);

    let only = table(&page, "suspects.csv").await;
    let (only_head, only_rows) = csv(&only);
    assert_eq!(only_head, head);
    // The most suspicious first.
    let score = place("anomal.score");
    let scores: Vec<f64> = only_rows
        .iter()
        .filter(|row| row[suspicious] == "true")
        .map(|row| row[score].parse().unwrap())
        .collect();
    assert!(scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
    let number_of = place("anomal.row");
    let by_row = |row: &&Vec<String>| row[number_of].parse::<u64>().unwrap();
    let mut only_rows: Vec<&Vec<String>> = only_rows.iter().collect();
    let order: Vec<u64> = only_rows.iter().map(by_row).collect();
    only_rows.sort_by_key(by_row);
    assert_eq!(only_rows, expected);

    let all = names(&table(&page, "all.parquet").await);
    assert!(all.iter().eq(rows.iter().map(|row| &row[name])));
    let only = names(&table(&page, "suspects.parquet").await);
    let named = order.iter().map(|row| &rows[usize::try_from(*row).unwrap()][name]);
    assert!(only.iter().eq(named));

    page.follow("nav.tabs a[href$='/flags']").await;
    let flag = page.text("#flag-0 h3").await;
    let count = number(&page.text("#flag-0 .flag-count strong").await);
    let hits = page.download("#flag-0 a[href$='/flag-0.csv']").await;
    let (head, hits) = csv(&hits);
    assert_eq!(
        (head.as_slice(), hits.len() as f64),
        (["row", "value"].map(String::from).as_slice(), count)
    );
    for hit in hits {
        let row: usize = hit[0].parse().unwrap();
        assert!(rows[row][flags].split(';').any(|name| name == flag), "{hit:?}");
    }
    page.finish().await;
}

/// The text of a PDF.
fn pdf_text(pdf: &Path) -> String {
    let output = Command::new("pdftotext").arg("-layout").arg(pdf).arg("-").output();
    let output = output.expect("poppler's pdftotext is installed");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

#[tokio::test(flavor = "multi_thread")]
async fn pdf_concludes_and_lists_the_suspects() {
    let served = ServedReport::example("dns");
    let page = served.open().await;
    page.follow("nav.tabs a[href$='/suspects']").await;
    let rows = page.texts("table.records tbody th").await;
    page.follow("nav.tabs a[href$='/run']").await;
    let file = page.download(".files a[href$='/report.pdf']").await;
    assert!(file.name == "job-report.pdf" && file.bytes.starts_with(b"%PDF-"), "{}", file.name);
    let again = page.download(".files a[href$='/report.pdf']").await;
    assert!(file.bytes == again.bytes, "two downloads differ");
    let path = served.workspace.path("report.pdf");
    fs::write(&path, &file.bytes).unwrap();
    let words = pdf_text(&path);
    let pages: Vec<&str> = words.split('\u{c}').filter(|page| !page.trim().is_empty()).collect();
    assert!(pages.len() <= 12, "{} pages", pages.len());
    assert!(file.bytes.len() <= 1_200_000, "{} bytes", file.bytes.len());
    let joined = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let first = joined(pages[0]);
    for part in [
        "below cpfhsl.net in 3 min.",
        "2 more incidents are high.",
        "530 of 5,000 rows stand out",
        "hosts with the highest risk: 10.1.1.44",
    ] {
        assert!(first.contains(part), "no {part:?} in {first}");
    }

    let full = page.download(".files a[href$='/report.pdf?full=yes']").await;
    fs::write(&path, &full.bytes).unwrap();
    let words = pdf_text(&path);
    for row in rows.iter().take(10) {
        let row = row.split_whitespace().next().unwrap().replace(',', "");
        assert!(words.contains(&row), "no row {row} in {words}");
    }
    for part in [
        "subdomain_length is 189, 63 times the median",
        "hostname_entropy",
        "unique_subdomains",
        "has_dns_data_b64_encoded",
        "The 200 most suspicious of 530 rows",
    ] {
        assert!(joined(&words).contains(part), "no {part:?} in {words}");
    }
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn html_file_works_without_a_server() {
    let served = ServedReport::example("dns");
    let page = served.open().await;
    page.follow("nav.tabs a[href$='/run']").await;
    let file = page.download(".files a[href$='/report.html']").await;
    assert!(file.bytes.len() <= 2_000_000, "{} bytes", file.bytes.len());
    assert_eq!(file.name, "job-report.html");
    page.finish().await;
    let folder = Workspace::with_files(&[("report.html", &file.bytes)]);
    assert_eq!(served.stop("INT"), Some(0));

    let page = Browser::launch().await.page().await;
    let url = format!("file://{}", folder.path("report.html").display());
    page.goto(&url).await;
    assert_eq!(page.text("h1").await, "job");
    crate::served::assert_accessible(&page, anomal_tests::browser::Screen::PHONE, "file").await;
    crate::served::assert_accessible(&page, anomal_tests::browser::Screen::DESKTOP, "file").await;

    let fills = page.styles("figure.map [data-i]", "fill").await;
    page.slide("#clusters", 7.0).await;
    assert_eq!(page.text("#clusters-now").await, "7");
    assert_ne!(page.styles("figure.map [data-i]", "fill").await, fills);
    page.hover("figure.map [data-i]").await;
    page.wait_until("!document.getElementById('map-card').hidden", "the card").await;
    page.click("[data-theme-choice=dark]").await;
    for section in ["behaviour", "flags", "incidents", "run", "help", "overview"] {
        page.click(&format!("nav.places a[href='#{section}']")).await;
        assert_eq!(page.url().await, format!("{url}#{section}"));
    }
    let elsewhere: Vec<String> = page
        .requests()
        .await
        .into_iter()
        .map(|request| request.url)
        .filter(|asked| !asked.starts_with(&url) && !asked.starts_with("data:"))
        .collect();
    assert_eq!(elsewhere, [""; 0]);
    page.finish().await;
}
