//! The `Service` that leads to the pod of a stream whose records are pushed.

use anomal_spec::{ListeningPort, Protocol};
use k8s_openapi::api::core::v1::Service;
use serde_json::{Value, json};

use super::{Owner, short_hash};
use crate::labels;

/// Builds the `Service`, with a hash of its spec to detect changes; none where nothing is pushed.
///
/// # Errors
/// If a part of the settings has no counterpart in Kubernetes, which the types rule out.
pub fn service(owner: &Owner<'_>) -> anyhow::Result<Option<Service>> {
    let driver = owner.spec.input.driver();
    let ports = driver.map(anomal_spec::InputDriver::listening_ports).unwrap_or_default();
    if ports.is_empty() {
        return Ok(None);
    }
    let spec = json!({
        "selector": labels::for_job(owner.name),
        "ports": ports.iter().map(port).collect::<Vec<_>>(),
    });
    let mut metadata = owner.metadata(&format!("{}-in", owner.name));
    metadata["annotations"] = json!({labels::APPLIED: short_hash(spec.to_string().as_bytes())});
    Ok(serde_json::from_value(json!({"metadata": metadata, "spec": spec}))?)
}

fn port(port: &ListeningPort) -> Value {
    let (name, protocol) = match port.protocol {
        Protocol::Tcp => ("tcp", "TCP"),
        Protocol::Udp => ("udp", "UDP"),
    };
    let number = port.number;
    json!({"name": format!("{name}-{number}"), "protocol": protocol, "port": number, "targetPort": number})
}
