//! The arguments of `anomal elastic`.

use std::path::PathBuf;

use anomal_connectors::elasticsearch::Server;
use clap::{Args, Subcommand, ValueEnum};

use super::Flavor;

#[derive(Debug, Subcommand)]
pub enum ElasticCommand {
    /// Print the index templates of results, ready for the console of Kibana or OpenSearch Dashboards
    Template(Template),
    /// Print the dashboard of results, for a file to import
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
    /// The server that the templates are for
    #[arg(long, value_enum, default_value_t = Cluster::Elasticsearch)]
    pub flavor: Cluster,
    #[command(flatten)]
    pub indices: Indices,
    /// For data streams instead of indices
    #[arg(long)]
    pub data_stream: bool,
}

#[derive(Debug, Args)]
pub struct Dashboards {
    /// The program that shows the dashboard
    #[arg(long, value_enum, default_value_t = Flavor::Kibana)]
    pub flavor: Flavor,
    #[command(flatten)]
    pub indices: Indices,
}

#[derive(Debug, Args)]
pub struct Setup {
    /// Install the templates in the cluster with this node, such as <https://es:9200> (repeatable)
    #[arg(long, value_name = "URL", required_unless_present = "kibana_url")]
    pub url: Vec<String>,
    /// Install the dashboard in this Kibana or OpenSearch Dashboards, such as <https://kibana:5601> or
    /// <https://kibana:5601/s/security>
    #[arg(long, value_name = "URL", alias = "dashboards-url")]
    pub kibana_url: Option<String>,
    /// The program that shows the dashboard (default: the one of the cluster)
    #[arg(long, value_enum, required_unless_present = "url")]
    pub flavor: Option<Flavor>,
    #[command(flatten)]
    pub indices: Indices,
    /// For data streams instead of indices
    #[arg(long)]
    pub data_stream: bool,
    /// The secret with username and password, apiKey or token, and ca.crt
    #[arg(long, value_name = "NAME")]
    pub secret: Option<String>,
    /// The folder of secrets: files DIR/NAME/KEY (default: environment variables `ANOMAL_SECRET_NAME_KEY`)
    #[arg(long, env = "ANOMAL_SECRETS", value_name = "DIR")]
    pub secrets: Option<PathBuf>,
    /// Accept any certificate: anyone between can read and change the data
    #[arg(long)]
    pub insecure_skip_verify: bool,
    /// How many seconds to retry a server that is not available
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
