//! What lies above a screen.

use crate::{
    canvas::Canvas,
    keymap::BINDINGS,
    model::{Model, Screen},
    mouse::Target,
    overlays::{LineInput, Overlay, YamlEditor, commands},
    screens::form,
    text::{cell, first_cells, plain, width},
    theme::PLAIN,
};

impl Model {
    pub(crate) fn overlay_view(&self, canvas: &mut Canvas<'_>) {
        let (all, height) = (canvas.width(), canvas.height());
        // The line of keys stays.
        let room = height.saturating_sub(1);
        match &self.overlay {
            None => {}
            Some(Overlay::Yaml(editor)) => {
                let mut part = canvas.part(0, 1, usize::MAX, room.saturating_sub(2).max(1));
                part.clear();
                self.yaml_view(&mut part, editor);
            }
            Some(Overlay::Help(screen, top)) => {
                let mut part = boxed(canvas, all, room.saturating_sub(1), "keys");
                help(&mut part, *screen, *top);
            }
            Some(Overlay::Palette(screen, input, at)) => {
                let mut part = boxed(canvas, all.min(76), 14, "commands");
                line_input(&mut part, 0, input);
                let found = commands(*screen, &input.text);
                let lines = part.height().saturating_sub(1);
                let top = (at + 1).saturating_sub(lines);
                for (y, binding) in found.iter().enumerate().skip(top).take(lines) {
                    let cursor = if y == *at { '>' } else { ' ' };
                    part.text(
                        1 + y - top,
                        &format!("{cursor} {} {}", cell(binding.label, 9), binding.about),
                    );
                    if y == *at {
                        part.select(1 + y - top);
                    }
                    part.on_click(1 + y - top, Target::Option(y));
                }
            }
            Some(Overlay::Prompt(prompt)) => {
                let mut part = boxed(canvas, all.min(76), 3, &prompt.title);
                line_input(&mut part, 1, &prompt.input);
            }
            Some(Overlay::Choice(choice)) => {
                let head = usize::from(choice.filter.is_some());
                let wanted = choice.options.len() + head;
                let mut part = boxed(canvas, all.min(76), wanted, &choice.title);
                if let Some(filter) = &choice.filter {
                    line_input(&mut part, 0, filter);
                }
                let lines = part.height().saturating_sub(head).max(1);
                let top = (choice.at + 1).saturating_sub(lines);
                for (at, option) in choice.found().iter().enumerate().skip(top).take(lines) {
                    let y = head + at - top;
                    let cursor = if at == choice.at { '>' } else { ' ' };
                    part.text(y, &format!("{cursor} {}", option.text));
                    if at == choice.at {
                        part.select(y);
                    }
                    part.on_click(y, Target::Option(at));
                }
            }
            Some(Overlay::Form(form)) => {
                let mut part = boxed(canvas, all, room.saturating_sub(3), &form::title(form));
                form::view(&mut part, self, form);
            }
            Some(Overlay::Confirm(confirm)) => {
                let width = all.min(76);
                let lines = crate::text::wrap(&confirm.question(), width.saturating_sub(2));
                let mut part = boxed(canvas, width, lines.len().max(3), "sure?");
                for (y, line) in lines.iter().enumerate() {
                    part.text(y, line);
                }
            }
        }
    }

    fn yaml_view(&self, canvas: &mut Canvas<'_>, editor: &YamlEditor) {
        let Some(job) = &self.job else { return };
        canvas.rule(0, &format!("{}:{}", job.path, editor.row + 1));
        let issues = job.document.issues();
        let height = canvas.height().saturating_sub(1);
        let digits = editor.lines().len().to_string().len().max(2);
        let room = canvas.width().saturating_sub(digits + 3);
        // The cursor's line is moved to the left so that the cursor is seen.
        let before = width(&plain(&editor.lines()[editor.row][..editor.column]));
        let shift = before.saturating_sub(room.saturating_sub(1));
        // The message of the cursor's line stands below it.
        let about = issues.iter().find(|issue| issue.line == Some(editor.row + 1));
        let top = (editor.row + 2).saturating_sub(height);
        let mut y = 1;
        for (row, line) in editor.lines().iter().enumerate().skip(top) {
            if y > height {
                break;
            }
            let issue = issues.iter().any(|issue| issue.line == Some(row + 1));
            let style = if issue { canvas.theme.error() } else { PLAIN };
            let mark = if issue { '!' } else { ' ' };
            canvas.line(y, &format!("{:>digits$}{mark}", row + 1), style);
            let text = plain(line);
            let shown =
                if row == editor.row { &text[first_cells(&text, shift).len()..] } else { &text };
            let mut part = canvas.part(digits + 2, y, usize::MAX, 1);
            part.text(0, shown);
            if row == editor.row {
                caret(&mut part, before - shift.min(before));
                if let Some(issue) = about.filter(|_| y < height) {
                    y += 1;
                    let style = canvas.theme.error();
                    canvas.line(
                        y,
                        &format!("{:digits$}  ^ {}: {}", "", issue.path, issue.message),
                        style,
                    );
                }
            }
            y += 1;
        }
    }
}

/// Shows a cell as the place of the cursor.
fn caret(canvas: &mut Canvas<'_>, x: usize) {
    canvas.part(x, 0, 1, 1).select(0);
}

fn line_input(canvas: &mut Canvas<'_>, y: usize, input: &LineInput) {
    let before = width(&plain(&input.text[..input.cursor]));
    let room = canvas.width().saturating_sub(3);
    let shift = before.saturating_sub(room);
    let text = plain(&input.text);
    let shown = text[first_cells(&text, shift).len()..].to_owned();
    canvas.text(y, &format!("> {shown}"));
    caret(&mut canvas.part(2, y, usize::MAX, 1), before - shift);
}

/// A part in the middle with a line around it, for `lines` of `width` cells.
fn boxed<'a>(canvas: &'a mut Canvas<'_>, width: usize, lines: usize, title: &str) -> Canvas<'a> {
    let height = (lines + 2).min(canvas.height().saturating_sub(1)).max(1);
    let (x, y) = ((canvas.width() - width.min(canvas.width())) / 2, (canvas.height() - height) / 3);
    let mut frame = canvas.part(x, y, width, height);
    frame.clear();
    frame.rule(0, title);
    frame.rule(height - 1, "");
    frame.bar(0);
    let right = frame.width().saturating_sub(1);
    frame.bar(right);
    if !frame.ascii {
        let bottom = height - 1;
        let mut corner = |x, y, text| frame.part(x, y, 1, 1).text(0, text);
        corner(0, 0, "┌");
        corner(right, 0, "┐");
        corner(0, bottom, "└");
        corner(right, bottom, "┘");
    }
    canvas.part(x + 1, y + 1, width.saturating_sub(2), height.saturating_sub(2))
}

fn help(canvas: &mut Canvas<'_>, screen: Screen, top: usize) {
    let here: Vec<_> =
        BINDINGS.iter().filter(|b| !b.screens.is_empty() && b.is_on(screen)).collect();
    let all: Vec<_> = BINDINGS.iter().filter(|binding| binding.screens.is_empty()).collect();
    let mut lines = vec![format!(" {}", screen.title())];
    lines.extend(
        here.iter().map(|binding| format!("   {} {}", cell(binding.label, 9), binding.about)),
    );
    lines.push(" Everywhere".to_owned());
    lines.extend(
        all.iter().map(|binding| format!("   {} {}", cell(binding.label, 9), binding.about)),
    );
    lines.push(" What the marks mean".to_owned());
    lines.push(
        "   + in order   ! with a problem   . not yet   > running, or selected   - switched off"
            .to_owned(),
    );
    let last = lines.len().saturating_sub(canvas.height());
    for (y, line) in lines.iter().skip(top.min(last)).enumerate() {
        canvas.text(y, line);
    }
}
