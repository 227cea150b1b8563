//! `anomal elastic`: what Elasticsearch, OpenSearch and their dashboards need for results.

use anomal_connectors::{
    Access,
    elasticsearch::{
        client::Client,
        flavor::Server,
        saved_objects::import,
        template::{install, templates},
    },
};
use anomal_spec::{Auth, ElasticsearchConnection, SecretRef};
use anomal_storage::Secrets;

use super::{Ended, print};
use crate::{
    elastic::{
        Flavor,
        args::{Dashboards, ElasticCommand, Setup, Template},
        saved_objects,
    },
    exit,
    present::error::note,
};

/// Of a request, in seconds.
const TIMEOUT: u64 = 60;

pub fn run(command: ElasticCommand) -> Ended {
    match command {
        ElasticCommand::Template(arguments) => template(&arguments),
        ElasticCommand::Dashboards(arguments) => dashboards(&arguments),
        ElasticCommand::Setup(arguments) => setup(arguments),
    }
}

fn template(arguments: &Template) -> Ended {
    let Template { flavor, indices, data_stream } = arguments;
    let templates = templates((*flavor).into(), &indices.index, *data_stream);
    let requests = templates.map(|one| format!("PUT {}\n{:#}\n", one.path, one.body));
    print(&requests.join("\n"))
}

fn dashboards(arguments: &Dashboards) -> Ended {
    print(&saved_objects(arguments.flavor, &arguments.indices.index))
}

fn setup(arguments: Setup) -> Ended {
    let _telling = anomal_telemetry::init_cli("anomal", 0, false);
    let Setup { url, kibana_url, flavor, indices, data_stream, secret, secrets, .. } = arguments;
    let secrets = Secrets::new(secrets);
    let auth = secret.map(|name| Auth { secret_ref: SecretRef { name } });
    let connection = |urls: Vec<String>| ElasticsearchConnection {
        urls,
        flavor: anomal_spec::Flavor::Auto,
        auth: auth.clone(),
        insecure_skip_verify: arguments.insecure_skip_verify,
        request_timeout_seconds: TIMEOUT,
    };
    let access = |place| Access { place, auth: auth.as_ref(), secrets: &secrets };
    let retry = arguments.retry_seconds;
    let mut shown_by = flavor;
    if !url.is_empty() {
        let (client, server) = Client::connect(&connection(url), &access("--url"), retry)?;
        install(&client, server, &indices.index, data_stream)?;
        note(&format!("{}: the templates for {} are there", client.name(), indices.index));
        shown_by = shown_by.or(Some(match server {
            Server::Elasticsearch => Flavor::Kibana,
            Server::OpenSearch => Flavor::Opensearch,
        }));
    }
    if let Some(url) = kibana_url {
        let client = Client::open(&connection(vec![url]), &access("--kibana-url"), retry)?;
        let flavor = shown_by.unwrap_or(Flavor::Kibana);
        let count = import(&client, &saved_objects(flavor, &indices.index))?;
        note(&format!("{}: {count} objects are there, the dashboard among them", client.name()));
    }
    Ok(exit::DONE)
}
