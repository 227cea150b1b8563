//! Connections to a cluster.

use std::time::Duration;

use anomal_stream::{BrokerTls, MessageOptions, SaslMechanism, SaslUser};
use krafka::{
    Kafka, KafkaBuilder, KrafkaError,
    auth::{AuthConfig, TlsConfig},
    consumer::{
        AutoOffsetReset, Consumer, ConsumerRebalanceListener, GroupProtocol, IsolationLevel,
        PartitionAssignmentStrategy,
    },
};

/// How long a connection may take, and a request.
const CONNECT: Duration = Duration::from_secs(10);
const REQUEST: Duration = Duration::from_secs(20);
/// How long a request for records waits for them at the broker.
const WAIT: Duration = Duration::from_millis(500);
/// Records that are returned at once, at most.
const RECORDS: i32 = 8_192;
/// How long a group waits for a member that is silent, by the classic protocol; by the newer one, brokers have the number.
const SESSION: Duration = Duration::from_secs(45);
/// How long a member may take to give up partitions.
const REBALANCE: Duration = Duration::from_mins(1);
/// How long the partitions of topics are taken for known.
const TOPICS: Duration = Duration::from_secs(2);
/// How long a member without anything to read waits.
const IDLE: Duration = Duration::from_millis(250);
const CLIENT: &str = concat!("anomal/", env!("CARGO_PKG_VERSION"));

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct OptionsError(String);

/// # Errors
/// Options that no cluster can be reached by.
pub(crate) fn check(options: &MessageOptions) -> Result<(), OptionsError> {
    let wrong = |message: String| Err(OptionsError(message));
    for broker in &options.brokers {
        let port = broker.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
        if port.is_none_or(|port| port == 0) {
            return wrong(format!("{broker} is no address of a broker; write host:port"));
        }
    }
    if options.brokers.is_empty() || options.topics.is_empty() && options.topic_pattern.is_none() {
        return wrong("a broker and a topic are needed".to_owned());
    }
    Ok(())
}

/// Connects to a cluster.
///
/// # Errors
/// No broker answers, or it refuses the user or the connection.
pub(crate) async fn connect(options: &MessageOptions) -> Result<Kafka, KrafkaError> {
    builder(options).connect().await
}

/// As [`connect`], for a member of a group, which may be the one that shares partitions out.
pub(crate) async fn connect_member(options: &MessageOptions) -> Result<Kafka, KrafkaError> {
    builder(options).metadata_max_age(TOPICS).connect().await
}

fn builder(options: &MessageOptions) -> KafkaBuilder {
    let tls = options.tls.as_ref().map(tls);
    let security = match (options.user.as_ref().map(user), tls) {
        (Some(user), Some(tls)) => user.with_tls(tls),
        (Some(user), None) => user,
        (None, Some(tls)) => AuthConfig::ssl(tls),
        (None, None) => AuthConfig::plaintext(),
    };
    Kafka::builder(options.brokers.join(","))
        .client_id(CLIENT)
        .security(security)
        .connect_timeout(CONNECT)
        .request_timeout(REQUEST)
        .metadata_topic_cache_ttl(None)
}

fn user(user: &SaslUser) -> AuthConfig {
    let (name, password) = (user.name.as_str(), user.password.as_str());
    match user.mechanism {
        SaslMechanism::Plain => AuthConfig::sasl_plain(name, password),
        SaslMechanism::ScramSha256 => AuthConfig::sasl_scram_sha256(name, password),
        SaslMechanism::ScramSha512 => AuthConfig::sasl_scram_sha512(name, password),
    }
}

fn tls(tls: &BrokerTls) -> TlsConfig {
    let config = match &tls.authorities {
        Some(authorities) => TlsConfig::new().with_ca_cert_pem(authorities.as_bytes()),
        None => TlsConfig::new().with_native_roots(),
    };
    match &tls.identity {
        Some((certificate, key)) => {
            config.with_client_cert_pem(certificate.as_bytes(), key.as_bytes().to_vec())
        }
        None => config,
    }
}

/// A consumer without a group, which never moves by itself to other offsets than it is set to.
///
/// # Errors
/// A defect.
pub(crate) async fn consumer(
    kafka: &Kafka,
    options: &MessageOptions,
) -> Result<Consumer, KrafkaError> {
    let isolation = if options.committed {
        IsolationLevel::ReadCommitted
    } else {
        IsolationLevel::ReadUncommitted
    };
    kafka
        .consumer_without_group()
        .auto_offset_reset(AutoOffsetReset::None)
        .isolation_level(isolation)
        .fetch_max_wait(WAIT)
        .max_poll_records(RECORDS)
        .max_buffered_records(RECORDS)
        .metrics_push(false)
        .build()
        .await
}

/// Who a member of a group is.
pub(crate) struct Membership<'a> {
    pub group: &'a str,
    pub name: &'a str,
    pub protocol: GroupProtocol,
}

/// A static member of a group, which is not joined yet. It commits nothing by itself.
///
/// # Errors
/// A defect.
pub(crate) async fn member(
    kafka: &Kafka,
    membership: &Membership<'_>,
    listener: impl ConsumerRebalanceListener + 'static,
) -> Result<Consumer, KrafkaError> {
    kafka
        .consumer(membership.group)
        .group_instance_id(membership.name)
        .group_protocol(membership.protocol)
        .partition_assignment_strategy(PartitionAssignmentStrategy::CooperativeSticky)
        .session_timeout(SESSION)
        .max_poll_interval(REBALANCE)
        .enable_auto_commit(false)
        .auto_offset_reset(AutoOffsetReset::Latest)
        .idle_poll_backoff(IDLE)
        .rebalance_listener(listener)
        .metrics_push(false)
        .build()
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_has_a_port() {
        for (broker, right) in [
            ("kafka:9092", true),
            ("[::1]:9092", true),
            ("kafka", false),
            ("kafka:0", false),
            ("kafka:x", false),
            ("", false),
        ] {
            let brokers = vec![broker.to_owned()];
            let options = crate::log::tests::options(brokers, "t");
            assert_eq!(check(&options).is_ok(), right, "{broker}");
        }
    }
}
