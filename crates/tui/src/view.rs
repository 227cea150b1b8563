//! What is drawn of a model. The same model gives the same cells.

use ratatui_core::{buffer::Buffer, layout::Rect};

use crate::{
    canvas::Canvas,
    model::{Model, Screen},
    mouse::Targets,
    screens,
    text::{clip, grouped, width},
    theme::{BOLD, PLAIN, Theme},
    widgets::{keybar, rail, yaml},
};

/// The cells of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub width: u16,
    pub height: u16,
}

/// From this width on there are three columns.
const WIDE: u16 = 110;
/// Cells of the rail there, and of the text of the settings.
const RAIL: usize = 15;
/// Below this, the parts around a screen are left out.
const SMALL: (u16, u16) = (60, 16);
const LEAST: (u16, u16) = (20, 5);
/// Lines of the settings below a screen.
const YAML_LINES: usize = 5;

impl Model {
    /// Draws all.
    pub fn view(&self) -> Buffer {
        self.draw().0
    }

    /// Draws all, with what its parts do when they are clicked.
    pub(crate) fn draw(&self) -> (Buffer, Targets) {
        let Size { width, height } = self.size;
        let area = Rect { x: 0, y: 0, width, height };
        let mut buffer = Buffer::empty(area);
        let theme = Theme { color: self.options.color };
        let mut targets = Targets::new();
        let mut canvas = Canvas {
            buffer: &mut buffer,
            targets: &mut targets,
            area,
            theme,
            ascii: self.options.ascii,
        };
        if width < LEAST.0 || height < LEAST.1 {
            canvas.text(0, "window too small");
            canvas.text(1, "q quits");
            return (buffer, targets);
        }
        let small = width < SMALL.0 || height < SMALL.1;
        self.head(&mut canvas);
        let all = canvas.height();
        let bottom = if small { 1 } else { 2 };
        if width >= WIDE && !small {
            canvas.rule(1, "");
            let mut body = canvas.part(0, 2, usize::MAX, all - 5);
            self.columns(&mut body);
            canvas.rule(all - 3, "");
        } else {
            let top = if small { 1 } else { 3 };
            if !small {
                rail::line(&mut canvas, 1, self);
                canvas.rule(2, "");
            }
            let body = all.saturating_sub(top + bottom);
            let below =
                if small || !self.shows_settings() || body < 14 { 0 } else { YAML_LINES + 1 };
            let mut main = canvas.part(0, top, usize::MAX, body - below);
            self.screen_view(&mut main);
            if below > 0 {
                let mut pane = canvas.part(0, top + body - below, usize::MAX, below);
                yaml::pane(&mut pane, self);
            }
        }
        let mut foot = canvas.part(0, all - bottom, usize::MAX, bottom);
        self.foot(&mut foot, small);
        self.overlay_view(&mut canvas);
        (buffer, targets)
    }

    /// The first line: what is open.
    fn head(&self, canvas: &mut Canvas<'_>) {
        let name = match (&self.job, &self.results, self.screen) {
            (_, _, Screen::Home) => self.options.version.clone(),
            (_, _, Screen::Jobs | Screen::Job) => {
                let server = self.cluster.as_ref().map(|cluster| cluster.server.as_str());
                format!("cluster {}", server.unwrap_or_default())
            }
            (_, Some(results), Screen::Results | Screen::Row) => results.report.title.clone(),
            (Some(job), ..) => match (&job.written, job.is_written()) {
                (None, _) => format!("{} (not written yet)", job.path),
                (Some(_), true) => job.path.clone(),
                (Some(_), false) => format!("{}*", job.path),
            },
            _ => String::new(),
        };
        let right = self.head_right();
        let room = canvas.width().saturating_sub(width(&right) + 2);
        let bold = BOLD;
        canvas.line(0, &clip(&format!(" Anomal {name}"), room), bold);
        let at = canvas.width().saturating_sub(width(&right) + 1);
        canvas.part(at, 0, usize::MAX, 1).text(0, &right);
    }

    fn head_right(&self) -> String {
        if self.screen == Screen::Home {
            let longest = usize::from(self.size.width) / 2;
            let folder = crate::text::plain(&self.home.folder);
            let skipped = folder.chars().count().saturating_sub(longest);
            return folder.chars().skip(skipped).collect();
        }
        if let (Screen::Jobs | Screen::Job, Some(cluster)) = (self.screen, &self.cluster) {
            return match cluster.jobs.len() {
                1 => "1 job, read only".to_owned(),
                count => format!("{} jobs, read only", grouped(count)),
            };
        }
        if let Some(run) = self.run.as_ref().filter(|run| run.is_running()) {
            let seconds = self.now.saturating_sub(run.since).as_secs();
            return format!("running {:02}:{:02}", seconds / 60, seconds % 60);
        }
        if let (Screen::Results | Screen::Row, Some(results)) = (self.screen, &self.results) {
            let report = &results.report;
            let (rows, suspicious) = (grouped(report.rows), grouped(report.suspicious));
            return format!(
                "{rows} rows  {suspicious} suspicious  {} flagged",
                grouped(report.flagged)
            );
        }
        let Some(job) = &self.job else { return String::new() };
        match (job.document.issues().len(), &job.input) {
            (0, Some(input)) if input.complete => format!("{} rows", grouped(input.rows)),
            (0, Some(input)) => format!("about {} rows", grouped(input.total)),
            (0, None) => String::new(),
            (1, _) => "1 problem".to_owned(),
            (count, _) => format!("{count} problems"),
        }
    }

    /// Whether the settings are shown beside the screen.
    fn shows_settings(&self) -> bool {
        self.job.is_some() && self.screen.step().is_some_and(|step| step < 6)
    }

    /// The body of a wide window: rail, screen, and settings or details.
    fn columns(&self, canvas: &mut Canvas<'_>) {
        rail::column(&mut canvas.part(0, 0, RAIL - 1, usize::MAX), self);
        canvas.bar(RAIL - 1);
        let rest = canvas.width() - RAIL;
        if matches!(self.screen, Screen::Results | Screen::Jobs | Screen::Job) {
            // What was found is said in whole lines.
            self.screen_view(&mut canvas.part(RAIL + 1, 0, usize::MAX, usize::MAX));
            return;
        }
        let side = (rest / 3).clamp(30, 90);
        let main = rest - side - 1;
        self.screen_view(&mut canvas.part(RAIL + 1, 0, main - 1, usize::MAX));
        canvas.bar(RAIL + main);
        let mut part = canvas.part(RAIL + main + 1, 0, usize::MAX, usize::MAX);
        match self.screen {
            Screen::Home => screens::home::peeked(&mut part, self),
            Screen::Row => screens::row::values(&mut part, self),
            _ => yaml::pane(&mut part, self),
        }
    }

    pub(crate) fn screen_view(&self, canvas: &mut Canvas<'_>) {
        match self.screen {
            Screen::Home => screens::home::view(canvas, self),
            Screen::Data => screens::data::view(canvas, self),
            Screen::Features => screens::features::view(canvas, self),
            Screen::Flags => screens::flags::view(canvas, self),
            Screen::Detector => screens::detector::view(canvas, self),
            Screen::Outputs => screens::outputs::view(canvas, self),
            Screen::Run => screens::run::view(canvas, self),
            Screen::Results => screens::results::view(canvas, self),
            Screen::Row => screens::row::view(canvas, self),
            Screen::Jobs => screens::cluster::jobs(canvas, self),
            Screen::Job => screens::cluster::job(canvas, self),
        }
    }

    /// Messages and keys.
    fn foot(&self, canvas: &mut Canvas<'_>, small: bool) {
        let style = if self.note.is_error { canvas.theme.error() } else { PLAIN };
        let mark = if self.note.is_error { "! " } else { "" };
        let note = format!(" {mark}{}", self.note.text);
        if small {
            // A message is worth more than the keys.
            if self.note.text.is_empty() {
                keybar::line(canvas, 0, self);
            } else {
                canvas.line(0, &note, style);
            }
            return;
        }
        canvas.line(0, &note, style);
        keybar::line(canvas, 1, self);
    }
}
