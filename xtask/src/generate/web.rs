//! A day of requests to a shop's web server: people, crawlers, and attacks by a few clients.

mod spelling;

use std::io::{Result, Write};

use super::random::Random;
pub use spelling::WebFormat;

const DAY: u64 = 86_400;
const CLIENTS: u64 = 120;
const AGENTS: [&str; 5] = [
    "Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0",
    "Mozilla/5.0 (Macintosh) Safari/17.5",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/126.0",
    "Mozilla/5.0 (iPhone) Safari/17.5",
    "Bingbot/2.0",
];
/// Paths with the usual size of their answers, from the most popular.
const PAGES: [(&str, u64); 10] = [
    ("/", 5_200),
    ("/static/style.css", 1_900),
    ("/static/app.js", 9_400),
    ("/products", 7_100),
    ("/cart", 2_400),
    ("/login", 1_300),
    ("/search?q=shoes", 6_000),
    ("/checkout", 2_900),
    ("/api/v1/items", 3_600),
    ("/account", 2_100),
];
const PROBES: [&str; 8] = [
    "/.env",
    "/.git/config",
    "/wp-login.php",
    "/phpmyadmin/",
    "/../../etc/passwd",
    "/admin",
    "/backup.zip",
    "/cgi-bin/test",
];

/// A request.
struct Request {
    /// The second of the day.
    time: u64,
    client: String,
    method: &'static str,
    path: String,
    status: u16,
    bytes: u64,
    /// In milliseconds.
    duration: u64,
    /// `-`: none.
    agent: &'static str,
    /// The family of attacks; empty for others.
    label: &'static str,
}

/// Writes the rows in the order of time. One in 150 is part of an attack; `held_out`: of families that no rule was written
/// for. The requests of a seed are the same in all formats.
pub fn write(
    rows: u64,
    seed: u64,
    held_out: bool,
    format: WebFormat,
    output: &mut impl Write,
) -> Result<()> {
    let mut random = Random::new(seed);
    let families: [fn(&mut Random, u64, &mut Vec<Request>); 3] =
        if held_out { [stuffing, download, fuzzing] } else { [scan, injection, web_shell] };
    let mut requests = Vec::new();
    for family in families {
        family(&mut random, (rows / 450).max(1), &mut requests);
    }
    while (requests.len() as u64) < rows {
        visit(&mut random, &mut requests);
    }
    requests.truncate(usize::try_from(rows).unwrap_or(usize::MAX));
    requests.sort_by_cached_key(|request| (request.time, spelling::cells(request)));
    spelling::write(&requests, format, output)
}

/// A client looks at a few pages.
fn visit(random: &mut Random, requests: &mut Vec<Request>) {
    let client = random.below(CLIENTS);
    let agent = agent(client);
    let mut time = random.below(DAY - 1_200);
    for _ in 0..random.between(2, 12) {
        time += random.between(1, 90);
        // The first are the most popular.
        let (path, size) = PAGES[random.index(10) * random.index(10) / 10];
        let method = if path == "/login" || path == "/checkout" { "POST" } else { "GET" };
        let (path, status, size) = if random.chance(0.02) {
            (format!("/old/{}", random.below(300)), 404, 162)
        } else if random.chance(0.06) {
            (path.to_owned(), 304, 0)
        } else if random.chance(0.004) {
            (path.to_owned(), 500, 512)
        } else {
            (path.to_owned(), 200, random.between(size / 2, size * 2))
        };
        let duration = random.between(8, 60);
        requests.push(Request {
            time,
            client: address(client),
            method,
            path,
            status,
            bytes: size,
            duration,
            agent,
            label: "",
        });
    }
}

fn address(client: u64) -> String {
    let net = if client < CLIENTS / 2 { "198.51.100" } else { "203.0.113" };
    format!("{net}.{}", client % (CLIENTS / 2) + 1)
}

/// Each client has one.
fn agent(client: u64) -> &'static str {
    AGENTS[(client % 5) as usize]
}

/// A tool looks for files that should not be there, all day.
fn scan(random: &mut Random, rows: u64, requests: &mut Vec<Request>) {
    for _ in 0..rows {
        let path = random.pick(&PROBES).to_owned();
        let duration = random.between(3, 9);
        requests.push(Request {
            time: random.below(DAY),
            client: "192.0.2.44".to_owned(),
            method: "GET",
            path,
            status: 404,
            bytes: 162,
            duration,
            agent: "Nikto/2.5",
            label: "scan",
        });
    }
}

/// Requests with SQL in them, that get large answers.
fn injection(random: &mut Random, rows: u64, requests: &mut Vec<Request>) {
    for _ in 0..rows {
        let tail = "A".repeat(20 + random.index(180));
        let (size, duration) = (random.between(900_000, 6_000_000), random.between(2_000, 8_000));
        requests.push(Request {
            time: random.below(DAY),
            client: "198.51.100.7".to_owned(),
            method: "GET",
            path: format!("/search?q=%27%20UNION%20SELECT%20name%20FROM%20users--{tail}"),
            status: 200,
            bytes: size,
            duration,
            agent: agent(1),
            label: "injection",
        });
    }
}

/// Small answers of a script that was not there before.
fn web_shell(random: &mut Random, rows: u64, requests: &mut Vec<Request>) {
    for _ in 0..rows {
        let duration = random.between(2_000, 4_000);
        requests.push(Request {
            time: random.below(DAY),
            client: "203.0.113.9".to_owned(),
            method: "POST",
            path: "/upload.php".to_owned(),
            status: 200,
            bytes: 50,
            duration,
            agent: "curl/8.7",
            label: "web_shell",
        });
    }
}

/// Passwords are tried from one address, a few a second.
fn stuffing(random: &mut Random, rows: u64, requests: &mut Vec<Request>) {
    let mut time = random.below(DAY - 3_600);
    for _ in 0..rows {
        time += random.between(0, 3);
        let (size, duration) = (random.between(1_200, 1_400), random.between(20, 60));
        requests.push(Request {
            time,
            client: "192.0.2.80".to_owned(),
            method: "POST",
            path: "/login".to_owned(),
            status: 401,
            bytes: size,
            duration,
            agent: agent(2),
            label: "stuffing",
        });
    }
}

/// A client of the shop takes all data.
fn download(random: &mut Random, rows: u64, requests: &mut Vec<Request>) {
    let mut time = random.below(DAY - 3_600);
    for page in 0..rows {
        time += random.between(1, 8);
        let (size, duration) = (random.between(200_000, 400_000), random.between(300, 900));
        requests.push(Request {
            time,
            client: address(17),
            method: "GET",
            path: format!("/api/v1/items?page={page}&size=1000"),
            status: 200,
            bytes: size,
            duration,
            agent: agent(17),
            label: "download",
        });
    }
}

/// Malformed requests.
fn fuzzing(random: &mut Random, rows: u64, requests: &mut Vec<Request>) {
    let mut time = random.below(DAY - 3_600);
    for _ in 0..rows {
        time += random.between(0, 5);
        let method = random.pick(&["PROPFIND", "OPTIONS", "TRACE"]);
        let path = format!(
            "/%{:02x}%{:02x}{}",
            random.below(256),
            random.below(256),
            random.below(100_000)
        );
        requests.push(Request {
            time,
            client: "192.0.2.91".to_owned(),
            method,
            path,
            status: 400,
            bytes: 226,
            duration: random.between(1, 4),
            agent: "-",
            label: "fuzzing",
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_its_families_and_the_number_of_rows() {
        for (held_out, families) in [
            (false, ["scan", "injection", "web_shell"]),
            (true, ["stuffing", "download", "fuzzing"]),
        ] {
            let mut output = Vec::new();
            write(4_500, 1, held_out, WebFormat::Csv, &mut output).unwrap();
            let text = String::from_utf8(output).unwrap();
            assert_eq!(text.lines().count(), 4_501);
            for family in families {
                assert_eq!(
                    text.lines().filter(|line| line.ends_with(family)).count(),
                    10,
                    "{family}"
                );
            }
            let cells = |line: &str| line.split(',').count();
            assert!(text.lines().all(|line| cells(line) == 10));
        }
    }

    #[test]
    fn formats_have_the_same_requests() {
        let lines = |format, header: usize| {
            let mut output = Vec::new();
            write(450, 1, false, format, &mut output).unwrap();
            let text = String::from_utf8(output).unwrap();
            text.lines().skip(header).map(str::to_owned).collect::<Vec<String>>()
        };
        let csv = lines(WebFormat::Csv, 1);
        for (format, header) in
            [(WebFormat::Combined, 0), (WebFormat::Iis, 4), (WebFormat::Ndjson, 0)]
        {
            let others = lines(format, header);
            assert_eq!(others.len(), csv.len());
            for (line, cells) in others.iter().zip(&csv) {
                let cells: Vec<&str> = cells.split(',').collect();
                assert!(line.contains(&cells[0][12..20]) && line.contains(cells[1]), "{line}");
                assert!(line.contains(cells[9]), "{line}");
            }
        }
    }
}
