//! Every section on desktop and phone screens, in light and dark.

use anomal_tests::browser::{Page, Screen};

use crate::served::{ServedReport, assert_accessible};

/// Visits every section by its link.
async fn every_section(screen: Screen) {
    let served = ServedReport::example("dns");
    let page = served.open().await;
    assert_accessible(&page, screen, "overview").await;
    assert_eq!(page.text("h1").await, "Overview");
    for (path, title) in [
        ("/incidents", "Incidents"),
        ("/entities", "Entities"),
        ("/suspects", "Suspects"),
        ("/flags", "Flags"),
        ("/explain/clusters", "Clustering"),
        ("/run", "Run"),
    ] {
        page.follow(&format!("nav.tabs a[href$='{path}']")).await;
        assert_eq!(page.url().await, served.page(path));
        assert_eq!(page.text("h1").await, title);
        let current = page.text("nav.tabs [aria-current=page]").await;
        assert!(current.contains(title) || current == "Explain", "{current}");
        assert_accessible(&page, screen, &path[1..].replace('/', "-")).await;
    }
    page.follow("nav.tabs a[href$='/explain/clusters']").await;
    page.follow(".parts a:last-child").await;
    assert_eq!(page.text("h1").await, "Behaviour");
    assert_accessible(&page, screen, "explain-behaviour").await;

    page.follow("nav.tabs a[href$='/incidents']").await;
    page.follow(".incidents > li:first-child .about a").await;
    assert_eq!(page.text("h1").await, "Incident 1");
    assert_accessible(&page, screen, "incident").await;
    page.follow(".incident-head a[href*='/entity?']").await;
    assert_accessible(&page, screen, "entity").await;
    page.follow("nav.tabs a[href$='/suspects']").await;
    if screen.phone {
        page.follow("table.records tbody th a").await;
    } else {
        page.click("table.records tbody th a").await;
        page.follow("#panel .open-page").await;
    }
    assert!(page.url().await.contains("/rows/"), "{}", page.url().await);
    assert_accessible(&page, screen, "row").await;
    page.follow(".crumb a").await;
    assert_eq!(page.url().await, served.page("/suspects"));
    page.follow("nav.places a[href='/']").await;
    assert_eq!(page.text("h1").await, "Reports");
    assert_accessible(&page, screen, "list").await;
    page.follow("nav.places a[href='/help']").await;
    assert_accessible(&page, screen, "help").await;
    page.follow("nav.places a[href='/']").await;
    page.follow("table.reports a").await;
    assert_eq!(page.url().await, served.url);
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_section_on_a_desktop() {
    every_section(Screen::DESKTOP).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_section_on_a_phone() {
    every_section(Screen::PHONE).await;
}

async fn background(page: &Page) -> String {
    page.style("body", "background-color").await
}

#[tokio::test(flavor = "multi_thread")]
async fn colour_scheme_is_remembered() {
    let served = ServedReport::example("dns");
    let page = served.open().await;
    let light = background(&page).await;
    page.click("[data-theme-choice=dark]").await;
    let dark = background(&page).await;
    assert_ne!(dark, light);
    assert_eq!(page.text("[data-theme-choice][aria-pressed=true]").await, "Dark");
    page.reload().await;
    assert_eq!(background(&page).await, dark);
    page.follow("nav.tabs a[href$='/flags']").await;
    assert_eq!(background(&page).await, dark);
    assert_eq!(page.text("[data-theme-choice][aria-pressed=true]").await, "Dark");
    page.click("[data-theme-choice=system]").await;
    assert_eq!(background(&page).await, light);
    page.reload().await;
    assert_eq!(background(&page).await, light);
    page.finish().await;
}

/// Each help link leads to the explanation of its chart.
#[tokio::test(flavor = "multi_thread")]
async fn every_chart_has_help() {
    let served = ServedReport::example("dns");
    let page = served.open().await;
    let mut links = Vec::new();
    for path in [
        "",
        "/incidents",
        "/incidents/1",
        "/suspects",
        "/explain/clusters",
        "/explain/behaviour",
        "/flags",
    ] {
        page.goto(&served.page(path)).await;
        let found: Vec<String> =
            page.js("Array.from(document.querySelectorAll('a.how'), a => a.href)").await;
        assert!(!found.is_empty(), "{path}");
        links.extend(found);
        page.settle().await;
    }
    page.follow("nav.places a[href='/help']").await;
    for link in links {
        let (_, anchor) = link.split_once("/help#").expect("a place in the help");
        assert_eq!(page.count(&format!("main [id='{anchor}']")).await, 1, "{link}");
    }
    page.finish().await;
}

/// Ctrl-C is the normal end of a served report.
#[tokio::test(flavor = "multi_thread")]
async fn interrupt_ends_it_with_success() {
    let served = ServedReport::example("finance");
    let page = served.open().await;
    page.finish().await;
    assert_eq!(served.stop("INT"), Some(0));
}

/// As service managers and containers end it.
#[test]
fn termination_ends_it_with_success() {
    assert_eq!(ServedReport::example("finance").stop("TERM"), Some(0));
}
