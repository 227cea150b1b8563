//! Doors by their settings.

use std::{io, time::Duration};

use anomal_core::{Code, Error, Result};
use anomal_ingest::{
    Appender, BoundListener, BoundSocket, Credentials, Dedupe, HttpDoors, HttpOptions,
    ObjectSplitter, OpenDoor, SyslogFrames, TcpOptions, TlsFiles, open_grpc, open_http,
    open_syslog_udp, open_tcp,
};
use anomal_spec::{
    Auth, HttpDoor, HttpInput, InputDriver, ListenerTls, SyslogInput, SyslogListener, TcpInput,
    bytes, seconds,
};
use anomal_storage::Secrets;

/// A door whose address is taken, and that is not open yet.
pub(super) struct ClosedDoor {
    bound: Bound,
    tls: Option<TlsFiles>,
    /// Of the address in the settings.
    place: String,
}

enum Bound {
    Http(BoundListener, HttpDoors, HttpOptions),
    Grpc(BoundListener, HttpOptions),
    Tcp(BoundListener, TcpOptions),
    /// With the bytes of a message at most.
    SyslogTcp(BoundListener, TcpOptions, usize),
    SyslogUdp(BoundSocket),
}

impl ClosedDoor {
    /// Takes the addresses of an input.
    ///
    /// # Errors
    /// `InvalidSettings` if the address can't be taken, or a secret is unusable.
    pub fn bind(driver: InputDriver<'_>, secrets: &Secrets) -> Result<Vec<Self>> {
        match driver {
            InputDriver::Http(input) => Self::http(input, secrets),
            InputDriver::Tcp(input) => Ok(vec![Self::tcp(input, secrets)?]),
            InputDriver::Syslog(input) => {
                let listeners = input.listen.iter().enumerate();
                listeners.map(|(index, listener)| Self::syslog(input, index, listener)).collect()
            }
            _ => Err(Error::internal(format!("{} has no door", driver.name()))),
        }
    }

    fn http(input: &HttpInput, secrets: &Secrets) -> Result<Vec<Self>> {
        let auth = input.auth.as_ref();
        let credentials = auth.map(|auth| credentials(auth, "input.http.auth", secrets, true));
        let max_body = bytes(&input.max_body).and_then(|bytes| usize::try_from(bytes).ok());
        let options = HttpOptions {
            max_body: max_body.unwrap_or(32 << 20),
            max_connections: input.max_connections,
            credentials: credentials.transpose()?,
            dedupe: dedupe(input)?,
        };
        let takes = |door: HttpDoor| input.doors.contains(&door);
        let doors = HttpDoors {
            ndjson: takes(HttpDoor::Ndjson),
            otlp: takes(HttpDoor::Otlp),
            bulk: takes(HttpDoor::Bulk),
        };
        let door = |bound: Bound| Self {
            bound,
            tls: input.tls.as_ref().map(files),
            place: "input.http".to_owned(),
        };
        let listener = bind(&input.listen, "input.http.listen")?;
        let mut closed = vec![door(Bound::Http(listener, doors, options.clone()))];
        if let Some(address) = &input.grpc {
            closed.push(door(Bound::Grpc(bind(address, "input.http.grpc")?, options)));
        }
        Ok(closed)
    }

    fn tcp(input: &TcpInput, secrets: &Secrets) -> Result<Self> {
        let token = input.token.as_ref();
        let credentials = token.map(|token| credentials(token, "input.tcp.token", secrets, false));
        let options = TcpOptions {
            max_connections: input.max_connections,
            idle: Duration::from_secs(seconds(&input.idle_timeout).unwrap_or(300)),
            credentials: credentials.transpose()?,
        };
        Ok(Self {
            bound: Bound::Tcp(bind(&input.address(), "input.tcp.port")?, options),
            tls: input.tls.as_ref().map(files),
            place: "input.tcp".to_owned(),
        })
    }

    fn syslog(input: &SyslogInput, index: usize, listener: &SyslogListener) -> Result<Self> {
        let place = format!("input.syslog.listen[{index}]");
        let max_message = bytes(&input.max_message).and_then(|bytes| usize::try_from(bytes).ok());
        let max_message = max_message.unwrap_or(64 << 10);
        let options = TcpOptions {
            max_connections: input.max_connections,
            idle: Duration::from_secs(seconds(&input.idle_timeout).unwrap_or(86_400)),
            credentials: None,
        };
        let bound = match (&listener.udp, &listener.tcp) {
            (Some(udp), _) => {
                let bound = BoundSocket::bind(udp);
                Bound::SyslogUdp(
                    bound.map_err(|error| taken(udp, &error, &format!("{place}.udp")))?,
                )
            }
            (None, tcp) => {
                let address = tcp.as_deref().unwrap_or_default();
                let listener = bind(address, &format!("{place}.tcp"))?;
                Bound::SyslogTcp(listener, options, max_message)
            }
        };
        Ok(Self { bound, tls: listener.tls.as_ref().map(files), place })
    }

    /// Takes records from now on.
    ///
    /// # Errors
    /// `InvalidSettings` if the certificate can't be used.
    pub async fn open(self, journal: Appender) -> Result<OpenDoor> {
        let Self { bound, tls, place } = self;
        let address = if matches!(bound, Bound::Grpc(..)) { ".grpc" } else { "" };
        let opened = match bound {
            Bound::Http(listener, doors, options) => {
                open_http(listener, tls, doors, options, journal).await
            }
            Bound::Grpc(listener, options) => open_grpc(listener, tls, options, journal).await,
            Bound::Tcp(listener, options) => {
                open_tcp(listener, tls, options, journal, ObjectSplitter::default).await
            }
            Bound::SyslogTcp(listener, options, max) => {
                open_tcp(listener, tls, options, journal, move || SyslogFrames::new(max)).await
            }
            Bound::SyslogUdp(socket) => open_syslog_udp(socket, journal),
        };
        let door =
            opened.map_err(|error| Error::settings(format!("{place}.tls"), "BAD_TLS", error))?;
        tracing::info!("{place}{address}: listening on {}", door.address());
        Ok(door)
    }
}

fn dedupe(input: &HttpInput) -> Result<Option<Dedupe>> {
    let Some(settings) = &input.dedupe else { return Ok(None) };
    match (&settings.field, &settings.header) {
        (Some(field), _) => Ok(Some(Dedupe::Field(field.clone()))),
        (None, header) => {
            let name = header.as_deref().unwrap_or_default();
            let known = Dedupe::header(name).ok_or_else(|| {
                let message =
                    format!("`{name}` is no name of a header; name one such as Idempotency-Key");
                Error::settings("input.http.dedupe.header", "BAD_HEADER", message)
            });
            known.map(Some)
        }
    }
}

fn bind(address: &str, place: &str) -> Result<BoundListener> {
    BoundListener::bind(address).map_err(|error| taken(address, &error, place))
}

fn taken(address: &str, error: &io::Error, place: &str) -> Error {
    let message = format!("cannot listen on {address}: {error}; name another address or port");
    Error { code: Code::Unavailable, ..Error::settings(place, "CANNOT_LISTEN", message) }
}

fn files(tls: &ListenerTls) -> TlsFiles {
    TlsFiles {
        cert: tls.cert.clone().into(),
        key: tls.key.clone().into(),
        client_ca: tls.client_ca.clone().map(Into::into),
    }
}

/// What senders have to know. `users`: whether that may be a name and a password.
fn credentials(auth: &Auth, place: &str, secrets: &Secrets, users: bool) -> Result<Credentials> {
    let place = format!("{place}.secretRef");
    let unusable = |message: String| Error::settings(place.clone(), "SECRET_UNUSABLE", message);
    let name = &auth.secret_ref.name;
    let secret = secrets.read(name).map_err(|error| unusable(error.to_string()))?;
    let value = |key: &str| secret.get(key).filter(|value| !value.is_empty()).map(str::to_owned);
    let user = match (value("username"), value("password")) {
        (Some(user), Some(password)) => Some((user, password)),
        (None, None) => None,
        _ => {
            let message = format!("the secret {name} needs both keys, username and password");
            return Err(unusable(message));
        }
    };
    let credentials = Credentials { token: value("token"), user: user.filter(|_| users) };
    if credentials == Credentials::default() {
        let keys = if users { "the key token, or username and password" } else { "the key token" };
        return Err(unusable(format!("the secret {name} needs {keys}")));
    }
    Ok(credentials)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use anomal_spec::SecretRef;

    use super::*;

    fn read(files: &[(&str, &str)], users: bool) -> Result<Credentials> {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("agents")).unwrap();
        for (name, value) in files {
            fs::write(folder.path().join("agents").join(name), value).unwrap();
        }
        let auth = Auth { secret_ref: SecretRef { name: "agents".into() } };
        let secrets = Secrets::new(Some(folder.path().to_owned()));
        credentials(&auth, "input.http.auth", &secrets, users)
    }

    #[test]
    fn a_secret_has_a_token_or_a_user() {
        assert!(read(&[("token", "t\n")], false).unwrap().is_token("t"));
        let both = [("token", "t"), ("username", "u"), ("password", "p")];
        let known = read(&both, true).unwrap();
        assert!(known.is_token("t") && known.is_user("u", "p") && !known.is_user("u", "t"));
        assert!(!known.is_token("") && !read(&both, false).unwrap().is_user("u", "p"));
        for (files, users, part) in [
            (&[("token", "")][..], true, "token, or username and password"),
            (&[("username", "u"), ("password", "p")], false, "needs the key token"),
            (&[("username", "u")], true, "both keys"),
        ] {
            let error = read(files, users).unwrap_err();
            assert!(error.message.contains(part), "{error}");
        }
    }

    #[test]
    fn an_address_that_is_taken_is_named() {
        let taken = BoundListener::bind("127.0.0.1:0").unwrap();
        let input = TcpInput::new("127.0.0.1", taken.address().port());
        let error = ClosedDoor::bind(InputDriver::Tcp(&input), &Secrets::default());
        let error = error.err().unwrap();
        assert_eq!(
            (error.code, error.violations[0].path.as_str()),
            (Code::Unavailable, "input.tcp.port")
        );
        assert!(error.message.contains("name another address"), "{error}");
    }
}
