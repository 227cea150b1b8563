//! What should be found: five families, each as its incidents are known from, none of them loud.
//!
//! - `tunnelling`: data in the labels of a name below the intruder's domain (as iodine and dnscat2 do).
//! - `dga`: a burst of made-up domains, few of which exist (MITRE ATT&CK T1568.002).
//! - `beaconing`: calls at an interval with jitter, some missed (T1071.004).
//! - `base64_answers`: commands in TXT records (T1071.004).
//! - `typosquatting`: names one slip away from a popular site's (T1583.001).

use super::{
    record::{Query, Reply},
    world::{HEX, LOWER, LOWER_AND_DIGITS, World, address, hash, inconspicuous},
};
use crate::generate::dice::Dice;

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

    /// How many queries a campaign of it makes.
    pub fn usual_size(self) -> u64 {
        match self {
            Self::Typosquatting => 2,
            _ => 24,
        }
    }
}

/// One client and one intruder.
#[derive(Clone, Debug)]
pub struct Campaign {
    family: Family,
    client: u64,
    domain: String,
    /// Milliseconds between two calls, for a beacon.
    interval: u64,
    pub start: u64,
    pub left: u64,
}

impl Campaign {
    /// With this many queries within the span, in milliseconds.
    pub fn new(
        family: Family,
        size: u64,
        world: &World,
        clients: u64,
        span: u64,
        dice: &mut Dice,
    ) -> Self {
        let domain = match family {
            Family::Typosquatting => squat(world, dice),
            // Short, so that more fits before it.
            Family::Tunnelling => {
                let length = dice.between(4, 8);
                format!("{}.{}", dice.text(LOWER, length), dice.pick(&["net", "info", "xyz", "me"]))
            }
            _ => inconspicuous(dice),
        };
        // A beacon is there all day; the others come some time while it is on.
        let most = (span * 9 / 10) / size.max(1);
        let interval = most.min(dice.pick(&[10, 15, 30, 45, 60]) * MINUTE);
        let lasts = if family == Family::Beaconing { size * interval } else { 0 };
        let start = dice.below(span - lasts.min(span - 1));
        Self { family, client: dice.below(clients), domain, interval, start, left: size }
    }

    /// The next query, and milliseconds to the one after it.
    pub fn next(&mut self, dice: &mut Dice) -> (Query, u64) {
        self.left = self.left.saturating_sub(1);
        let (name, reply, pause) = match self.family {
            Family::Tunnelling => self.tunnel(dice),
            Family::Dga => generated(dice),
            Family::Beaconing => self.beacon(dice),
            Family::Base64Answers => self.command(dice),
            Family::Typosquatting => self.visit_squat(dice),
        };
        let query = Query { client: self.client, name, reply, label: self.family.label() };
        (query, pause)
    }

    /// Packets of all sizes: a greeting, acknowledgements, and files up to what a name can hold.
    fn tunnel(&self, dice: &mut Dice) -> (String, Reply, u64) {
        let length = match dice.below(4) {
            0 => dice.between(14, 30),
            1 | 2 => dice.between(31, 100),
            _ => dice.between(101, 190),
        };
        let data = dice.text(BASE32, length);
        let labels: Vec<&str> =
            data.as_bytes().chunks(57).filter_map(|label| str::from_utf8(label).ok()).collect();
        let name = format!("{}.{}", labels.join("."), self.domain);
        let reply = if dice.chance(0.6) {
            let length = dice.between(4, 40);
            Reply::default().text(dice.text(BASE32, length))
        } else {
            Reply::code("NOERROR")
        };
        (name, reply, dice.between(200, 20_000))
    }

    /// A check-in: who calls and what it has done so far, in hexadecimal before the domain.
    fn beacon(&self, dice: &mut Dice) -> (String, Reply, u64) {
        // Jitter of a tenth, and one call in twenty does not get through.
        let calls = if dice.chance(0.05) { 2 } else { 1 };
        let pause = self.interval * calls * dice.between(900, 1_100) / 1_000;
        let state = dice.between(2, 12);
        let name = format!(
            "{:x}.{}.{}",
            hash(&self.domain) % 0x1000_0000,
            dice.text(HEX, state),
            self.domain
        );
        let reply = match dice.below(4) {
            0 => Reply::default().address("0.0.0.0".to_owned()),
            _ => Reply::default().address(address(&name, 0)),
        };
        (name, reply, pause)
    }

    fn command(&self, dice: &mut Dice) -> (String, Reply, u64) {
        let name = format!(
            "{}{}.{}",
            dice.pick(&["ns", "mx", "t", "q"]),
            dice.between(1, 40),
            self.domain
        );
        let length = dice.between(18, 150);
        let bytes: Vec<u64> = (0..length).map(|_| dice.below(256)).collect();
        (name, Reply::default().text(base64(&bytes)), dice.between(20_000, 600_000))
    }

    fn visit_squat(&self, dice: &mut Dice) -> (String, Reply, u64) {
        let host = dice.pick(&["www.", "login.", "secure.", "account.", ""]);
        let reply = if dice.chance(0.25) {
            Reply::nxdomain()
        } else {
            Reply::default().address(address(&self.domain, 0))
        };
        (format!("{host}{}", self.domain), reply, dice.between(MINUTE, 120 * MINUTE))
    }
}

/// The domains of two generators: letters without sense, and letters with digits.
fn generated(dice: &mut Dice) -> (String, Reply, u64) {
    let length = dice.between(9, 22);
    let label = match dice.below(3) {
        0 => dice.text(LOWER_AND_DIGITS, length),
        1 => dice.text(CONSONANTS, length),
        _ => dice.text(LOWER, length),
    };
    let name = format!("{label}.{}", dice.pick(&["com", "net", "org", "info", "biz", "ru", "top"]));
    let reply = if dice.chance(0.08) {
        Reply::default().address(address(&name, 0))
    } else {
        Reply::nxdomain()
    };
    (name, reply, dice.between(300, 15_000))
}

/// A domain that is a slip away from one of the 200 most popular, and in no list itself.
fn squat(world: &World, dice: &mut Dice) -> String {
    let targets = world.top(200);
    loop {
        let target = &targets[dice.place(targets.len())];
        let Some((label, ending)) = target.split_once('.') else { continue };
        if label.len() < 5 {
            continue;
        }
        let at = dice.between(1, label.len() as u64 - 2);
        let at = usize::try_from(at).unwrap_or(1);
        let (before, after) = label.split_at(at);
        let (letter, rest) = after.split_at(1);
        let slip = match dice.below(4) {
            0 => format!("{before}{letter}{letter}{rest}"),
            1 => format!("{before}{rest}"),
            2 => format!("{before}{}{rest}", look_alike(letter, dice)),
            _ => {
                let (next, rest) = rest.split_at(1);
                format!("{before}{next}{letter}{rest}")
            }
        };
        let domain = format!("{slip}.{ending}");
        if slip != *label && !world.is_popular(&domain) {
            return domain;
        }
    }
}

fn look_alike(letter: &str, dice: &mut Dice) -> String {
    match letter {
        "o" => "0".to_owned(),
        "l" => "1".to_owned(),
        "i" => "l".to_owned(),
        "m" => "rn".to_owned(),
        "e" => "3".to_owned(),
        _ => dice.text(LOWER, 1),
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
    fn base64_of_the_standard() {
        let encode = |text: &str| base64(&text.bytes().map(u64::from).collect::<Vec<_>>());
        for (text, expected) in
            [("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(encode(text), expected);
        }
    }

    #[test]
    fn squats_are_near_and_not_popular() {
        let (world, mut dice) = (World::new().unwrap(), Dice::new(1));
        for _ in 0..200 {
            let domain = squat(&world, &mut dice);
            assert!(!world.is_popular(&domain));
            let near = world.top(200).iter().any(|site| site.len().abs_diff(domain.len()) <= 1);
            assert!(near, "{domain}");
        }
    }

    #[test]
    fn names_fit_into_the_protocol() {
        let (world, mut dice) = (World::new().unwrap(), Dice::new(2));
        for (family, _) in FAMILIES {
            let mut campaign = Campaign::new(family, 300, &world, 10, 86_400_000, &mut dice);
            for _ in 0..300 {
                let (query, _) = campaign.next(&mut dice);
                assert!(
                    query.name.len() <= 253 && query.name.split('.').all(|label| label.len() <= 63)
                );
            }
            assert_eq!(campaign.left, 0);
        }
    }
}
