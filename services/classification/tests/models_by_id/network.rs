//! Servers in this process, and a proxy that counts what they are sent.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use anomal_classification::{LocalClassificationEngine, Options, grpc};
use anomal_rpc::{Admission, metrics::Metrics};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy},
    net::{TcpListener, TcpStream},
    task::AbortHandle,
};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::service::Routes;

/// Serves until the test ends.
pub async fn serve(routes: Routes) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tonic::transport::Server::builder().add_routes(routes);
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    address
}

/// An engine that holds no models yet.
pub async fn serve_engine(options: Options) -> SocketAddr {
    let admission = Admission::new(64, 1 << 30, Metrics::new());
    serve(grpc::routes(Arc::new(LocalClassificationEngine::new(options)), admission)).await
}

/// A TCP proxy.
pub struct Proxy {
    pub address: SocketAddr,
    state: Arc<State>,
}

struct State {
    backend: Mutex<SocketAddr>,
    sent: AtomicUsize,
    connections: Mutex<Vec<AbortHandle>>,
}

impl Proxy {
    pub async fn start(backend: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            backend: Mutex::new(backend),
            sent: AtomicUsize::new(0),
            connections: Mutex::default(),
        });
        let accepting = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let connection = tokio::spawn(forward(client, Arc::clone(&accepting)));
                accepting.connections.lock().unwrap().push(connection.abort_handle());
            }
        });
        Self { address, state }
    }

    /// Breaks all connections and forwards new ones elsewhere, as a restart behind one address.
    pub fn redirect(&self, backend: SocketAddr) {
        *self.state.backend.lock().unwrap() = backend;
        self.state.connections.lock().unwrap().drain(..).for_each(|connection| connection.abort());
    }

    /// Bytes from clients to the server.
    pub fn bytes_sent(&self) -> usize {
        self.state.sent.load(Ordering::SeqCst)
    }
}

async fn forward(client: TcpStream, state: Arc<State>) -> std::io::Result<()> {
    let backend = *state.backend.lock().unwrap();
    let server = TcpStream::connect(backend).await?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let up = async {
        let mut buffer = vec![0; 1 << 16];
        loop {
            let read = from_client.read(&mut buffer).await?;
            if read == 0 {
                return to_server.shutdown().await;
            }
            state.sent.fetch_add(read, Ordering::SeqCst);
            to_server.write_all(&buffer[..read]).await?;
        }
    };
    let down = async { copy(&mut from_server, &mut to_client).await.map(|_| ()) };
    tokio::try_join!(up, down).map(|_| ())
}
