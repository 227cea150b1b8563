//! `POST /_bulk` and `/<index>/_bulk`, for senders that know Elasticsearch: Beats, Logstash, Vector, Fluent Bit, and its clients.
//!
//! Documents are records; nothing of an index is here. What these senders ask first, and what they want to install, is answered.

mod answer;
mod cluster;
mod items;

use std::sync::Arc;

use axum::{
    Extension, Router,
    extract::{Path, Request, State},
    http::{HeaderName, HeaderValue},
    middleware::map_response,
    response::Response,
    routing::{any, post},
};

pub(super) use self::items::split;
use self::{
    answer::{refused, rejected, taken},
    items::Item,
};
use super::{
    answer::Refusal,
    door::{Door, Sender},
};

/// Clients do not send to what does not say so.
const PRODUCT: (HeaderName, HeaderValue) =
    (HeaderName::from_static("x-elastic-product"), HeaderValue::from_static("Elasticsearch"));

pub(super) fn router() -> Router<Arc<Door>> {
    let mut router = Router::new()
        .route("/_bulk", post(bulk).put(bulk))
        .route("/{index}/_bulk", post(bulk_of_index).put(bulk_of_index));
    for path in cluster::PATHS {
        router = router.route(path, any(cluster::ask));
    }
    router.layer(map_response(async |mut response: Response| {
        response.headers_mut().insert(PRODUCT.0, PRODUCT.1);
        response
    }))
}

async fn bulk(
    State(door): State<Arc<Door>>,
    Extension(sender): Extension<Sender>,
    request: Request,
) -> Response {
    take(&door, sender, "", request).await
}

async fn bulk_of_index(
    State(door): State<Arc<Door>>,
    Extension(sender): Extension<Sender>,
    Path(index): Path<String>,
    request: Request,
) -> Response {
    take(&door, sender, &index, request).await
}

async fn take(door: &Door, sender: Sender, index: &str, request: Request) -> Response {
    let taken = async {
        let received = door.receive(request).await?;
        let items = split(&received.body, index)?;
        let (items, records): (Vec<Item>, Vec<_>) = items.into_iter().unzip();
        match door.append(sender, &received.headers, records).await {
            Ok(appended) => Ok(taken(&items, &appended)),
            // As Elasticsearch does where its queue is full: senders repeat these items.
            Err(Refusal::Full) => Ok(rejected(&items)),
            Err(refusal) => Err(refusal),
        }
    };
    taken.await.unwrap_or_else(|refusal: Refusal| refused(&refusal))
}
