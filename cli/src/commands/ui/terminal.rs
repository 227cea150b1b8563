//! The terminal: its line settings, its size, what is read and written.

use std::{
    fs::File,
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    process::Command,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anomal_tui::{Buffer, Size, terminal};
use base64::{Engine, engine::general_purpose::STANDARD};
use rustix::{
    fs::OFlags,
    termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr},
};
use tokio::net::unix::pipe::Receiver;

const READ_BYTES: usize = 64 << 10;
/// How long after another program has ended a signal may still be one that was meant for it: the guard hands on what it gets.
const AFTERWARDS: Duration = Duration::from_secs(1);

/// The terminal of this process. Cheap to clone.
#[derive(Clone)]
pub struct Terminal(Arc<Inner>);

struct Inner {
    file: File,
    before: Termios,
    state: Mutex<State>,
    /// Held while another program reads what is typed.
    lent: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    /// Whether the terminal is ours now.
    entered: bool,
    mouse: bool,
    /// When another program has given it back.
    given_back: Option<Instant>,
}

impl Terminal {
    /// # Errors
    /// If this process has no terminal.
    pub fn open() -> std::io::Result<Self> {
        let file = File::options().read(true).write(true).open("/dev/tty")?;
        let before = tcgetattr(&file)?;
        let (state, lent) = (Mutex::default(), tokio::sync::Mutex::default());
        Ok(Self(Arc::new(Inner { file, before, state, lent })))
    }

    /// Takes the terminal: no echo, no line editing, the other screen.
    pub fn enter(&self) -> std::io::Result<()> {
        let mut state = self.0.state();
        let mut raw = self.0.before.clone();
        raw.make_raw();
        tcsetattr(&self.0.file, OptionalActions::Now, &raw)?;
        state.entered = true;
        let mouse = if state.mouse { terminal::MOUSE_ON } else { "" };
        (&self.0.file).write_all(format!("{}{mouse}", terminal::ENTER).as_bytes())
    }

    /// Takes the mouse, or leaves it to the terminal.
    pub fn take_mouse(&self, on: bool) -> std::io::Result<()> {
        let mut state = self.0.state();
        state.mouse = on;
        let mode = if on { terminal::MOUSE_ON } else { terminal::MOUSE_OFF };
        if state.entered { (&self.0.file).write_all(mode.as_bytes()) } else { Ok(()) }
    }

    /// Asks the terminal to put a text into the clipboard (OSC 52).
    pub fn copy(&self, text: &str) -> std::io::Result<()> {
        let sequence = format!("\x1b]52;c;{}\x07", STANDARD.encode(text));
        (&self.0.file).write_all(sequence.as_bytes())
    }

    /// Runs a program that has the terminal until it ends. Returns whether it succeeded.
    pub fn lend(&self, command: &mut Command) -> std::io::Result<bool> {
        let _lent = self.0.lent.blocking_lock();
        self.restore();
        let (input, output) = (self.0.file.try_clone()?, self.0.file.try_clone()?);
        let status = command.stdin(input).stdout(output.try_clone()?).stderr(output).status();
        self.0.state().given_back = Some(Instant::now());
        self.enter()?;
        Ok(status?.success())
    }

    /// Whether another program has it, or had it a moment ago.
    pub fn is_lent(&self) -> bool {
        let given_back = self.0.state().given_back;
        self.0.lent.try_lock().is_err() || given_back.is_some_and(|at| at.elapsed() < AFTERWARDS)
    }

    /// Gives it back as it was. May be called in any state; errors can't be shown anywhere.
    pub fn restore(&self) {
        if std::mem::take(&mut self.0.state().entered) {
            let _ = (&self.0.file).write_all(terminal::LEAVE.as_bytes());
            let _ = tcsetattr(&self.0.file, OptionalActions::Now, &self.0.before);
        }
    }

    pub fn size(&self) -> Size {
        let size = tcgetwinsize(&self.0.file).ok();
        match size.filter(|size| size.ws_col > 0 && size.ws_row > 0) {
            Some(size) => Size { width: size.ws_col, height: size.ws_row },
            None => Size { width: 80, height: 24 },
        }
    }

    /// Writes what has changed in one go.
    pub fn draw(&self, previous: Option<&Buffer>, next: &Buffer) -> std::io::Result<()> {
        (&self.0.file).write_all(terminal::frame(previous, next).as_bytes())
    }

    /// Reads what is typed, but for what another program reads, and hands it on, until it is no longer wanted or the terminal
    /// is gone.
    pub async fn read(&self, mut typed: impl FnMut(&[u8]) -> bool) -> std::io::Result<()> {
        let flags = OFlags::NONBLOCK.bits().cast_signed();
        let file = File::options().read(true).custom_flags(flags).open("/dev/tty")?;
        // Like a pipe, it can be waited for and then read.
        let keys = Receiver::from_file_unchecked(file)?;
        let mut buffer = vec![0; READ_BYTES];
        loop {
            keys.readable().await?;
            let ours = self.0.lent.lock().await;
            let read = keys.try_read(&mut buffer);
            drop(ours);
            match read {
                Ok(0) => return Ok(()),
                Ok(read) if typed(&buffer[..read]) => {}
                Ok(_) => return Ok(()),
                // Another program has read it.
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Inner {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if self.state().entered {
            let _ = (&self.file).write_all(terminal::LEAVE.as_bytes());
            let _ = tcsetattr(&self.file, OptionalActions::Now, &self.before);
        }
    }
}
