//! Records that come when the test lets them, so that a run lasts as long as it is to.

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

/// A server of a file of which it keeps back the second half. Its thread ends with the test's process.
pub struct Held {
    address: String,
    asked: Arc<AtomicUsize>,
    released: Arc<AtomicBool>,
}

impl Held {
    pub fn start(here: &Namespace) -> Self {
        let machine = here.cluster.machine_address().expect("the testbed's own cluster");
        let listener = TcpListener::bind((machine, 0)).unwrap();
        let held = Self {
            address: listener.local_addr().unwrap().to_string(),
            asked: Arc::default(),
            released: Arc::default(),
        };
        let (asked, released) = (Arc::clone(&held.asked), Arc::clone(&held.released));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                asked.fetch_add(1, Ordering::SeqCst);
                let released = Arc::clone(&released);
                thread::spawn(move || answer(stream, &released));
            }
        });
        held
    }

    /// A job that reads them.
    pub fn job(&self, name: &str) -> Value {
        job_with(name, |spec| {
            spec["input"]["csv"]["path"] = format!("http://{}/logs.csv", self.address).into();
        })
    }

    /// Waits for a run to be in the midst of reading, for the `nth` time.
    pub fn is_read(&self, nth: usize) {
        eventually("a run to read", PATIENCE, || {
            (self.asked.load(Ordering::SeqCst) >= nth).then_some(())
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
    // Who reads may have gone.
    let _ = stream.write_all(format!("{head}{first}").as_bytes());
    while !released.load(Ordering::SeqCst) {
        thread::sleep(Duration::from_millis(50));
    }
    let _ = stream.write_all(second.as_bytes());
}
