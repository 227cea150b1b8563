//! The explanation of a row beside the table of suspects, by keys and by pointer.

use anomal_tests::browser::{Page, Screen};

use crate::served::{ServedReport, assert_accessible};

const ROW_LINKS: &str = "table.records tbody th a";

/// The number of the row whose link has the focus.
async fn focused_row(page: &Page) -> String {
    page.js("document.activeElement.closest('tbody th')?.querySelector('a').textContent ?? ''")
        .await
}

async fn opened(page: &Page, row: &str) {
    let shown = format!(
        "!document.getElementById('panel').hidden && \
         document.getElementById('panel-title').textContent === 'Row {row}'"
    );
    page.wait_until(&shown, "the panel of the row").await;
}

async fn suspects(served: &ServedReport, query: &str) -> (Page, Vec<String>) {
    let page = served.open().await;
    page.goto(&served.page(&format!("/suspects{query}"))).await;
    let rows = page.texts(ROW_LINKS).await;
    assert_eq!(rows.len(), 25);
    (page, rows)
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_move_through_rows_and_open_a_panel() {
    let served = ServedReport::example("dns");
    let (page, rows) = suspects(&served, "").await;
    // Letters do nothing outside of the table.
    page.focus("#q").await;
    page.key("j").await;
    assert_eq!(page.property::<String>("#q", "value").await, "j");
    assert_eq!(focused_row(&page).await, "");

    page.focus(".with-panel > .scroll").await;
    for (key, place) in [("j", 0), ("j", 1), ("ArrowDown", 2), ("k", 1), ("ArrowUp", 0), ("k", 0)] {
        page.key(key).await;
        assert_eq!(focused_row(&page).await, rows[place], "{key}");
    }
    assert!(!page.visible("#panel").await);
    page.key("Enter").await;
    opened(&page, &rows[0]).await;
    assert!(page.focused().await.contains("panel-title"), "{}", page.focused().await);
    let panel = page.text("#panel").await;
    for part in ["Reasons", "Features compared with all rows", "Nearest rows", "Original record"] {
        assert!(panel.contains(part), "{part:?} in {panel}");
    }
    assert_eq!(page.count("tr.shown").await, 1);
    assert_eq!(page.attribute("tr.shown th a", "aria-expanded").await.unwrap(), "true");
    // Beside the table, within the window.
    let (table, beside): (f64, f64) = page
        .js("[document.querySelector('.with-panel > .scroll').getBoundingClientRect().right, \
              document.getElementById('panel').getBoundingClientRect().left]")
        .await;
    assert!(table < beside, "{table} {beside}");
    assert_accessible(&page, Screen::DESKTOP, "suspects-panel").await;

    // The panel follows the keys in the table.
    page.focus(&format!("{ROW_LINKS}[aria-expanded=true]")).await;
    page.key("j").await;
    opened(&page, &rows[1]).await;
    assert_eq!(focused_row(&page).await, rows[1]);
    // It closes from where the focus is, and gives it back.
    page.focus("#panel .open-page").await;
    page.key("Escape").await;
    assert!(!page.visible("#panel").await);
    assert_eq!(focused_row(&page).await, rows[1]);
    assert_eq!((page.count("tr.shown").await, page.count(".panel-body > *").await), (0, 0));
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_lead_to_the_row_and_to_the_verdict() {
    let served = ServedReport::example("dns");
    let (page, rows) = suspects(&served, "?actor=10.1.1.44&actor=10.1.1.67").await;
    let path = format!("/rows/{}", rows[1].replace(',', ""));
    page.focus(".with-panel > .scroll").await;
    page.key("j").await;
    page.key("j").await;
    page.key("o").await;
    page.wait_until(&format!("location.pathname.endsWith('{path}')"), "the row's page").await;
    page.wait_until("document.readyState === 'complete'", "the whole page").await;
    // With the filters.
    assert!(page.url().await.contains("?actor=10.1.1.44&actor=10.1.1.67"), "{}", page.url().await);
    page.follow(".crumb a").await;
    page.focus(ROW_LINKS).await;
    page.key("v").await;
    page.wait_until("location.hash === '#verdict'", "the verdict on the incident").await;
    page.wait_for("#verdict").await;
    assert!(page.text("h1").await.starts_with("Incident "));
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pointer_opens_and_closes_the_panel() {
    let served = ServedReport::example("dns");
    let (page, rows) = suspects(&served, "").await;
    page.click(ROW_LINKS).await;
    opened(&page, &rows[0]).await;
    page.click("#panel .panel-head button").await;
    assert!(!page.visible("#panel").await);
    assert_eq!(focused_row(&page).await, rows[0]);
    page.click(ROW_LINKS).await;
    opened(&page, &rows[0]).await;
    page.follow("#panel .open-page").await;
    assert_eq!(page.text("h1").await, format!("Row {}", rows[0]));
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_has_the_page_in_place_of_the_panel() {
    let served = ServedReport::example("dns");
    let (page, rows) = suspects(&served, "").await;
    page.click(ROW_LINKS).await;
    opened(&page, &rows[0]).await;
    // A window that gets narrow has no room for it.
    page.screen(Screen::PHONE).await;
    assert!(!page.visible("#panel").await);
    assert_accessible(&page, Screen::PHONE, "suspects-without-panel").await;
    page.screen(Screen::PHONE).await;
    page.follow(ROW_LINKS).await;
    assert_eq!(page.text("h1").await, format!("Row {}", rows[0]));
    page.finish().await;
}

/// The page of a row that can't be had says why.
#[tokio::test(flavor = "multi_thread")]
async fn a_panel_that_fails_leads_to_the_page() {
    let served = ServedReport::example("dns");
    let (page, _) = suspects(&served, "").await;
    let missing = format!("{}/rows/99999999", served.url);
    let change = format!("document.querySelector('{ROW_LINKS}').href = '{missing}'");
    let _: serde_json::Value = page.js(&change).await;
    page.expect_error("404");
    page.click(ROW_LINKS).await;
    page.wait_until(&format!("location.href === '{missing}'"), "the page").await;
    page.wait_for(".failure").await;
    page.finish().await;
}

/// Waits for another address with this part, and its whole page.
async fn arrived(page: &Page, part: &str) {
    let there = format!("location.search.includes('{part}') && document.readyState === 'complete'");
    page.wait_until(&there, part).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_filter_by_a_cell() {
    let served = ServedReport::example("dns");
    let (page, _) = suspects(&served, "?sort=score&order=descending").await;
    let cell = "document.activeElement.closest('td')";
    page.focus(ROW_LINKS).await;
    // The time is no filter: the first cell is the host.
    page.key("ArrowRight").await;
    let host: String = page.js(&format!("{cell}.textContent.trim()")).await;
    assert!(host.starts_with("10.1.1."), "{host}");
    page.key("f").await;
    arrived(&page, &format!("actor={host}")).await;
    assert!(page.url().await.contains("sort=score"), "{}", page.url().await);
    let count: usize = page.texts(ROW_LINKS).await.len();
    assert!(count > 0);
    let hosts = page.texts("table.records tbody td:nth-child(3)").await;
    assert!(hosts.iter().all(|found| *found == host), "{hosts:?}");

    // All others, by a column of the record.
    page.focus(ROW_LINKS).await;
    let is_of_record = format!(
        "{cell} && document.querySelectorAll('thead th')[{cell}.cellIndex].dataset.filter.startsWith('f.')"
    );
    for _ in 0..6 {
        page.key("l").await;
        if page.js::<bool>(&format!("!!({is_of_record})")).await {
            break;
        }
    }
    let name: String = page
        .js(&format!(
            "document.querySelectorAll('thead th')[{cell}.cellIndex].dataset.filter.slice(2)"
        ))
        .await;
    page.key("x").await;
    arrived(&page, &format!("x.{name}=")).await;
    assert!(page.url().await.contains(&format!("actor={host}")), "filters are kept");

    // The keys are told where they are.
    page.goto(&served.page("/suspects")).await;
    page.focus(ROW_LINKS).await;
    page.key("?").await;
    assert!(page.focused().await.contains("keys"), "{}", page.focused().await);
    page.finish().await;
}
