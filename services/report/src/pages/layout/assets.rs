//! Style sheet, scripts and icon, embedded in the program. Paths contain a hash of the content.

use std::sync::LazyLock;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::compact::compact;
use crate::charts;

/// Those of media, at the end of the second, apply to both.
const RULES: &str = concat!(
    include_str!("../../../assets/incidents.css"),
    include_str!("../../../assets/report.css")
);
/// The script of the pages and of the HTML file.
pub const SCRIPT: &str = include_str!("../../../assets/report.js");
/// The script of pages with a timeline.
pub const TIMELINE: &str = include_str!("../../../assets/timeline.js");
/// The script of the table of suspects.
pub const SUSPECTS: &str = include_str!("../../../assets/suspects.js");
pub const ICON: &str = include_str!("../../../assets/favicon.svg");

/// The style sheet: themes, rules of the pages, rules of the charts.
pub static STYLE: LazyLock<String> = LazyLock::new(|| {
    let dark = format!("{}{}", charts::DARK, DARK);
    format!(
        ":root{{color-scheme:light;{}{LIGHT}}}\n\
         :root[data-theme=dark]{{color-scheme:dark;{dark}}}\n\
         @media screen and (prefers-color-scheme:dark){{\
         :root:not([data-theme=light]){{color-scheme:dark;{dark}}}}}\n\
         @media print{{:root,:root[data-theme=dark]{{color-scheme:light;{}{LIGHT}}}}}\n\
         {}\n{}\n",
        charts::LIGHT,
        charts::LIGHT,
        compact(RULES),
        charts::THEMED,
    )
});

/// Colours of the pages beside those of the charts.
const LIGHT: &str = "--page:#f4f6f7;--link:#0b5d52;--link-soft:#e3efec;--strong:#aab3bd;\
                     --found:#b81525;--found-soft:#fbeaeb;--high-soft:#fbe9ea;\
                     --medium-soft:#fbf0df;--low-soft:#e7eff8;\
                     --none-soft:#eceff2;--row:#f7f9fa;";
const DARK: &str = "--page:#0e1013;--link:#8fe3cf;--link-soft:#14312c;--strong:#4a535f;\
                    --found:#ff8a82;--found-soft:#3a1a1c;--high-soft:#3b1b1d;\
                    --medium-soft:#352713;--low-soft:#17283b;\
                    --none-soft:#262c34;--row:#1a1e24;";

/// The paths of style sheet and scripts.
#[derive(Clone, Copy, Debug)]
pub struct AssetPaths {
    pub style: &'static str,
    pub script: &'static str,
    pub timeline: &'static str,
    pub suspects: &'static str,
}

pub fn paths() -> AssetPaths {
    static STYLE_PATH: LazyLock<String> =
        LazyLock::new(|| format!("/assets/report-{}.css", fingerprint(&STYLE, 8)));
    static SCRIPT_PATH: LazyLock<String> =
        LazyLock::new(|| format!("/assets/report-{}.js", fingerprint(SCRIPT, 8)));
    static TIMELINE_PATH: LazyLock<String> =
        LazyLock::new(|| format!("/assets/timeline-{}.js", fingerprint(TIMELINE, 8)));
    static SUSPECTS_PATH: LazyLock<String> =
        LazyLock::new(|| format!("/assets/suspects-{}.js", fingerprint(SUSPECTS, 8)));
    AssetPaths {
        style: &STYLE_PATH,
        script: &SCRIPT_PATH,
        timeline: &TIMELINE_PATH,
        suspects: &SUSPECTS_PATH,
    }
}

/// The first bytes of the SHA-256 of a text, in hexadecimal.
pub fn fingerprint(text: &str, bytes: usize) -> String {
    let hash = Sha256::digest(text);
    HEXLOWER.encode(&hash[..bytes.min(hash.len())])
}
