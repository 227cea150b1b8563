//! A message of syslog as a JSON object: RFC 5424, else RFC 3164, else text. No message is refused.

use anomal_ingest::Record;
use anomal_spec::{SyslogParse, SyslogRfc, SyslogText};
use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use serde_json::{Map, Value};

use crate::{
    log::{SyslogLine, data_items, named_values},
    typing::unescape,
};

/// How far a time without a year may be ahead of the arrival: clocks differ.
const AHEAD_DAYS: i64 = 2;
/// Columns that every message has.
pub(super) const TEXTS: [&str; 8] = [
    "syslog.hostname",
    "syslog.appname",
    "syslog.procid",
    "syslog.msgid",
    "syslog.message",
    "syslog.parsed",
    "syslog.peer",
    "syslog.raw",
];
pub(super) const NUMBERS: [&str; 3] = ["syslog.facility", "syslog.severity", "syslog.version"];
pub(super) const TIME: &str = "syslog.timestamp";

/// Before a JSON object in the text of a message, by the rules of CEE.
const CEE: &str = "@cee:";
/// Pairs that a text has that is read as pairs.
const PAIRS: usize = 2;

/// Reads messages.
pub(super) struct SyslogReader {
    /// Of times of RFC 3164, which have none.
    zone: TimeZone,
    rfc: SyslogRfc,
    parse: SyslogParse,
}

impl SyslogReader {
    pub fn new(zone: TimeZone, rfc: SyslogRfc, parse: SyslogParse) -> Self {
        Self { zone, rfc, parse }
    }

    /// The object of a message, without line ends.
    pub fn object(&self, record: &Record) -> Vec<u8> {
        let raw = String::from_utf8_lossy(&record.text);
        let mut object = Map::new();
        for name in NUMBERS.iter().chain([&TIME]).chain(&TEXTS) {
            object.insert((*name).to_owned(), Value::Null);
        }
        let mut set = |name: &str, value: Value| drop(object.insert(name.to_owned(), value));
        set("syslog.peer", record.sender.as_str().into());
        set("syslog.raw", raw.as_ref().into());
        let (priority, rest) = priority(&raw);
        if let Some(priority) = priority {
            set("syslog.facility", (priority / 8).into());
            set("syslog.severity", (priority % 8).into());
        }
        let is_new = |parts: &SyslogLine| parts.message_id.is_some();
        let parsed = SyslogLine::parse(&raw).ok().filter(|parts| match self.rfc {
            SyslogRfc::Auto => true,
            SyslogRfc::Rfc5424 => is_new(parts),
            SyslogRfc::Rfc3164 => !is_new(parts),
        });
        let Some(parts) = parsed else {
            set("syslog.parsed", "text".into());
            set("syslog.message", rest.into());
            self.members(rest, &mut set);
            return Value::Object(object).to_string().into_bytes();
        };
        let text = |span: (usize, usize)| &raw[span.0..span.1];
        let is_new = is_new(&parts);
        set("syslog.parsed", if is_new { "rfc5424" } else { "rfc3164" }.into());
        if is_new {
            set("syslog.version", 1.into());
        }
        let time = text(parts.time);
        if parts.old_time {
            let time = self.time(time, record.arrival);
            set(TIME, time.map_or(Value::Null, |time| time.to_string().into()));
        } else if time != "-" {
            set(TIME, time.into());
        }
        for (name, span) in [
            ("syslog.hostname", parts.host),
            ("syslog.appname", parts.process),
            ("syslog.procid", parts.pid),
            ("syslog.msgid", parts.message_id),
        ] {
            if let Some(value) = span.map(text).filter(|value| *value != "-") {
                set(name, value.into());
            }
        }
        set("syslog.message", text(parts.message).into());
        self.members(text(parts.message), &mut set);
        for item in parts.data.into_iter().flat_map(|data| data_items(&raw, data)) {
            let name = format!("syslog.sd.{}.{}", text(item.id), text(item.name));
            set(&name, unescape(text(item.value)).into());
        }
        Value::Object(object).to_string().into_bytes()
    }

    /// What the text of a message has in it.
    fn members(&self, text: &str, set: &mut impl FnMut(&str, Value)) {
        let object = || {
            let text = text.trim_start();
            let text = text.strip_prefix(CEE).unwrap_or(text).trim();
            let object = text.starts_with('{').then(|| serde_json::from_str(text).ok());
            object.flatten().unwrap_or_default()
        };
        let members: Map<String, Value> = match self.parse.json {
            Some(SyslogText::Message) => object(),
            None => Map::new(),
        };
        for (name, value) in members {
            set(&format!("syslog.message.{name}"), value);
        }
        if self.parse.key_value && named_values(text).nth(PAIRS - 1).is_some() {
            for (name, value) in named_values(text) {
                set(&format!("syslog.message.{name}"), unescape(value).into());
            }
        }
    }

    /// A time such as `Oct 11 22:14:15` in the year in which it is before the arrival, or hardly behind it.
    fn time(&self, text: &str, arrival: i64) -> Option<Timestamp> {
        let arrived = Timestamp::from_microsecond(arrival).ok()?;
        let latest = arrived.checked_add(jiff::SignedDuration::from_hours(24 * AHEAD_DAYS)).ok()?;
        let year = self.zone.to_datetime(latest).year();
        // A 29th of February may be four or eight years ago.
        (0..=8).find_map(|back| {
            let text = format!("{} {text}", year - back);
            let time = DateTime::strptime("%Y %b %e %H:%M:%S%.f", &text).ok()?;
            let time = self.zone.to_timestamp(time).ok()?;
            (time <= latest).then_some(time)
        })
    }
}

/// The priority of a message that is not parsed, and what is behind it.
fn priority(text: &str) -> (Option<u8>, &str) {
    let parts = text.strip_prefix('<').and_then(|rest| rest.split_once('>'));
    let number = |digits: &str| {
        let plain = (1..=3).contains(&digits.len()) && digits.bytes().all(|it| it.is_ascii_digit());
        digits.parse::<u8>().ok().filter(|priority| plain && *priority <= 191)
    };
    match parts {
        Some((digits, rest)) => match number(digits) {
            Some(priority) => (Some(priority), rest.trim_start()),
            None => (None, text),
        },
        None => (None, text),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn read(text: impl AsRef<[u8]>, zone: &str) -> Value {
        read_as(text, zone, SyslogRfc::Auto, SyslogParse::default())
    }

    fn read_as(text: impl AsRef<[u8]>, zone: &str, rfc: SyslogRfc, parse: SyslogParse) -> Value {
        let arrival = "2026-03-01T00:30:00Z".parse::<Timestamp>().unwrap().as_microsecond();
        let record = Record {
            number: 0,
            arrival,
            sender: "10.0.0.1:514".to_owned(),
            text: Bytes::copy_from_slice(text.as_ref()),
            refused: String::new(),
            key: None,
        };
        let zone = anomal_spec::time_zone(zone).unwrap();
        let object = SyslogReader::new(zone, rfc, parse).object(&record);
        let value: Value = serde_json::from_slice(&object).unwrap();
        let known = NUMBERS.iter().chain([&TIME]).chain(&TEXTS);
        assert!(known.into_iter().all(|name| value.get(name).is_some()), "{value}");
        assert_eq!(value["syslog.peer"], "10.0.0.1:514");
        value
    }

    #[test]
    fn messages_of_rfc_5424() {
        let text = "<165>1 2026-02-28T22:14:15.003Z host.example app 8710 ID47 \
                    [ex@32473 iut=\"3\" text=\"a \\\"b\\\"\"][other a=\"\"] \u{feff}An event";
        let value = read(text, "UTC");
        for (name, expected) in [
            ("facility", Value::from(20)),
            ("severity", 5.into()),
            ("version", 1.into()),
            ("timestamp", "2026-02-28T22:14:15.003Z".into()),
            ("hostname", "host.example".into()),
            ("appname", "app".into()),
            ("procid", "8710".into()),
            ("msgid", "ID47".into()),
            ("message", "An event".into()),
            ("parsed", "rfc5424".into()),
            ("raw", text.into()),
            ("sd.ex@32473.iut", "3".into()),
            ("sd.ex@32473.text", "a \"b\"".into()),
            ("sd.other.a", "".into()),
        ] {
            assert_eq!(value[format!("syslog.{name}")], expected, "{name}");
        }
        let value = read("<34>1 - 2001:db8:: - - - - x", "UTC");
        assert_eq!(value["syslog.hostname"], "2001:db8::");
        assert_eq!((&value[TIME], &value["syslog.appname"]), (&Value::Null, &Value::Null));
    }

    #[test]
    fn messages_of_rfc_3164_have_the_year_of_their_arrival() {
        let read_time = |text: &str, zone: &str| {
            let value = read(format!("<13>{text} fe80:: su[7]: a message"), zone);
            assert_eq!(value["syslog.parsed"], "rfc3164", "{value}");
            assert_eq!(value["syslog.hostname"], "fe80::", "{value}");
            assert_eq!(
                (&value["syslog.appname"], &value["syslog.procid"]),
                (&"su".into(), &"7".into())
            );
            assert_eq!(value["syslog.message"], "a message");
            value[TIME].as_str().unwrap_or_default().to_owned()
        };
        assert_eq!(read_time("Mar  1 00:29:59", "UTC"), "2026-03-01T00:29:59Z");
        assert_eq!(read_time("Mar  1 01:29:59", "Europe/Vienna"), "2026-03-01T00:29:59Z");
        // A clock that is ahead, and the year before.
        assert_eq!(read_time("Mar  2 00:00:00", "UTC"), "2026-03-02T00:00:00Z");
        assert_eq!(read_time("Dec 31 23:59:59", "UTC"), "2025-12-31T23:59:59Z");
        assert_eq!(read_time("Feb 29 12:00:00", "UTC"), "2024-02-29T12:00:00Z");
    }

    #[test]
    fn anything_else_is_text() {
        let value = read("<14>su: no time", "UTC");
        assert_eq!(
            (&value["syslog.parsed"], &value["syslog.severity"]),
            (&"text".into(), &6.into())
        );
        assert_eq!(value["syslog.message"], "su: no time");
        for text in ["", "<999>x", "<", "<1", "plain", "<a>b"] {
            let value = read(text, "UTC");
            assert_eq!(
                (&value["syslog.message"], &value["syslog.facility"]),
                (&text.into(), &Value::Null)
            );
        }
        let value = read(b"<14>caf\xe9\0\n", "UTC");
        assert_eq!(value["syslog.message"], "caf\u{fffd}\0\n");
    }
    #[test]
    fn a_message_is_read_as_one_form_where_it_is_said() {
        let old = "<13>Mar  1 00:29:59 h su: x";
        let new = "<13>1 2026-02-28T22:14:15Z h su - - - x";
        for (text, rfc, parsed) in [
            (old, SyslogRfc::Rfc3164, "rfc3164"),
            (old, SyslogRfc::Rfc5424, "text"),
            (new, SyslogRfc::Rfc5424, "rfc5424"),
            (new, SyslogRfc::Rfc3164, "text"),
        ] {
            let value = read_as(text, "UTC", rfc, SyslogParse::default());
            assert_eq!(
                (&value["syslog.parsed"], &value["syslog.severity"]),
                (&parsed.into(), &5.into())
            );
        }
    }

    #[test]
    fn the_text_of_a_message_has_members() {
        let both = SyslogParse { json: Some(SyslogText::Message), key_value: true };
        let members = |text: &str, parse: SyslogParse| {
            let value = read_as(format!("<13>{text}"), "UTC", SyslogRfc::Auto, parse);
            assert_eq!(value["syslog.message"], text);
            let members = value.as_object().unwrap().iter().filter_map(|(name, value)| {
                Some((name.strip_prefix("syslog.message.")?.to_owned(), value.clone()))
            });
            Value::Object(members.collect()).to_string()
        };
        let object = r#"@cee: {"a": {"b": 1}, "c": "x"}"#;
        assert_eq!(members(object, both), r#"{"a":{"b":1},"c":"x"}"#);
        assert_eq!(members(object, SyslogParse::default()), "{}");
        let pairs = r#"date=2026-03-01 devname="FG \"1\"" action=deny"#;
        let expected = r#"{"date":"2026-03-01","devname":"FG \"1\"","action":"deny"}"#;
        assert_eq!(members(pairs, both), expected);
        assert_eq!(members(pairs, SyslogParse { key_value: false, ..both }), "{}");
        for text in ["a = b", "one=1 word", "{no", "[1]"] {
            assert_eq!(members(text, both), "{}", "{text}");
        }
    }
}
