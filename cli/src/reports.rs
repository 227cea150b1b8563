//! The report store, and the server of report pages on this machine.

use std::{env, fs, net::SocketAddr, path::PathBuf, sync::Arc};

use anomal_core::{Code, Error, ReportEngine, Result};
use anomal_report::{Access, LocalReportEngine, RemoteReportEngine, Store, serve};
use anomal_spec::RemoteEngine;
use tokio::net::TcpListener;

use crate::{
    args::{ReportStore, Reports},
    signals,
};

/// The default port of the pages, that of the report engine.
const PORT: u16 = 8080;

impl ReportStore {
    /// Opens the store, creating its folder if needed.
    ///
    /// # Errors
    /// `Output` if the folder can't be created; `InvalidSettings` if there is no home folder.
    pub fn open(&self) -> Result<Store> {
        match &self.report_store {
            Some(location) => Store::open(location),
            None => Store::open(&default_folder()?.to_string_lossy()),
        }
    }

    /// Why nothing can be stored in the folder of a person who has named none, such as of a container's user; none if
    /// something can, or one is named.
    pub fn obstacle(&self) -> Option<String> {
        if self.report_store.is_some() {
            return None;
        }
        let folder = match default_folder() {
            Ok(folder) => folder,
            Err(error) => return Some(error.to_string()),
        };
        let made = fs::create_dir_all(&folder).and_then(|()| tempfile::tempfile_in(&folder));
        made.err().map(|error| format!("{}: {error}", folder.display()))
    }

    /// Whether there may be reports: whether its folder exists, or it is on another machine.
    pub fn may_have_reports(&self) -> bool {
        match &self.report_store {
            Some(location) if anomal_spec::is_url(location) => true,
            Some(location) => PathBuf::from(location).is_dir(),
            None => default_folder().is_ok_and(|folder| folder.is_dir()),
        }
    }
}

/// The folder by the XDG base directory specification.
fn default_folder() -> Result<PathBuf> {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let data = absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(".local/share")));
    let data = data.ok_or_else(|| {
        let message = "there is no home folder to store reports in; set --report-store";
        Error::settings("report", "STORE_UNKNOWN", message)
    })?;
    Ok(data.join("anomal/reports"))
}

impl Reports {
    /// The report engine at the endpoints, or the store on this machine.
    ///
    /// # Errors
    /// Those of the store, or of the engine.
    pub async fn engine(&self) -> Result<Arc<dyn ReportEngine>> {
        if self.report_endpoint.is_empty() {
            return Ok(Arc::new(LocalReportEngine::new(self.store.open()?, "")));
        }
        let endpoints = self.report_endpoint.clone();
        connect(&RemoteEngine { endpoints, ..RemoteEngine::default() }).await
    }
}

/// Connects to a report engine, with the token of `ANOMAL_REPORT_TOKEN`.
///
/// # Errors
/// `Unavailable`, `Incompatible`, `Unauthenticated`.
pub async fn connect(settings: &RemoteEngine) -> Result<Arc<dyn ReportEngine>> {
    let token = env::var("ANOMAL_REPORT_TOKEN").ok().filter(|token| !token.trim().is_empty());
    let token = token.as_deref().map(str::trim);
    Ok(Arc::new(RemoteReportEngine::connect(settings, token).await?))
}

/// A server of report pages whose port is bound.
pub struct ReportServer {
    listener: TcpListener,
    pub engine: LocalReportEngine,
    /// Such as `http://127.0.0.1:8080`.
    pub address: String,
}

impl ReportServer {
    /// Binds to the loopback address. Without `port` it is the default port, or a free one if that is taken.
    ///
    /// # Errors
    /// `Output` if the port is taken, or the store can't be opened.
    pub async fn on_loopback(store: &ReportStore, port: Option<u16>) -> Result<Self> {
        let loopback = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let bound = TcpListener::bind(loopback(port.unwrap_or(PORT))).await;
        let listener = match (bound, port) {
            (Ok(listener), _) => listener,
            (Err(_), None) => bind(loopback(0)).await?,
            (Err(error), Some(port)) => return Err(address_error(loopback(port), &error)),
        };
        Self::new(listener, store)
    }

    /// # Errors
    /// As [`ReportServer::on_loopback`].
    pub async fn on_address(store: &ReportStore, listen: SocketAddr) -> Result<Self> {
        Self::new(bind(listen).await?, store)
    }

    fn new(listener: TcpListener, store: &ReportStore) -> Result<Self> {
        let bound = listener.local_addr();
        let bound = bound.map_err(|error| Error::internal(error.to_string()))?;
        let address = format!("http://{bound}");
        let engine = LocalReportEngine::new(store.open()?, address.as_str());
        Ok(Self { listener, engine, address })
    }

    /// The bound address.
    ///
    /// # Errors
    /// `Internal` if the system does not report it.
    pub fn listening(&self) -> Result<SocketAddr> {
        self.listener.local_addr().map_err(|error| Error::internal(error.to_string()))
    }

    /// Serves until Ctrl-C or SIGTERM.
    ///
    /// # Errors
    /// `Output` if the listener fails.
    pub async fn serve(self, access: Access) -> Result<()> {
        let sweeper = self.engine.clone();
        let sweeping = tokio::spawn(async move { sweeper.sweep().await });
        let served = serve(self.listener, None, self.engine, access, signals::stop()).await;
        sweeping.abort();
        served.map_err(|error| Error::new(Code::Output, "SERVE", error.to_string()))
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| address_error(address, &error))
}

fn address_error(address: SocketAddr, error: &std::io::Error) -> Error {
    let message = format!("cannot listen on {address}: {error}; choose another port");
    Error::new(Code::Output, "ADDRESS", message)
}
