//! The command-line options of access.

use std::{
    net::{AddrParseError, IpAddr, SocketAddr},
    path::PathBuf,
};

use anomal_access::client;
use anomal_core::Result;
use clap::{Args, ValueEnum};
use ipnet::IpNet;

use super::{
    Access, LimitArgs, Mode, Options,
    session::Secret,
    token::{self, TOKEN_VARIABLE},
};

/// How callers are authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Auth {
    /// No token; only if the server listens on loopback
    Open,
    /// One shared token, with all rights
    Token,
    /// Kubernetes tokens; the API server decides which jobs their owners may get
    Kubernetes,
}

/// Whether verdicts are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Verdicts {
    On,
    Off,
}

#[derive(Clone, Debug, Args)]
pub struct AccessArgs {
    /// How callers are authenticated (default: token if there is one, else open)
    #[arg(long, env = "ANOMAL_AUTH", value_enum)]
    pub auth: Option<Auth>,
    /// A file with the token, of 16 characters or more (default: the environment variable
    /// `ANOMAL_REPORT_TOKEN`)
    #[arg(long, env = "ANOMAL_REPORT_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// The audience that Kubernetes tokens must be made for
    #[arg(long, env = "ANOMAL_AUDIENCE", default_value = "anomal")]
    pub audience: String,
    /// A file of 32 random bytes or more that signs sessions; replicas need the same one (default: a random key
    /// for this process)
    #[arg(long, env = "ANOMAL_SESSION_KEY_FILE", value_name = "FILE")]
    pub session_key_file: Option<PathBuf>,
    /// Networks of proxies whose X-Forwarded-For and X-Forwarded-Proto are trusted, such as 10.0.0.0/8; without
    /// them all clients behind a proxy share the limits of one
    #[arg(long, env = "ANOMAL_TRUSTED_PROXIES", value_delimiter = ',', value_name = "CIDR,…", value_parser = network)]
    pub trusted_proxies: Vec<IpNet>,
    /// Whether people may judge incidents; off: verdicts that were given are shown
    #[arg(long, env = "ANOMAL_VERDICTS", value_enum, default_value_t = Verdicts::On)]
    pub verdicts: Verdicts,
    #[command(flatten)]
    pub limits: LimitArgs,
}

impl AccessArgs {
    /// Access for a server that listens on these addresses. `https`: whether it serves its pages over TLS.
    ///
    /// # Errors
    /// If a file can't be read, the token is missing or too short, no API server is found, or the server would be
    /// open beyond this machine.
    pub async fn to_access(&self, listening: &[SocketAddr], https: bool) -> Result<Access> {
        let token = token::read(self.token_file.as_deref())?;
        let mode = match (self.auth_mode(token.is_some()), token) {
            (Auth::Open, _) => Mode::Open,
            (Auth::Token, Some(token)) => Mode::Token(token),
            (Auth::Token, None) => {
                return Err(token::invalid_settings(format!(
                    "`--auth token` needs a token: set {TOKEN_VARIABLE} or --token-file; \
                     `openssl rand -hex 24` makes one"
                )));
            }
            (Auth::Kubernetes, _) => {
                Mode::Kubernetes { client: client().await?, audience: self.audience.clone() }
            }
        };
        let access = Access::new(
            mode,
            Options {
                secret: self.session_key_file.as_deref().map(Secret::read).transpose()?,
                limits: self.limits,
                trusted_proxies: self.trusted_proxies.clone(),
                https,
                verdicts: self.verdicts == Verdicts::On,
                ..Options::default()
            },
        )?;
        access.check_listening(listening)?;
        Ok(access)
    }

    fn auth_mode(&self, has_token: bool) -> Auth {
        self.auth.unwrap_or(if has_token { Auth::Token } else { Auth::Open })
    }
}

/// A network or a single address.
fn network(text: &str) -> Result<IpNet, String> {
    let address = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse::<IpNet>()
        .or_else(|_| address())
        .map_err(|error: AddrParseError| format!("{error}; write a network as 10.0.0.0/8"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::{CommandFactory, Parser};

    use super::*;

    #[derive(Parser)]
    struct Server {
        #[command(flatten)]
        access: AccessArgs,
    }

    fn parse(arguments: &[&str]) -> Result<AccessArgs, clap::Error> {
        let all = ["server"].iter().chain(arguments);
        Server::try_parse_from(all).map(|server| server.access)
    }

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[tokio::test]
    async fn open_access_is_for_loopback_only() {
        let args = parse(&["--auth", "open"]).unwrap();
        args.to_access(&addresses(&["127.0.0.1:1", "[::1]:2", "127.9.9.9:3"]), false)
            .await
            .unwrap();
        for other in ["0.0.0.0:8080", "[::]:8080", "192.0.2.1:80", "[::ffff:192.0.2.1]:80"] {
            let error =
                args.to_access(&addresses(&["127.0.0.1:1", other]), false).await.unwrap_err();
            assert!(error.message.starts_with(other), "{error}");
            for remedy in ["127.0.0.1", "--auth token", TOKEN_VARIABLE, "--auth kubernetes"] {
                assert!(error.message.contains(remedy), "{remedy}: {error}");
            }
        }
    }

    #[tokio::test]
    async fn with_a_token_any_address_may_be_listened_on() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "0123456789abcdef\n").unwrap();
        let args = parse(&["--token-file", file.path().to_str().unwrap()]).unwrap();
        let access = args.to_access(&addresses(&["0.0.0.0:8080"]), false).await.unwrap();
        assert_eq!(format!("{access:?}"), "Access { mode: \"token\", .. }");
        fs::write(file.path(), "short\n").unwrap();
        assert!(args.to_access(&[], false).await.unwrap_err().message.contains("needs 16"));
    }

    #[tokio::test]
    async fn a_missing_token_is_reported() {
        let args = parse(&["--auth", "token"]).unwrap();
        let error = args.to_access(&[], false).await.unwrap_err();
        assert!(error.message.contains(TOKEN_VARIABLE), "{error}");
    }

    #[test]
    fn proxies_are_networks_or_addresses() {
        let args = parse(&["--trusted-proxies", "10.0.0.0/8,192.0.2.1,fd00::/8"]).unwrap();
        let texts: Vec<_> = args.trusted_proxies.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["10.0.0.0/8", "192.0.2.1/32", "fd00::/8"]);
        let error = parse(&["--trusted-proxies", "ingress"]).unwrap_err().to_string();
        assert!(error.contains("10.0.0.0/8"), "{error}");
    }

    #[test]
    fn the_options_and_the_type_have_the_same_defaults() {
        let args = parse(&[]).unwrap();
        let default = LimitArgs::default();
        assert_eq!(args.limits.rate_limit, default.rate_limit);
        assert_eq!(args.limits.rate_burst, default.rate_burst);
        assert_eq!(args.limits.wrong_tokens, default.wrong_tokens);
        assert!(parse(&["--rate-limit", "0"]).is_err());
    }

    #[test]
    fn every_option_has_help() {
        for option in Server::command().get_arguments() {
            assert!(option.get_help().is_some(), "--{}", option.get_id());
        }
    }
}
