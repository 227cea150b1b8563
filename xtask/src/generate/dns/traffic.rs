//! What goes on in an office every day, and what of it looks like an intrusion and is none.

use super::{
    record::{Query, Reply},
    world::{HEX, LOWER, LOWER_AND_DIGITS, WORDS, World, address, address6, hash, host},
};
use crate::generate::dice::{Dice, below, mix};

/// The organisation's own domain.
const CORP: &str = "corp.example.com";
/// Services that machines ask for by themselves, minutes between two calls.
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

/// A client's subscription to a service that it calls at regular intervals: no beacon of an intruder.
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

    /// Milliseconds to the next call: timers of machines are good to a few per cent.
    pub fn pause(self, dice: &mut Dice) -> u64 {
        let minutes = self.service().1;
        minutes * dice.between(58_500, 61_500)
    }

    pub fn query(self) -> Query {
        let (name, _) = self.service();
        plain(self.client, name.to_owned(), addresses(name))
    }
}

/// What a person or a machine does now: queries and how many milliseconds from now each is made.
pub fn visit(world: &World, client: u64, dice: &mut Dice) -> Vec<(u64, Query)> {
    match dice.below(1_000) {
        0..=54 => internal(client, dice),
        55..=89 => reverse(client, dice),
        90..=104 => mail(world, client % 3, dice),
        105..=111 => reputation(client, dice),
        112..=149 => typing_error(world, client, dice),
        150..=154 => probes(client, dice),
        155..=157 => printers(client, dice),
        158..=182 => vec![(0, plain_site(client, &World::small_site(dice), dice))],
        183..=184 => odd(client, dice),
        _ => browse(world, client, dice),
    }
}

fn plain(client: u64, name: String, reply: Reply) -> Query {
    Query { client, name, reply, label: "" }
}

fn plain_site(client: u64, site: &str, dice: &mut Dice) -> Query {
    let name = if dice.chance(0.6) { format!("www.{site}") } else { site.to_owned() };
    let reply = addresses(site);
    plain(client, name, reply)
}

/// The addresses that a name has: one, or several of a large site.
fn addresses(name: &str) -> Reply {
    let count = [1, 1, 1, 2, 4, 1, 1, 2][usize::try_from(hash(name) % 8).unwrap_or(0)];
    (0..count).fold(Reply::default(), |reply, n| reply.address(address(name, n)))
}

/// A page: its host by IPv4 and often by IPv6, then what it embeds; sometimes the first try is lost.
fn browse(world: &World, client: u64, dice: &mut Dice) -> Vec<(u64, Query)> {
    let site = if dice.chance(0.6) { world.favourite(client, dice) } else { world.site(dice) };
    let name = cased(host(site, dice), dice);
    let mut queries = Vec::new();
    let mut at = 0;
    match dice.below(100) {
        // Lost on the way: the same question again after one and two seconds more.
        0 => {
            for _ in 0..dice.between(1, 2) {
                queries.push((at, plain(client, name.clone(), Reply::none())));
                at += dice.between(1_000, 1_030) * (1 + at / 1_000);
            }
        }
        1 => queries.push((0, plain(client, name.clone(), Reply::code("SERVFAIL")))),
        _ => {}
    }
    queries.push((at, plain(client, name.clone(), site_reply(site, &name, false, dice))));
    if dice.chance(0.45) {
        let again = plain(client, name.clone(), site_reply(site, &name, true, dice));
        queries.push((at + dice.between(0, 4), again));
    }
    for _ in 0..dice.below(4) {
        at += dice.between(40, 700);
        let embedded = match dice.below(8) {
            0 => content_host(dice),
            1 => {
                host(dice.pick(&["doubleclick.net", "gstatic.com", "fbcdn.net", "adnxs.com"]), dice)
            }
            _ => host(world.site(dice), dice),
        };
        let reply = addresses(&embedded);
        queries.push((at, plain(client, embedded, reply)));
    }
    queries
}

/// Some resolvers' clients draw the case of letters as a check (0x20), some write the root's dot.
fn cased(name: String, dice: &mut Dice) -> String {
    match dice.below(400) {
        0 => {
            let flip = |c: char| if dice.chance(0.5) { c.to_ascii_uppercase() } else { c };
            name.chars().map(flip).collect()
        }
        1 => format!("{name}."),
        _ => name,
    }
}

/// Of a site: addresses, by way of a content network for every third one.
fn site_reply(site: &str, name: &str, six: bool, dice: &mut Dice) -> Reply {
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
    // The order of several addresses turns.
    let (count, first) = (1 + hash % 3, dice.below(3));
    (0..count).fold(reply, |reply, n| {
        let n = (n + first) % count;
        reply.address(if six { address6(site, n) } else { address(site, n) })
    })
}

/// Hosts of content networks: hashes and numbers in their names, and nothing wrong with them.
fn content_host(dice: &mut Dice) -> String {
    match dice.below(6) {
        0 => format!("d{}.cloudfront.net", dice.text(LOWER_AND_DIGITS, 13)),
        1 => format!(
            "e{}.dsc{}.akamaiedge.net",
            dice.between(100, 20_000),
            dice.pick(&["a", "b", "g"])
        ),
        2 => format!(
            "{}-{}.s3.amazonaws.com",
            dice.pick(WORDS),
            dice.pick(&["assets", "prod", "media"])
        ),
        3 => format!(
            "r{}---sn-{}.googlevideo.com",
            dice.between(1, 9),
            dice.text(LOWER_AND_DIGITS, 8)
        ),
        4 => {
            let parts = [8, 4, 4, 12].map(|length| dice.text(HEX, length));
            format!("{}.events.data.microsoft.com", parts.join("-"))
        }
        _ => format!("scontent-{}{}-1.xx.fbcdn.net", dice.text(LOWER, 3), dice.between(1, 9)),
    }
}

/// The directory, file shares, and the proxy that there is not.
fn internal(client: u64, dice: &mut Dice) -> Vec<(u64, Query)> {
    let query = match dice.below(10) {
        0..=3 => {
            let name =
                format!("{}.{CORP}", dice.pick(&["dc1", "files", "intranet", "mail", "print"]));
            let address = format!("10.1.0.{}", 10 + hash(&name) % 20);
            plain(client, name, Reply::default().address(address))
        }
        4..=6 => {
            let service = dice.pick(&["_ldap._tcp", "_kerberos._tcp", "_gc._tcp"]);
            plain(
                client,
                format!("{service}.dc._msdcs.{CORP}"),
                Reply::default().host(format!("dc1.{CORP}")),
            )
        }
        7 => plain(client, format!("wpad.{CORP}"), Reply::nxdomain()),
        8 => plain(client, format!("isatap.{CORP}"), Reply::nxdomain()),
        _ => plain(client, format!("pc-{:04}.{CORP}", dice.below(3_000)), Reply::nxdomain()),
    };
    vec![(0, query)]
}

/// Servers look up who calls.
fn reverse(client: u64, dice: &mut Dice) -> Vec<(u64, Query)> {
    let parts: Vec<u64> = (0..4).map(|_| dice.between(1, 254)).collect();
    let name = format!("{}.{}.{}.{}.in-addr.arpa", parts[3], parts[2], parts[1], parts[0]);
    let dashed = format!("{}-{}-{}-{}", parts[0], parts[1], parts[2], parts[3]);
    let reply = match dice.below(10) {
        0..=3 => Reply::nxdomain(),
        4..=6 => Reply::default().host(format!("ec2-{dashed}.compute-1.amazonaws.com")),
        7 | 8 => Reply::default().host(format!("{dashed}.dyn.{}net.com", dice.pick(WORDS))),
        _ => Reply::default().host(format!("server-{dashed}.fra2.r.cloudfront.net")),
    };
    vec![(0, plain(client % 7, name, reply))]
}

/// The mail server checks a sender: SPF, then DKIM, then DMARC, all of them texts.
fn mail(world: &World, server: u64, dice: &mut Dice) -> Vec<(u64, Query)> {
    let site = if dice.chance(0.3) { World::small_site(dice) } else { world.site(dice).to_owned() };
    let spf = match hash(&site) % 3 {
        0 => "v=spf1 include:_spf.google.com ~all".to_owned(),
        1 => format!("v=spf1 ip4:{}/24 include:spf.protection.outlook.com -all", address(&site, 0)),
        _ => format!(
            "v=spf1 mx a:mail.{site} ip4:{} ip4:{} ?all",
            address(&site, 1),
            address(&site, 2)
        ),
    };
    let selector = dice.pick(&["s1", "google", "selector1", "k1", "20230601", "dkim"]);
    let mut queries = vec![
        (0, plain(server, site.clone(), Reply::default().text(spf))),
        (dice.between(5, 90), plain(server, format!("{selector}._domainkey.{site}"), key(&site))),
    ];
    if dice.chance(0.6) {
        let policy =
            format!("v=DMARC1; p={}; rua=mailto:dmarc@{site}", dice.pick(&["none", "reject"]));
        let query = plain(server, format!("_dmarc.{site}"), Reply::default().text(policy));
        queries.push((dice.between(100, 200), query));
    }
    queries
}

/// A site's DKIM key: base64 after its tags.
fn key(site: &str) -> Reply {
    const BASE64: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut dice = Dice::new(hash(site));
    let (prefix, length) = match dice.below(3) {
        0 => ("MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC", 176),
        _ => ("MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA", 336),
    };
    Reply::default().text(format!("v=DKIM1; k=rsa; p={prefix}{}QIDAQAB", dice.text(BASE64, length)))
}

/// A virus scanner asks about the hash of a file in a name: the look of a tunnel, and no tunnel.
fn reputation(client: u64, dice: &mut Dice) -> Vec<(u64, Query)> {
    let name = match dice.below(2) {
        0 => format!("{}.{}.avqs.mcafee.com", dice.text(HEX, 8), dice.text(HEX, 32)),
        _ => format!(
            "4.0.{}.{}.i.00.s.sophosxl.net",
            dice.below(10),
            dice.text(LOWER_AND_DIGITS, 26)
        ),
    };
    let address = format!("127.0.{}.{}", dice.below(4), dice.between(1, 80));
    vec![(0, plain(client, name, Reply::default().address(address)))]
}

/// Letters doubled, left out or swapped in a site's name, or the organisation's own domain hung on.
fn typing_error(world: &World, client: u64, dice: &mut Dice) -> Vec<(u64, Query)> {
    let site = world.favourite(client, dice);
    let name = match dice.below(3) {
        0 => format!("www.{site}.{CORP}"),
        1 => format!("{site}.{CORP}"),
        _ => {
            let (label, ending) = site.split_once('.').unwrap_or((site, "com"));
            let at = dice.place(label.len());
            let rest = label.get(at + 1..).unwrap_or_default();
            format!("www.{}{}{rest}.{ending}", &label[..at], dice.text(LOWER, 2))
        }
    };
    vec![(0, plain(client, name, Reply::nxdomain()))]
}

/// A browser that starts asks for three random names, to learn whether a provider invents answers.
fn probes(client: u64, dice: &mut Dice) -> Vec<(u64, Query)> {
    let mut probe = |n: u64| {
        let length = dice.between(7, 15);
        let label = dice.text(LOWER, length);
        let name = if n == 2 { format!("{label}.{CORP}") } else { label };
        (n * 3, plain(client, name, Reply::nxdomain()))
    };
    (0..3).map(&mut probe).collect()
}

/// Names of devices, as people give them.
fn printers(client: u64, dice: &mut Dice) -> Vec<(u64, Query)> {
    let device =
        dice.pick(&["Drucker Büro 2", "Printer \"Lobby\", 2nd floor", "HP LaserJet [4F:2A:90]"]);
    let name = format!("{device}._ipp._tcp.local");
    vec![(
        0,
        plain(client, name, Reply::default().host(format!("printer-{}.local", hash(device) % 90))),
    )]
}

/// The root, no name at all, a name of another script.
fn odd(client: u64, dice: &mut Dice) -> Vec<(u64, Query)> {
    let name = dice.pick(&[".", "", "xn--bcher-kva.de", "xn--80ak6aa92e.com", "localhost"]);
    let reply = if name.contains("xn--") { addresses(name) } else { Reply::code("NOERROR") };
    vec![(0, plain(client, name.to_owned(), reply))]
}
