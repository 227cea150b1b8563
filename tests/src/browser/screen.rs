//! Window size, colour scheme and print media of a page, and screenshots for people to inspect.

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
    /// Respects the page's viewport and has two device pixels per pixel.
    pub phone: bool,
}

impl Screen {
    pub const DESKTOP: Self = Self { width: 1280, height: 900, phone: false };
    pub const PHONE: Self = Self { width: 360, height: 740, phone: true };
}

/// The system's preferred colour scheme.
#[derive(Clone, Copy, Debug)]
pub enum Theme {
    Light,
    Dark,
}

/// The innermost elements that extend beyond the window's right edge, unless an ancestor scrolls or clips them.
const OVERFLOWING: &str = "
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

    /// Sets the colour scheme, with reduced motion so that screenshots show the final state.
    pub async fn theme(&self, theme: Theme) {
        self.media("", theme).await;
    }

    /// Shows the page as printed, until the next `theme`.
    pub async fn print_media(&self) {
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

    /// The elements that make the page wider than its window, one line each.
    pub async fn overflowing_elements(&self) -> Vec<String> {
        self.js(OVERFLOWING).await
    }

    /// Saves a screenshot of the whole page as NAME.png in [`screenshots`].
    pub async fn screenshot(&self, name: &str) -> PathBuf {
        // Not chromiumoxide's `full_page`, which resets the screen size.
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

/// The folder of screenshots: `tmp` in Cargo's target folder.
pub fn screenshots() -> PathBuf {
    let here = std::env::current_exe().expect("the test's own path");
    let target = here.ancestors().nth(3).expect("target folder");
    target.join("tmp/screenshots")
}
