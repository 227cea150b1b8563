//! Names of columns whose role is known: those of ECS, Zeek, Suricata, flow logs, `CloudTrail`, Windows and `PaySim`.

use crate::types::{EntityKind, Side};

/// Columns of times, the most reliable first.
pub const TIME_COLUMNS: &[&str] = &[
    "@timestamp",
    "timestamp",
    "ts",
    "event.start",
    "event_time",
    "eventTime",
    "TimeGenerated",
    "flow_start",
    "time",
    "datetime",
    "date",
];

/// Columns of one kind and side, the most specific first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownEntities {
    pub kind: EntityKind,
    pub side: Side,
    pub columns: &'static [&'static str],
}

/// In the order in which they are chosen: one actor of each kind, and one target.
pub const ENTITY_COLUMNS: &[KnownEntities] = &[
    KnownEntities {
        kind: EntityKind::Host,
        side: Side::Actor,
        columns: &[
            "source.ip",
            "client.ip",
            "host.name",
            "id.orig_h",
            "src_ip",
            "srcaddr",
            "SrcAddr",
            "c-ip",
            "Computer",
            "winlog.computer_name",
            "host.hostname",
            "client_ip",
        ],
    },
    KnownEntities {
        kind: EntityKind::User,
        side: Side::Actor,
        columns: &[
            "user.name",
            "source.user.name",
            "userIdentity.arn",
            "cs-username",
            "username",
            "user_id",
            "user",
        ],
    },
    KnownEntities {
        kind: EntityKind::Account,
        side: Side::Actor,
        columns: &["nameOrig", "account", "customer_id"],
    },
    KnownEntities {
        kind: EntityKind::Domain,
        side: Side::Target,
        columns: &[
            "dns.question.registered_domain",
            "dns.question.name",
            "url.domain",
            "destination.domain",
            "tls.client.server_name",
            "query",
            "server_name",
            "dns.rrname",
            "tls.sni",
            "http.hostname",
        ],
    },
    KnownEntities {
        kind: EntityKind::Account,
        side: Side::Target,
        columns: &["nameDest", "beneficiary", "merchant"],
    },
    KnownEntities {
        kind: EntityKind::Address,
        side: Side::Target,
        columns: &["destination.ip", "id.resp_h", "dest_ip", "dstaddr", "DstAddr"],
    },
];

/// The kind of a column by its name.
pub fn known_kind(column: &str) -> Option<EntityKind> {
    let known = ENTITY_COLUMNS.iter().find(|known| known.columns.contains(&column));
    known.map(|known| known.kind)
}
