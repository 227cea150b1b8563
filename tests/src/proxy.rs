//! A line to a server that breaks when it is told to.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

/// When the line breaks, once, and whether it stays so.
#[derive(Clone, Copy, Debug)]
pub struct Breaks {
    /// After so many bytes from the server.
    pub down: usize,
    /// After so many bytes to it.
    pub up: usize,
    pub for_ever: bool,
}

#[derive(Debug)]
struct State {
    breaks: Breaks,
    down: AtomicUsize,
    up: AtomicUsize,
    broken: AtomicBool,
}

/// Ends with the test's process.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    state: Arc<State>,
}

impl Proxy {
    /// To a port of this machine.
    pub fn start(to: u16, breaks: Breaks) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("its number").port();
        let (down, up, broken) = Default::default();
        let state = Arc::new(State { breaks, down, up, broken });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if shared.broken.load(Ordering::SeqCst) && breaks.for_ever {
                    continue;
                }
                let Ok(server) = TcpStream::connect(("127.0.0.1", to)) else { continue };
                carry(&stream, &server, &shared, true);
                carry(&server, &stream, &shared, false);
            }
        });
        Self { port, state }
    }

    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn has_broken(&self) -> bool {
        self.state.broken.load(Ordering::SeqCst)
    }
}

fn carry(from: &TcpStream, to: &TcpStream, state: &Arc<State>, up: bool) {
    let (mut from, mut to) =
        (from.try_clone().expect("a stream"), to.try_clone().expect("a stream"));
    let state = Arc::clone(state);
    thread::spawn(move || {
        let mut buffer = vec![0; 1 << 14];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let (carried, most) =
                if up { (&state.up, state.breaks.up) } else { (&state.down, state.breaks.down) };
            let over = carried.fetch_add(count, Ordering::SeqCst) + count > most;
            // The first that is over breaks it; where it stays broken, the other lines go too.
            let first = over && !state.broken.swap(true, Ordering::SeqCst);
            let gone = state.breaks.for_ever && state.broken.load(Ordering::SeqCst);
            if first || gone || to.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    });
}
