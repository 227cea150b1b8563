//! Work begun ahead of whoever takes its outcome: several pieces at once on the pool's threads, given in order.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc::{Receiver, sync_channel},
};

use anomal_core::{Error, Result};

pub(crate) struct Ahead<T> {
    begun: VecDeque<Receiver<Result<T>>>,
    most: usize,
}

impl<T: Send + 'static> Ahead<T> {
    /// Up to `most` at once.
    pub fn new(most: usize) -> Self {
        Self { begun: VecDeque::new(), most }
    }

    pub fn has_room(&self) -> bool {
        self.begun.len() < self.most
    }

    pub fn begin(&mut self, work: impl FnOnce() -> Result<T> + Send + 'static) {
        let (sender, receiver) = sync_channel(1);
        rayon::spawn(move || {
            // A panic here would end the process; dropping the sender tells of it too.
            if let Ok(made) = catch_unwind(AssertUnwindSafe(work)) {
                // Whoever asked may have gone.
                let _ = sender.send(made);
            }
        });
        self.begun.push_back(receiver);
    }

    /// What the first that was begun has made; nothing where there is none. Not for the pool's own threads, which
    /// would wait for themselves.
    ///
    /// # Errors
    /// Its own.
    pub fn next(&mut self) -> Result<Option<T>> {
        let Some(first) = self.begun.pop_front() else { return Ok(None) };
        let made = first.recv().unwrap_or_else(|_| Err(Error::internal("a piece of work failed")));
        made.map(Some)
    }
}

#[cfg(test)]
mod tests {
    use std::{thread, time::Duration};

    use super::*;

    #[test]
    fn what_was_begun_first_comes_first() {
        let mut ahead = Ahead::new(5);
        let mut given = Vec::new();
        for place in 0..50_u64 {
            while !ahead.has_room() {
                given.extend(ahead.next().unwrap());
            }
            ahead.begin(move || {
                thread::sleep(Duration::from_micros(50 * (7 - place % 7)));
                Ok(place)
            });
        }
        while let Some(place) = ahead.next().unwrap() {
            given.push(place);
        }
        assert_eq!(given, (0..50).collect::<Vec<_>>());
    }

    #[test]
    fn errors_and_panics_are_those_of_their_piece() {
        let mut ahead = Ahead::new(3);
        ahead.begin(|| Err(Error::internal("the first")));
        ahead.begin(|| if true { panic!("on purpose") } else { Ok(2) });
        ahead.begin(|| Ok(3));
        assert_eq!(ahead.next().unwrap_err().message, "the first");
        assert_eq!(ahead.next().unwrap_err().message, "a piece of work failed");
        assert_eq!(ahead.next().unwrap(), Some(3));
    }
}
