//! One page: navigation, queries, and the final check for errors.

use std::{
    fmt::Write,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use chromiumoxide::{
    Page as Tab,
    cdp::{
        browser_protocol::page::NavigateParams,
        js_protocol::runtime::{EvaluateParams, ExecutionContextId},
    },
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Browser, PageMonitor, Request, monitor::MARK};

/// How long a page may take to reach an expected state.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(20);

/// A page; dropping it without [`Page::finish`] fails the test.
#[must_use]
pub struct Page {
    pub(super) browser: Browser,
    pub(super) tab: Tab,
    watch: PageMonitor,
    expected: Mutex<Vec<String>>,
    marks: AtomicU64,
    finished: bool,
}

/// The addresses of the page's completely loaded resources.
const LOADED_RESOURCES: &str = "document.readyState !== 'complete' ? [] : [...document.querySelectorAll('link[rel=icon]')]\
    .map(e => e.href).concat(performance.getEntriesByType('resource').filter(e => e.responseEnd > 0).map(e => e.name))";

impl Page {
    pub(super) fn new(browser: Browser, tab: Tab, watch: PageMonitor) -> Self {
        let (expected, marks) = (Mutex::default(), AtomicU64::new(0));
        Self { browser, tab, watch, expected, marks, finished: false }
    }

    /// Opens an address and waits until the page is loaded.
    pub async fn goto(&self, url: &str) {
        let to = NavigateParams::new(url);
        let gone = self.tab.execute(to).await.unwrap_or_else(|error| panic!("{url}: {error}"));
        assert!(gone.error_text.is_none(), "{url}: {:?}", gone.error_text);
        self.wait_until("document.readyState === 'complete'", url).await;
    }

    /// Clicks a link and waits until the next page is loaded.
    pub async fn follow(&self, selector: &str) {
        let before: f64 = self.js("performance.timeOrigin").await;
        self.click(selector).await;
        let arrived =
            format!("performance.timeOrigin !== {before} && document.readyState === 'complete'");
        self.wait_until(&arrived, &format!("a page behind {selector}")).await;
    }

    pub async fn reload(&self) {
        let url = self.url().await;
        self.goto(&url).await;
    }

    pub async fn url(&self) -> String {
        self.js("location.href").await
    }

    /// Evaluates an expression, awaiting promises. The page's script policy does not apply to it.
    pub async fn js<T: DeserializeOwned>(&self, expression: &str) -> T {
        let value = self.evaluate(expression, None).await;
        let value = value.unwrap_or_else(|error| panic!("{expression}: {error}"));
        serde_json::from_value(value).unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    pub(super) async fn evaluate(
        &self,
        expression: &str,
        world: Option<ExecutionContextId>,
    ) -> Result<Value, String> {
        let mut evaluate = EvaluateParams::new(expression);
        evaluate.context_id = world;
        evaluate.await_promise = Some(true);
        evaluate.return_by_value = Some(true);
        let done = self.tab.execute(evaluate).await.map_err(|error| error.to_string())?.result;
        if let Some(thrown) = done.exception_details {
            let description = thrown.exception.and_then(|exception| exception.description);
            return Err(description.unwrap_or(thrown.text));
        }
        Ok(done.result.value.unwrap_or(Value::Null))
    }

    /// Waits until an expression is true; `what` names it in the message.
    pub async fn wait_until(&self, expression: &str, what: &str) {
        let until = Instant::now() + PATIENCE;
        loop {
            // During navigation the evaluation fails.
            let result = self.evaluate(&format!("Boolean({expression})"), None).await;
            if result == Ok(Value::Bool(true)) {
                return;
            }
            assert!(Instant::now() < until, "{what}: not within {PATIENCE:?} ({result:?})");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Waits until an element exists.
    pub async fn wait_for(&self, selector: &str) {
        let there = format!("document.querySelector({})", quoted(selector));
        self.wait_until(&there, selector).await;
    }

    /// The current number of matching elements.
    pub async fn count(&self, selector: &str) -> usize {
        self.each(selector, "1").await.len()
    }

    /// The visible text of the first element, which is waited for.
    pub async fn text(&self, selector: &str) -> String {
        self.first(selector, SHOWN).await
    }

    pub async fn texts(&self, selector: &str) -> Vec<String> {
        let texts = self.each(selector, SHOWN).await;
        texts.iter().map(|text| text.as_str().unwrap_or_default().to_owned()).collect()
    }

    pub async fn attribute(&self, selector: &str, name: &str) -> Option<String> {
        self.first(selector, &format!("e.getAttribute({})", quoted(name))).await
    }

    /// A property of a control, such as `value` or `checked`.
    pub async fn property<T: DeserializeOwned>(&self, selector: &str, name: &str) -> T {
        self.first(selector, &format!("e[{}]", quoted(name))).await
    }

    /// A computed style of the first element, such as `rgb(0, 0, 0)` for `fill`.
    pub async fn style(&self, selector: &str, property: &str) -> String {
        self.first(selector, &computed(property)).await
    }

    /// The computed style of each element.
    pub async fn styles(&self, selector: &str, property: &str) -> Vec<String> {
        let styles = self.each(selector, &computed(property)).await;
        styles.iter().map(|style| style.as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Whether the first element is visible.
    pub async fn visible(&self, selector: &str) -> bool {
        let check = "e.checkVisibility({visibilityProperty: true, opacityProperty: true})";
        self.first(selector, check).await
    }

    async fn first<T: DeserializeOwned>(&self, selector: &str, expression: &str) -> T {
        self.wait_for(selector).await;
        self.js(&format!("(e => {expression})(document.querySelector({}))", quoted(selector))).await
    }

    async fn each(&self, selector: &str, expression: &str) -> Vec<Value> {
        let all = format!("document.querySelectorAll({})", quoted(selector));
        self.js(&format!("Array.from({all}, e => {expression})")).await
    }

    /// Waits until all past events are recorded and no request is open.
    pub async fn settle(&self) {
        let mark = self.marks.fetch_add(1, Ordering::Relaxed) + 1;
        let _: Value = self.js(&format!("console.debug('{MARK}{mark}')")).await;
        let until = Instant::now() + PATIENCE;
        loop {
            let open = {
                let log = self.watch.log();
                if log.mark >= mark && log.open.is_empty() {
                    return;
                }
                (log.mark, log.open.values().cloned().collect::<Vec<_>>())
            };
            assert!(
                Instant::now() < until,
                "mark {mark} or the ends of requests are missing: {open:?}"
            );
            // Resources from the browser's cache may have no end event.
            let there: Vec<String> = self.js(LOADED_RESOURCES).await;
            self.watch.log().open.retain(|_, url| !there.contains(url));
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// All requests so far, in order.
    pub async fn requests(&self) -> Vec<Request> {
        self.settle().await;
        self.watch.log().requests.clone()
    }

    /// The last request to this address, with its response.
    #[track_caller]
    pub fn last_request(&self, url: &str) -> Request {
        let log = self.watch.log();
        let found = log.requests.iter().rev().find(|request| request.url == url);
        found.unwrap_or_else(|| panic!("no request to {url}: {:#?}", log.requests)).clone()
    }

    /// The console's lines so far.
    pub async fn console(&self) -> Vec<String> {
        self.settle().await;
        self.watch.log().console.clone()
    }

    /// The errors so far, which would fail the test.
    pub async fn errors(&self) -> Vec<String> {
        self.settle().await;
        let mut errors = self.watch.log().errors.clone();
        errors.extend(self.browser.unread());
        errors
    }

    /// Expects an error with these words: it does not fail the test, its absence does.
    pub fn expect_error(&self, words: &str) {
        self.expected.lock().unwrap_or_else(PoisonError::into_inner).push(words.to_owned());
    }

    /// Closes the page.
    ///
    /// # Panics
    /// If there was an unexpected error, exception, policy violation or external request, or an expected error is missing.
    pub async fn finish(mut self) {
        let errors = self.errors().await;
        self.finished = true;
        let expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut report = String::new();
        for error in &errors {
            if !expected.iter().any(|words| error.contains(words)) {
                let _ = writeln!(report, "- {error}");
            }
        }
        for words in &expected {
            if !errors.iter().any(|error| error.contains(words)) {
                let _ = writeln!(report, "- expected {words:?}, which did not occur");
            }
        }
        assert!(report.is_empty(), "{}\n{report}", self.url().await);
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let checked = self.finished || std::thread::panicking();
        assert!(checked, "a page was dropped without `finish`, so its errors were not checked");
    }
}

/// The visible text; SVG elements have only `textContent`.
const SHOWN: &str = "(e.innerText ?? e.textContent).trim()";

fn computed(property: &str) -> String {
    format!("getComputedStyle(e).getPropertyValue({})", quoted(property))
}

/// The text as a JavaScript string literal.
pub(super) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
