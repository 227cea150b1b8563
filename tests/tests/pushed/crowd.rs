//! Two thousand connections at once, of which some are slow, and some say nothing more.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    time::{Duration, Instant},
};

use super::{
    job::{ids, line, lines, rejected, results, summary, wait, workspace},
    running::Running,
};

const CONNECTIONS: u64 = 2_000;
/// Of them, those that send a byte from time to time, and those that stop within a record.
const SLOW: u64 = 40;
const HALF: u64 = 40;

#[test]
fn two_thousand_connections_slow_and_half_open_ones_lose_nothing() {
    let input = "tcp: {host: 127.0.0.1, port: 0, badLines: skip, idleTimeout: 20s}";
    let workspace = workspace(input, "");
    let running = Running::job(&workspace);
    let mut open: Vec<TcpStream> = (0..CONNECTIONS).map(|_| running.connect()).collect();
    let half: Vec<TcpStream> = open.split_off(usize::try_from(CONNECTIONS - HALF).unwrap());
    let slow: Vec<TcpStream> = open.split_off(usize::try_from(CONNECTIONS - HALF - SLOW).unwrap());
    let quick = CONNECTIONS - HALF - SLOW;
    // Not one after the other.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for mut stream in &half {
                stream.write_all(b"{\"id\": 1, \"size\":").unwrap();
            }
        });
        scope.spawn(|| {
            let records: Vec<String> = (quick..quick + SLOW).map(line).collect();
            let longest = records.iter().map(String::len).max().unwrap();
            for place in 0..longest {
                for (mut stream, record) in slow.iter().zip(&records) {
                    if let Some(byte) = record.as_bytes().get(place) {
                        stream.write_all(&[*byte]).unwrap();
                    }
                }
                std::thread::sleep(Duration::from_millis(60));
            }
        });
        for (mut stream, id) in open.iter().zip(0..) {
            stream.write_all(line(id).as_bytes()).unwrap();
        }
        // Others do not wait for them.
        wait(|| results(&workspace).len() >= usize::try_from(quick).unwrap());
    });
    let rows = usize::try_from(quick + SLOW).unwrap();
    wait(|| results(&workspace).len() == rows);
    // Those that stopped are closed, and leave their places to others.
    for mut stream in half {
        assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0);
    }
    drop((open, slow));
    wait(|| {
        running.send(line(quick + SLOW).as_bytes());
        std::thread::sleep(Duration::from_millis(100));
        results(&workspace).len() > rows
    });
    let ended = running.terminate();
    ended.expect(0, &[]);
    let counts = summary(&ended);
    assert_eq!(counts["rejected"], HALF);
    let of_half = rejected(&workspace);
    assert_eq!(of_half.len() as u64, HALF);
    assert!(
        of_half.iter().all(|row| row["reason"].to_string().contains("it ends within an object"))
    );
    let mut found = ids(&workspace);
    found.sort_unstable();
    found.dedup();
    assert_eq!(found, (0..=quick + SLOW).collect::<Vec<_>>());
    let sum = counts["results"].as_u64().unwrap() + counts["rejected"].as_u64().unwrap();
    assert_eq!(counts["rows"], sum);
}

/// `ANOMAL_TEST_AWAY=60` waits until the slow ones are told to go.
#[test]
fn slow_heads_of_requests_hold_no_others_up() {
    let input = "http: {listen: \"127.0.0.1:0\"}";
    let workspace = workspace(input, "");
    let running = Running::job(&workspace);
    let mut slow: Vec<TcpStream> = (0..300).map(|_| running.connect()).collect();
    let since = Instant::now();
    for stream in &mut slow {
        stream.write_all(b"POST /v1/records HTTP/1.1\r\nhost: test\r\n").unwrap();
    }
    let mut sent = 0;
    let mut body = slow.split_off(150);
    for stream in &mut body {
        stream.write_all(b"content-length: 100\r\n\r\n{\"id\"").unwrap();
    }
    // They send a byte a second, until they are told that it takes too long.
    let mut closed = 0;
    let to_the_end = std::env::var_os("ANOMAL_TEST_AWAY").is_some();
    while (to_the_end && !(slow.is_empty() && body.is_empty())) || sent < 50 {
        assert_eq!(running.post(&[], lines(sent..sent + 10).as_bytes()).status, 200);
        sent += 10;
        std::thread::sleep(Duration::from_secs(1));
        for streams in [&mut slow, &mut body] {
            let (alive, ended): (Vec<_>, Vec<_>) = streams.drain(..).partition(still_open);
            closed += ended.len();
            *streams = alive;
        }
        for mut stream in &slow {
            let _ = stream.write_all(b"x");
        }
        assert!(since.elapsed() < Duration::from_mins(3), "{} are open", slow.len() + body.len());
    }
    assert_eq!(closed, if to_the_end { 300 } else { 0 });
    let rows = usize::try_from(sent).unwrap();
    wait(|| results(&workspace).len() == rows);
    running.terminate().expect(0, &[]);
    assert_eq!(ids(&workspace), (0..sent).collect::<Vec<_>>());
}

/// Whether the other side has neither answered nor closed a connection.
fn still_open(mut stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let open = stream
        .read(&mut [0; 512])
        .is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
    stream.set_nonblocking(false).unwrap();
    if !open {
        let _ = stream.shutdown(Shutdown::Both);
    }
    open
}
