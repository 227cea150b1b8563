//! What the name of a column says about it.

/// The words of a name in lower case: `userIdentity.sourceIPAddress` has user, identity, source, ip and address.
pub fn words(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let (mut words, mut word) = (Vec::new(), String::new());
    for (place, letter) in letters.iter().enumerate() {
        let before = place.checked_sub(1).map(|place| letters[place]);
        let next_is_lower = letters.get(place + 1).is_some_and(|next| next.is_lowercase());
        let begins = letter.is_uppercase()
            && before.is_some_and(|before| {
                before.is_lowercase()
                    || before.is_ascii_digit()
                    || before.is_uppercase() && next_is_lower
            });
        if begins || !letter.is_alphanumeric() {
            words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty()));
        }
        if letter.is_alphanumeric() {
            word.extend(letter.to_lowercase());
        }
    }
    words.extend(Some(word).filter(|word| !word.is_empty()));
    words
}

pub const LABEL: &[&str] = &[
    "label",
    "labels",
    "attack",
    "fraud",
    "fraudulent",
    "anomaly",
    "anomalous",
    "outlier",
    "malicious",
    "truth",
    "class",
    "target",
    "y",
];
pub const TIME: &[&str] =
    &["ts", "time", "timestamp", "date", "datetime", "epoch", "created", "start", "end", "at"];
pub const IDENTIFIER: &[&str] =
    &["id", "ids", "uid", "uuid", "guid", "key", "hash", "trace", "span", "seq", "sequence"];
/// Those whose rows they are.
pub const SOURCE: &[&str] = &[
    "source",
    "src",
    "client",
    "user",
    "account",
    "card",
    "customer",
    "device",
    "session",
    "orig",
    "origin",
    "sender",
    "from",
    "caller",
    "actor",
    "identity",
    "principal",
    "login",
    "subject",
    "member",
    "email",
    "host",
    "hostname",
    "computer",
    "remote",
    "ip",
];
/// Those at the other side.
pub const DESTINATION: &[&str] = &[
    "destination",
    "dest",
    "dst",
    "server",
    "target",
    "resp",
    "responder",
    "receiver",
    "recipient",
    "to",
    "upstream",
    "backend",
    "answers",
];
pub const USER: &[&str] = &[
    "user",
    "username",
    "account",
    "login",
    "subject",
    "principal",
    "member",
    "customer",
    "card",
    "email",
    "identity",
];
pub const CODE: &[&str] = &[
    "code", "type", "class", "category", "version", "proto", "protocol", "flag", "flags", "level",
    "severity", "opcode", "zip", "status", "event", "port", "method", "rcode", "kind", "state",
    "weekday", "month",
];
pub const STATUS: &[&str] =
    &["status", "code", "rcode", "response", "outcome", "result", "success", "action"];
pub const PORT: &[&str] = &["port", "sport", "dport", "spt", "dpt"];

pub const COMMAND: &[&str] =
    &["cmd", "command", "commands", "cmdline", "commandline", "args", "argv"];
pub const HOST_NAME: &[&str] =
    &["domain", "host", "hostname", "query", "qname", "rrname", "sni", "fqdn", "question"];
pub const PATH: &[&str] = &["url", "uri", "path", "request", "target", "image", "file"];
pub const TEXT: &[&str] = &["message", "msg", "comment", "note", "description", "details", "body"];
pub const NUMBER: &[&str] = &[
    "bytes", "amount", "count", "size", "duration", "ms", "rate", "score", "price", "balance",
    "packets", "length", "value", "total", "latency",
];
pub const ADDRESS: &[&str] = &["ip", "addr", "address", "h"];
/// Whether a name is that of a port, also as Zeek has it: `id.resp_p`.
pub fn is_port(name: &str) -> bool {
    let words = words(name);
    let zeek = words.last().is_some_and(|last| last == "p")
        && words.iter().any(|word| word == "orig" || word == "resp");
    zeek || words.iter().any(|word| PORT.contains(&word.as_str()))
}

/// Whether a name is that of the other side, also as the W3C extended log format has it: `s-ip`.
pub fn is_destination(name: &str) -> bool {
    let words = words(name);
    let w3c = words.first().is_some_and(|first| first == "s") && words.len() == 2;
    w3c || words.iter().any(|word| DESTINATION.contains(&word.as_str()))
}

/// Whether one of the words of `name` is in a list.
pub fn has(name: &str, list: &[&str]) -> bool {
    words(name).iter().any(|word| list.contains(&word.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_words() {
        for (name, expected) in [
            ("id.orig_h", vec!["id", "orig", "h"]),
            ("userIdentity.sourceIPAddress", vec!["user", "identity", "source", "ip", "address"]),
            ("isFraud", vec!["is", "fraud"]),
            ("@timestamp", vec!["timestamp"]),
            ("cs(User-Agent)", vec!["cs", "user", "agent"]),
            ("TIME2Live", vec!["time2", "live"]),
            ("", vec![]),
        ] {
            assert_eq!(words(name), expected, "{name}");
        }
        assert!(has("http.response.status_code", STATUS) && !has("statuses", STATUS));
        assert!(is_port("id.resp_p") && is_port("s-port") && !is_port("p") && !is_port("top_p"));
        assert!(is_destination("s-ip") && is_destination("id.resp_h") && !is_destination("c-ip"));
    }
}
