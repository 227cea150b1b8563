//! What a client needs, from the settings of an input and its secret.

use anomal_core::{Error, Result};
use anomal_spec::{KafkaInput, KafkaIsolation, KafkaReset};
use anomal_storage::{Secret, Secrets};
use anomal_stream::{
    BrokerTls, MessageOptions, ResetPosition, SaslMechanism, SaslUser, StartPosition,
};
use jiff::Timestamp;

const KEYS: [&str; 6] = ["mechanism", "username", "password", "ca.crt", "tls.crt", "tls.key"];
const SECRET: &str = "input.kafka.auth.secretRef";

/// # Errors
/// `InvalidSettings` if the secret is unusable, or `start` is no time.
pub(super) fn from_input(input: &KafkaInput, secrets: &Secrets) -> Result<MessageOptions> {
    let name = input.auth.as_ref().map(|auth| auth.secret_ref.name.as_str());
    let secret = name.map(|name| secrets.read(name)).transpose();
    let secret = secret.map_err(|error| unusable(error.message))?;
    let (tls, user) = match &secret {
        Some(secret) => (encryption(secret, input.tls)?, user(secret, input.tls)?),
        None => (input.tls.then(BrokerTls::default), None),
    };
    let mut topics = input.topics.clone();
    topics.sort();
    topics.dedup();
    Ok(MessageOptions {
        brokers: input.brokers.clone(),
        topics,
        topic_pattern: input.topic_pattern.clone(),
        partition: None,
        tls,
        user,
        start: start(&input.start)?,
        reset: match input.reset {
            KafkaReset::Earliest => ResetPosition::Earliest,
            KafkaReset::Latest => ResetPosition::Latest,
            KafkaReset::Stop => ResetPosition::Stop,
        },
        committed: input.isolation == KafkaIsolation::Committed,
        group: input.group.clone(),
        member: None,
    })
}

fn unusable(message: impl Into<String>) -> Error {
    Error::settings(SECRET, "SECRET_UNUSABLE", message)
}

fn start(text: &str) -> Result<StartPosition> {
    match text {
        "earliest" => Ok(StartPosition::Earliest),
        "latest" => Ok(StartPosition::Latest),
        time => time
            .parse::<Timestamp>()
            .map(|time| StartPosition::Time(time.as_millisecond()))
            .map_err(|error| {
                Error::settings("input.kafka.start", "BAD_TIME", format!("{time}: {error}"))
            }),
    }
}

fn user(secret: &Secret, tls: bool) -> Result<Option<SaslUser>> {
    let name = secret.name();
    let others = secret.others(&KEYS);
    if !others.is_empty() {
        tracing::warn!(
            "the secret {name} has keys that are not used: {}; supported keys are {}",
            others.join(", "),
            KEYS.join(", ")
        );
    }
    let mechanism = match secret.get("mechanism").map(str::trim) {
        None | Some("PLAIN") => SaslMechanism::Plain,
        Some("SCRAM-SHA-256") => SaslMechanism::ScramSha256,
        Some("SCRAM-SHA-512") => SaslMechanism::ScramSha512,
        Some(other) => {
            let known = "PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512 are supported";
            return Err(unusable(format!(
                "the mechanism {other} of the secret {name} is unknown: {known}"
            )));
        }
    };
    match (secret.get("username"), secret.get("password")) {
        (Some(user), Some(password)) => {
            if !tls && mechanism == SaslMechanism::Plain {
                tracing::warn!(
                    "input.kafka: the password of the secret {name} is sent without encryption; set `tls: true`, or use \
                     SCRAM-SHA-512"
                );
            }
            Ok(Some(SaslUser { mechanism, name: user.to_owned(), password: password.to_owned() }))
        }
        (None, None) if secret.get("mechanism").is_none() => Ok(None),
        _ => Err(unusable(format!("the secret {name} needs both keys, username and password"))),
    }
}

fn encryption(secret: &Secret, tls: bool) -> Result<Option<BrokerTls>> {
    let name = secret.name();
    let identity = match (secret.get("tls.crt"), secret.get("tls.key")) {
        (Some(certificate), Some(key)) => Some((certificate.to_owned(), key.to_owned())),
        (None, None) => None,
        _ => {
            return Err(unusable(format!(
                "the secret {name} needs both keys, tls.crt and tls.key"
            )));
        }
    };
    let authorities = secret.get("ca.crt").map(str::to_owned);
    if !tls && (identity.is_some() || authorities.is_some()) {
        let message = format!(
            "the secret {name} has certificates, which are for encrypted connections; set `tls: true`"
        );
        return Err(Error::settings("input.kafka.tls", "TLS_OFF", message));
    }
    Ok(tls.then_some(BrokerTls { authorities, identity }))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use anomal_spec::{Auth, SecretRef};

    use super::*;

    fn options(files: &[(&str, &str)], tls: bool) -> Result<MessageOptions> {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("kafka")).unwrap();
        for (name, value) in files {
            fs::write(folder.path().join("kafka").join(name), value).unwrap();
        }
        let auth = Auth { secret_ref: SecretRef { name: "kafka".into() } };
        let input = KafkaInput { auth: Some(auth), tls, ..KafkaInput::new("k:9092", "t") };
        from_input(&input, &Secrets::new(Some(folder.path().to_owned())))
    }

    #[test]
    fn a_secret_has_a_user_and_certificates() {
        let user = [("mechanism", "SCRAM-SHA-512"), ("username", "u"), ("password", "p")];
        let found = options(&user, false).unwrap();
        let user = found.user.unwrap();
        assert_eq!((user.mechanism, found.tls.is_none()), (SaslMechanism::ScramSha512, true));
        let certificates = [("ca.crt", "CA"), ("tls.crt", "C"), ("tls.key", "K")];
        let found = options(&certificates, true).unwrap();
        assert!(found.user.is_none());
        assert!(found.tls.unwrap().identity.unwrap().1 == "K");
    }

    #[test]
    fn an_unusable_secret_is_named() {
        for (files, tls, part) in [
            (&[("username", "u")][..], true, "both keys, username and password"),
            (&[("mechanism", "PLAIN")], true, "both keys, username and password"),
            (&[("mechanism", "GSSAPI"), ("username", "u"), ("password", "p")], true, "GSSAPI"),
            (&[("tls.key", "K")], true, "both keys, tls.crt and tls.key"),
            (&[("ca.crt", "CA")], false, "set `tls: true`"),
        ] {
            let error = options(files, tls).err().unwrap();
            assert!(error.message.contains(part), "{error}");
        }
    }

    #[test]
    fn a_start_is_a_place_or_a_time() {
        assert_eq!(start("latest").unwrap(), StartPosition::Latest);
        assert_eq!(start("1970-01-01T00:00:01.5Z").unwrap(), StartPosition::Time(1500));
        assert!(start("2026-13-01T00:00:00Z").is_err());
    }
}
