//! The map's interaction: the slider, the card of a point, the link to a row.

use anomal_tests::browser::{Page, Screen};

use crate::served::ServedReport;

const POINTS: &str = "figure.map [data-i]";
/// The points of suspicious rows, which can be focused.
const SUSPECT: &str = "figure.map a:not([tabindex])";
const CUT: &str = "figure.dendrogram .cutting";

/// The state that the slider controls, as shown.
#[derive(Debug, PartialEq)]
struct MapState {
    /// The classes of the points, in order.
    points: Vec<String>,
    fills: Vec<String>,
    branches: Vec<String>,
    /// The position of the cut in the chart's units.
    cut: i64,
    words: [String; 3],
    legend: Vec<String>,
    swatches: usize,
}

async fn map_state(page: &Page) -> MapState {
    let mut fills = page.styles(POINTS, "fill").await;
    fills.sort();
    fills.dedup();
    let classes = |selector: &str| {
        format!("Array.from(document.querySelectorAll('{selector}'), e => e.getAttribute('class'))")
    };
    let cut = format!(
        "(e => Math.round(e.getCTM().f * 10 / e.ownerSVGElement.getCTM().d) + Math.round(10 * \
         e.querySelector('line').y1.baseVal.value))(document.querySelector('{CUT}'))"
    );
    let rows =
        "Array.from(document.querySelectorAll('#legend tbody tr:not([hidden])'), e => e.innerText)";
    let visible = "Array.from(document.querySelectorAll('figure.map [data-cluster]')).filter(e => \
                 e.getAttribute('display') !== 'none').length";
    let words = [
        page.text("#clusters-now").await,
        page.text("#clusters-words").await,
        page.text(&format!("{CUT} text.ink")).await,
    ];
    MapState {
        points: page.js(&classes(POINTS)).await,
        fills,
        branches: page.js(&classes("figure.dendrogram [data-leaves]")).await,
        cut: page.js(&cut).await,
        words,
        legend: page.js(rows).await,
        swatches: page.js(visible).await,
    }
}

/// Asserts that all parts show this number of clusters.
#[track_caller]
fn assert_clusters(state: &MapState, clusters: usize) {
    let mut classes = state.points.clone();
    classes.sort();
    classes.dedup();
    let expected: Vec<String> = (1..=clusters).map(|label| format!("c{label}")).collect();
    assert_eq!(classes, expected);
    assert_eq!(state.fills.len(), clusters, "{:?}", state.fills);
    assert_eq!(state.words[0], clusters.to_string());
    assert_eq!((state.legend.len(), state.swatches), (clusters, clusters));
    for class in &expected {
        assert!(state.branches.contains(class), "{class}: {:?}", state.branches);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slider_recolours_immediately() {
    let served = ServedReport::example("dns");
    let page = served.open().await;
    for screen in [Screen::DESKTOP, Screen::PHONE] {
        page.screen(screen).await;
        page.goto(&served.page("/explain/clusters?clusters=2")).await;
        let two = map_state(&page).await;
        assert_clusters(&two, 2);

        // With the arrow keys.
        let mut before = two;
        for k in 3..=7 {
            page.slide("#clusters", f64::from(k)).await;
            let now = map_state(&page).await;
            assert_clusters(&now, usize::try_from(k).unwrap());
            assert!(now.cut > before.cut, "the cut of more clusters is lower: {k}");
            assert_ne!((&now.words, &now.branches), (&before.words, &before.branches));
            before = now;
        }
        // The address keeps the state, and the server renders the same.
        assert_eq!(page.url().await, served.page("/explain/clusters?clusters=7"));
        page.settle().await;
        page.reload().await;
        let mut drawn = map_state(&page).await;
        assert!((drawn.cut - before.cut).abs() <= 2, "{} and {}", drawn.cut, before.cut);
        drawn.cut = before.cut;
        assert_eq!(drawn, before);

        // With the mouse.
        page.drag("#clusters", 0.97, 0.03).await;
        assert_clusters(&map_state(&page).await, 2);
        page.settle().await;
        page.goto(&served.page("/explain/clusters?clusters=7")).await;
        page.drag("#clusters", 0.97, 0.42).await;
        let now = map_state(&page).await;
        assert!(["3", "4", "5"].contains(&now.words[0].as_str()), "{:?}", now.words);
        assert_clusters(&now, now.words[0].parse().unwrap());
        page.settle().await;
    }
    page.finish().await;
}

/// The card's content: the row, the line below it, and each feature with its value.
async fn card(page: &Page) -> (String, String, Vec<(String, String)>) {
    page.wait_until("!document.getElementById('map-card').hidden", "the card").await;
    let names = page.texts("#map-card dt").await;
    let values = page.texts("#map-card dd").await;
    assert_eq!(names.len(), values.len());
    let lines = names.into_iter().zip(values).collect();
    (page.text("#map-card .card-head").await, page.text("#map-card .card-note").await, lines)
}

#[tokio::test(flavor = "multi_thread")]
async fn point_shows_its_card() {
    let served = ServedReport::example("dns");
    let page = served.open().await;
    page.follow("nav.tabs a[href$='/explain/clusters']").await;
    assert!(!page.visible("#map-card").await);

    // The pointer, on a group of similar rows.
    page.hover("figure.map a[tabindex] circle").await;
    let (head, note, lines) = card(&page).await;
    assert!(head.starts_with("Row ") && note.contains("score 0"), "{head}: {note}");
    assert!(note.contains("rows here") && note.contains("cluster 1"), "{note}");
    assert!(page.visible("#map-card").await);
    page.screenshot("report-card-1280").await;
    let names: Vec<&str> = lines.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!((names.len(), names[0], names[10]), (11, "client.bytes", "answer_entropy"));
    page.hover("h1").await;
    assert!(!page.visible("#map-card").await);

    // The keys: from the slider to the first suspect.
    page.focus("#clusters").await;
    page.key("Tab").await;
    if page.focused().await.starts_with("<svg") {
        // A scrollable chart can be focused too.
        page.key("Tab").await;
    }
    let focused = page.focused().await;
    assert!(focused.contains("/rows/") && focused.contains("aria-describedby"), "{focused}");
    let (_, note, _) = card(&page).await;
    assert!(note.contains("suspicious"), "{note}");
    page.key("Tab").await;
    assert_ne!(page.focused().await, focused);
    let (head, _, lines) = card(&page).await;
    page.key("Escape").await;
    assert!(!page.visible("#map-card").await);
    page.key("Shift+Tab").await;
    page.key("Tab").await;
    assert_eq!(card(&page).await.0, head);
    let before: f64 = page.js("performance.timeOrigin").await;
    page.key("Enter").await;
    page.wait_until(
        &format!("performance.timeOrigin !== {before} && document.readyState === 'complete'"),
        "the row's page",
    )
    .await;
    assert_row_page(&page, &head, &lines).await;
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn suspect_links_to_its_row() {
    let served = ServedReport::example("dns");
    let page = served.open().await;
    for screen in [Screen::DESKTOP, Screen::PHONE] {
        page.screen(screen).await;
        page.goto(&served.page("/explain/clusters")).await;
        let place = page.hover(&format!("{SUSPECT} [data-i]")).await;
        let (head, note, lines) = card(&page).await;
        assert!(note.contains("suspicious"), "{place}: {note}");
        assert_eq!(page.overflowing_elements().await, [""; 0]);
        page.screenshot(&format!("report-card-suspect-{}", screen.width)).await;
        page.follow(&format!("{SUSPECT} [data-i]")).await;
        assert_row_page(&page, &head, &lines).await;
        page.settle().await;
    }
    page.finish().await;
}

/// Asserts that the page shows the card's row with the card's values.
async fn assert_row_page(page: &Page, head: &str, lines: &[(String, String)]) {
    assert_eq!(page.text("h1").await, head);
    let number = head.trim_start_matches("Row ").replace(',', "");
    let url = page.url().await;
    assert!(url.ends_with(&format!("/rows/{number}")), "{url}");
    assert_eq!(page.text(".state").await, "Suspicious");
    let names = page.texts("table.features tbody th").await;
    let values = page.texts("table.features .value").await;
    let mut there: Vec<(String, String)> = names.into_iter().zip(values).collect();
    // The row's page is ordered by contribution.
    let mut lines = lines.to_vec();
    there.sort();
    lines.sort();
    assert_eq!(there, lines);
}
