//! `AnomalyJobs` of a cluster, and one of them.

use crate::{
    canvas::Canvas,
    model::{Cluster, Model},
    text::{cell, grouped, plain, width as cells, wrap},
    theme::BOLD,
    widgets::table::{Line, draw, left, number},
};

/// Lines about the selected job.
const ABOUT: usize = 6;

pub fn jobs(canvas: &mut Canvas<'_>, model: &Model) {
    let Some(cluster) = &model.cluster else { return };
    canvas.line(0, &format!(" AnomalyJobs{}", state(model, cluster)), BOLD);
    if let Some(message) = &cluster.failure {
        let style = canvas.theme.error();
        for (y, line) in wrap(message, canvas.width().saturating_sub(4)).iter().enumerate() {
            canvas.line(2 + y, &format!("  {line}"), style);
        }
        return;
    }
    if cluster.jobs.is_empty() && cluster.is_open {
        canvas.text(2, "   There is none; o chooses another namespace, or all");
        return;
    }
    // With its reason where there is room.
    let status = if canvas.width() < 100 { 20 } else { 26 };
    let name = canvas.width().saturating_sub(56 + status).clamp(12, 30);
    let mut heads = vec![
        left("Name", name),
        left("Status", status),
        number("Rows", 11),
        number("Suspicious", 10),
        number("Flags", 8),
        left("Started", 17),
    ];
    if cluster.namespace.is_none() {
        heads.insert(0, left("Namespace", 16));
    }
    let about = if canvas.height() > 14 { ABOUT } else { 0 };
    let height = canvas.height().saturating_sub(2 + about);
    let mut list = canvas.part(0, 2, usize::MAX, height);
    draw(&mut list, &heads, Some(cluster.cursor), cluster.jobs.len(), |at| {
        let job = &cluster.jobs[at];
        let count = |count: Option<u64>| count.map_or_else(|| "-".to_owned(), grouped);
        let mut cells = vec![
            job.name.clone(),
            job.status.clone(),
            count(job.rows),
            count(job.suspicious),
            count(job.flags),
            job.started.clone(),
        ];
        if cluster.namespace.is_none() {
            cells.insert(0, job.namespace.clone());
        }
        let mark = if job.status.starts_with("Failed") || job.status.starts_with("Invalid") {
            '!'
        } else {
            ' '
        };
        Line::new(cells).marked(mark)
    });
    let Some(job) = cluster.selected().filter(|_| about > 0) else { return };
    let mut part = canvas.part(0, 2 + height, usize::MAX, about);
    part.rule(0, &job.name);
    let width = part.width().saturating_sub(2);
    let mut lines = wrap(&job.message, width);
    lines.truncate(ABOUT - 2);
    if !job.report.is_empty() {
        lines.push(format!("report {}", job.report));
    }
    for (y, line) in lines.iter().enumerate() {
        part.text(y + 1, &cell(&format!(" {line}"), width + 1));
    }
}

/// Whether what is shown is of now.
fn state(model: &Model, cluster: &Cluster) -> String {
    let place = match &cluster.namespace {
        Some(namespace) => format!(" of {namespace}"),
        None => " of all namespaces".to_owned(),
    };
    let since = |since| model.now.saturating_sub(since).as_secs();
    match (cluster.is_open, cluster.lost, &cluster.failure) {
        (_, _, Some(_)) => String::new(),
        (false, ..) => format!(": asking the cluster, {} s", since(cluster.asked)),
        (true, None, _) => format!("{place}, live"),
        (true, Some(lost), _) => format!("{place}, as they were {} s ago", since(lost)),
    }
}

/// A job: its state, events and log, or its log alone.
pub fn job(canvas: &mut Canvas<'_>, model: &Model) {
    let Some(cluster) = &model.cluster else { return };
    let (namespace, name) = &cluster.looked_at;
    let what = if cluster.shows_log { "log of " } else { "" };
    canvas.line(0, &format!(" {what}{name} in {namespace}"), BOLD);
    let (lines, height) = (cluster.lines(), canvas.height().saturating_sub(2));
    let width = canvas.width().saturating_sub(2);
    let lines: Vec<String> = lines
        .iter()
        // Only what is too long: columns are aligned by spaces.
        .flat_map(|line| {
            if cells(&plain(line)) <= width {
                return vec![line.clone()];
            }
            let text = line.trim_start();
            let indent = &line[..line.len() - text.len()];
            let room = width.saturating_sub(indent.len());
            wrap(text, room).iter().map(|part| format!("{indent}{part}")).collect()
        })
        .collect();
    // A log is read from its end.
    let last = lines.len().saturating_sub(height);
    let top = if cluster.shows_log {
        last.saturating_sub(cluster.scroll)
    } else {
        cluster.scroll.min(last)
    };
    for (y, line) in lines.iter().skip(top).take(height).enumerate() {
        canvas.text(2 + y, &format!(" {line}"));
    }
}
