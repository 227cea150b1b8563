//! The command line arguments of all servers and the operator.

use std::{net::SocketAddr, str::FromStr};

use clap::{Args, ValueEnum};
use http::Uri;

/// The format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

/// The arguments for logs and traces.
#[derive(Clone, Debug, Args)]
pub struct LogArgs {
    /// The format of log lines on standard error
    #[arg(long, env = "ANOMAL_LOG_FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
    /// The lowest level that is logged: error, warn, info, debug or trace
    #[arg(long, env = "ANOMAL_LOG_LEVEL", default_value = "info")]
    pub log_level: String,
    /// The OpenTelemetry collector that receives traces by gRPC, such as <http://collector:4317> (default: the environment
    /// variable `OTEL_EXPORTER_OTLP_ENDPOINT`; without either, traces are not exported)
    #[arg(long, env = "ANOMAL_OTLP_ENDPOINT", value_name = "URL", value_parser = parse_endpoint)]
    pub otlp_endpoint: Option<String>,
}

/// The arguments for metrics and probes.
#[derive(Clone, Copy, Debug, Args)]
pub struct ProbeArgs {
    /// The address to serve /metrics, /healthz and /readyz on over HTTP, or `off`
    #[arg(
        long,
        env = "ANOMAL_METRICS_LISTEN",
        default_value = "0.0.0.0:9400",
        value_name = "ADDRESS|off"
    )]
    pub metrics_listen: MetricsListen,
}

/// The address of the metrics, if they are served.
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

/// Parses the URL of a collector. Empty text means none, for deployments that always set the variable.
pub(crate) fn parse_endpoint(text: &str) -> Result<String, String> {
    let is_http = |uri: &Uri| matches!(uri.scheme_str(), Some("http" | "https"));
    match text.parse::<Uri>() {
        _ if text.is_empty() => Ok(String::new()),
        Ok(uri) if is_http(&uri) && uri.host().is_some() => Ok(text.to_owned()),
        _ => Err(format!("{text:?} is not a URL such as http://collector:4317")),
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
    fn metrics_are_served_by_default() {
        let at = |text: &str| MetricsListen::At(text.parse().unwrap());
        let listen =
            |arguments: &[&str]| parse(arguments).map(|program| program.probes.metrics_listen);
        assert_eq!(listen(&[]).unwrap(), at("0.0.0.0:9400"));
        assert_eq!(listen(&["--metrics-listen", "[::1]:0"]).unwrap(), at("[::1]:0"));
        assert_eq!(listen(&["--metrics-listen", "off"]).unwrap(), MetricsListen::Off);
        let refused = listen(&["--metrics-listen", "nowhere"]).unwrap_err().to_string();
        assert!(refused.contains("`off`"), "{refused}");
    }

    #[test]
    fn a_collector_has_a_url() {
        let endpoint = |text: &str| {
            parse(&["--otlp-endpoint", text]).map(|program| program.logs.otlp_endpoint)
        };
        for right in ["http://collector:4317", "https://[::1]:4317", ""] {
            assert_eq!(endpoint(right).unwrap().as_deref(), Some(right));
        }
        for wrong in ["collector:4317", "ftp://collector", "4317", "http://"] {
            let refused = endpoint(wrong).unwrap_err().to_string();
            assert!(refused.contains("http://collector:4317"), "{refused}");
        }
    }

    #[test]
    fn every_option_has_a_description() {
        for option in Program::command().get_arguments() {
            assert!(option.get_help().is_some(), "--{}", option.get_id());
        }
    }
}
