//! Finds the documents of a request that an earlier attempt has written.
//!
//! `create` looks for an id only in the index that is written to. Behind a data stream or an alias, an index that was rolled
//! over may have it too.

use std::collections::HashSet;

use anomal_core::{Code, Error, Result};
use serde::Deserialize;
use serde_json::json;

use super::bulk::BulkBody;
use crate::elasticsearch::client::{Client, Request};

/// Ids of a query: below the servers' bound of 10,000 hits.
const IDS: usize = 5_000;
const SEARCH: &str = "allow_partial_search_results=false&filter_path=hits.hits._id";

/// A data stream or an alias.
pub(super) struct Rollover {
    index: String,
}

#[derive(Deserialize, Default)]
struct Found {
    #[serde(default)]
    hits: Hits,
}

#[derive(Deserialize, Default)]
struct Hits {
    #[serde(default)]
    hits: Vec<Hit>,
}

#[derive(Deserialize)]
struct Hit {
    #[serde(rename = "_id")]
    id: String,
}

impl Rollover {
    /// None for an index, whose ids `create` knows.
    ///
    /// # Errors
    /// Those of [`Client::request`], but for the right to see aliases: without it, it is taken for an index.
    pub fn find(client: &Client, index: &str, data_stream: bool) -> Result<Option<Self>> {
        let rollover = Some(Self { index: index.to_owned() });
        if data_stream {
            return Ok(rollover);
        }
        match client.request(&Request::get(format!("/_alias/{index}"))) {
            Ok(response) => Ok(rollover.filter(|_| response.is_success())),
            Err(error) if error.code == Code::PermissionDenied => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The documents of a request that are in none of the indices, by their places.
    ///
    /// # Errors
    /// Those of [`Client::send`]: the rights to refresh and to search are needed.
    pub async fn missing(&self, client: &Client, body: &BulkBody) -> Result<Vec<usize>> {
        // What was written a moment ago is not found before.
        let refresh = Request::post(format!("/{}/_refresh", self.index));
        let refreshed = client.send(&refresh).await?;
        let mut found = HashSet::new();
        if refreshed.status != 404 {
            let ids: Vec<&str> = body.items.iter().map(|item| body.id(item)).collect();
            for ids in ids.chunks(IDS) {
                let query =
                    json!({"size": ids.len(), "_source": false, "query": {"ids": {"values": ids}}});
                let search = Request::post(format!("/{}/_search?{SEARCH}", self.index));
                let response = client.send(&search.json(&query)).await?;
                if !response.is_success() {
                    let message = format!(
                        "{} can't be searched for documents that are written already ({})",
                        self.index,
                        response.describe()
                    );
                    return Err(Error::new(Code::Unavailable, "IDS_UNKNOWN", message));
                }
                let hits = response.json::<Found>()?.hits.hits;
                found.extend(hits.into_iter().map(|hit| hit.id));
            }
        }
        let missing = body.items.iter().enumerate();
        let missing = missing.filter(|(_, item)| !found.contains(body.id(item)));
        Ok(missing.map(|(place, _)| place).collect())
    }
}
