//! The token that says who calls, from a file that is replaced from time to time: Kubernetes renews a projected
//! token long before it ends.

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

/// How often the file is read: it is small, and its name may be a link to another file by then.
const LOOK: Duration = Duration::from_secs(1);

/// Adds the token to each request of one endpoint; nothing where there is none.
#[derive(Clone, Debug, Default)]
pub struct Bearer(Option<Arc<Token>>);

impl Bearer {
    /// `place`: where the settings name the file.
    ///
    /// # Errors
    /// `InvalidSettings` if the file can't be read, or holds no token.
    pub(super) fn read(file: Option<&str>, place: &str) -> Result<Self> {
        let Some(file) = file else { return Ok(Self::default()) };
        let file = PathBuf::from(file);
        let value = value(&file)
            .map_err(|error| Error::settings(format!("{place}.tokenFile"), "TOKEN_FILE", error))?;
        let state = State { value, looked: Instant::now(), failing: false };
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
    looked: Instant,
    failing: bool,
}

impl Token {
    /// What the file holds now, or held last: a file that is gone for a moment stops no call.
    fn current(&self) -> MetadataValue<Ascii> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.looked.elapsed() >= LOOK {
            state.looked = Instant::now();
            match value(&self.file) {
                Ok(value) => (state.value, state.failing) = (value, false),
                Err(error) => {
                    if !std::mem::replace(&mut state.failing, true) {
                        tracing::warn!("{error}; the token from before is sent");
                    }
                }
            }
        }
        state.value.clone()
    }
}

/// The token as it is sent. No message ever holds a part of it.
fn value(file: &PathBuf) -> Result<MetadataValue<Ascii>, String> {
    let name = file.display();
    let text =
        fs::read_to_string(file).map_err(|error| format!("{name} can't be read: {error}"))?;
    let token = text.trim();
    if token.is_empty() {
        return Err(format!("{name} is empty and should hold a token"));
    }
    let value = Some(token).filter(|token| token.bytes().all(|byte| byte.is_ascii_graphic()));
    let value = value.and_then(|token| format!("Bearer {token}").parse().ok());
    let mut value: MetadataValue<Ascii> =
        value.ok_or_else(|| format!("{name} holds characters that tokens have not"))?;
    // So that it is in no debugging output and no table of headers.
    value.set_sensitive(true);
    Ok(value)
}
