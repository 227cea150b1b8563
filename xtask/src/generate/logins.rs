//! A day of logins to a small office's services: people at their desks, and two attacks on their passwords.

mod formats;

use std::io::{Result, Write};

use clap::ValueEnum;

use super::random::Random;

const USERS: u64 = 60;
const HOUR: u64 = 3_600_000;
/// Rows of each attack among 100 rows.
const ATTACK_ROWS: u64 = 3;

/// How the logins are written.
#[derive(Clone, Copy, Default, ValueEnum)]
pub enum Format {
    /// CSV with names of ECS
    #[default]
    Csv,
    /// Windows security events 4624 and 4625 as Winlogbeat ships them, in a JSON array
    Windows,
    /// Console logins of AWS `CloudTrail`, in the array `Records`
    Cloudtrail,
}

struct Login {
    /// Milliseconds of the day.
    time: u64,
    address: String,
    user: u64,
    failed: bool,
    label: &'static str,
}

impl Login {
    fn user(&self) -> String {
        format!("user{:02}", self.user)
    }

    fn timestamp(&self) -> String {
        let time = self.time;
        let (hours, minutes) = (time / HOUR, time / 60_000 % 60);
        let (seconds, millis) = (time / 1_000 % 60, time % 1_000);
        format!("2026-03-02T{hours:02}:{minutes:02}:{seconds:02}.{millis:03}Z")
    }

    fn outcome(&self) -> &'static str {
        if self.failed { "failure" } else { "success" }
    }

    /// All but the time as cells.
    fn cells(&self) -> String {
        format!("{},{},{},{}", self.address, self.user(), self.outcome(), self.label)
    }
}

/// Writes this many logins, in the order of time.
pub fn write(rows: u64, seed: u64, format: Format, output: &mut impl Write) -> Result<()> {
    let mut logins = logins(rows, seed);
    logins.sort_by_cached_key(|login| (login.time, login.cells()));
    match format {
        Format::Csv => formats::csv(&logins, output),
        Format::Windows => formats::windows(&logins, output),
        Format::Cloudtrail => formats::cloudtrail(&logins, output),
    }
}

fn logins(rows: u64, seed: u64) -> Vec<Login> {
    let mut random = Random::new(seed);
    let attack = rows * ATTACK_ROWS / 100;
    let mut logins: Vec<Login> = Vec::new();
    let failed = |time, address: &str, user, label| Login {
        time,
        address: address.to_owned(),
        user,
        failed: true,
        label,
    };
    // Many passwords for one user, one or two a second.
    let (mut time, user) = (14 * HOUR + random.below(HOUR), random.below(USERS));
    for _ in 0..attack {
        time += random.between(300, 1_200);
        logins.push(failed(time, "203.0.113.7", user, "bruteforce"));
    }
    // One password for many users, a few a minute.
    time = 10 * HOUR + random.below(HOUR);
    for _ in 0..attack {
        time += random.between(5_000, 15_000);
        logins.push(failed(time, "198.51.100.23", random.below(USERS), "spraying"));
    }
    while (logins.len() as u64) < rows {
        let user = random.below(USERS);
        let time = 8 * HOUR + random.below(9 * HOUR);
        let address = format!("10.0.0.{}", 10 + user);
        // Wrong at first, some of the time.
        if random.chance(0.08) {
            let earlier = time - random.between(2_000, 20_000);
            logins.push(failed(earlier, &address, user, ""));
        }
        logins.push(Login { time, address, user, failed: false, label: "" });
    }
    logins.truncate(usize::try_from(rows).unwrap_or(usize::MAX));
    logins
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: Format) -> String {
        let mut output = Vec::new();
        write(1_000, 1, format, &mut output).unwrap();
        String::from_utf8(output).unwrap()
    }

    #[test]
    fn has_both_attacks_and_the_number_of_rows() {
        let text = written(Format::Csv);
        assert_eq!(text.lines().count(), 1_001);
        for label in ["bruteforce", "spraying"] {
            assert_eq!(text.lines().filter(|line| line.ends_with(label)).count(), 30, "{label}");
        }
        let lines: Vec<&str> = text.lines().skip(1).map(|line| &line[..24]).collect();
        assert!(lines.is_sorted());
    }

    #[test]
    fn formats_have_the_same_logins() {
        let windows: serde_json::Value = serde_json::from_str(&written(Format::Windows)).unwrap();
        let cloudtrail: serde_json::Value =
            serde_json::from_str(&written(Format::Cloudtrail)).unwrap();
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let csv = written(Format::Csv);
        for (row, line) in csv.lines().skip(1).enumerate() {
            let (event, record) = (&windows[row], &cloudtrail["Records"][row]);
            let data = &event["winlog"]["event_data"];
            let outcome = match event["event"]["code"].as_str() {
                Some("4624") => "success",
                _ => "failure",
            };
            let cells = [
                text(&event["@timestamp"]),
                text(&data["IpAddress"]),
                text(&data["TargetUserName"]),
                outcome.to_owned(),
                text(&event["label"]),
            ];
            assert_eq!(cells.join(","), line);
            let cells = [
                text(&record["eventTime"]),
                text(&record["sourceIPAddress"]),
                text(&record["userIdentity"]["userName"]),
                text(&record["responseElements"]["ConsoleLogin"]).to_lowercase(),
                text(&record["label"]),
            ];
            assert_eq!(cells.join(","), line);
        }
    }
}
