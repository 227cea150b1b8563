//! The token that authenticates the client, from a file that may be replaced: Kubernetes renews a projected token long
//! before it expires.

use std::{
    fs,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anomal_core::{Error, Result};
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::Interceptor,
};

/// How often the file is read. It is small, and its path may be a link to another file by then.
const READ_INTERVAL: Duration = Duration::from_secs(1);

/// Adds the token to each request of an endpoint, if there is one.
#[derive(Clone, Debug, Default)]
pub struct Bearer(Option<Arc<Token>>);

impl Bearer {
    /// Reads the token. `place` is the path of the engine in the settings, for messages.
    ///
    /// # Errors
    /// `InvalidSettings` if the file can't be read, or has no token.
    pub(super) fn read(file: Option<&str>, place: &str) -> Result<Self> {
        let Some(file) = file else { return Ok(Self::default()) };
        let file = PathBuf::from(file);
        let value = value(&file)
            .map_err(|error| Error::settings(format!("{place}.tokenFile"), "TOKEN_FILE", error))?;
        let state = State { value, read_at: Instant::now(), failing: false };
        Ok(Self(Some(Arc::new(Token { file, state: Mutex::new(state) }))))
    }

    pub(super) fn is_some(&self) -> bool {
        self.0.is_some()
    }
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(token) = &self.0 {
            request.metadata_mut().insert("authorization", token.current());
        }
        Ok(request)
    }
}

#[derive(Debug)]
struct Token {
    file: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    value: MetadataValue<Ascii>,
    read_at: Instant,
    failing: bool,
}

impl Token {
    /// The token of the file, or the last one while the file can't be read.
    fn current(&self) -> MetadataValue<Ascii> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.read_at.elapsed() >= READ_INTERVAL {
            state.read_at = Instant::now();
            match value(&self.file) {
                Ok(value) => (state.value, state.failing) = (value, false),
                Err(error) => {
                    if !std::mem::replace(&mut state.failing, true) {
                        tracing::warn!("{error}; still sending the last token");
                    }
                }
            }
        }
        state.value.clone()
    }
}

/// The header value. Messages never contain a part of the token.
fn value(file: &PathBuf) -> Result<MetadataValue<Ascii>, String> {
    let name = file.display();
    let text = fs::read_to_string(file).map_err(|error| format!("cannot read {name}: {error}"))?;
    let token = text.trim();
    if token.is_empty() {
        return Err(format!("{name} is empty; write a token to it"));
    }
    let value = Some(token).filter(|token| token.bytes().all(|byte| byte.is_ascii_graphic()));
    let value = value.and_then(|token| format!("Bearer {token}").parse().ok());
    let mut value: MetadataValue<Ascii> =
        value.ok_or_else(|| format!("{name} has characters that are not valid in a token"))?;
    // Excludes it from debugging output and from the header compression table.
    value.set_sensitive(true);
    Ok(value)
}
