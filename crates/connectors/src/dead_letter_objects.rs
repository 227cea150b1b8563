//! What a stream could not read or write, in a folder of an object store: an object for each time at which there was something.

use std::sync::Arc;

use anomal_core::{Code, Error, Result};
use anomal_spec::Auth;
use anomal_storage::{Error as StorageError, Folder, Location, Secrets, handle};
use futures::executor::block_on;
use tokio::task::JoinHandle;

use crate::{remote::upload_error, run_info::process_id};

/// The folder, with the credentials for it.
#[derive(Clone)]
pub(crate) struct ObjectFolder {
    pub url: String,
    pub auth: Option<Auth>,
    pub secrets: Secrets,
}

/// Lines become an object when they are flushed, whose name has a number and the process: two processes that write the same
/// number, since one does not know yet that the stream was taken over, leave both. Of the calls, only the first one of a stream waits for the store.
///
/// `T` is the caller's position, which is durable once all that was written before it is.
pub(crate) struct DeadLetterObjects<T> {
    folder: ObjectFolder,
    opened: Option<Arc<Folder>>,
    lines: Vec<u8>,
    /// That of the last object.
    number: u64,
    work: Option<Work<T>>,
    durable: (T, Vec<u8>),
}

/// What is on its way.
struct Work<T> {
    task: Task,
    /// What is durable behind it; none for what precedes the first object.
    then: Option<(T, u64)>,
}

type Task = JoinHandle<Result<Arc<Folder>>>;

impl<T: Copy> DeadLetterObjects<T> {
    /// `at`: the position before the first write.
    pub fn new(folder: ObjectFolder, at: T) -> Self {
        let durable = (at, Vec::new());
        Self { folder, opened: None, lines: Vec::new(), number: 0, work: None, durable }
    }

    pub fn url(&self) -> &str {
        &self.folder.url
    }

    pub fn write(&mut self, lines: &[u8]) {
        self.lines.extend_from_slice(lines);
    }

    /// Sends what was written up to `at`, and returns the last position that is durable, with the mark behind it.
    ///
    /// # Errors
    /// `Output`, `PermissionDenied`, `Unavailable`, `InvalidSettings`: the store does not take it at the moment.
    pub fn flush(&mut self, at: T) -> Result<(T, Vec<u8>)> {
        if self.work.as_ref().is_some_and(|work| !work.task.is_finished()) {
            return Ok(self.durable.clone());
        }
        self.wait()?;
        if self.lines.is_empty() {
            self.durable = (at, self.number.to_string().into_bytes());
            return Ok(self.durable.clone());
        }
        self.number += 1;
        let name = format!("{:06}-{}.ndjson", self.number, process_id());
        let lines = std::mem::take(&mut self.lines);
        let task = self.start(None, move |folder| {
            folder.create(&name, &lines).map(|_| ()).map_err(|error| upload_error(&error))
        })?;
        self.work = Some(Work { task, then: Some((at, self.number)) });
        Ok(self.durable.clone())
    }

    /// Continues at a mark, which is that of the position `at`, and removes the objects behind it; begins without one, which alone waits for the store.
    ///
    /// # Errors
    /// As [`flush`](Self::flush), where the stream begins; `Output` if the folder has objects of another stream.
    pub fn restore(&mut self, mark: Option<&[u8]>, at: T) -> Result<()> {
        self.lines.clear();
        let text = mark.and_then(|mark| std::str::from_utf8(mark).ok());
        let number = text.and_then(|text| text.parse().ok());
        self.number = number.unwrap_or_default();
        self.durable = (at, mark.unwrap_or_default().to_vec());
        // What an attempt before has sent may arrive still.
        let before = self.work.take().map(|work| work.task);
        let (begins, url) = (mark.is_none(), self.folder.url.clone());
        let task = self.start(before, move |folder| {
            let failed = |error: StorageError| upload_error(&error);
            let names = folder.list().map_err(failed)?.into_iter();
            let mut behind = names.filter(|name| {
                let found = number_of(name);
                found.is_some_and(|found| begins || number.is_some_and(|number| found > number))
            });
            match behind.next() {
                Some(name) if begins => {
                    let message = format!(
                        "cannot write to {url}: {name} exists, and is not from this stream: move it away, or name another \
                         folder in deadLetter.path"
                    );
                    Err(Error::new(Code::Output, "OUTPUT", message))
                }
                first => first
                    .into_iter()
                    .chain(behind)
                    .try_for_each(|name| folder.remove(&name).map_err(failed)),
            }
        })?;
        self.work = Some(Work { task, then: None });
        if begins { self.wait() } else { Ok(()) }
    }

    /// Waits for what is on its way.
    fn wait(&mut self) -> Result<()> {
        let Some(Work { task, then }) = self.work.take() else { return Ok(()) };
        let ended = block_on(task).map_err(|error| Error::internal(error.to_string()))?;
        self.opened = Some(ended?);
        if let Some((at, number)) = then {
            self.durable = (at, number.to_string().into_bytes());
        }
        Ok(())
    }

    fn start(
        &self,
        before: Option<Task>,
        work: impl FnOnce(&Folder) -> Result<()> + Send + 'static,
    ) -> Result<Task> {
        let (opened, folder) = (self.opened.clone(), self.folder.clone());
        let runtime = handle().map_err(|error| Error::internal(error.message))?;
        Ok(runtime.spawn_blocking(move || {
            if let Some(before) = before {
                // Its end is all that counts.
                let _ = block_on(before);
            }
            let folder = opened.map_or_else(|| folder.open().map(Arc::new), Ok)?;
            work(&folder)?;
            Ok(folder)
        }))
    }
}

impl ObjectFolder {
    fn open(&self) -> Result<Folder> {
        let wrong = |error: StorageError| match upload_error(&error) {
            error if error.code == Code::Output => {
                Error::settings("deadLetter", "DEAD_LETTER", error.message)
            }
            error => error,
        };
        let location = Location::parse(&self.url).map_err(wrong)?;
        let secret = self.auth.as_ref().map(|auth| self.secrets.read(&auth.secret_ref.name));
        let secret = secret.transpose().map_err(wrong)?;
        Folder::open(location, secret.as_ref()).map_err(wrong)
    }
}

/// The number of an object of ours.
fn number_of(name: &str) -> Option<u64> {
    let (number, process) = name.strip_suffix(".ndjson")?.split_once('-')?;
    let is_process = process.len() == 16 && process.bytes().all(|byte| byte.is_ascii_hexdigit());
    (number.len() >= 6 && is_process).then(|| number.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_a_number_and_a_process() {
        assert_eq!(process_id(), process_id());
        assert_eq!(number_of(&format!("000012-{}.ndjson", process_id())), Some(12));
        for other in [
            "created-once",
            "000012-x.ndjson",
            "12-0123456789abcdef.ndjson",
            "a-0123456789abcdef.ndjson",
        ] {
            assert_eq!(number_of(other), None, "{other}");
        }
    }
}
