//! An input that pauses until the test resumes it, so that the test controls how long a run takes.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use serde_json::Value;

use anomal_tests::cluster::{Namespace, PATIENCE, eventually, job_with};

const LOGS: &str = "name,bytes,answers\na,1,2\nb,2,3\nc,1,3\nd,90,80\ne,2,2\nf,1,1\n";

/// An HTTP server of a file that sends the second half only after [`PausedInput::release`]. Its thread ends with the
/// process of the test.
pub struct PausedInput {
    address: String,
    requests: Arc<AtomicUsize>,
    released: Arc<AtomicBool>,
}

impl PausedInput {
    pub fn start(here: &Namespace) -> Self {
        let machine = here.cluster.machine_address().expect("the testbed's own cluster");
        let listener = TcpListener::bind((machine, 0)).unwrap();
        let input = Self {
            address: listener.local_addr().unwrap().to_string(),
            requests: Arc::default(),
            released: Arc::default(),
        };
        let (requests, released) = (Arc::clone(&input.requests), Arc::clone(&input.released));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                requests.fetch_add(1, Ordering::SeqCst);
                let released = Arc::clone(&released);
                thread::spawn(move || answer(stream, &released));
            }
        });
        input
    }

    /// A job that reads this input.
    pub fn job(&self, name: &str) -> Value {
        job_with(name, |spec| {
            spec["input"]["csv"]["path"] = format!("http://{}/logs.csv", self.address).into();
        })
    }

    /// Waits until the input is being read for the `nth` time.
    pub fn wait_until_read(&self, nth: usize) {
        eventually("a run to read", PATIENCE, || {
            (self.requests.load(Ordering::SeqCst) >= nth).then_some(())
        });
    }

    pub fn release(&self) {
        self.released.store(true, Ordering::SeqCst);
    }
}

fn answer(mut stream: TcpStream, released: &AtomicBool) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    lines.find(String::is_empty);
    let (first, second) = LOGS.split_at(LOGS.len() / 2);
    let length = LOGS.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    // The reader may have stopped.
    let _ = stream.write_all(format!("{head}{first}").as_bytes());
    while !released.load(Ordering::SeqCst) {
        thread::sleep(Duration::from_millis(50));
    }
    let _ = stream.write_all(second.as_bytes());
}
