//! Data that contains markup, scripts and control characters.

use anomal_tests::{Workspace, browser::Screen};

use crate::served::{ServedReport, assert_accessible, records};

const SCRIPT: &str = "<script>alert(1)</script>";
const IMAGE: &str = "\"><img src=x onerror=alert(2)>";
/// How pages show characters that reverse the text direction.
const TURNED: &str = "exe.⟨U+202E⟩gpj";

/// A quoted CSV field.
fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('"', "\"\""))
}

fn hostile() -> Workspace {
    let names = [SCRIPT, IMAGE, "turned \u{202e} name", "=1+1", "n"].map(quoted).join(",");
    let long = "x".repeat(100_000);
    let mut csv = format!("{names}\n");
    for row in 0..60 {
        let fields = match row {
            7 => [SCRIPT, IMAGE, "exe.\u{202e}gpj", "=1+1", "1000"].map(quoted),
            8 => [&long, "</td></table></main>", "'\"'\"", "@SUM(A1)", "2000"].map(quoted),
            _ => {
                let value = (row % 5).to_string();
                ["plain", "a", "b", "c", &value].map(quoted)
            }
        };
        csv.push_str(&fields.join(","));
        csv.push('\n');
    }
    let field = |name: &str, kind: &str| {
        let name = serde_json::to_string(name).unwrap();
        format!("  - {{type: field, name: {name}, kind: {kind}}}\n")
    };
    let name = serde_json::to_string(SCRIPT).unwrap();
    let message = serde_json::to_string(IMAGE).unwrap();
    let features: String = [SCRIPT, IMAGE, "turned \u{202e} name", "=1+1"]
        .map(|name| field(name, "categorical"))
        .concat();
    let job = format!(
        "input: {{csv: {{path: in.csv}}}}\nfeatures:\n{features}{}flags:\n  - {{type: direct, as: {name}, name: f, \
         expression: n > 100, severity: high, description: {name}, message: {message}}}\n\
         classification: {{engine: Gower, threshold: {{method: contamination, value: 0.05}}}}\n\
         outputs: [{{csv: {{path: out.csv}}}}]\n",
        field("n", "numeric")
    );
    Workspace::with_files(&[("job.yaml", job.as_bytes()), ("in.csv", csv.as_bytes())])
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_data_is_shown_as_text() {
    let served = ServedReport::start(hostile());
    let page = served.open().await;
    for path in [
        "",
        "/incidents",
        "/incidents/1",
        "/suspects",
        "/suspects?view=features",
        "/explain/clusters",
        "/explain/behaviour",
        "/flags",
        "/run",
        "/rows/7",
        "/rows/8",
    ] {
        page.goto(&served.page(path)).await;
        let text = page.text("main").await;
        // The map shows names only for the hovered point.
        assert!(text.contains(SCRIPT) || path == "/explain/clusters", "{path}");
        assert!(!text.contains('\u{202e}'), "{path}");
        // No data became an element.
        let scripts: usize = page.count("script:not([src]):not([type='application/json'])").await;
        assert_eq!((scripts, page.count("img").await), (0, 0), "{path}");
        if path == "/rows/7" {
            for part in [SCRIPT, IMAGE, TURNED, "=1+1"] {
                assert!(text.contains(part), "{part:?} in {text}");
            }
        }
        if path == "/rows/8" {
            let long: String = page.property(".record .long", "textContent").await;
            assert_eq!(long.trim().len(), 100_000);
        }
        if path == "/explain/clusters" {
            page.hover("figure.map a:not([tabindex]) [data-i]").await;
            let card = page.text("#map-card").await;
            assert!(card.contains(SCRIPT), "{card}");
        }
        let name = format!("hostile-{}", path.replace(|c: char| !c.is_alphanumeric(), ""));
        assert_accessible(&page, Screen::PHONE, &name).await;
        assert_accessible(&page, Screen::DESKTOP, &name).await;
        page.settle().await;
    }

    page.goto(&served.page("/suspects")).await;
    page.fill("#q", SCRIPT).await;
    page.follow("#suspects .search button").await;
    assert_eq!(page.property::<String>("#q", "value").await, SCRIPT);
    assert_eq!(page.count("table.records tbody tr").await, 2, "the flag's name is that");
    page.click("details.menu summary").await;
    let all = page.download("details.menu a[href$='/all.csv']").await;
    let rows = records(all.text());
    assert_eq!(rows.len(), 61);
    assert_eq!((rows[0][3].as_str(), rows[8][3].as_str()), ("'=1+1", "'=1+1"));
    assert_eq!((rows[8][0].as_str(), rows[9][0].len()), (SCRIPT, 100_000));
    assert_eq!(rows[9][3], "'@SUM(A1)");

    page.goto(&served.page("/run")).await;
    let file = page.download(".files a[href$='/report.html']").await;
    let folder = Workspace::with_files(&[("report.html", &file.bytes)]);
    page.settle().await;
    page.goto(&format!("file://{}", folder.path("report.html").display())).await;
    assert!(page.text("main").await.contains(SCRIPT));
    assert_eq!(page.count("img").await, 0);
    page.finish().await;
}
