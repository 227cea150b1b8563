//! The one table of keys: the bar at the bottom, the help and the palette are made of it.

use crate::{input::Key, model::Screen};

/// What a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    Enter,
    Back,
    NextTab,
    PreviousTab,
    Step(Screen),
    PreviousStep,
    NextStep,
    Filter,
    Palette,
    Help,
    Undo,
    Redo,
    Yaml,
    Write,
    WriteAs,
    Run,
    NextIssue,
    PreviousIssue,
    Repaint,
    Suspend,
    Interrupt,
    Quit,
    OpenPath,
    Home,
    Rows,
    TimeColumn,
    Role,
    Add,
    Toggle,
    Heavier,
    Lighter,
    Remove,
    MoveDown,
    MoveUp,
    Severity,
    Preview,
    Stop,
    Log,
    Sort,
    Browser,
    Pdf,
    Copy,
    Editor,
    Mouse,
    Verdict,
    Zoom,
    Parameters,
    Cluster,
    Namespace,
}

/// A row of the table.
#[derive(Debug)]
pub struct Binding {
    pub keys: &'static [Key],
    pub action: Action,
    /// The screens that have it; none: all of them.
    pub screens: &'static [Screen],
    /// The keys in words.
    pub label: &'static str,
    /// What it does, in the bar.
    pub short: &'static str,
    /// What it does, in the help.
    pub about: &'static str,
}

const ALL: &[Screen] = &[];
/// The steps that settings are made in.
const SETTINGS: &[Screen] =
    &[Screen::Data, Screen::Features, Screen::Flags, Screen::Detector, Screen::Outputs];
const LISTS: &[Screen] = &[Screen::Features, Screen::Flags, Screen::Outputs];
const RESULTS: &[Screen] = &[Screen::Results, Screen::Row];
const CLUSTER: &[Screen] = &[Screen::Jobs, Screen::Job];

macro_rules! bind {
    ($keys:expr, $action:expr, $screens:expr, $label:expr, $short:expr, $about:expr) => {
        Binding {
            keys: $keys,
            action: $action,
            screens: $screens,
            label: $label,
            short: $short,
            about: $about,
        }
    };
}

/// The keys of screens come before those of all screens.
#[rustfmt::skip] // A row for each.
pub const BINDINGS: &[Binding] = &[
    bind!(&[Key::Enter], Action::Enter, &[Screen::Home], "Enter", "open", "Open the selected file, folder, job or report"),
    bind!(&[Key::Char('o')], Action::OpenPath, &[Screen::Home], "o", "path or URL", "Type the path or URL of a data file or job"),
    bind!(&[Key::Char('K')], Action::Cluster, &[Screen::Home], "K", "cluster", "Look at the AnomalyJobs of the Kubernetes cluster that kubectl would use"),
    bind!(&[Key::Enter], Action::Enter, &[Screen::Data], "Enter", "next step", "Go to the next step"),
    bind!(&[Key::Char('R')], Action::Role, &[Screen::Data], "R", "role", "Choose what the selected column is used for"),
    bind!(&[Key::Char('T')], Action::TimeColumn, &[Screen::Data], "T", "time", "Use the selected column as the time of a row"),
    bind!(&[Key::Char(' ')], Action::Rows, &[Screen::Data], "Space", "rows", "Show the first rows instead of the columns, and back"),
    bind!(&[Key::Enter], Action::Enter, LISTS, "Enter", "edit", "Edit the fields of the selected item"),
    bind!(&[Key::Char(' ')], Action::Toggle, LISTS, "Space", "on/off", "Switch the selected item off, which keeps its lines as comments, or on again"),
    bind!(&[Key::Char('+')], Action::Heavier, &[Screen::Features], "+", "weight", "Raise the weight of the selected feature"),
    bind!(&[Key::Char('-')], Action::Lighter, &[Screen::Features], "-", "", "Lower the weight of the selected feature"),
    bind!(&[Key::Char('s')], Action::Severity, &[Screen::Flags], "s", "severity", "Choose the next severity of the selected flag"),
    bind!(&[Key::Char('a')], Action::Add, LISTS, "a", "add", "Add an item: choose what, and complete its fields"),
    bind!(&[Key::Char('d'), Key::Delete], Action::Remove, LISTS, "d", "remove", "Remove the selected item"),
    bind!(&[Key::Char('J')], Action::MoveDown, LISTS, "J", "move", "Move the selected item down"),
    bind!(&[Key::Char('K')], Action::MoveUp, LISTS, "K", "", "Move the selected item up"),
    bind!(&[Key::Enter], Action::Enter, &[Screen::Detector], "Enter", "choose", "Choose the selected detector, or number of suspects"),
    bind!(&[Key::Char('f')], Action::Parameters, &[Screen::Detector], "f", "parameters", "Edit the parameters of the detector, the threshold, and the model"),
    bind!(&[Key::Tab], Action::NextTab, &[Screen::Detector], "Tab", "other list", "Go to the other list"),
    bind!(&[Key::Char('p')], Action::Preview, SETTINGS, "p", "preview", "Run the settings on the first rows, without writing anything"),
    bind!(&[Key::Enter], Action::Enter, &[Screen::Run], "Enter", "run or results", "Run, or go to the results of the run"),
    bind!(&[Key::Char('x')], Action::Stop, &[Screen::Run], "x", "stop", "Stop the run; again: kill it"),
    bind!(&[Key::Char('l')], Action::Log, &[Screen::Run], "l", "log", "Show the whole log, and back"),
    bind!(&[Key::Enter], Action::Enter, &[Screen::Results], "Enter", "look at", "Look at the selected row, or list the rows of the selected incident or flag"),
    bind!(&[Key::Char('v')], Action::Verdict, RESULTS, "v", "verdict", "Judge the selected incident, or that of the row, with a comment where wanted"),
    bind!(&[Key::Tab, Key::Right], Action::NextTab, &[Screen::Results], "Tab", "next list", "Go to the next list: incidents, rows, flags, features, timeline"),
    bind!(&[Key::BackTab, Key::Left], Action::PreviousTab, &[Screen::Results], "Shift-Tab", "", "Go to the previous list"),
    bind!(&[Key::Char('/')], Action::Filter, &[Screen::Home, Screen::Data, Screen::Results], "/", "filter", "List only what contains a text"),
    bind!(&[Key::Char('s')], Action::Sort, &[Screen::Results], "s", "sort", "Sort rows by score, severity or number"),
    bind!(&[Key::Char('t')], Action::Zoom, &[Screen::Results], "t", "timeline", "Go to the timeline; there: begin a span at the selected interval, and again: look at that time only"),
    bind!(&[Key::Char('b')], Action::Browser, RESULTS, "b", "browser", "Show the report's pages in the browser"),
    bind!(&[Key::Char('P')], Action::Pdf, RESULTS, "P", "PDF", "Write the report as a PDF"),
    bind!(&[Key::Enter], Action::Enter, &[Screen::Jobs], "Enter", "look at", "Look at the selected job: its state, events and log"),
    bind!(&[Key::Char('o')], Action::Namespace, &[Screen::Jobs], "o", "namespace", "Choose another namespace, or all of them"),
    bind!(&[Key::Char('l')], Action::Log, &[Screen::Job], "l", "log", "Show the log alone, and back"),
    bind!(&[Key::Char('b')], Action::Browser, CLUSTER, "b", "report", "Show the report of the job in the browser"),
    bind!(&[Key::Char('r')], Action::Run, ALL, "r", "run", "Write the settings if they have changed, and run them"),
    bind!(&[Key::Char('w')], Action::Write, ALL, "w", "write", "Write the settings to their file"),
    bind!(&[Key::Char('W')], Action::WriteAs, ALL, "W", "", "Write the settings to another file"),
    bind!(&[Key::Char('e')], Action::Yaml, ALL, "e", "yaml", "Edit the settings as YAML"),
    bind!(&[Key::Char('E')], Action::Editor, ALL, "E", "", "Edit the settings in the editor of $VISUAL or $EDITOR"),
    bind!(&[Key::Char('y')], Action::Copy, ALL, "y", "", "Copy the command, the settings, or what is selected to the clipboard"),
    bind!(&[Key::Char('m')], Action::Mouse, ALL, "m", "", "Leave the mouse to the terminal, to select text, or take it again"),
    bind!(&[Key::Char('u')], Action::Undo, ALL, "u", "undo", "Undo the last change of the settings"),
    bind!(&[Key::Char('U'), Key::Ctrl('r')], Action::Redo, ALL, "U", "", "Do again what was undone"),
    bind!(&[Key::Char('n')], Action::NextIssue, ALL, "n", "", "Go to the next problem of the settings"),
    bind!(&[Key::Char('N')], Action::PreviousIssue, ALL, "N", "", "Go to the previous problem"),
    bind!(&[Key::Up, Key::Char('k')], Action::Up, ALL, "Up, k", "", "Move up"),
    bind!(&[Key::Down, Key::Char('j')], Action::Down, ALL, "Down, j", "", "Move down"),
    bind!(&[Key::PageUp], Action::PageUp, ALL, "PgUp", "", "Move up by a page"),
    bind!(&[Key::PageDown], Action::PageDown, ALL, "PgDn", "", "Move down by a page"),
    bind!(&[Key::Home, Key::Char('g')], Action::First, ALL, "Home, g", "", "Go to the first"),
    bind!(&[Key::End, Key::Char('G')], Action::Last, ALL, "End, G", "", "Go to the last"),
    bind!(&[Key::Char('1')], Action::Step(Screen::Data), ALL, "1", "", "Go to the data"),
    bind!(&[Key::Char('2')], Action::Step(Screen::Features), ALL, "2", "", "Go to the features"),
    bind!(&[Key::Char('3')], Action::Step(Screen::Flags), ALL, "3", "", "Go to the flags"),
    bind!(&[Key::Char('4')], Action::Step(Screen::Detector), ALL, "4", "", "Go to the detector"),
    bind!(&[Key::Char('5')], Action::Step(Screen::Outputs), ALL, "5", "", "Go to the outputs"),
    bind!(&[Key::Char('6')], Action::Step(Screen::Run), ALL, "6", "", "Go to the run"),
    bind!(&[Key::Char('7')], Action::Step(Screen::Results), ALL, "7", "", "Go to the results"),
    bind!(&[Key::Char('[')], Action::PreviousStep, ALL, "[", "", "Go to the previous step"),
    bind!(&[Key::Char(']')], Action::NextStep, ALL, "]", "", "Go to the next step"),
    bind!(&[Key::Char('0')], Action::Home, ALL, "0", "", "Go to the first screen, to open something else"),
    bind!(&[Key::Char(':')], Action::Palette, ALL, ":", "commands", "List all commands, and do one"),
    bind!(&[Key::Char('?')], Action::Help, ALL, "?", "help", "Show the keys of this screen"),
    bind!(&[Key::Esc], Action::Back, ALL, "Esc", "", "Close, leave a field, or go out by one level"),
    bind!(&[Key::Ctrl('l')], Action::Repaint, ALL, "Ctrl-L", "", "Draw everything anew"),
    bind!(&[Key::Ctrl('z')], Action::Suspend, ALL, "Ctrl-Z", "", "Go back to the shell until `fg`"),
    bind!(&[Key::Ctrl('c')], Action::Interrupt, ALL, "Ctrl-C", "", "Stop the run"),
    bind!(&[Key::Char('q')], Action::Quit, ALL, "q", "quit", "Quit"),
];

impl Binding {
    pub fn is_on(&self, screen: Screen) -> bool {
        self.screens.is_empty() || self.screens.contains(&screen)
    }
}

/// What a key does on a screen.
pub fn find(screen: Screen, key: Key) -> Option<Action> {
    let mut on = BINDINGS.iter().filter(|binding| binding.is_on(screen));
    on.find(|binding| binding.keys.contains(&key)).map(|binding| binding.action)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_commands_of_a_screen_share_a_key() {
        for screen in Screen::ALL {
            let on: Vec<_> = BINDINGS.iter().filter(|binding| binding.is_on(screen)).collect();
            for (index, binding) in on.iter().enumerate() {
                for key in binding.keys {
                    let others = on[..index].iter().filter(|other| other.keys.contains(key));
                    let others: Vec<_> = others.map(|other| other.about).collect();
                    assert!(
                        others.is_empty(),
                        "{screen:?} {key:?}: {} and {others:?}",
                        binding.about
                    );
                }
            }
        }
    }
}
