//! Self-tests of the browser harness: it detects every kind of error, and its processes end.
//!
//! A harness that misses errors would let other tests pass without reason.

#[path = "harness/test_site.rs"]
mod test_site;

use std::{fs, time::Duration};

use anomal_tests::browser::{Browser, Page, Screen, Theme};
use test_site::TestSite;

async fn open(path: &str) -> (TestSite, Page) {
    let site = TestSite::start().await;
    let page = Browser::launch().await.page().await;
    page.goto(&site.url(path)).await;
    (site, page)
}

#[tokio::test(flavor = "multi_thread")]
async fn page_is_operated_by_mouse_and_keys() {
    let (site, page) = open("/").await;
    assert_eq!(page.text("h1").await, "A page");
    assert_eq!(page.style("h1", "color").await, "rgb(10, 20, 30)");
    page.theme(Theme::Dark).await;
    assert_eq!(page.style("h1", "color").await, "rgb(240, 240, 240)");
    page.print_media().await;
    assert!(!page.visible("nav").await);
    page.theme(Theme::Light).await;
    assert!(page.visible("nav").await);

    page.click("button").await;
    page.wait_until("document.querySelector('output').textContent === 'clicked'", "the answer")
        .await;
    // The first is covered, so the second is clicked.
    assert_eq!(page.click(".stacked").await, 1);
    assert_eq!(page.text("output").await, "stacked 1");
    page.hover("circle").await;
    assert_eq!(page.text("output").await, "over a circle");
    assert_eq!(page.styles("circle", "fill").await, ["rgb(255, 0, 0)"]);

    page.slide("#range", 7.0).await;
    assert_eq!(page.text("output").await, "range 7");
    page.slide("#range", 2.0).await;
    assert_eq!(page.text("output").await, "range 2");
    page.drag("#range", 0.05, 0.95).await;
    assert_eq!(page.text("output").await, "range 10");

    page.fill("#words", "old").await;
    page.fill("#words", "H\u{e9}llo, World!").await;
    page.key("Enter").await;
    assert_eq!(page.text("output").await, "words H\u{e9}llo, World!");
    page.key("Shift+Tab").await;
    assert!(page.focused().await.contains("id=\"range\""), "{}", page.focused().await);

    page.follow("a.other").await;
    assert_eq!(page.url().await, site.url("/other"));
    let requests = page.requests().await;
    let asked: Vec<&str> =
        requests.iter().filter_map(|request| request.url.strip_prefix(&site.url(""))).collect();
    for path in ["/", "/style.css", "/script.js", "/other"] {
        assert!(asked.contains(&path), "{asked:?}");
    }
    let answer = page.last_request(&site.url("/"));
    assert_eq!((answer.status, answer.method.as_str()), (Some(200), "GET"));
    assert!(answer.bytes > 100 && answer.headers["content-security-policy"].contains("'self'"));
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn downloads_are_complete() {
    let (site, page) = open("/").await;
    for _ in 0..2 {
        let file = page.download("a.file").await;
        assert_eq!((file.name.as_str(), file.url), ("rows.csv", site.url("/rows.csv")));
        assert_eq!(file.bytes, test_site::rows());
    }
    page.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn phone_screen_and_screenshots() {
    let (_site, page) = open("/").await;
    let name = "harness-desktop";
    let picture = fs::read(page.screenshot(name).await).unwrap();
    assert_eq!(size(&picture).0, 1280);
    page.screen(Screen::PHONE).await;
    let wide: f64 = page.js("innerWidth").await;
    assert_eq!(wide, 360.0);
    assert_eq!(page.overflowing_elements().await, [""; 0]);
    let picture = fs::read(page.screenshot("harness-phone").await).unwrap();
    // It is longer than the window, and the window keeps its size.
    assert!(size(&picture).0 >= 360 && size(&picture).1 > 740, "{:?}", size(&picture));
    let wide: f64 = page.js("innerWidth").await;
    assert_eq!(wide, 360.0);
    let _: Option<u8> = page.js("void document.body.classList.add('wide')").await;
    let beyond = page.overflowing_elements().await;
    assert!(beyond.iter().any(|line| line.starts_with("<pre")), "{beyond:?}");
    page.finish().await;
}

/// The width and height of a PNG.
fn size(picture: &[u8]) -> (u32, u32) {
    assert_eq!(&picture[..8], b"\x89PNG\r\n\x1a\n");
    let number = |at: usize| u32::from_be_bytes(picture[at..at + 4].try_into().unwrap());
    (number(16), number(20))
}

/// Each of these must fail a test.
#[tokio::test(flavor = "multi_thread")]
async fn troubles_are_seen() {
    let site = TestSite::start().await;
    let browser = Browser::launch().await;
    for (path, words) in [
        ("/bad/console", "console error: it went wrong 7"),
        ("/bad/exception", "nowhere is not defined"),
        ("/bad/rejection", "Error: uncaught rejection"),
        ("/bad/inline-script", "Content Security Policy"),
        ("/bad/inline-style", "Content Security Policy"),
        ("/bad/style-attribute", "Content Security Policy"),
        ("/bad/connect", "Content Security Policy"),
        ("/bad/outside", "a request that leaves the machine: http://elsewhere.example/a.png"),
        ("/bad/outside-font", "a request that leaves the machine: https://elsewhere.example/f"),
        ("/bad/missing", "404"),
        ("/bad/refused", "request failed: net::ERR_UNSAFE_PORT"),
    ] {
        let page = browser.page().await;
        page.goto(&site.url(path)).await;
        let errors = page.errors().await;
        assert!(errors.iter().any(|line| line.contains(words)), "{path}: {errors:?}");
        let failed = tokio::spawn(page.finish()).await.unwrap_err();
        let message = failed.into_panic().downcast::<String>().unwrap();
        assert!(message.contains(words), "{path}: {message}");
    }
    // An expected error does not fail the test; its absence does.
    for (path, good) in [("/bad/console", true), ("/", false)] {
        let page = browser.page().await;
        page.expect_error("it went wrong");
        page.goto(&site.url(path)).await;
        assert_eq!(tokio::spawn(page.finish()).await.is_ok(), good, "{path}");
    }
    let forgotten = browser.page().await;
    assert!(tokio::spawn(async move { drop(forgotten) }).await.unwrap_err().is_panic());
}

#[tokio::test(flavor = "multi_thread")]
async fn axe_finds_violations() {
    let (site, page) = open("/").await;
    assert_eq!(page.axe().await, [""; 0]);
    page.goto(&site.url("/unfit")).await;
    let found = page.axe().await;
    for rule in ["image-alt", "color-contrast", "html-has-lang", "label"] {
        let line = found.iter().find(|line| line.starts_with(&format!("{rule} (")));
        assert!(line.is_some_and(|line| line.contains('<')), "{rule}: {found:#?}");
    }
    // axe is invisible to the page and violates none of its policies.
    assert!(page.js::<bool>("typeof axe === 'undefined'").await);
    page.finish().await;
}

/// Both when the test passes and when it fails.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_outlives_a_test() {
    for fails in [false, true] {
        let browser = Browser::launch().await;
        let profile = browser.profile();
        assert!(!processes(&profile).is_empty());
        let test = tokio::spawn(async move {
            let page = browser.page().await;
            assert!(!fails, "as a test does");
            page.finish().await;
        });
        assert_eq!(test.await.is_err(), fails);
        let mut left = processes(&profile);
        for _ in 0..100 {
            if left.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            left = processes(&profile);
        }
        assert!(left.is_empty(), "{left:?}");
        assert!(!profile.exists());
    }
}

/// The processes whose home is this folder.
fn processes(home: &std::path::Path) -> Vec<String> {
    let home = format!("HOME={}", home.display());
    let entries = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    let at_home = entries.filter(|process| {
        let environment = fs::read(process.join("environ")).unwrap_or_default();
        environment.split(|&byte| byte == 0).any(|variable| variable == home.as_bytes())
    });
    at_home.map(|process| process.display().to_string()).collect()
}
