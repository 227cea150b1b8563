//! The mouse and the keys. What is covered or can't be seen can't be clicked, as by a person.

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

/// Finds the first element that a pointer reaches at this share of its width and height: its place in the list and
/// the point; otherwise, why there is none.
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
    /// Clicks the first element that can be; its place among all that the selector names.
    pub async fn click(&self, selector: &str) -> usize {
        let (place, x, y) = self.reach(selector, 0.5, 0.5).await;
        self.press_at(x, y).await;
        self.release_at(x, y).await;
        place
    }

    /// Holds the pointer over the first element that can be reached; its place among all that the selector names.
    pub async fn hover(&self, selector: &str) -> usize {
        let (place, x, y) = self.reach(selector, 0.5, 0.5).await;
        self.move_to(x, y, false).await;
        place
    }

    /// Presses the button at one share of an element's width, moves to another and lets go.
    pub async fn drag(&self, selector: &str, from: f64, to: f64) {
        let (_, start, y) = self.reach(selector, from, 0.5).await;
        let (_, end, _) = self.reach(selector, to, 0.5).await;
        self.press_at(start, y).await;
        for step in 1..=10 {
            self.move_to(start + (end - start) * f64::from(step) / 10.0, y, true).await;
        }
        self.release_at(end, y).await;
    }

    /// Gives the keys to an element.
    pub async fn focus(&self, selector: &str) {
        self.until_there(selector).await;
        let focus = format!("document.querySelector({}).focus()", quoted(selector));
        let _: Value = self.js(&focus).await;
    }

    /// The element that has the keys, as its opening tag.
    pub async fn focused(&self) -> String {
        self.js("document.activeElement.cloneNode(false).outerHTML").await
    }

    /// Moves a slider to a value by arrow keys.
    ///
    /// # Panics
    /// If it does not stand there afterwards.
    pub async fn slide(&self, selector: &str, value: f64) {
        self.focus(selector).await;
        let e = format!("document.querySelector({})", quoted(selector));
        let stand = format!("[{e}.valueAsNumber, Number({e}.step || 1)]");
        let (now, step): (f64, f64) = self.js(&stand).await;
        let key = if value > now { "ArrowRight" } else { "ArrowLeft" };
        let mut left = ((value - now) / step).abs().round();
        while left > 0.0 {
            self.key(key).await;
            left -= 1.0;
        }
        let stands: f64 = self.js(&format!("{e}.valueAsNumber")).await;
        assert!((stands - value).abs() < step / 2.0, "{selector} stands at {stands}, not {value}");
    }

    /// Types into a field, in place of what is there.
    pub async fn fill(&self, selector: &str, text: &str) {
        self.click(selector).await;
        self.key("Control+a").await;
        self.key("Delete").await;
        for letter in text.chars() {
            let letter = letter.to_string();
            if get_key_definition(&letter).is_some() {
                self.key(&letter).await;
            } else {
                // No key has it.
                self.tab.execute(InsertTextParams::new(letter)).await.expect("text is put in");
            }
        }
    }

    /// Presses and lets go of a key, such as `Enter` or `Shift+Tab`.
    pub async fn key(&self, keys: &str) {
        let mut names: Vec<&str> = keys.split('+').collect();
        let name = names.pop().filter(|name| !name.is_empty()).unwrap_or("+");
        let modifiers = names.iter().map(|name| match *name {
            "Alt" => 1,
            "Control" => 2,
            "Shift" => 8,
            _ => 0,
        });
        let modifiers: i64 = modifiers.sum();
        let key = get_key_definition(name).unwrap_or_else(|| panic!("no key {name}"));
        let text = key.text.or_else(|| (key.key.chars().count() == 1).then_some(key.key));
        let text = text.filter(|_| modifiers.trailing_zeros() >= 2);
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
            let told = self.evaluate(&reach, None).await;
            if let Ok(point) =
                told.clone().map_or(Ok(None), |v| serde_json::from_value(v).map(Some))
                && let Some(point) = point
            {
                return point;
            }
            assert!(Instant::now() < until, "{selector} can't be reached: {told:?}");
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
