//! `anomal elastic`: index templates and dashboards for results in Elasticsearch and OpenSearch.

use anomal_connectors::{
    Access,
    elasticsearch::{
        client::{Client, Server},
        dashboards::import,
        template::{install, templates},
    },
};
use anomal_spec::{Auth, ElasticsearchConnection, SecretRef};
use anomal_storage::Secrets;

use super::{CommandResult, print};
use crate::{
    elastic::{
        Flavor,
        args::{Dashboards, ElasticCommand, Setup, Template},
        saved_objects,
    },
    exit,
    present::error::note,
};

const REQUEST_TIMEOUT_SECONDS: u64 = 60;
/// The indices of incidents.
const INCIDENTS: &str = "anomal-incidents-*";

pub fn run(command: ElasticCommand) -> CommandResult {
    match command {
        ElasticCommand::Template(arguments) => template(&arguments),
        ElasticCommand::Dashboards(arguments) => dashboards(&arguments),
        ElasticCommand::Setup(arguments) => setup(arguments),
    }
}

fn template(arguments: &Template) -> CommandResult {
    let Template { flavor, indices, data_stream } = arguments;
    let templates = templates((*flavor).into(), &indices.index, *data_stream);
    let requests = templates.map(|one| format!("PUT {}\n{:#}\n", one.path, one.body));
    print(&requests.join("\n"))
}

fn dashboards(arguments: &Dashboards) -> CommandResult {
    print(&saved_objects(arguments.flavor, &arguments.indices.index))
}

fn setup(arguments: Setup) -> CommandResult {
    let _telemetry = anomal_telemetry::init_cli("anomal", 0, false);
    let Setup { url, kibana_url, flavor, indices, data_stream, secret, secrets, .. } = arguments;
    let secrets = Secrets::new(secrets);
    let auth = secret.map(|name| Auth { secret_ref: SecretRef { name } });
    let connection = |urls: Vec<String>| ElasticsearchConnection {
        urls,
        flavor: anomal_spec::Flavor::Auto,
        auth: auth.clone(),
        insecure_skip_verify: arguments.insecure_skip_verify,
        request_timeout_seconds: REQUEST_TIMEOUT_SECONDS,
    };
    let access = |place| Access { place, auth: auth.as_ref(), secrets: &secrets };
    let retry = arguments.retry_seconds;
    let mut dashboards = flavor;
    if !url.is_empty() {
        let (client, server) = Client::connect(&connection(url), &access("--url"), retry)?;
        install(&client, server, &indices.index, data_stream)?;
        install(&client, server, INCIDENTS, false)?;
        note(&format!(
            "{}: installed the templates for {} and {INCIDENTS}",
            client.name(),
            indices.index
        ));
        dashboards = dashboards.or(Some(match server {
            Server::Elasticsearch => Flavor::Kibana,
            Server::OpenSearch => Flavor::Opensearch,
        }));
    }
    if let Some(url) = kibana_url {
        let client = Client::open(&connection(vec![url]), &access("--kibana-url"), retry)?;
        let flavor = dashboards.unwrap_or(Flavor::Kibana);
        let count = import(&client, &saved_objects(flavor, &indices.index))?;
        note(&format!("{}: installed the dashboard ({count} objects)", client.name()));
    }
    Ok(exit::DONE)
}
