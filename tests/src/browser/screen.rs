//! How large the page is, in which colours, on paper; and pictures of it for people to look at.

use std::{fs, path::PathBuf};

use chromiumoxide::{
    cdp::browser_protocol::{
        emulation::{MediaFeature, SetDeviceMetricsOverrideParams, SetEmulatedMediaParams},
        page::Viewport,
    },
    page::ScreenshotParams,
};

use super::Page;

#[derive(Clone, Copy, Debug)]
pub struct Screen {
    pub width: u16,
    pub height: u16,
    /// Heeds the page's viewport, and has two dots a pixel.
    pub phone: bool,
}

impl Screen {
    pub const DESKTOP: Self = Self { width: 1280, height: 900, phone: false };
    pub const PHONE: Self = Self { width: 360, height: 740, phone: true };
}

/// What the system's settings ask for.
#[derive(Clone, Copy, Debug)]
pub enum Theme {
    Light,
    Dark,
}

/// The innermost elements that reach beyond the window's right side, unless something around them scrolls or cuts them.
const BEYOND: &str = "
(() => {
    const wide = document.documentElement.clientWidth;
    const shows = e => getComputedStyle(e).overflowX === 'visible';
    const right = e => {
        const box = e.getBoundingClientRect();
        return box.left + Math.max(box.width, shows(e) ? e.scrollWidth : 0);
    };
    const held = e => {
        for (let p = e.parentElement; p && p !== document.body; p = p.parentElement) if (!shows(p)) return true;
        return false;
    };
    const all = Array.from(document.body.querySelectorAll('*'));
    const beyond = all.filter(e => right(e) > wide + 1 && e.getBoundingClientRect().width > 0 && !held(e));
    const inner = beyond.filter(e => !beyond.some(other => other !== e && e.contains(other)));
    const lines = inner.map(e => `${e.cloneNode(false).outerHTML}: ${right(e)} > ${wide}`);
    const scrolls = document.documentElement.scrollWidth;
    if (scrolls > wide + 1) lines.push(`the page scrolls sideways: ${scrolls} > ${wide}`);
    return lines;
})()";

impl Page {
    pub async fn screen(&self, screen: Screen) {
        let (width, height) = (i64::from(screen.width), i64::from(screen.height));
        let dots = if screen.phone { 2.0 } else { 1.0 };
        let set = SetDeviceMetricsOverrideParams::new(width, height, dots, screen.phone);
        self.tab.execute(set).await.expect("the screen is set");
    }

    /// With reduced motion, so that pictures show where things come to rest.
    pub async fn theme(&self, theme: Theme) {
        self.media("", theme).await;
    }

    /// As it is printed, until the next `theme`.
    pub async fn paper(&self) {
        self.media("print", Theme::Light).await;
    }

    async fn media(&self, media: &str, theme: Theme) {
        let scheme = match theme {
            Theme::Light => "light",
            Theme::Dark => "dark",
        };
        let features = vec![
            MediaFeature::new("prefers-color-scheme", scheme),
            MediaFeature::new("prefers-reduced-motion", "reduce"),
        ];
        let set = SetEmulatedMediaParams { media: Some(media.into()), features: Some(features) };
        self.tab.execute(set).await.expect("the media are set");
    }

    /// What makes the page wider than its window, a line each; such a page is no use on a phone.
    pub async fn beyond(&self) -> Vec<String> {
        self.js(BEYOND).await
    }

    /// A picture of the whole page, as NAME.png in [`screenshots`].
    pub async fn screenshot(&self, name: &str) -> PathBuf {
        // Not chromiumoxide's `full_page`, which ends the screen that was set.
        let size = self.tab.layout_metrics().await.expect("the page's size").css_content_size;
        let clip = Viewport { x: 0.0, y: 0.0, width: size.width, height: size.height, scale: 1.0 };
        let whole = ScreenshotParams::builder().clip(clip).capture_beyond_viewport(true).build();
        let picture = self.tab.screenshot(whole).await.expect("a picture");
        let path = screenshots().join(format!("{name}.png"));
        fs::create_dir_all(screenshots()).expect("a folder for pictures");
        fs::write(&path, picture).expect("the picture is written");
        path
    }
}

/// The folder of pictures: beside what is compiled, where Cargo has its `tmp`.
pub fn screenshots() -> PathBuf {
    let here = std::env::current_exe().expect("the test's own path");
    let target = here.ancestors().nth(3).expect("target folder");
    target.join("tmp/screenshots")
}
