//! The command line that all servers and the operator share.

use std::{net::SocketAddr, str::FromStr};

use clap::{Args, ValueEnum};
use http::Uri;

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

/// Logs, and where traces go.
#[derive(Clone, Debug, Args)]
pub struct LogArgs {
    /// How log lines are written to standard error
    #[arg(long, env = "ANOMAL_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    /// error, warn, info, debug or trace
    #[arg(long, env = "ANOMAL_LOG_LEVEL", default_value = "info")]
    pub log_level: String,
    /// The OpenTelemetry collector that traces go to by gRPC, such as <http://collector:4317> (default: the
    /// environment variable `OTEL_EXPORTER_OTLP_ENDPOINT`; without either, traces go nowhere)
    #[arg(long, env = "ANOMAL_OTLP_ENDPOINT", value_name = "URL", value_parser = endpoint)]
    pub otlp_endpoint: Option<String>,
}

/// Where a program says how it fares.
#[derive(Clone, Copy, Debug, Args)]
pub struct ProbeArgs {
    /// Where to serve /metrics, /healthz and /readyz over HTTP, or `off`
    #[arg(
        long,
        env = "ANOMAL_METRICS_LISTEN",
        default_value = "0.0.0.0:9400",
        value_name = "ADDRESS|off"
    )]
    pub metrics_listen: MetricsListen,
}

/// Where metrics are served, if at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricsListen {
    Off,
    At(SocketAddr),
}

impl FromStr for MetricsListen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self::Off);
        }
        let address = text.parse().map_err(|error| format!("{error}; or `off`"))?;
        Ok(Self::At(address))
    }
}

/// An address of a collector; empty is none, for deployments that set the variable always.
pub(crate) fn endpoint(text: &str) -> Result<String, String> {
    let known = |uri: &Uri| matches!(uri.scheme_str(), Some("http" | "https"));
    match text.parse::<Uri>() {
        _ if text.is_empty() => Ok(String::new()),
        Ok(uri) if known(&uri) && uri.host().is_some() => Ok(text.to_owned()),
        _ => Err(format!("{text:?} is no address such as http://collector:4317")),
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        logs: LogArgs,
        #[command(flatten)]
        probes: ProbeArgs,
    }

    fn parse(arguments: &[&str]) -> Result<Program, clap::Error> {
        Program::try_parse_from(["program"].iter().chain(arguments))
    }

    #[test]
    fn metrics_are_served_unless_they_are_off() {
        let at = |text: &str| MetricsListen::At(text.parse().unwrap());
        let listen = |arguments: &[&str]| parse(arguments).map(|told| told.probes.metrics_listen);
        assert_eq!(listen(&[]).unwrap(), at("0.0.0.0:9400"));
        assert_eq!(listen(&["--metrics-listen", "[::1]:0"]).unwrap(), at("[::1]:0"));
        assert_eq!(listen(&["--metrics-listen", "off"]).unwrap(), MetricsListen::Off);
        let refused = listen(&["--metrics-listen", "nowhere"]).unwrap_err().to_string();
        assert!(refused.contains("`off`"), "{refused}");
    }

    #[test]
    fn a_collector_has_an_address() {
        let given =
            |text: &str| parse(&["--otlp-endpoint", text]).map(|told| told.logs.otlp_endpoint);
        for right in ["http://collector:4317", "https://[::1]:4317", ""] {
            assert_eq!(given(right).unwrap().as_deref(), Some(right));
        }
        for wrong in ["collector:4317", "ftp://collector", "4317", "http://"] {
            let refused = given(wrong).unwrap_err().to_string();
            assert!(refused.contains("http://collector:4317"), "{refused}");
        }
    }

    #[test]
    fn every_option_is_explained() {
        for option in Program::command().get_arguments() {
            assert!(option.get_help().is_some(), "--{}", option.get_id());
        }
    }
}
