//! `anomal elastic …` as it is typed.

use std::path::PathBuf;

use anomal_connectors::elasticsearch::flavor::Server;
use clap::{Args, Subcommand, ValueEnum};

use super::Flavor;

#[derive(Debug, Subcommand)]
pub enum ElasticCommand {
    /// Print the index templates of results, ready for the console of Kibana or OpenSearch Dashboards
    Template(Template),
    /// Print the dashboard of results, as a file to import
    Dashboards(Dashboards),
    /// Install the index templates, the dashboard, or both
    Setup(Setup),
}

/// The indices that results are in.
#[derive(Debug, Args)]
pub struct Indices {
    /// The index that results are written to, or a pattern for those of several jobs
    #[arg(long, value_name = "NAME", default_value = "anomal-results-*")]
    pub index: String,
}

#[derive(Debug, Args)]
pub struct Template {
    /// Which server they are for
    #[arg(long, value_enum, default_value_t = Cluster::Elasticsearch)]
    pub flavor: Cluster,
    #[command(flatten)]
    pub indices: Indices,
    /// For data streams in place of indices
    #[arg(long)]
    pub data_stream: bool,
}

#[derive(Debug, Args)]
pub struct Dashboards {
    /// What shows the dashboard
    #[arg(long, value_enum, default_value_t = Flavor::Kibana)]
    pub flavor: Flavor,
    #[command(flatten)]
    pub indices: Indices,
}

#[derive(Debug, Args)]
pub struct Setup {
    /// A node of the cluster, such as <https://es:9200> (repeatable): its templates are installed
    #[arg(long, value_name = "URL", required_unless_present = "kibana_url")]
    pub url: Vec<String>,
    /// Kibana or OpenSearch Dashboards, such as <https://kibana:5601> or <https://kibana:5601/s/security>: its
    /// dashboard is installed
    #[arg(long, value_name = "URL", alias = "dashboards-url")]
    pub kibana_url: Option<String>,
    /// What shows the dashboard (default: by what the cluster says that it is)
    #[arg(long, value_enum, required_unless_present = "url")]
    pub flavor: Option<Flavor>,
    #[command(flatten)]
    pub indices: Indices,
    /// For data streams in place of indices
    #[arg(long)]
    pub data_stream: bool,
    /// The secret with username and password, apiKey or token, and ca.crt
    #[arg(long, value_name = "NAME")]
    pub secret: Option<String>,
    /// Where secrets are: the files DIR/NAME/KEY (without it: environment variables `ANOMAL_SECRET_NAME_KEY`)
    #[arg(long, env = "ANOMAL_SECRETS", value_name = "DIR")]
    pub secrets: Option<PathBuf>,
    /// Take any certificate: whoever is between can read and change all there is
    #[arg(long)]
    pub insecure_skip_verify: bool,
    /// Seconds for which servers that are away are tried again
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub retry_seconds: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Cluster {
    Elasticsearch,
    Opensearch,
}

impl From<Cluster> for Server {
    fn from(cluster: Cluster) -> Self {
        match cluster {
            Cluster::Elasticsearch => Self::Elasticsearch,
            Cluster::Opensearch => Self::OpenSearch,
        }
    }
}
