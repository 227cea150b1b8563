//! The terminal: its line settings, its size, what is read and written.

use std::{
    fs::File,
    io::{Read, Write},
    sync::{Arc, Mutex, PoisonError},
};

use anomal_tui::{Buffer, Size, terminal};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};

/// The terminal of this process. Cheap to clone.
#[derive(Clone)]
pub struct Terminal(Arc<Inner>);

struct Inner {
    file: File,
    before: Termios,
    /// Whether it is ours now.
    entered: Mutex<bool>,
}

impl Terminal {
    /// # Errors
    /// If this process has no terminal.
    pub fn open() -> std::io::Result<Self> {
        let file = File::options().read(true).write(true).open("/dev/tty")?;
        let before = tcgetattr(&file)?;
        Ok(Self(Arc::new(Inner { file, before, entered: Mutex::new(false) })))
    }

    /// Takes the terminal: no echo, no line editing, the other screen.
    pub fn enter(&self) -> std::io::Result<()> {
        let mut entered = self.0.entered.lock().unwrap_or_else(PoisonError::into_inner);
        let mut raw = self.0.before.clone();
        raw.make_raw();
        tcsetattr(&self.0.file, OptionalActions::Now, &raw)?;
        *entered = true;
        (&self.0.file).write_all(terminal::ENTER.as_bytes())
    }

    /// Gives it back as it was. May be called in any state; errors can't be shown anywhere.
    pub fn restore(&self) {
        let mut entered = self.0.entered.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut *entered) {
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

    /// Reads what was typed; nothing at the end.
    pub fn read(&self, buffer: &mut [u8]) -> std::io::Result<usize> {
        (&self.0.file).read(buffer)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if *self.entered.lock().unwrap_or_else(PoisonError::into_inner) {
            let _ = (&self.file).write_all(terminal::LEAVE.as_bytes());
            let _ = tcsetattr(&self.file, OptionalActions::Now, &self.before);
        }
    }
}
