//! Benign traffic of an office, some of which resembles intrusions.

use super::{
    record::{Query, Reply},
    world::{HEX, LOWER, LOWER_AND_DIGITS, WORDS, World, address, address6, hash, host},
};
use crate::generate::random::{Random, below, mix};

/// The domain of the organisation.
const CORP: &str = "corp.example.com";
/// Services that machines query automatically, with the minutes between two calls.
const UPDATES: &[(&str, u64)] = &[
    ("settings-win.data.microsoft.com", 240),
    ("ctldl.windowsupdate.com", 480),
    ("time.apple.com", 120),
    ("connectivity-check.ubuntu.com", 120),
    ("aus5.mozilla.org", 480),
    ("update.googleapis.com", 300),
    ("telemetry.dropbox.com", 90),
    ("agent.monitoring-hub.io", 60),
];

/// A service that a client calls at regular intervals, as an intruder's beacon does.
#[derive(Clone, Copy, Debug)]
pub struct Update {
    pub client: u64,
    service: u64,
}

impl Update {
    /// One for every client.
    pub fn all(clients: u64) -> impl Iterator<Item = Self> {
        (0..clients).map(|client| Self { client, service: mix(client) })
    }

    fn service(self) -> (&'static str, u64) {
        UPDATES[usize::try_from(below(self.service, UPDATES.len() as u64)).unwrap_or(0)]
    }

    /// Milliseconds to the next call; timers vary by a few per cent.
    pub fn pause(self, random: &mut Random) -> u64 {
        let minutes = self.service().1;
        minutes * random.between(58_500, 61_500)
    }

    pub fn query(self) -> Query {
        let (name, _) = self.service();
        plain(self.client, name.to_owned(), addresses(name))
    }
}

/// Queries of one activity of a client, each with its delay in milliseconds.
pub fn visit(world: &World, client: u64, random: &mut Random) -> Vec<(u64, Query)> {
    match random.below(1_000) {
        0..=54 => internal(client, random),
        55..=89 => reverse(client, random),
        90..=104 => mail(world, client % 3, random),
        105..=111 => reputation(client, random),
        112..=149 => typing_error(world, client, random),
        150..=154 => probes(client, random),
        155..=157 => printers(client, random),
        158..=182 => vec![(0, plain_site(client, &World::small_site(random), random))],
        183..=184 => odd(client, random),
        _ => browse(world, client, random),
    }
}

fn plain(client: u64, name: String, reply: Reply) -> Query {
    Query { client, name, reply, label: "" }
}

fn plain_site(client: u64, site: &str, random: &mut Random) -> Query {
    let name = if random.chance(0.6) { format!("www.{site}") } else { site.to_owned() };
    let reply = addresses(site);
    plain(client, name, reply)
}

/// The addresses of a name: one, or several.
fn addresses(name: &str) -> Reply {
    let count = [1, 1, 1, 2, 4, 1, 1, 2][usize::try_from(hash(name) % 8).unwrap_or(0)];
    (0..count).fold(Reply::default(), |reply, n| reply.address(address(name, n)))
}

/// A web page: its host by IPv4 and often by IPv6, then embedded hosts; sometimes the first query is lost.
fn browse(world: &World, client: u64, random: &mut Random) -> Vec<(u64, Query)> {
    let site =
        if random.chance(0.6) { world.favourite(client, random) } else { world.site(random) };
    let name = with_quirks(host(site, random), random);
    let mut queries = Vec::new();
    let mut at = 0;
    match random.below(100) {
        // Lost: the same query again after one more second, and two more.
        0 => {
            for _ in 0..random.between(1, 2) {
                queries.push((at, plain(client, name.clone(), Reply::none())));
                at += random.between(1_000, 1_030) * (1 + at / 1_000);
            }
        }
        1 => queries.push((0, plain(client, name.clone(), Reply::code("SERVFAIL")))),
        _ => {}
    }
    queries.push((at, plain(client, name.clone(), site_reply(site, &name, false, random))));
    if random.chance(0.45) {
        let again = plain(client, name.clone(), site_reply(site, &name, true, random));
        queries.push((at + random.between(0, 4), again));
    }
    for _ in 0..random.below(4) {
        at += random.between(40, 700);
        let embedded = match random.below(8) {
            0 => content_host(random),
            1 => host(
                random.pick(&["doubleclick.net", "gstatic.com", "fbcdn.net", "adnxs.com"]),
                random,
            ),
            _ => host(world.site(random), random),
        };
        let reply = addresses(&embedded);
        queries.push((at, plain(client, embedded, reply)));
    }
    queries
}

/// Some clients randomise the case of letters (0x20 encoding), some add the dot of the root.
fn with_quirks(name: String, random: &mut Random) -> String {
    match random.below(400) {
        0 => {
            let flip = |c: char| if random.chance(0.5) { c.to_ascii_uppercase() } else { c };
            name.chars().map(flip).collect()
        }
        1 => format!("{name}."),
        _ => name,
    }
}

/// The reply for a site: addresses, through a content network for every third site.
fn site_reply(site: &str, name: &str, six: bool, random: &mut Random) -> Reply {
    let hash = hash(site);
    if six && hash % 5 < 2 {
        return Reply::code("NOERROR");
    }
    let mut reply = Reply::default();
    if hash.is_multiple_of(3) {
        let edge = below(mix(hash), 9_000) + 100;
        reply = match hash % 4 {
            0 => {
                reply.host(format!("{name}.edgekey.net")).host(format!("e{edge}.a.akamaiedge.net"))
            }
            1 => reply.host(format!("d{:013x}.cloudfront.net", mix(hash) >> 12)),
            2 => reply.host(format!("{}.map.fastly.net", site.replace('.', "-"))),
            _ => reply.host(format!("a{edge}.dscb.akamai.net")),
        };
    }
    // Several addresses rotate.
    let (count, first) = (1 + hash % 3, random.below(3));
    (0..count).fold(reply, |reply, n| {
        let n = (n + first) % count;
        reply.address(if six { address6(site, n) } else { address(site, n) })
    })
}

/// Hosts of content networks: benign names with hashes and numbers.
fn content_host(random: &mut Random) -> String {
    match random.below(6) {
        0 => format!("d{}.cloudfront.net", random.text(LOWER_AND_DIGITS, 13)),
        1 => format!(
            "e{}.dsc{}.akamaiedge.net",
            random.between(100, 20_000),
            random.pick(&["a", "b", "g"])
        ),
        2 => format!(
            "{}-{}.s3.amazonaws.com",
            random.pick(WORDS),
            random.pick(&["assets", "prod", "media"])
        ),
        3 => format!(
            "r{}---sn-{}.googlevideo.com",
            random.between(1, 9),
            random.text(LOWER_AND_DIGITS, 8)
        ),
        4 => {
            let parts = [8, 4, 4, 12].map(|length| random.text(HEX, length));
            format!("{}.events.data.microsoft.com", parts.join("-"))
        }
        _ => format!("scontent-{}{}-1.xx.fbcdn.net", random.text(LOWER, 3), random.between(1, 9)),
    }
}

/// The directory service, file shares, and a proxy that does not exist.
fn internal(client: u64, random: &mut Random) -> Vec<(u64, Query)> {
    let query = match random.below(10) {
        0..=3 => {
            let name =
                format!("{}.{CORP}", random.pick(&["dc1", "files", "intranet", "mail", "print"]));
            let address = format!("10.1.0.{}", 10 + hash(&name) % 20);
            plain(client, name, Reply::default().address(address))
        }
        4..=6 => {
            let service = random.pick(&["_ldap._tcp", "_kerberos._tcp", "_gc._tcp"]);
            plain(
                client,
                format!("{service}.dc._msdcs.{CORP}"),
                Reply::default().host(format!("dc1.{CORP}")),
            )
        }
        7 => plain(client, format!("wpad.{CORP}"), Reply::nxdomain()),
        8 => plain(client, format!("isatap.{CORP}"), Reply::nxdomain()),
        _ => plain(client, format!("pc-{:04}.{CORP}", random.below(3_000)), Reply::nxdomain()),
    };
    vec![(0, query)]
}

/// Reverse lookups by servers.
fn reverse(client: u64, random: &mut Random) -> Vec<(u64, Query)> {
    let parts: Vec<u64> = (0..4).map(|_| random.between(1, 254)).collect();
    let name = format!("{}.{}.{}.{}.in-addr.arpa", parts[3], parts[2], parts[1], parts[0]);
    let dashed = format!("{}-{}-{}-{}", parts[0], parts[1], parts[2], parts[3]);
    let reply = match random.below(10) {
        0..=3 => Reply::nxdomain(),
        4..=6 => Reply::default().host(format!("ec2-{dashed}.compute-1.amazonaws.com")),
        7 | 8 => Reply::default().host(format!("{dashed}.dyn.{}net.com", random.pick(WORDS))),
        _ => Reply::default().host(format!("server-{dashed}.fra2.r.cloudfront.net")),
    };
    vec![(0, plain(client % 7, name, reply))]
}

/// A mail server checks a sender by SPF, DKIM and DMARC, all of them TXT records.
fn mail(world: &World, server: u64, random: &mut Random) -> Vec<(u64, Query)> {
    let site =
        if random.chance(0.3) { World::small_site(random) } else { world.site(random).to_owned() };
    let spf = match hash(&site) % 3 {
        0 => "v=spf1 include:_spf.google.com ~all".to_owned(),
        1 => format!("v=spf1 ip4:{}/24 include:spf.protection.outlook.com -all", address(&site, 0)),
        _ => format!(
            "v=spf1 mx a:mail.{site} ip4:{} ip4:{} ?all",
            address(&site, 1),
            address(&site, 2)
        ),
    };
    let selector = random.pick(&["s1", "google", "selector1", "k1", "20230601", "dkim"]);
    let mut queries = vec![
        (0, plain(server, site.clone(), Reply::default().text(spf))),
        (
            random.between(5, 90),
            plain(server, format!("{selector}._domainkey.{site}"), dkim_record(&site)),
        ),
    ];
    if random.chance(0.6) {
        let policy =
            format!("v=DMARC1; p={}; rua=mailto:dmarc@{site}", random.pick(&["none", "reject"]));
        let query = plain(server, format!("_dmarc.{site}"), Reply::default().text(policy));
        queries.push((random.between(100, 200), query));
    }
    queries
}

/// The DKIM record of a site: base64 after its tags.
fn dkim_record(site: &str) -> Reply {
    const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut random = Random::new(hash(site));
    let (prefix, length) = match random.below(3) {
        0 => ("MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC", 176),
        _ => ("MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA", 336),
    };
    Reply::default()
        .text(format!("v=DKIM1; k=rsa; p={prefix}{}QIDAQAB", random.text(BASE64, length)))
}

/// A virus scanner queries the hash of a file as a name, which resembles a tunnel.
fn reputation(client: u64, random: &mut Random) -> Vec<(u64, Query)> {
    let name = match random.below(2) {
        0 => format!("{}.{}.avqs.mcafee.com", random.text(HEX, 8), random.text(HEX, 32)),
        _ => format!(
            "4.0.{}.{}.i.00.s.sophosxl.net",
            random.below(10),
            random.text(LOWER_AND_DIGITS, 26)
        ),
    };
    let address = format!("127.0.{}.{}", random.below(4), random.between(1, 80));
    vec![(0, plain(client, name, Reply::default().address(address)))]
}

/// Wrong letters in the name of a site, or the organisation's domain appended to it.
fn typing_error(world: &World, client: u64, random: &mut Random) -> Vec<(u64, Query)> {
    let site = world.favourite(client, random);
    let name = match random.below(3) {
        0 => format!("www.{site}.{CORP}"),
        1 => format!("{site}.{CORP}"),
        _ => {
            let (label, ending) = site.split_once('.').unwrap_or((site, "com"));
            let position = random.index(label.len());
            let rest = label.get(position + 1..).unwrap_or_default();
            format!("www.{}{}{rest}.{ending}", &label[..position], random.text(LOWER, 2))
        }
    };
    vec![(0, plain(client, name, Reply::nxdomain()))]
}

/// A starting browser queries three random names, to detect a provider that answers for every name.
fn probes(client: u64, random: &mut Random) -> Vec<(u64, Query)> {
    let mut probe = |n: u64| {
        let length = random.between(7, 15);
        let label = random.text(LOWER, length);
        let name = if n == 2 { format!("{label}.{CORP}") } else { label };
        (n * 3, plain(client, name, Reply::nxdomain()))
    };
    (0..3).map(&mut probe).collect()
}

/// Names of devices as users enter them.
fn printers(client: u64, random: &mut Random) -> Vec<(u64, Query)> {
    let device =
        random.pick(&["Drucker Büro 2", "Printer \"Lobby\", 2nd floor", "HP LaserJet [4F:2A:90]"]);
    let name = format!("{device}._ipp._tcp.local");
    vec![(
        0,
        plain(client, name, Reply::default().host(format!("printer-{}.local", hash(device) % 90))),
    )]
}

/// The root, an empty name, names in other scripts.
fn odd(client: u64, random: &mut Random) -> Vec<(u64, Query)> {
    let name = random.pick(&[".", "", "xn--bcher-kva.de", "xn--80ak6aa92e.com", "localhost"]);
    let reply = if name.contains("xn--") { addresses(name) } else { Reply::code("NOERROR") };
    vec![(0, plain(client, name.to_owned(), reply))]
}
