//! A piece of work begun on the pool's threads, whose outcome is taken later.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc::{Receiver, sync_channel},
};

use anomal_core::{Error, Result};

pub(crate) struct Begun<T>(Receiver<Result<T>>);

impl<T: Send + 'static> Begun<T> {
    pub fn new(work: impl FnOnce() -> Result<T> + Send + 'static) -> Self {
        let (sender, receiver) = sync_channel(1);
        rayon::spawn(move || {
            // A panic here would end the process; dropping the sender tells of it too.
            if let Ok(made) = catch_unwind(AssertUnwindSafe(work)) {
                // Whoever asked may have gone.
                let _ = sender.send(made);
            }
        });
        Self(receiver)
    }

    /// What it has made, once it has. Not for the pool's own threads, which would wait for themselves.
    ///
    /// # Errors
    /// Its own.
    pub fn take(self) -> Result<T> {
        self.0.recv().unwrap_or_else(|_| Err(Error::internal("a piece of work failed")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_and_panics_are_those_of_their_piece() {
        let failed = Begun::<u8>::new(|| Err(Error::internal("its own")));
        let panicked = Begun::new(|| if true { panic!("on purpose") } else { Ok(2) });
        let made = Begun::new(|| Ok(3));
        assert_eq!(failed.take().unwrap_err().message, "its own");
        assert_eq!(panicked.take().unwrap_err().message, "a piece of work failed");
        assert_eq!(made.take().unwrap(), 3);
    }
}
