//! What went wrong at a cluster, and what to do.

use krafka::{KrafkaError, error::ErrorCode};

/// An error of the client, with a remedy where there is one but to wait.
pub(crate) fn describe(error: &KrafkaError) -> String {
    let advice = match error {
        KrafkaError::Broker { code, .. } => match code {
            ErrorCode::UnknownTopicOrPartition => return ABSENT.to_owned(),
            ErrorCode::TopicAuthorizationFailed => {
                return "the user may not read it; allow it to describe and read the topic"
                    .to_owned();
            }
            ErrorCode::GroupAuthorizationFailed => {
                return "the user may not write its offsets; allow it to read the group, or remove `group`".to_owned();
            }
            _ => "",
        },
        KrafkaError::UnknownTopic { .. } => return ABSENT.to_owned(),
        KrafkaError::Auth { .. } => "; check `auth` and `tls`",
        KrafkaError::Protocol { .. } => PROTOCOL,
        _ => {
            // An error of a connection has its cause as text alone.
            let text = error.to_string().to_lowercase();
            if text.contains("alert") || text.contains("certificate") {
                "; check `tls` and the certificates of `auth`"
            } else if text.contains("protocol error") {
                PROTOCOL
            } else {
                ""
            }
        }
    };
    format!("{error}{advice}")
}

const ABSENT: &str =
    "it does not exist, or the user may not see it; create it, or correct `topics`";
const PROTOCOL: &str = "; check that `brokers` names brokers of Kafka, and `tls`";

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn an_error_has_a_remedy() {
        let network = |text: &str| KrafkaError::network(io::Error::other(text.to_owned()));
        for (error, part) in [
            (KrafkaError::broker(ErrorCode::UnknownTopicOrPartition, "x"), "correct `topics`"),
            (KrafkaError::unknown_topic("t"), "correct `topics`"),
            (KrafkaError::broker(ErrorCode::TopicAuthorizationFailed, "x"), "read the topic"),
            (KrafkaError::broker(ErrorCode::GroupAuthorizationFailed, "x"), "remove `group`"),
            (KrafkaError::auth("SASL"), "check `auth`"),
            (network("received fatal alert: BadCertificate"), "the certificates of `auth`"),
            (network("last error: protocol error (Malformed)"), "brokers of Kafka"),
        ] {
            let message = describe(&error);
            assert!(message.contains(part), "{message}");
        }
        assert!(!describe(&network("Connection refused")).contains(';'));
    }
}
