//! What can be opened.

use crate::{
    canvas::Canvas,
    message::{FileKind, Recent},
    model::Model,
    mouse::Target,
    text::{cell, grouped, right},
    theme::{BOLD, PLAIN},
    update::home::HomeItem,
};

pub fn view(canvas: &mut Canvas<'_>, model: &Model) {
    let home = &model.home;
    if let Some((path, _, since)) = &home.opening {
        let seconds = model.now.saturating_sub(*since).as_secs();
        canvas.text(1, &format!(" Inspecting {path}: {seconds} s"));
        canvas.text(
            2,
            " Its columns are read, a whole job is proposed, and tried on the first rows.",
        );
        canvas.text(4, " Esc stops waiting");
        return;
    }
    let bold = BOLD;
    canvas.line(0, " Open a data file, a job, a result file or a report", bold);
    let wide = canvas.width() + 40 > usize::from(model.size.width);
    let preview = if wide && canvas.height() > 18 { 6 } else { 0 };
    let height = canvas.height().saturating_sub(1 + preview);
    let lines = lines(model, canvas.width());
    let selected = lines.iter().position(|(at, _)| *at == Some(home.cursor.at)).unwrap_or(0);
    let top = (selected + 2).saturating_sub(height);
    for (y, (at, text)) in lines.iter().enumerate().skip(top).take(height) {
        let style = if at.is_none() { bold } else { PLAIN };
        canvas.line(1 + y - top, text, style);
        if *at == Some(home.cursor.at) {
            canvas.select(1 + y - top);
        }
        if let Some(at) = at {
            canvas.on_click(1 + y - top, Target::Line(*at));
        }
    }
    if preview > 0 {
        let y = canvas.height() - preview;
        peeked(&mut canvas.part(0, y, usize::MAX, preview), model);
    }
}

/// The lines, with the index of those that can be selected.
fn lines(model: &Model, width: usize) -> Vec<(Option<usize>, String)> {
    let home = &model.home;
    let filter =
        if home.filter.is_empty() { String::new() } else { format!(" with {}", home.filter) };
    let mut lines = vec![(None, format!("   Here{filter}"))];
    if let Some(message) = &home.failure {
        lines.push((None, format!("   ! {message}")));
    }
    let mut in_recent = false;
    let name = width.saturating_sub(55).clamp(16, 60);
    for (at, item) in model.home_items().into_iter().enumerate() {
        let cursor = if at == home.cursor.at { '>' } else { ' ' };
        let text = match item {
            HomeItem::File(file) => {
                let kind = match file.kind {
                    FileKind::Data => "data",
                    FileKind::Job => "job or settings",
                    FileKind::Folder => "folder",
                    FileKind::Other => "",
                };
                let (name, size) = (cell(&file.name, name), right(&file.size, 9));
                format!("   {cursor} {name} {size}  {}  {kind}", cell(&file.changed, 17))
            }
            HomeItem::Recent(recent) => {
                if !in_recent {
                    in_recent = true;
                    lines.push((None, "   Recent".to_owned()));
                }
                let (what, about, when) = match recent {
                    Recent::Draft { path, changed, .. } => {
                        (path.clone(), "draft, not written yet".to_owned(), changed)
                    }
                    Recent::Job { path, changed } => (path.clone(), "job".to_owned(), changed),
                    Recent::Report { title, suspicious, flagged, created, .. } => {
                        let counts = format!(
                            "{} suspicious, {} flagged",
                            grouped(suspicious),
                            grouped(flagged)
                        );
                        (format!("report {title}"), counts, created)
                    }
                };
                format!(
                    "   {cursor} {} {}  {}",
                    cell(&what, name),
                    cell(&about, 27),
                    cell(when, 17)
                )
            }
        };
        lines.push((Some(at), text));
    }
    if home.listing.more > 0 {
        lines.push((
            None,
            format!("     and {} more; / filters, o takes a path", grouped(home.listing.more)),
        ));
    }
    if model.home_items().is_empty() && home.failure.is_none() {
        lines.push((None, "     nothing; o takes a path or URL".to_owned()));
    }
    lines
}

/// The beginning of the selected file.
pub fn peeked(canvas: &mut Canvas<'_>, model: &Model) {
    let (path, lines) = &model.home.peeked;
    let items = model.home_items();
    let Some(HomeItem::File(file)) = items.get(model.home.cursor.at) else { return };
    if file.path != *path {
        return;
    }
    canvas.rule(0, &file.name);
    for (y, line) in lines.iter().enumerate() {
        canvas.text(y + 1, line);
    }
}
