//! A TCP proxy whose connections break at a configured point.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

/// Where the connection breaks: once, or permanently.
#[derive(Clone, Copy, Debug)]
pub struct BreakPoint {
    /// Breaks after this many bytes from the server.
    pub down: usize,
    /// Breaks after this many bytes to the server.
    pub up: usize,
    pub permanent: bool,
}

#[derive(Debug)]
struct State {
    break_point: BreakPoint,
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
    /// Forwards to a port of this machine.
    pub fn start(to: u16, break_point: BreakPoint) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("its number").port();
        let (down, up, broken) = Default::default();
        let state = Arc::new(State { break_point, down, up, broken });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if shared.broken.load(Ordering::SeqCst) && break_point.permanent {
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
            let (carried, most) = if up {
                (&state.up, state.break_point.up)
            } else {
                (&state.down, state.break_point.down)
            };
            let over = carried.fetch_add(count, Ordering::SeqCst) + count > most;
            // The first connection over the limit breaks; a permanent break also closes the others.
            let first = over && !state.broken.swap(true, Ordering::SeqCst);
            let gone = state.break_point.permanent && state.broken.load(Ordering::SeqCst);
            if first || gone || to.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        let _ = from.shutdown(Shutdown::Both);
        let _ = to.shutdown(Shutdown::Both);
    });
}
