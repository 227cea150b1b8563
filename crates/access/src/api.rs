//! The client of the Kubernetes API server.

use anomal_core::{Code, Error, Result};

use crate::API_TIMEOUT;

/// A client of the API server of this pod's cluster, or of the kubeconfig.
///
/// # Errors
/// `InvalidSettings` if neither is found.
pub async fn client() -> Result<kube::Client> {
    let failed = |error: String| {
        Error::new(
            Code::InvalidSettings,
            "ACCESS_SETTINGS",
            format!(
                "`--auth kubernetes` finds no API server: {error}; run it in a pod with a service \
                 account, or set KUBECONFIG"
            ),
        )
    };
    let mut config = kube::Config::infer().await.map_err(|error| failed(error.to_string()))?;
    config.connect_timeout = Some(API_TIMEOUT);
    config.read_timeout = Some(API_TIMEOUT);
    config.write_timeout = Some(API_TIMEOUT);
    kube::Client::try_from(config).map_err(|error| failed(error.to_string()))
}
