//! One page: going somewhere, reading what is there, and the verdict at its end.

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

use super::{Browser, Request, Watch, watch::MARK};

/// How long a page may take to be as a test wants it.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(20);

/// Ended by [`Page::done`], without which it fails its test.
#[must_use]
pub struct Page {
    pub(super) browser: Browser,
    pub(super) tab: Tab,
    watch: Watch,
    expected: Mutex<Vec<String>>,
    marks: AtomicU64,
    finished: bool,
}

/// Addresses of what the page has whole.
const THERE: &str = "document.readyState !== 'complete' ? [] : [...document.querySelectorAll('link[rel=icon]')]\
    .map(e => e.href).concat(performance.getEntriesByType('resource').filter(e => e.responseEnd > 0).map(e => e.name))";

impl Page {
    pub(super) fn new(browser: Browser, tab: Tab, watch: Watch) -> Self {
        let (expected, marks) = (Mutex::default(), AtomicU64::new(0));
        Self { browser, tab, watch, expected, marks, finished: false }
    }

    /// Opens an address and waits until its page is loaded.
    pub async fn goto(&self, url: &str) {
        let to = NavigateParams::new(url);
        let gone = self.tab.execute(to).await.unwrap_or_else(|error| panic!("{url}: {error}"));
        assert!(gone.error_text.is_none(), "{url}: {:?}", gone.error_text);
        self.until("document.readyState === 'complete'", url).await;
    }

    /// Clicks what leads to another page, and waits until that is loaded.
    pub async fn follow(&self, selector: &str) {
        let before: f64 = self.js("performance.timeOrigin").await;
        self.click(selector).await;
        let arrived =
            format!("performance.timeOrigin !== {before} && document.readyState === 'complete'");
        self.until(&arrived, &format!("a page behind {selector}")).await;
    }

    pub async fn reload(&self) {
        let url = self.url().await;
        self.goto(&url).await;
    }

    pub async fn url(&self) -> String {
        self.js("location.href").await
    }

    /// What an expression is, or what it resolves to. Policies on scripts do not apply to it.
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
            let of = thrown.exception.and_then(|exception| exception.description);
            return Err(of.unwrap_or(thrown.text));
        }
        Ok(done.result.value.unwrap_or(Value::Null))
    }

    /// Waits until an expression is true; `what` names it in the message.
    pub async fn until(&self, expression: &str, what: &str) {
        let until = Instant::now() + PATIENCE;
        loop {
            // A page that is being left can't answer.
            let told = self.evaluate(&format!("Boolean({expression})"), None).await;
            if told == Ok(Value::Bool(true)) {
                return;
            }
            assert!(Instant::now() < until, "{what}: not within {PATIENCE:?} ({told:?})");
            tokio::time::sleep(PAUSE).await;
        }
    }

    pub async fn until_there(&self, selector: &str) {
        let there = format!("document.querySelector({})", quoted(selector));
        self.until(&there, selector).await;
    }

    /// How many elements are there now.
    pub async fn count(&self, selector: &str) -> usize {
        self.each(selector, "1").await.len()
    }

    /// As it is shown, of the first element, which is waited for.
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

    /// Of a control, such as `value` or `checked`.
    pub async fn property<T: DeserializeOwned>(&self, selector: &str, name: &str) -> T {
        self.first(selector, &format!("e[{}]", quoted(name))).await
    }

    /// A computed style of the first element, such as `rgb(0, 0, 0)` for `fill`.
    pub async fn style(&self, selector: &str, property: &str) -> String {
        self.first(selector, &computed(property)).await
    }

    /// That of each.
    pub async fn styles(&self, selector: &str, property: &str) -> Vec<String> {
        let styles = self.each(selector, &computed(property)).await;
        styles.iter().map(|style| style.as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Whether the first element takes room and can be seen.
    pub async fn visible(&self, selector: &str) -> bool {
        let check = "e.checkVisibility({visibilityProperty: true, opacityProperty: true})";
        self.first(selector, check).await
    }

    async fn first<T: DeserializeOwned>(&self, selector: &str, of: &str) -> T {
        self.until_there(selector).await;
        self.js(&format!("(e => {of})(document.querySelector({}))", quoted(selector))).await
    }

    async fn each(&self, selector: &str, of: &str) -> Vec<Value> {
        let all = format!("document.querySelectorAll({})", quoted(selector));
        self.js(&format!("Array.from({all}, e => {of})")).await
    }

    /// Waits until everything that happened so far was seen, and no answer is awaited.
    pub async fn settle(&self) {
        let mark = self.marks.fetch_add(1, Ordering::Relaxed) + 1;
        let _: Value = self.js(&format!("console.debug('{MARK}{mark}')")).await;
        let until = Instant::now() + PATIENCE;
        loop {
            let open = {
                let seen = self.watch.seen();
                if seen.mark >= mark && seen.open.is_empty() {
                    return;
                }
                (seen.mark, seen.open.values().cloned().collect::<Vec<_>>())
            };
            assert!(
                Instant::now() < until,
                "mark {mark} or the ends of requests are missing: {open:?}"
            );
            // What comes from the browser's own cache may have no end that is told.
            let there: Vec<String> = self.js(THERE).await;
            self.watch.seen().open.retain(|_, url| !there.contains(url));
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Everything that was asked for so far, in order.
    pub async fn requests(&self) -> Vec<Request> {
        self.settle().await;
        self.watch.seen().requests.clone()
    }

    /// The last answer from this address.
    #[track_caller]
    pub fn answer(&self, url: &str) -> Request {
        let seen = self.watch.seen();
        let found = seen.requests.iter().rev().find(|request| request.url == url);
        found.unwrap_or_else(|| panic!("nobody asked for {url}: {:#?}", seen.requests)).clone()
    }

    /// What the console said so far.
    pub async fn console(&self) -> Vec<String> {
        self.settle().await;
        self.watch.seen().console.clone()
    }

    /// What would fail the test so far.
    pub async fn troubles(&self) -> Vec<String> {
        self.settle().await;
        let mut troubles = self.watch.seen().troubles.clone();
        troubles.extend(self.browser.unread());
        troubles
    }

    /// A trouble with these words has to come, and is none.
    pub fn expect_trouble(&self, words: &str) {
        self.expected.lock().unwrap_or_else(PoisonError::into_inner).push(words.to_owned());
    }

    /// Ends the page: no error, no exception, no violated policy, nothing asked for outside.
    ///
    /// # Panics
    /// If there was one.
    pub async fn done(mut self) {
        let troubles = self.troubles().await;
        self.finished = true;
        let expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut told = String::new();
        for trouble in &troubles {
            if !expected.iter().any(|words| trouble.contains(words)) {
                let _ = writeln!(told, "- {trouble}");
            }
        }
        for words in &expected {
            if !troubles.iter().any(|trouble| trouble.contains(words)) {
                let _ = writeln!(told, "- no {words:?} came");
            }
        }
        assert!(told.is_empty(), "{}\n{told}", self.url().await);
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let judged = self.finished || std::thread::panicking();
        assert!(judged, "a page was dropped without `done`, so nobody saw its troubles");
    }
}

/// Text as people see it; what is drawn has no other.
const SHOWN: &str = "(e.innerText ?? e.textContent).trim()";

fn computed(property: &str) -> String {
    format!("getComputedStyle(e).getPropertyValue({})", quoted(property))
}

/// A string in a script.
pub(super) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
