//! A row of the log, and its CSV text with the quirks of real exports.

use std::io::{Result, Write};

use crate::generate::random::Random;

pub const HEADER: &str = "id,@timestamp,bytes_in,client.bytes,destination.ip,dns.question.name,\
                          dns.response_code,dns.type,network.bytes,source.ip,status,client.port,\
                          destination.port,dns.flags.authentic_data,dns.id,dns.answers.data,label\n";

const URL_SAFE: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// The log starts on this day of the month, a Monday, and spans at most a week.
const FIRST_DAY: u64 = 2;
const MONTH: &str = "2026-03";
const DAY: u64 = 86_400_000;

/// A query and its reply.
#[derive(Clone, Debug)]
pub struct Query {
    pub client: u64,
    pub name: String,
    pub reply: Reply,
    /// The family of an intrusion; empty for benign rows.
    pub label: &'static str,
}

/// A response code (empty: no reply) and answers.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    pub code: &'static str,
    pub answers: Vec<String>,
    /// Size of the answers on the wire.
    bytes: usize,
}

impl Reply {
    pub fn code(code: &'static str) -> Self {
        Self { code, ..Self::default() }
    }

    pub fn nxdomain() -> Self {
        Self { code: "NXDOMAIN", bytes: 75, ..Self::default() }
    }

    pub fn none() -> Self {
        Self::default()
    }

    /// Adds a record whose data is `bytes` long on the wire.
    fn with(mut self, answer: String, bytes: usize) -> Self {
        self.code = "NOERROR";
        self.bytes += 12 + bytes;
        self.answers.push(answer);
        self
    }

    pub fn address(self, address: String) -> Self {
        let bytes = if address.contains(':') { 16 } else { 4 };
        self.with(address, bytes)
    }

    /// A CNAME, PTR, MX or SRV.
    pub fn host(self, name: String) -> Self {
        let bytes = name.len() + 2;
        self.with(name, bytes)
    }

    pub fn text(self, text: String) -> Self {
        let bytes = text.len() + text.len() / 255 + 1;
        self.with(text, bytes)
    }
}

impl Query {
    /// Writes the row as CSV. `time` is in milliseconds from the start of the log.
    pub fn write(&self, time: u64, random: &mut Random, output: &mut impl Write) -> Result<()> {
        let reply = &self.reply;
        let replied = !reply.code.is_empty();
        // Multicast names go to the group, others to one of two resolvers; a few clients use a public one.
        let (resolver, port) = match self.client % 11 {
            _ if self.name.ends_with(".local") => ("224.0.0.251", 5353),
            0 => ("8.8.8.8", 53),
            1..=6 => ("10.1.0.2", 53),
            _ => ("10.1.0.3", 53),
        };
        // Every second resolver library sends EDNS, which adds 11 bytes.
        let request = self.name.len() + 18 + if self.client.is_multiple_of(2) { 11 } else { 0 };
        let network = request + if replied { request + reply.bytes } else { 0 };
        let client_port = if port == 5353 { 5353 } else { random.between(1_025, 65_535) };

        write!(output, "{},", random.text(URL_SAFE, 20))?;
        write_time(time, output)?;
        // Some fields are sometimes missing, as agents of two versions write different ones.
        let present = [random.chance(0.985), random.chance(0.995), random.chance(0.995)];
        write_optional(present[0].then_some(request), output)?;
        write_optional(Some(request), output)?;
        write!(output, "{resolver},")?;
        write_cell(&self.name, output)?;
        write!(output, ",{},{},", reply.code, if replied { "answer" } else { "query" })?;
        write_optional(present[1].then_some(network), output)?;
        write_address(self.client, output)?;
        let failed = !matches!(reply.code, "NOERROR");
        write!(output, ",{},", if failed { "Error" } else { "OK" })?;
        write_optional(present[2].then_some(client_port), output)?;
        write!(output, "{port},")?;
        let signed = replied && random.chance(0.06);
        write_optional(replied.then_some(signed), output)?;
        let id = if port == 5353 { 0 } else { random.below(65_536) };
        write!(output, "{id},")?;
        write_answers(&reply.answers, output)?;
        writeln!(output, ",{}", self.label)
    }
}

fn write_optional(value: Option<impl std::fmt::Display>, output: &mut impl Write) -> Result<()> {
    match value {
        Some(value) => write!(output, "{value},"),
        None => output.write_all(b","),
    }
}

fn write_time(time: u64, output: &mut impl Write) -> Result<()> {
    let (day, time) = (FIRST_DAY + time / DAY, time % DAY);
    let (hour, minute) = (time / 3_600_000, time / 60_000 % 60);
    let (second, milli) = (time / 1_000 % 60, time % 1_000);
    write!(output, "{MONTH}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z,")
}

/// The address of a client: subnets of 200 clients in 10.1.0.0/16, then in 10.2.0.0/16 and so on.
fn write_address(client: u64, output: &mut impl Write) -> Result<()> {
    let (subnet, host) = (client / 200, client % 200);
    write!(output, "10.{}.{}.{}", 1 + subnet / 250, 1 + subnet % 250, 20 + host)
}

/// Several answers in the form of Packetbeat's export: `[1.2.3.4";"cdn.example.net"]`.
fn write_answers(answers: &[String], output: &mut impl Write) -> Result<()> {
    match answers {
        [] => Ok(()),
        [answer] => write_cell(answer, output),
        answers => write_cell(&format!("[{}\"]", answers.join("\";\"")), output),
    }
}

/// Quoted where RFC 4180 requires it.
fn write_cell(text: &str, output: &mut impl Write) -> Result<()> {
    if text.contains([',', '"', '\n']) {
        write!(output, "\"{}\"", text.replace('"', "\"\""))
    } else {
        output.write_all(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_the_cells_of_the_header() {
        let reply = Reply::default().host("cdn.example.net".into()).address("192.0.2.7".into());
        let query = Query { client: 201, name: "www.example.com".into(), reply, label: "" };
        let mut row = Vec::new();
        query.write(90_061_007, &mut Random::new(3), &mut row).unwrap();
        let row = String::from_utf8(row).unwrap();
        let (before, answers) = row.split_once('"').unwrap();
        assert_eq!(before.matches(',').count(), 15, "{row}");
        assert_eq!(HEADER.matches(',').count(), 16);
        assert!(before.contains(",2026-03-03T01:01:01.007Z,"), "{row}");
        assert!(before.contains(",NOERROR,answer,"), "{row}");
        assert!(before.contains(",10.1.2.21,OK,"), "{row}");
        assert_eq!(answers, "[cdn.example.net\"\";\"\"192.0.2.7\"\"]\",\n");
    }

    #[test]
    fn bytes_are_those_on_the_wire() {
        let reply = Reply::default().address("2001:db8::1".into()).text("x".repeat(300));
        assert_eq!((reply.code, reply.bytes), ("NOERROR", 12 + 16 + 12 + 302));
    }
}
