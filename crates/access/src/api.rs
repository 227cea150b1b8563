//! The API server to ask.

use anomal_core::{Code, Error, Result};

use crate::PATIENCE;

/// The API server of the cluster that this runs in, or of the kubeconfig.
///
/// # Errors
/// `InvalidSettings` if none is to be found.
pub async fn client() -> Result<kube::Client> {
    let failed = |error: String| {
        Error::new(
            Code::InvalidSettings,
            "ACCESS_SETTINGS",
            format!(
                "`--auth kubernetes` finds no API server, neither by this pod's service account \
                 nor by a kubeconfig: {error}"
            ),
        )
    };
    let mut config = kube::Config::infer().await.map_err(|error| failed(error.to_string()))?;
    config.connect_timeout = Some(PATIENCE);
    config.read_timeout = Some(PATIENCE);
    config.write_timeout = Some(PATIENCE);
    kube::Client::try_from(config).map_err(|error| failed(error.to_string()))
}
