//! Tables: sorting, searching, paging, the two views, the selected feature.

use anomal_tests::browser::{Page, Screen};

use crate::served::{ServedReport, number};

/// The values of a column of the suspects.
async fn column(page: &Page, name: &str) -> Vec<String> {
    let heads = page.texts("table.records thead th").await;
    let place = heads.iter().position(|head| head == name);
    let place = place.unwrap_or_else(|| panic!("no column {name} among {heads:?}")) + 1;
    page.texts(&format!("table.records tbody tr > :nth-child({place})")).await
}

/// The numbers of a column without missing values.
async fn numbers(page: &Page, name: &str) -> Vec<f64> {
    let column = column(page, name).await;
    let first = |value: &String| value.split_whitespace().next().map(str::to_owned);
    column.iter().filter_map(first).map(|value| number(&value)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn suspects_are_sorted() {
    let served = ServedReport::example("dns");
    let page = served.open().await;
    page.follow("nav.tabs a[href$='/suspects']").await;
    let scores = numbers(&page, "Score").await;
    assert_eq!(scores.len(), 25);
    assert!(scores.is_sorted_by(|a, b| a >= b), "the most suspicious first: {scores:?}");

    let sort = "table.records a.sort[href*='sort=source.client.bytes&']";
    page.follow(sort).await;
    assert_eq!(page.attribute("[aria-sort]", "aria-sort").await.unwrap(), "ascending");
    let up = numbers(&page, "client.bytes").await;
    assert!(up.is_sorted(), "{up:?}");
    page.follow(sort).await;
    assert_eq!(page.attribute("[aria-sort]", "aria-sort").await.unwrap(), "descending");
    let down = numbers(&page, "client.bytes").await;
    assert!(down.is_sorted_by(|a, b| a >= b) && down[0] > up[24], "{down:?}");

    // Sorting by text, and by row number.
    page.follow("a.sort[href*='sort=source.dns.question.name&']").await;
    let names = column(&page, "dns.question.name").await;
    assert!(names.is_sorted(), "{names:?}");
    page.follow("a.sort[href*='sort=row&']").await;
    let rows = column(&page, "Row").await;
    let rows: Vec<f64> =
        rows.iter().map(|row| number(row.split_whitespace().next().unwrap())).collect();
    assert!(rows.is_sorted_by(|a, b| a < b), "{rows:?}");
    page.finish().await;
}

/// Each cell has the name of its column, and nothing scrolls sideways.
async fn assert_list(page: &Page, table: &str) {
    let cell = format!("{table} tbody tr:last-child td:last-child");
    let name = page.attribute(&cell, "data-label").await;
    let style = format!("getComputedStyle(document.querySelector('{cell}'), '::before').content");
    assert_eq!(Some(page.js::<String>(&style).await), name.map(|name| format!("\"{name}\"")));
    assert_eq!(page.style(&cell, "display").await, "flow-root", "{table}");
    let around = format!("document.querySelector('{table}').parentElement");
    let is_wide = format!("{around}.scrollWidth > {around}.clientWidth + 1");
    assert!(!page.js::<bool>(&is_wide).await, "{table} is wider than the screen");
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_lists_on_a_phone() {
    let served = ServedReport::example("dns");
    let page = served.open().await;
    page.screen(Screen::PHONE).await;
    for (address, table) in
        [("/entities", "entities"), ("/flags", "groups"), ("/suspects", "records")]
    {
        page.goto(&served.page(address)).await;
        assert_list(&page, &format!("table.{table}")).await;
    }
    // Suspects can be sorted there, too.
    page.follow("table.records a.sort[href*='sort=row&']").await;
    assert_eq!(page.attribute("[aria-sort]", "aria-sort").await.unwrap(), "ascending");
    page.goto(&served.page("/suspects")).await;
    page.follow("table.records tbody th a").await;
    assert_list(&page, "table.near").await;
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn suspects_are_searched_and_paged() {
    let served = ServedReport::example("dns");
    let page = served.open().await;
    page.follow("nav.tabs a[href$='/suspects']").await;
    let total = page.text("#suspects-title .pill").await;
    assert_eq!(page.text("#suspects .pager p").await, format!("1–25 of {total}"));
    let first = column(&page, "Row").await;
    page.follow("#suspects .pager [rel=next]").await;
    assert_eq!(page.text("#suspects .pager p").await, format!("26–50 of {total}"));
    assert_eq!(page.text("#suspects .pager [aria-current]").await.replace("Page", "").trim(), "2");
    let second = column(&page, "Row").await;
    assert!(second.len() == 25 && !second.iter().any(|row| first.contains(row)), "{second:?}");
    page.follow("#suspects .pager [rel=prev]").await;
    assert_eq!(column(&page, "Row").await, first);

    page.fill("#q", "has_dns_data_b64_encoded").await;
    let before: f64 = page.js("performance.timeOrigin").await;
    page.key("Enter").await;
    page.wait_until(
        &format!("performance.timeOrigin !== {before} && document.readyState === 'complete'"),
        "what was found",
    )
    .await;
    page.wait_for("#suspects .search a").await;
    assert_eq!(page.property::<String>("#q", "value").await, "has_dns_data_b64_encoded");
    assert_eq!(page.text("#suspects-title .pill").await, "14");
    let flags = column(&page, "Flags").await;
    assert_eq!(flags.len(), 14);
    assert!(flags.iter().all(|flags| flags.contains("b64_encoded")), "{flags:?}");
    // Sorting keeps the search.
    page.follow("a.sort[href*='sort=row&']").await;
    assert_eq!(page.text("#suspects-title .pill").await, "14");

    page.fill("#q", "no such words").await;
    page.follow("#suspects .search button").await;
    assert_eq!(page.text("#suspects-title .pill").await, "0");
    assert!(page.visible("#suspects .empty").await);
    assert_eq!(page.axe().await, [""; 0]);
    page.follow("#suspects .search a").await;
    assert_eq!(page.text("#suspects-title .pill").await, total);
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn suspects_are_shown_as_features() {
    let served = ServedReport::example("dns");
    let page = served.open().await;
    page.follow("nav.tabs a[href$='/suspects']").await;
    let rows = column(&page, "Row").await;
    assert!(column(&page, "dns.question.name").await.len() == 25);
    page.follow(".switch a:last-child").await;
    assert_eq!(page.text(".switch [aria-current]").await, "Features");
    assert_eq!(column(&page, "Row").await, rows);
    let lengths = numbers(&page, "subdomain_length").await;
    assert!(lengths[0] > 100.0, "{lengths:?}");
    assert_eq!(page.axe().await, [""; 0]);
    page.screenshot("report-features-1280").await;
    page.follow(".switch a:first-child").await;
    assert_eq!(page.text(".switch [aria-current]").await, "Original");
    assert_eq!(column(&page, "Row").await, rows);

    // Chosen columns stay in the address.
    page.click("details.choices summary").await;
    page.click("details.choices input[value='@timestamp']").await;
    page.follow("details.choices button").await;
    assert!(column(&page, "@timestamp").await[0].starts_with("2026-03-02T"));
    assert!(page.url().await.contains("cols=%40timestamp"), "{}", page.url().await);
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn selected_feature_has_its_own_chart() {
    let served = ServedReport::example("dns");
    let page = served.open().await;
    page.follow("nav.tabs a[href$='/explain/clusters']").await;
    page.follow(".parts a:last-child").await;
    let picture = "figure.density svg";
    let chosen: String = page.property("#feature", "value").await;
    assert_eq!(page.text("figure.density h3").await, format!("Values of {chosen}"));
    let before: String = page.property(picture, "innerHTML").await;
    // Selected with keys; no other action is needed.
    page.focus("#feature").await;
    page.key("ArrowDown").await;
    page.wait_until("new URL(location.href).searchParams.has('feature')", "the next feature").await;
    page.wait_until("document.readyState === 'complete'", "the whole page").await;
    let next: String = page.property("#feature", "value").await;
    assert_ne!(next, chosen);
    assert_eq!(page.text("figure.density h3").await, format!("Values of {next}"));
    let after: String = page.property(picture, "innerHTML").await;
    assert_ne!(after, before);
    // Categories are drawn as bars.
    page.focus("#feature").await;
    page.key("d").await;
    page.wait_until("location.search.includes('dns.response_code')", "categories").await;
    page.wait_until("document.readyState === 'complete'", "the whole page").await;
    assert!(page.text(picture).await.contains("NOERROR"));
    assert_eq!(page.axe().await, [""; 0]);
    page.screenshot("report-categories-1280").await;
    page.finish().await;
}
