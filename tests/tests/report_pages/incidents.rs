//! What was found: the overview, incidents, entities, filters.

use anomal_tests::browser::{Page, Screen};

use crate::served::{ServedReport, assert_accessible, number};

/// The first number in a text.
fn first_number(text: &str) -> f64 {
    let word = text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    number(word.unwrap_or_else(|| panic!("no number in {text:?}")))
}

/// Sums the rows of the page's incidents, of those in folded lines once.
async fn rows_of_lines(page: &Page) -> f64 {
    let sizes = page.texts("main > .incidents > li:not(.folded) > .size").await;
    let folded = page.texts("main > .incidents > .folded summary .size").await;
    sizes.iter().chain(&folded).map(|size| first_number(size)).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn overview_concludes_at_once() {
    let served = ServedReport::example("dns");
    let page = served.open().await;
    let conclusion = page.text(".conclusion").await;
    assert!(conclusion.starts_with("10.1.1.44: 21 "), "{conclusion}");
    assert!(
        conclusion.ends_with("below cpfhsl.net in 3 min. 2 more incidents are high."),
        "{conclusion}"
    );
    let counts = page.text(".counts").await;
    assert!(counts.starts_with("530 of 5,000 rows stand out; they make"), "{counts}");
    // Conclusion, timeline and five incidents are on the first screen.
    for screen in [Screen { height: 800, ..Screen::DESKTOP }, Screen::PHONE] {
        page.screen(screen).await;
        let bottom = |selector: &str| {
            format!("document.querySelector('{selector}').getBoundingClientRect().bottom")
        };
        let needed = if screen.phone { ".conclusion" } else { ".incidents > li:nth-child(5)" };
        let bottom: f64 = page.js(&bottom(needed)).await;
        assert!(bottom <= f64::from(screen.height), "{needed}: {bottom}");
    }
    page.screen(Screen::DESKTOP).await;
    let titles = page.texts(".incidents > li > .about").await;
    for (title, host) in titles.iter().zip(["10.1.1.44", "10.1.1.67", "10.1.1.56", "10.1.1.46"]) {
        assert!(title.contains(host), "{titles:?}");
    }
    let hosts = page.texts("table.entities tbody th").await;
    assert_eq!((hosts.len(), hosts[0].as_str()), (10, "10.1.1.44"));
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn incidents_have_all_rows_that_stand_out() {
    let served = ServedReport::example("dns");
    let page = served.open().await;
    page.follow("nav.tabs a[href$='/incidents']").await;
    let total = first_number(&page.text(".tools strong").await);
    assert_eq!(rows_of_lines(&page).await, 530.0);
    let first = page.text(".incidents > li:first-child .about").await;
    page.follow(".switch a[href*='sort=time']").await;
    assert_ne!(page.text(".incidents > li:first-child .about").await, first);
    page.follow(".switch a:first-child").await;
    // A folded line opens with keys.
    page.focus(".folded summary").await;
    assert!(!page.visible(".folded .incidents .about a").await);
    page.key("Enter").await;
    assert!(page.visible(".folded .incidents .about a").await);
    page.follow(".tools a[href*='fold=no']").await;
    assert_eq!(page.count("main > .incidents > li").await as f64, total);
    assert_eq!(rows_of_lines(&page).await, 530.0);
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn incident_shows_its_reasons_and_rows() {
    let served = ServedReport::example("dns");
    let page = served.open().await;
    page.goto(&served.page("/incidents/1")).await;
    let head = page.text(".incident-head").await;
    for part in ["100", "10.1.1.44: 21 ", "below cpfhsl.net in 3 min", "21 rows"] {
        assert!(head.contains(part), "{part:?} in {head}");
    }
    // The parts of the risk add up, within 100.
    let points = page.texts(".risk-parts dt").await;
    let sum: f64 = points.iter().map(|points| number(&points.replace('−', "-"))).sum();
    assert_eq!(sum, 100.0, "{points:?}");
    let groups = page.texts("table.groups tbody tr").await;
    assert!(groups[0].contains("unique_subdomains") && groups[0].contains("21"), "{groups:?}");
    assert_eq!(page.count("table.records tbody tr").await, 21);
    assert!(page.text("table.groups").await.contains("only this host"));
    for screen in [Screen::PHONE, Screen::DESKTOP] {
        assert_accessible(&page, screen, "incident-1").await;
    }
    page.follow(".steps [rel=next]").await;
    assert_eq!(page.text("h1").await, "Incident 2");
    page.follow(".steps [rel=prev]").await;
    assert_eq!(page.text("h1").await, "Incident 1");
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn incidents_are_judged_by_keys_alone() {
    let served = ServedReport::example("dns");
    let page = served.open().await;
    page.goto(&served.page("/incidents/1")).await;
    page.focus(".judge [value=benign]").await;
    page.key(" ").await;
    page.fill(".judge textarea", "<b>\u{5d0}\u{5d1} \"known\"").await;
    page.focus(".judge [type=submit]").await;
    let before: f64 = page.js("performance.timeOrigin").await;
    page.key("Enter").await;
    let stored = format!(
        "performance.timeOrigin !== {before} && document.readyState === 'complete' && \
         location.hash === '#verdict'"
    );
    page.wait_until(&stored, "the page with the verdict").await;
    assert!(page.url().await.ends_with("/incidents/1#verdict"), "{}", page.url().await);
    assert!(page.text(".judge").await.contains("Benign, by no name (as typed)"));
    for screen in [Screen::PHONE, Screen::DESKTOP] {
        assert_accessible(&page, screen, "incident-judged").await;
    }
    // Several at once, chosen in the list.
    page.goto(&served.page("/incidents?fold=no")).await;
    page.click(".pick[value='2']").await;
    page.click(".pick[value='3']").await;
    page.follow(".judge-chosen button").await;
    assert_eq!(page.text(".judge form button").await.split(',').next(), Some("Judge 2 incidents"));
    for screen in [Screen::PHONE, Screen::DESKTOP] {
        assert_accessible(&page, screen, "judge").await;
    }
    page.click(".judge [value=true-positive]").await;
    page.follow(".judge form button").await;
    let judged = page.texts(".incidents .judged").await;
    assert_eq!(judged, ["true positive", "true positive", "benign"]);
    page.goto(&served.page("/suspects")).await;
    for screen in [Screen::PHONE, Screen::DESKTOP] {
        assert_accessible(&page, screen, "suspects-to-judge").await;
    }
    let origin = served.url.split("/reports/").next().unwrap();
    page.goto(&format!("{origin}/verdicts?job=job")).await;
    assert_eq!(page.count("tbody tr").await, 3);
    for screen in [Screen::PHONE, Screen::DESKTOP] {
        assert_accessible(&page, screen, "verdicts").await;
    }
    let id = served.url.rsplit('/').next().unwrap();
    page.goto(&format!("{origin}/compare?a={id}&b={id}")).await;
    assert_eq!(page.text("h1").await, "Two runs compared");
    for screen in [Screen::PHONE, Screen::DESKTOP] {
        assert_accessible(&page, screen, "compare").await;
    }
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flags_are_listed_by_group() {
    let served = ServedReport::example("dns");
    let page = served.open().await;
    page.follow("nav.tabs a[href$='/flags']").await;
    let groups = page.texts("#flag-0 table.groups tbody tr").await;
    assert_eq!(groups.len(), 1, "21 rows are one group: {groups:?}");
    assert!(groups[0].contains("10.1.1.44") && groups[0].contains("cpfhsl.net"), "{groups:?}");
    let count = page.text("#flag-0 .flag-count").await;
    assert!(count.contains("1 host · 1 domain · 1 incident"), "{count}");
    page.follow("#flag-0 table.groups td:last-child a").await;
    assert_eq!(page.text("h1").await, "Incident 1");
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn entity_is_beside_the_others() {
    let served = ServedReport::example("dns");
    let page = served.open().await;
    page.goto(&served.page("/entity?kind=host&value=10.1.1.44")).await;
    let partners = page.texts("#partners-title + .scroll tbody tr").await;
    assert!(partners[0].starts_with("cpfhsl.net"), "{partners:?}");
    assert!(partners[0].contains("21") && partners[0].contains("only this host"), "{partners:?}");
    let rows = page.texts("#partners-title + .scroll tbody td:nth-of-type(2)").await;
    let sum: f64 = rows.iter().map(|rows| number(rows)).sum();
    let own = first_number(&page.text("main > p.muted").await);
    assert_eq!(sum, own, "each row that stands out is about one domain: {partners:?}");
    // All its rows: by time, beside those of all, one line each.
    let bars = page.attribute(".when-wide svg", "aria-label").await.unwrap();
    assert!(bars.starts_with("84 rows from"), "{bars}");
    let about = page.text("main > p.muted").await;
    assert!(
        about.starts_with("22 of its 84 rows stand out, the ")
            && about.contains("most of 50 hosts"),
        "{about}"
    );
    assert_eq!(page.count(".when-wide svg path.median").await, 1);
    let caption = page.text("figure.timeline figcaption").await;
    assert!(caption.contains("Line: the median of all hosts."), "{caption}");
    let beside = page.text("[aria-labelledby=beside-title] .muted").await;
    assert!(beside.starts_with("Above all its rows"), "{beside}");
    let rows = page.count("[aria-labelledby=rows-title] table.dense tbody tr").await;
    assert_eq!(rows as f64, own, "those that stand out are on one page");
    let others = page.text("[aria-labelledby=others-title] .muted").await;
    assert!(others.starts_with("25 of 62 rows"), "{others}");
    let scores = page.texts("[aria-labelledby=others-title] tbody tr.suspicious").await;
    assert!(scores.is_empty() && page.count("[aria-labelledby=others-title] tbody tr").await == 25);
    // The median of the tunnel's names is far from that of all.
    let first = page.text("[aria-labelledby=beside-title] .scroll tbody tr").await;
    assert!(first.contains("subdomain_length") || first.contains("numbers"), "{first}");
    assert_eq!(
        page.count("[aria-labelledby=beside-title] .scroll svg").await,
        page.count("[aria-labelledby=beside-title] .scroll tbody tr").await
    );
    for screen in [Screen::PHONE, Screen::DESKTOP] {
        assert_accessible(&page, screen, "entity-beside").await;
    }
    // From an incident to what its host did around it.
    page.goto(&served.page("/incidents/1")).await;
    page.follow("a[href*='near=1']").await;
    let times = page.texts("[aria-labelledby=others-title] tbody td:nth-of-type(1)").await;
    assert!(times.iter().any(|time| time.contains("16:") || time.contains("17:")), "{times:?}");
    // Those with the same flag, and their page.
    page.goto(&served.page("/entity?kind=host&value=10.1.1.46")).await;
    let risk = page.text("main > p.muted + p.muted").await;
    assert!(risk.starts_with("Its risk is that of incident 4"), "{risk}");
    let flags = page.texts("#flags-title + .scroll tbody tr").await;
    assert!(flags.iter().any(|flag| flag.starts_with("beaconing_detector")), "{flags:?}");
    page.follow("#flags-title + .scroll tbody td a").await;
    assert!(page.url().await.contains("/entity?"), "{}", page.url().await);
    assert_ne!(page.text("h1").await, "10.1.1.46");
    // A target has its hosts.
    page.goto(&served.page("/entity?kind=domain&value=cpfhsl.net")).await;
    assert_eq!(page.texts("#partners-title + .scroll tbody th").await, ["10.1.1.44"]);
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_apply_to_every_part() {
    let served = ServedReport::example("dns");
    let page = served.open().await;
    let filter = "actor=10.1.1.44&from=2026-03-02T16:00:00Z&to=2026-03-02T18:00:00Z";
    page.goto(&served.page(&format!("?{filter}"))).await;
    let rows = first_number(&page.text(".filters .count").await);
    assert!((21.0..530.0).contains(&rows), "{rows}");
    assert_eq!(page.count(".filter").await, 3);
    let marks: String = page.attribute(".when-wide svg", "aria-label").await.unwrap();
    let (_, parts) = marks.split_once("rows of incidents: ").unwrap();
    let sum: f64 = parts.split(", ").map(first_number).sum();
    assert_eq!(sum, rows, "{marks}");
    // Tabs keep the filters, and every part counts the same rows.
    page.follow("nav.tabs a[href*='/incidents']").await;
    assert_eq!(rows_of_lines(&page).await, rows);
    page.follow("nav.tabs a[href*='/suspects']").await;
    assert_eq!(number(&page.text("#suspects-title .pill").await), rows);
    page.click("details.menu summary").await;
    let file = page.download("details.menu a[href*='/suspects.csv']").await;
    assert_eq!(file.text().lines().count() as f64, rows + 1.0);
    page.follow("nav.tabs a[href*='/entities']").await;
    assert_eq!(page.texts("table.entities tbody th").await, ["10.1.1.44"]);

    // A chip is removed, and a filter is added, without a script's help.
    page.follow(".filter:first-of-type a").await;
    assert_eq!(page.count(".filter").await, 2);
    page.follow(".filters .clear").await;
    assert_eq!(page.count(".filter").await, 0);
    page.click(".filter-form summary").await;
    assert_accessible(&page, Screen::PHONE, "filter-form").await;
    assert_accessible(&page, Screen::DESKTOP, "filter-form").await;
    page.fill(".filter-form [name=q]", "cpfhsl.net").await;
    page.follow(".filter-form button").await;
    assert_eq!(first_number(&page.text(".filters .count").await), 21.0);

    // What can't be used is shown, and changes nothing.
    page.goto(&served.page("/suspects?f.none=1&flag=other")).await;
    assert_eq!(page.count(".filter.unused s").await, 2);
    assert_eq!(page.text("#suspects-title .pill").await, "530");
    assert_eq!(page.axe().await, [""; 0]);
    page.goto(&served.page("/incidents?actor=nobody")).await;
    assert!(page.visible(".empty").await);
    // Which of several filters leaves nothing.
    page.goto(&served.page("/suspects?actor=nobody&flag=unique_subdomains")).await;
    let chips = page.texts(".filter small").await;
    assert_eq!(chips, ["21 without it", "0 without it"]);
    assert_accessible(&page, Screen::PHONE, "nothing-fits").await;
    assert_accessible(&page, Screen::DESKTOP, "nothing-fits").await;
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bars_of_the_timeline_choose_a_time() {
    let served = ServedReport::example("dns");
    let page = served.open().await;
    let bar = ".when-wide a[href*='from=2026-03-02T16%3A45']";
    page.follow(bar).await;
    assert_eq!(page.count(".filter").await, 2);
    let within = first_number(&page.text(".filters .count").await);
    assert!((21.0..100.0).contains(&within), "{within}");

    // From 06:00 to 18:00, and a further filter stays.
    page.goto(&served.page("?severity=high")).await;
    let before: f64 = page.js("performance.timeOrigin").await;
    page.drag(".when-wide svg", 0.3, 0.74).await;
    page.wait_until(
        &format!("performance.timeOrigin !== {before} && document.readyState === 'complete'"),
        "the chosen time",
    )
    .await;
    assert_eq!(page.count(".filter").await, 3);
    let chips = page.texts(".filter").await;
    assert!(chips.iter().any(|chip| chip.contains("from 06:")), "{chips:?}");
    let within = first_number(&page.text(".filters .count").await);
    assert!((21.0..55.0).contains(&within), "{within}");
    page.finish().await;
}

/// The size of a page as it is sent, without compression.
async fn size(page: &Page) -> usize {
    page.js::<String>("document.documentElement.outerHTML").await.len()
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_stay_within_their_budgets() {
    let served = ServedReport::example("dns");
    let page = served.open().await;
    for (path, kilobytes) in [
        ("", 120),
        ("/incidents", 90),
        ("/incidents/1", 70),
        ("/entities", 120),
        ("/suspects", 130),
        ("/flags", 60),
        ("/run", 40),
    ] {
        page.goto(&served.page(path)).await;
        let size = size(&page).await;
        assert!(size <= kilobytes * 1_000, "{path}: {size} bytes");
        page.settle().await;
    }
    page.finish().await;
}
