//! Other jobs: flags only, and the finance example.

use anomal_tests::{Workspace, browser::Screen};

use crate::served::{ServedReport, assert_accessible, number};

#[tokio::test(flavor = "multi_thread")]
async fn flags_only() {
    let job = "
input: {csv: {path: in.csv}}
flags:
  - {type: direct, name: large, expression: amount > 90, severity: high, message: '{count} large ones'}
  - {type: direct, name: never, expression: amount > 1000, severity: low}
outputs: [{csv: {path: out.csv}}]
";
    let lines = (0..100).map(|row| format!("{row},customer {}\n", row % 7));
    let csv = format!("amount,who\n{}", lines.collect::<String>());
    let served = ServedReport::start(Workspace::with_files(&[
        ("job.yaml", job.as_bytes()),
        ("in.csv", csv.as_bytes()),
    ]));
    let page = served.open().await;
    let tabs = page.texts("nav.tabs a").await;
    assert!(
        !tabs.iter().any(|tab| tab.contains("Explain") || tab.contains("Entities")),
        "{tabs:?}"
    );
    assert_eq!(tabs.len(), 5, "{tabs:?}");
    assert!(page.text(".conclusion").await.contains("9 large ones"));
    assert_accessible(&page, Screen::DESKTOP, "flags-only-overview").await;
    page.follow("nav.tabs a[href$='/suspects']").await;
    assert_eq!(page.text("#suspects-title .pill").await, "9");
    assert_eq!(page.count("table.records .why").await, 0);
    for screen in [Screen::DESKTOP, Screen::PHONE] {
        page.screen(screen).await;
        assert_accessible(&page, screen, "flags-only-suspects").await;
    }
    page.follow("nav.tabs a[href$='/flags']").await;
    assert_eq!(page.text("#flag-0 .message").await, "9 large ones");
    assert_eq!(page.texts(".flag-count strong").await, ["9", "0"]);
    assert_accessible(&page, Screen::PHONE, "flags-only-flags").await;
    page.follow("#flag-0 .groups td:nth-of-type(2) a").await;
    assert_eq!(page.text("#suspects-title .pill").await, "9");
    page.follow("table.records tbody th a").await;
    assert_eq!(page.text("h1").await, "Row 91");
    assert_accessible(&page, Screen::PHONE, "flags-only-row").await;
    page.settle().await;

    // A missing section has a page with a link back.
    for path in ["/explain/clusters", "/explain/behaviour"] {
        page.expect_error("404");
        page.goto(&served.page(path)).await;
        assert!(page.text(".failure").await.contains("flags only"));
        assert_eq!(page.axe().await, [""; 0]);
        page.settle().await;
    }
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn payments() {
    let served = ServedReport::example("finance");
    let page = served.open().await;
    page.follow("nav.tabs a[href$='/suspects']").await;
    let suspects = number(&page.text("#suspects-title .pill").await);
    assert!(suspects > 0.0 && page.count("table.records tbody tr").await > 0);
    // The number of filtered rows is shown.
    page.follow("nav.tabs a[href$='/run']").await;
    assert!(page.texts(".figures dt").await.contains(&"filtered out".to_owned()));
    page.goto(&served.url).await;
    // Times are numbers of hours.
    assert!(page.text(".about").await.contains("1–"), "{}", page.text(".about").await);
    for path in ["", "/explain/clusters", "/flags", "/incidents", "/entities"] {
        if !path.is_empty() {
            page.follow(&format!("nav.tabs a[href$='{path}']")).await;
        }
        for screen in [Screen::PHONE, Screen::DESKTOP] {
            assert_accessible(
                &page,
                screen,
                &format!("finance-{}", path.trim_start_matches('/').replace('/', "-")),
            )
            .await;
        }
        if path == "/explain/clusters" {
            let most = number(&page.property::<String>("#clusters", "max").await);
            page.slide("#clusters", most).await;
            assert_eq!(page.text("#clusters-now").await, most.to_string());
            assert!(page.count("figure.map [data-i]").await > 100);
        }
    }
    page.finish().await;
}
