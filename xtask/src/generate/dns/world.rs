//! Sites with their hosts and addresses, and words to build names from. Hosts and addresses are hashes of the site's
//! name, so that they need no memory.

use std::io::Read;

use flate2::read::GzDecoder;

use crate::generate::random::{Random, below, mix, unit};

/// 143,630 registered domains, the most popular first (source: packs/dns/data).
const POPULAR: &[u8] = include_bytes!("../../../../packs/dns/data/popular-domains.txt.gz");

pub const WORDS: &[&str] = &[
    "acorn", "alpine", "amber", "anchor", "apex", "arbor", "atlas", "aurora", "baker", "bay",
    "beacon", "birch", "blue", "bridge", "bright", "brook", "canyon", "cedar", "circle", "city",
    "clear", "cloud", "coast", "copper", "coral", "craft", "creek", "crest", "crown", "dawn",
    "delta", "drift", "eagle", "east", "ember", "falcon", "fern", "field", "first", "flint",
    "forest", "forge", "fox", "garden", "gate", "glen", "gold", "grand", "green", "grove",
    "harbor", "haven", "hazel", "hill", "home", "iron", "ivy", "jade", "juniper", "keystone",
    "lake", "lark", "laurel", "leaf", "light", "lily", "lunar", "maple", "marble", "meadow",
    "metro", "mill", "mint", "moon", "north", "oak", "ocean", "olive", "onyx", "orchard", "park",
    "pearl", "pine", "pioneer", "plaza", "point", "prairie", "prime", "quartz", "rapid", "raven",
    "red", "ridge", "river", "rock", "rose", "royal", "sage", "sand", "shore", "silver", "sky",
    "solar", "south", "spring", "star", "steel", "stone", "stream", "summit", "sun", "swift",
    "terra", "thorn", "tide", "timber", "trail", "union", "urban", "valley", "vista", "wave",
    "west", "wild", "willow", "wind", "winter", "wood", "wren", "zenith",
];
const TRADES: &[&str] = &[
    "bakery",
    "clinic",
    "consulting",
    "dental",
    "design",
    "law",
    "logistics",
    "media",
    "motors",
    "photo",
    "plumbing",
    "school",
    "shop",
    "studio",
    "systems",
    "tools",
    "travel",
    "yoga",
];
const ENDINGS: &[&str] =
    &["com", "com", "com", "net", "org", "de", "co.uk", "fr", "nl", "io", "es", "com.ar"];
const HOSTS: &[&str] =
    &["api", "static", "img", "cdn", "mail", "login", "assets", "m", "app", "data", "events"];
/// First bytes of the addresses of providers.
const NETWORKS: &[u64] =
    &[13, 18, 20, 23, 34, 35, 52, 54, 65, 95, 104, 142, 151, 157, 185, 199, 204];

pub const HEX: &[u8] = b"0123456789abcdef";
pub const LOWER: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
pub const LOWER_AND_DIGITS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// The sites of the internet, by popularity.
pub struct World {
    popular: Vec<String>,
    /// Sums of 1/rank: Zipf's law with exponent 1.
    sums: Vec<f64>,
    /// Hashes of the popular sites, sorted.
    hashes: Vec<u64>,
}

impl World {
    pub fn new() -> std::io::Result<Self> {
        let mut text = String::new();
        GzDecoder::new(POPULAR).read_to_string(&mut text)?;
        let popular: Vec<String> = text.lines().map(str::to_owned).collect();
        let mut sum = 0.0;
        let ranks = 1..=popular.len();
        let sums = ranks.map(|rank| {
            sum += 1.0 / rank as f64;
            sum
        });
        let sums = sums.collect();
        let mut hashes: Vec<u64> = popular.iter().map(|site| hash(site)).collect();
        hashes.sort_unstable();
        Ok(Self { popular, sums, hashes })
    }

    /// The most popular sites.
    pub fn top(&self, count: usize) -> &[String] {
        &self.popular[..count.min(self.popular.len())]
    }

    pub fn is_popular(&self, domain: &str) -> bool {
        self.hashes.binary_search(&hash(domain)).is_ok()
    }

    /// The site at this share, 0 to 1, of all visits.
    fn site_at(&self, share: f64) -> &str {
        let total = self.sums.last().copied().unwrap_or_default();
        let rank = self.sums.partition_point(|sum| *sum <= share * total);
        &self.popular[rank.min(self.popular.len() - 1)]
    }

    /// A site, drawn by popularity.
    pub fn site(&self, random: &mut Random) -> &str {
        self.site_at(random.unit())
    }

    /// One of the twelve sites that this client visits often.
    pub fn favourite(&self, client: u64, random: &mut Random) -> &str {
        self.site_at(unit(mix(client * 12 + random.below(12))))
    }

    /// One of 5,000 sites that are not popular.
    pub fn small_site(random: &mut Random) -> String {
        // Lower numbers are more likely.
        let site = mix(random.below(5_000).min(random.below(5_000)));
        let word = |salt: u64, list: &[&'static str]| {
            list[usize::try_from(below(mix(site ^ salt), list.len() as u64)).unwrap_or(0)]
        };
        let hyphen = if site.is_multiple_of(3) { "-" } else { "" };
        format!("{}{hyphen}{}.{}", word(1, WORDS), word(2, TRADES), word(3, ENDINGS))
    }
}

/// The hash that all properties of a name come from (FNV-1a).
pub fn hash(text: &str) -> u64 {
    let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    mix(text.bytes().fold(0xcbf2_9ce4_8422_2325, fold))
}

/// A host of a site: mostly the site itself.
pub fn host(site: &str, random: &mut Random) -> String {
    let hash = hash(site);
    match random.below(20) {
        0..=8 => format!("www.{site}"),
        9..=12 => site.to_owned(),
        // A site has three hosts, numbered ones for every fourth site.
        draw => {
            let index = usize::try_from(below(mix(hash ^ (draw % 3)), HOSTS.len() as u64));
            let host = HOSTS[index.unwrap_or(0)];
            if hash.is_multiple_of(4) {
                format!("{host}{}.{site}", random.between(1, 9))
            } else {
                format!("{host}.{site}")
            }
        }
    }
}

/// The n-th address of a name.
pub fn address(name: &str, n: u64) -> String {
    let bits = mix(hash(name).wrapping_add(n));
    let byte = |shift: u32| (bits >> shift) & 0xff;
    let network = NETWORKS[usize::try_from(below(mix(bits), NETWORKS.len() as u64)).unwrap_or(0)];
    format!("{network}.{}.{}.{}", byte(8), byte(16), 1 + byte(24) % 254)
}

pub fn address6(name: &str, n: u64) -> String {
    let bits = mix(hash(name).wrapping_add(n) ^ 6);
    let part = |shift: u32| (bits >> shift) & 0xffff;
    format!("2a00:{:x}:{:x}::{:x}", part(0), part(16) & 0xfff, 1 + (part(32) & 0xff))
}

/// An unremarkable domain of an intruder, such as `silver-metrics12.net`.
pub fn inconspicuous_domain(random: &mut Random) -> String {
    let second =
        random.pick(&["metrics", "cdn", "sync", "update", "static", "cloud", "data", "assets"]);
    let hyphen = random.pick(&["-", "", ""]);
    format!(
        "{}{hyphen}{second}{}.{}",
        random.pick(WORDS),
        random.between(2, 99),
        random.pick(&["com", "net", "info", "io"])
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visits_follow_zipfs_law() {
        let world = World::new().unwrap();
        let mut random = Random::new(1);
        let visits: Vec<&str> = (0..20_000).map(|_| world.site(&mut random)).collect();
        let share = |site: &str| visits.iter().filter(|visit| **visit == site).count() as f64 / 2e4;
        // 1/(ln n + 0.577) of the visits go to the first, half as many to the second.
        assert!((0.07..0.09).contains(&share("google.com")), "{}", share("google.com"));
        assert!((0.033..0.047).contains(&share("youtube.com")), "{}", share("youtube.com"));
    }

    #[test]
    fn a_name_keeps_its_addresses() {
        assert_eq!(address("example.com", 0), address("example.com", 0));
        assert_ne!(address("example.com", 0), address("example.com", 1));
        assert!(address("example.com", 0).parse::<std::net::Ipv4Addr>().is_ok());
        assert!(address6("example.com", 0).parse::<std::net::Ipv6Addr>().is_ok());
    }
}
