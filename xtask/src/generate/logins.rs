//! A day of logins to a small office's services: people at their desks, and two attacks on their passwords.

use std::io::{Result, Write};

use super::random::Random;

const HEADER: &str = "@timestamp,source.ip,user.name,event.outcome,label";
const USERS: u64 = 60;
const HOUR: u64 = 3_600_000;
/// Rows of each attack among 100 rows.
const ATTACK_ROWS: u64 = 3;

/// A row: the time in milliseconds of the day, which orders rows, and the rest of the line.
type Login = (u64, String);

/// Writes the header and the rows, in the order of time.
pub fn write(rows: u64, seed: u64, output: &mut impl Write) -> Result<()> {
    let mut random = Random::new(seed);
    let attack = rows * ATTACK_ROWS / 100;
    let mut logins: Vec<Login> = Vec::new();
    // Many passwords for one user, one or two a second.
    let (mut time, user) = (14 * HOUR + random.below(HOUR), random.below(USERS));
    for _ in 0..attack {
        time += random.between(300, 1_200);
        logins.push((time, format!("203.0.113.7,user{user:02},failure,bruteforce")));
    }
    // One password for many users, a few a minute.
    time = 10 * HOUR + random.below(HOUR);
    for _ in 0..attack {
        time += random.between(5_000, 15_000);
        let user = random.below(USERS);
        logins.push((time, format!("198.51.100.23,user{user:02},failure,spraying")));
    }
    while (logins.len() as u64) < rows {
        let user = random.below(USERS);
        let time = 8 * HOUR + random.below(9 * HOUR);
        // Wrong at first, some of the time.
        if random.chance(0.08) {
            let earlier = time - random.between(2_000, 20_000);
            logins.push((earlier, format!("10.0.0.{},user{user:02},failure,", 10 + user)));
        }
        logins.push((time, format!("10.0.0.{},user{user:02},success,", 10 + user)));
    }
    logins.truncate(usize::try_from(rows).unwrap_or(usize::MAX));
    logins.sort();
    writeln!(output, "{HEADER}")?;
    for (time, rest) in logins {
        let (hours, minutes) = (time / HOUR, time / 60_000 % 60);
        let (seconds, millis) = (time / 1_000 % 60, time % 1_000);
        let clock = format!("{hours:02}:{minutes:02}:{seconds:02}.{millis:03}");
        writeln!(output, "2026-03-02T{clock}Z,{rest}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_both_attacks_and_the_number_of_rows() {
        let mut output = Vec::new();
        write(1_000, 1, &mut output).unwrap();
        let text = String::from_utf8(output).unwrap();
        assert_eq!(text.lines().count(), 1_001);
        for label in ["bruteforce", "spraying"] {
            assert_eq!(text.lines().filter(|line| line.ends_with(label)).count(), 30, "{label}");
        }
        let lines: Vec<&str> = text.lines().skip(1).map(|line| &line[..24]).collect();
        assert!(lines.is_sorted());
    }
}
