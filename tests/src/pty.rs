//! A program in a terminal: keys go in, and the screen is what a terminal would show. The terminal is that of `script`, of
//! util-linux; a crate for it would need features of libc or rustix for which all tables are compiled anew.

use std::{
    fs,
    io::{Read, Write},
    num::NonZeroU16,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::program;

/// How long something may take to be shown, also on a machine that has other work.
const PATIENCE: Duration = Duration::from_secs(90);
/// Bytes of keys that are typed at once.
const TYPED: usize = 1_024;

/// Runs the program and reports how it ends; the terminal stays until a file asks it to leave. Ctrl-C is the program's.
const SHELL: &str = "\
trap : INT
tty > \"$PTY_STATE/tty\"
stty cols $PTY_COLUMNS rows $PTY_ROWS
sh -c 'echo $$ > \"$PTY_STATE/pid\"; exec \"$@\"' sh \"$@\"
echo $? > \"$PTY_STATE/code.new\"
mv \"$PTY_STATE/code.new\" \"$PTY_STATE/code\"
while [ -d \"$PTY_STATE\" ] && [ ! -e \"$PTY_STATE/leave\" ]; do sleep 0.1; done
";

/// A program in a terminal, killed when dropped.
pub struct Terminal {
    script: Child,
    keys: ChildStdin,
    /// What the shell reports.
    state: TempDir,
    shown: Arc<Mutex<Shown>>,
}

struct Shown {
    screen: vt100::Parser,
    /// All that was written.
    bytes: Vec<u8>,
}

impl Terminal {
    /// Starts `anomal` in a folder, with a home of its own there.
    pub fn start(folder: &Path, arguments: &[&str], columns: u16, rows: u16) -> Self {
        Self::start_with(folder, arguments, columns, rows, &[])
    }

    /// With additional environment variables; an empty value removes one.
    pub fn start_with(
        folder: &Path,
        arguments: &[&str],
        columns: u16,
        rows: u16,
        environment: &[(&str, &str)],
    ) -> Self {
        let program = program("anomal").to_string_lossy().into_owned();
        let words: Vec<&str> = [program.as_str()].iter().chain(arguments).copied().collect();
        Self::start_program(folder, &words, columns, rows, environment)
    }

    /// Starts another program by its command line.
    pub fn start_program(
        folder: &Path,
        words: &[&str],
        columns: u16,
        rows: u16,
        environment: &[(&str, &str)],
    ) -> Self {
        let state = TempDir::new().expect("a temporary folder");
        let shell = state.path().join("shell");
        fs::write(&shell, SHELL).expect("a script");
        let quoted = |text: &str| format!("'{}'", text.replace('\'', "'\\''"));
        let shell = shell.to_string_lossy();
        let words = [&*shell].into_iter().chain(words.iter().copied()).map(quoted);
        let line = words.fold("exec sh".to_owned(), |line, word| line + " " + &word);
        let mut command = Command::new("script");
        command.args(["--quiet", "--flush", "--command", &line, "/dev/null"]);
        command.current_dir(folder).env("SHELL", "/bin/sh").env("PTY_STATE", state.path());
        command.env("PTY_COLUMNS", columns.to_string()).env("PTY_ROWS", rows.to_string());
        command
            .env("TERM", "xterm-256color")
            .env("LANG", "C.UTF-8")
            .env("HOME", folder.join(".home"));
        let others = [
            "CI",
            "XDG_STATE_HOME",
            "XDG_DATA_HOME",
            "LC_ALL",
            "LC_CTYPE",
            "NO_COLOR",
            "ANOMAL_REPORT_STORE",
        ];
        for name in others {
            command.env_remove(name);
        }
        for (name, value) in environment {
            if value.is_empty() {
                command.env_remove(name);
            } else {
                command.env(name, value);
            }
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut script = command.spawn().expect("script, of util-linux, starts");
        let keys = script.stdin.take().expect("keys");
        let mut reader = script.stdout.take().expect("what is shown");
        let screen = vt100::Parser::new(cells(rows), cells(columns), 0);
        let shown = Arc::new(Mutex::new(Shown { screen, bytes: Vec::new() }));
        let sink = Arc::clone(&shown);
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                let mut shown = sink.lock().unwrap_or_else(PoisonError::into_inner);
                shown.screen.process(&buffer[..count]);
                shown.bytes.extend_from_slice(&buffer[..count]);
            }
        });
        Self { script, keys, state, shown }
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the terminal shows.
    pub fn text(&self) -> String {
        self.shown().screen.screen().contents()
    }

    /// The number of bytes that were written so far.
    pub fn written(&self) -> usize {
        self.shown().bytes.len()
    }

    /// All that was written so far.
    pub fn bytes(&self) -> Vec<u8> {
        self.shown().bytes.clone()
    }

    /// Waits until these bytes were written, such as of a sequence that shows nothing.
    #[track_caller]
    pub fn wait_for_bytes(&self, bytes: &[u8]) {
        let has = || self.shown().bytes.windows(bytes.len()).any(|part| part == bytes);
        assert!(eventually(|| has().then_some(())).is_some(), "{bytes:?} was never written");
    }

    /// Presses and releases the mouse on a text that is shown.
    #[track_caller]
    pub fn click(&mut self, part: &str) -> &mut Self {
        let text = self.wait_for(part);
        let found = text.lines().enumerate().find_map(|(y, line)| Some((line.find(part)?, y)));
        let (x, y) = found.expect("it is shown");
        let x = text.lines().nth(y).unwrap_or_default()[..x].chars().count();
        self.keys(&format!("\x1b[<0;{0};{1}M\x1b[<0;{0};{1}m", x + 1, y + 1))
    }

    /// Types keys, as a terminal sends them.
    pub fn keys(&mut self, keys: &str) -> &mut Self {
        for part in keys.as_bytes().chunks(TYPED) {
            self.keys.write_all(part).expect("keys are taken");
            self.keys.flush().expect("keys are taken");
            if keys.len() > TYPED {
                // As a terminal that also reads what is shown.
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        self
    }

    /// Waits until the screen has a part.
    #[track_caller]
    pub fn wait_for(&self, part: &str) -> String {
        self.wait_until(part, |text| text.contains(part))
    }

    #[track_caller]
    pub fn wait_until(&self, what: &str, is_shown: impl Fn(&str) -> bool) -> String {
        let shown = eventually(|| Some(self.text()).filter(|text| is_shown(text)));
        shown.unwrap_or_else(|| panic!("never shown: {what}; but:\n{}", self.text()))
    }

    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.shown().screen.screen_mut().set_size(cells(rows), cells(columns));
        self.stty(&["cols", &columns.to_string(), "rows", &rows.to_string()]);
    }

    fn stty(&self, arguments: &[&str]) -> String {
        let terminal = self.report("tty");
        let output =
            Command::new("stty").args(["-F", &terminal]).args(arguments).output().expect("stty");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// What the shell has reported.
    #[track_caller]
    fn report(&self, name: &str) -> String {
        let file: PathBuf = self.state.path().join(name);
        let text =
            eventually(|| fs::read_to_string(&file).ok().filter(|text| text.ends_with('\n')));
        let text = text.unwrap_or_else(|| panic!("no {name}; shown:\n{}", self.text()));
        text.trim().to_owned()
    }

    /// The process that was started: the guard.
    #[track_caller]
    pub fn process(&self) -> u32 {
        self.report("pid").parse().expect("a number")
    }

    /// Waits for the end, and returns the exit code.
    #[track_caller]
    pub fn ends(&mut self) -> u32 {
        self.report("code").parse().expect("a number")
    }

    /// Asserts that the terminal is as before: the main screen, a cursor, no modes, and lines that are edited and echoed.
    /// It may take a moment where another process restores it.
    #[track_caller]
    pub fn assert_restored(&self) {
        let restored = eventually(|| {
            let lines = self.stty(&["-a"]);
            let words: Vec<&str> = lines.split_whitespace().collect();
            let shown = self.shown();
            let screen = shown.screen.screen();
            let mouse = screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None;
            let modes = mouse
                || screen.alternate_screen()
                || screen.hide_cursor()
                || screen.bracketed_paste();
            let is_usual =
                ["icanon", "echo", "isig", "opost"].iter().all(|word| words.contains(word));
            (!modes && is_usual).then_some(())
        });
        assert!(restored.is_some(), "not restored: {}\n{}", self.stty(&["-a"]), self.text());
    }
}

fn cells(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).expect("a cell at least")
}

/// The first value within [`PATIENCE`].
fn eventually<T>(value: impl Fn() -> Option<T>) -> Option<T> {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = value() {
            return Some(value);
        }
        if Instant::now() > until {
            return None;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // The end of the terminal ends what runs in it.
        let _ = fs::write(self.state.path().join("leave"), "");
        let _ = self.script.kill();
        let _ = self.script.wait();
    }
}
