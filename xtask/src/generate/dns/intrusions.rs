//! The labelled intrusions: five families modelled on known incidents, none of them with much traffic.
//!
//! - `tunnelling`: data in the labels of a name below the intruder's domain (as iodine and dnscat2 do).
//! - `dga`: a burst of generated domains, few of which exist (MITRE ATT&CK T1568.002).
//! - `beaconing`: calls at an interval with jitter, some missed (T1071.004).
//! - `base64_answers`: commands in TXT records (T1071.004).
//! - `typosquatting`: names one typing error away from a popular site's (T1583.001).

use super::{
    record::{Query, Reply},
    world::{HEX, LOWER, LOWER_AND_DIGITS, World, address, hash, inconspicuous_domain},
};
use crate::generate::random::Random;

const BASE32: &[u8] = b"abcdefghijklmnopqrstuvwxyz234567";
const CONSONANTS: &[u8] = b"bcdfghjklmnpqrstvwxz";
const MINUTE: u64 = 60_000;

/// The families and their shares of all intrusions.
pub const FAMILIES: [(Family, f64); 5] = [
    (Family::Tunnelling, 0.26),
    (Family::Dga, 0.24),
    (Family::Beaconing, 0.15),
    (Family::Base64Answers, 0.17),
    (Family::Typosquatting, 0.18),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Tunnelling,
    Dga,
    Beaconing,
    Base64Answers,
    Typosquatting,
}

impl Family {
    fn label(self) -> &'static str {
        match self {
            Self::Tunnelling => "tunnelling",
            Self::Dga => "dga",
            Self::Beaconing => "beaconing",
            Self::Base64Answers => "base64_answers",
            Self::Typosquatting => "typosquatting",
        }
    }

    /// The number of queries of a campaign.
    pub fn usual_size(self) -> u64 {
        match self {
            Self::Typosquatting => 2,
            _ => 24,
        }
    }
}

/// The queries of one infected client.
#[derive(Clone, Debug)]
pub struct Campaign {
    family: Family,
    client: u64,
    domain: String,
    /// Milliseconds between two calls of a beacon.
    interval: u64,
    pub start: u64,
    pub left: u64,
}

impl Campaign {
    /// A campaign of `size` queries within `span` milliseconds.
    pub fn new(
        family: Family,
        size: u64,
        world: &World,
        clients: u64,
        span: u64,
        random: &mut Random,
    ) -> Self {
        let domain = match family {
            Family::Typosquatting => squatted_domain(world, random),
            // Short, so that more data fits into the name.
            Family::Tunnelling => {
                let length = random.between(4, 8);
                format!(
                    "{}.{}",
                    random.text(LOWER, length),
                    random.pick(&["net", "info", "xyz", "me"])
                )
            }
            _ => inconspicuous_domain(random),
        };
        // A beacon calls for most of the span; the others come at any time.
        let most = (span * 9 / 10) / size.max(1);
        let interval = most.min(random.pick(&[10, 15, 30, 45, 60]) * MINUTE);
        let duration = if family == Family::Beaconing { size * interval } else { 0 };
        let start = random.below(span - duration.min(span - 1));
        Self { family, client: random.below(clients), domain, interval, start, left: size }
    }

    /// The next query, and the milliseconds to the one after it.
    pub fn next(&mut self, random: &mut Random) -> (Query, u64) {
        self.left = self.left.saturating_sub(1);
        let (name, reply, pause) = match self.family {
            Family::Tunnelling => self.tunnel(random),
            Family::Dga => generated_domain(random),
            Family::Beaconing => self.beacon(random),
            Family::Base64Answers => self.command(random),
            Family::Typosquatting => self.visit_squat(random),
        };
        let query = Query { client: self.client, name, reply, label: self.family.label() };
        (query, pause)
    }

    /// Packets of all sizes: a handshake, acknowledgements, and file data up to the longest name.
    fn tunnel(&self, random: &mut Random) -> (String, Reply, u64) {
        let length = match random.below(4) {
            0 => random.between(14, 30),
            1 | 2 => random.between(31, 100),
            _ => random.between(101, 190),
        };
        let data = random.text(BASE32, length);
        let labels: Vec<&str> =
            data.as_bytes().chunks(57).filter_map(|label| str::from_utf8(label).ok()).collect();
        let name = format!("{}.{}", labels.join("."), self.domain);
        let reply = if random.chance(0.6) {
            let length = random.between(4, 40);
            Reply::default().text(random.text(BASE32, length))
        } else {
            Reply::code("NOERROR")
        };
        (name, reply, random.between(200, 20_000))
    }

    /// A check-in: the client's identity and state, in hexadecimal before the domain.
    fn beacon(&self, random: &mut Random) -> (String, Reply, u64) {
        // Jitter of a tenth, and one call in twenty is lost.
        let calls = if random.chance(0.05) { 2 } else { 1 };
        let pause = self.interval * calls * random.between(900, 1_100) / 1_000;
        let state = random.between(2, 12);
        let name = format!(
            "{:x}.{}.{}",
            hash(&self.domain) % 0x1000_0000,
            random.text(HEX, state),
            self.domain
        );
        let reply = match random.below(4) {
            0 => Reply::default().address("0.0.0.0".to_owned()),
            _ => Reply::default().address(address(&name, 0)),
        };
        (name, reply, pause)
    }

    fn command(&self, random: &mut Random) -> (String, Reply, u64) {
        let name = format!(
            "{}{}.{}",
            random.pick(&["ns", "mx", "t", "q"]),
            random.between(1, 40),
            self.domain
        );
        let length = random.between(18, 150);
        let bytes: Vec<u64> = (0..length).map(|_| random.below(256)).collect();
        (name, Reply::default().text(base64(&bytes)), random.between(20_000, 600_000))
    }

    fn visit_squat(&self, random: &mut Random) -> (String, Reply, u64) {
        let host = random.pick(&["www.", "login.", "secure.", "account.", ""]);
        let reply = if random.chance(0.25) {
            Reply::nxdomain()
        } else {
            Reply::default().address(address(&self.domain, 0))
        };
        (format!("{host}{}", self.domain), reply, random.between(MINUTE, 120 * MINUTE))
    }
}

/// Domains of generators: random letters, with or without digits.
fn generated_domain(random: &mut Random) -> (String, Reply, u64) {
    let length = random.between(9, 22);
    let label = match random.below(3) {
        0 => random.text(LOWER_AND_DIGITS, length),
        1 => random.text(CONSONANTS, length),
        _ => random.text(LOWER, length),
    };
    let name =
        format!("{label}.{}", random.pick(&["com", "net", "org", "info", "biz", "ru", "top"]));
    let reply = if random.chance(0.08) {
        Reply::default().address(address(&name, 0))
    } else {
        Reply::nxdomain()
    };
    (name, reply, random.between(300, 15_000))
}

/// A domain that is one typing error away from one of the 200 most popular, and not popular itself.
fn squatted_domain(world: &World, random: &mut Random) -> String {
    let targets = world.top(200);
    loop {
        let target = &targets[random.index(targets.len())];
        let Some((label, ending)) = target.split_once('.') else { continue };
        if label.len() < 5 {
            continue;
        }
        let split = random.between(1, label.len() as u64 - 2);
        let split = usize::try_from(split).unwrap_or(1);
        let (before, after) = label.split_at(split);
        let (letter, rest) = after.split_at(1);
        let typo = match random.below(4) {
            0 => format!("{before}{letter}{letter}{rest}"),
            1 => format!("{before}{rest}"),
            2 => format!("{before}{}{rest}", similar_letter(letter, random)),
            _ => {
                let (next, rest) = rest.split_at(1);
                format!("{before}{next}{letter}{rest}")
            }
        };
        let domain = format!("{typo}.{ending}");
        if typo != *label && !world.is_popular(&domain) {
            return domain;
        }
    }
}

fn similar_letter(letter: &str, random: &mut Random) -> String {
    match letter {
        "o" => "0".to_owned(),
        "l" => "1".to_owned(),
        "i" => "l".to_owned(),
        "m" => "rn".to_owned(),
        "e" => "3".to_owned(),
        _ => random.text(LOWER, 1),
    }
}

/// RFC 4648, section 4.
fn base64(bytes: &[u64]) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0, |bits, byte| (bits << 8) | byte) << (8 * (3 - three.len()));
        for place in 0..4 {
            let letter = usize::try_from((bits >> (18 - 6 * place)) & 63).unwrap_or(0);
            text.push(if place > three.len() { '=' } else { char::from(ALPHABET[letter]) });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_follows_the_standard() {
        let encode = |text: &str| base64(&text.bytes().map(u64::from).collect::<Vec<_>>());
        for (text, expected) in
            [("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(encode(text), expected);
        }
    }

    #[test]
    fn squatted_domains_are_near_and_not_popular() {
        let (world, mut random) = (World::new().unwrap(), Random::new(1));
        for _ in 0..200 {
            let domain = squatted_domain(&world, &mut random);
            assert!(!world.is_popular(&domain));
            let near = world.top(200).iter().any(|site| site.len().abs_diff(domain.len()) <= 1);
            assert!(near, "{domain}");
        }
    }

    #[test]
    fn names_fit_into_the_protocol() {
        let (world, mut random) = (World::new().unwrap(), Random::new(2));
        for (family, _) in FAMILIES {
            let mut campaign = Campaign::new(family, 300, &world, 10, 86_400_000, &mut random);
            for _ in 0..300 {
                let (query, _) = campaign.next(&mut random);
                assert!(
                    query.name.len() <= 253 && query.name.split('.').all(|label| label.len() <= 63)
                );
            }
            assert_eq!(campaign.left, 0);
        }
    }
}
