//! Mouse and keyboard input. As for a person, covered or invisible elements can't be clicked.

use std::time::Instant;

use chromiumoxide::{
    cdp::browser_protocol::input::{
        DispatchKeyEventParams, DispatchKeyEventType, DispatchMouseEventParams,
        DispatchMouseEventType, InsertTextParams, MouseButton,
    },
    keys::get_key_definition,
};
use serde_json::Value;

use super::page::{PATIENCE, Page, quoted};

/// Finds the first element that the pointer can reach at this share of its width and height. Returns its index and
/// the point, or the reason why there is none.
const REACH: &str = "
(selector, across, down) => {
    const name = e => e.cloneNode(false).outerHTML;
    let reason = 'is not there';
    for (const [place, e] of Array.from(document.querySelectorAll(selector)).slice(0, 200).entries()) {
        e.scrollIntoView({ block: 'center', inline: 'center', behavior: 'instant' });
        const box = e.getBoundingClientRect();
        if (!box.width && !box.height) { reason = 'takes no room'; continue; }
        const x = box.left + box.width * across, y = box.top + box.height * down;
        const hit = document.elementFromPoint(x, y);
        if (hit && e.contains(hit)) return [place, x, y];
        reason = hit ? 'is covered by ' + name(hit) : 'is outside the window';
    }
    return reason;
}";

impl Page {
    /// Clicks the first reachable element; returns its index among the selector's matches.
    pub async fn click(&self, selector: &str) -> usize {
        let (place, x, y) = self.reach(selector, 0.5, 0.5).await;
        self.press_at(x, y).await;
        self.release_at(x, y).await;
        place
    }

    /// Moves the pointer over the first reachable element; returns its index among the selector's matches.
    pub async fn hover(&self, selector: &str) -> usize {
        let (place, x, y) = self.reach(selector, 0.5, 0.5).await;
        self.move_to(x, y, false).await;
        place
    }

    /// Drags from one share of an element's width to another.
    pub async fn drag(&self, selector: &str, from: f64, to: f64) {
        let (_, start, y) = self.reach(selector, from, 0.5).await;
        let (_, end, _) = self.reach(selector, to, 0.5).await;
        self.press_at(start, y).await;
        for step in 1..=10 {
            self.move_to(start + (end - start) * f64::from(step) / 10.0, y, true).await;
        }
        self.release_at(end, y).await;
    }

    /// Focuses an element.
    pub async fn focus(&self, selector: &str) {
        self.wait_for(selector).await;
        let focus = format!("document.querySelector({}).focus()", quoted(selector));
        let _: Value = self.js(&focus).await;
    }

    /// The opening tag of the focused element.
    pub async fn focused(&self) -> String {
        self.js("document.activeElement.cloneNode(false).outerHTML").await
    }

    /// Moves a slider to a value with arrow keys.
    ///
    /// # Panics
    /// If it does not reach the value.
    pub async fn slide(&self, selector: &str, value: f64) {
        self.focus(selector).await;
        let e = format!("document.querySelector({})", quoted(selector));
        let state = format!("[{e}.valueAsNumber, Number({e}.step || 1)]");
        let (now, step): (f64, f64) = self.js(&state).await;
        let key = if value > now { "ArrowRight" } else { "ArrowLeft" };
        let mut left = ((value - now) / step).abs().round();
        while left > 0.0 {
            self.key(key).await;
            left -= 1.0;
        }
        let reached: f64 = self.js(&format!("{e}.valueAsNumber")).await;
        assert!((reached - value).abs() < step / 2.0, "{selector} is at {reached}, not {value}");
    }

    /// Replaces the content of a field by typing.
    pub async fn fill(&self, selector: &str, text: &str) {
        self.click(selector).await;
        self.key("Control+a").await;
        self.key("Delete").await;
        for letter in text.chars() {
            let letter = letter.to_string();
            if get_key_definition(&letter).is_some() {
                self.key(&letter).await;
            } else {
                // No key types it.
                self.tab.execute(InsertTextParams::new(letter)).await.expect("text is inserted");
            }
        }
    }

    /// Presses and releases a key, such as `Enter` or `Shift+Tab`.
    pub async fn key(&self, keys: &str) {
        let mut names: Vec<&str> = keys.split('+').collect();
        let name = names.pop().filter(|name| !name.is_empty()).unwrap_or("+");
        let modifiers = names.iter().map(|name| match *name {
            "Alt" => 1,
            "Control" => 2,
            "Shift" => 8,
            _ => panic!("no key {name} to hold"),
        });
        let modifiers: i64 = modifiers.sum();
        let writes = names.iter().all(|name| *name == "Shift");
        let key = get_key_definition(name).unwrap_or_else(|| panic!("no key {name}"));
        let text = key.text.or_else(|| (key.key.chars().count() == 1).then_some(key.key));
        let text = text.filter(|_| writes);
        let down = if text.is_some() {
            DispatchKeyEventType::KeyDown
        } else {
            DispatchKeyEventType::RawKeyDown
        };
        for kind in [down, DispatchKeyEventType::KeyUp] {
            let up = kind == DispatchKeyEventType::KeyUp;
            let mut event = DispatchKeyEventParams::new(kind);
            event.modifiers = Some(modifiers);
            event.key = Some(key.key.into());
            event.code = Some(key.code.into());
            event.windows_virtual_key_code = Some(key.key_code);
            event.text = text.filter(|_| !up).map(Into::into);
            self.tab.execute(event).await.unwrap_or_else(|error| panic!("{keys}: {error}"));
        }
    }

    async fn reach(&self, selector: &str, across: f64, down: f64) -> (usize, f64, f64) {
        let reach = format!("({REACH})({}, {across}, {down})", quoted(selector));
        let until = Instant::now() + PATIENCE;
        loop {
            let result = self.evaluate(&reach, None).await;
            if let Ok(point) =
                result.clone().map_or(Ok(None), |v| serde_json::from_value(v).map(Some))
                && let Some(point) = point
            {
                return point;
            }
            assert!(Instant::now() < until, "{selector} can't be reached: {result:?}");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    async fn press_at(&self, x: f64, y: f64) {
        self.move_to(x, y, false).await;
        self.mouse(DispatchMouseEventType::MousePressed, x, y, true).await;
    }

    async fn release_at(&self, x: f64, y: f64) {
        self.mouse(DispatchMouseEventType::MouseReleased, x, y, false).await;
    }

    async fn move_to(&self, x: f64, y: f64, pressed: bool) {
        self.mouse(DispatchMouseEventType::MouseMoved, x, y, pressed).await;
    }

    async fn mouse(&self, kind: DispatchMouseEventType, x: f64, y: f64, pressed: bool) {
        let moved = kind == DispatchMouseEventType::MouseMoved;
        let mut event = DispatchMouseEventParams::new(kind, x, y);
        let idle = moved && !pressed;
        event.button = Some(if idle { MouseButton::None } else { MouseButton::Left });
        event.buttons = Some(i64::from(pressed));
        event.click_count = Some(i64::from(!moved));
        self.tab.execute(event).await.expect("the mouse is moved");
    }
}
