//! Questions to the Kubernetes API server: the owner of a token, and their rights. If one fails, access is denied.

use std::{fmt, sync::Arc, time::Duration};

use anomal_core::{Code, Error, Result};
use k8s_openapi::api::{
    authentication::v1::{TokenReview, TokenReviewSpec, TokenReviewStatus},
    authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec},
};
use kube::{Api, Client, api::PostParams};
use serde::{Serialize, de::DeserializeOwned};
use tokio::sync::Semaphore;

use crate::{User, bearer::hash, cache::Cache, clock, wrong_token};

/// The time to live of a success, unless the token expires sooner.
const SUCCESS_TTL: Duration = Duration::from_mins(1);
/// The time to live of a denial: new rights take effect soon.
const DENIAL_TTL: Duration = Duration::from_secs(5);
/// The API server answers in milliseconds; a request that waits for it holds resources.
pub const API_TIMEOUT: Duration = Duration::from_secs(5);
const TOKENS: usize = 4096;
const PERMISSIONS: usize = 65_536;
/// Longer than any token of Kubernetes or of its identity providers.
const MAX_TOKEN: usize = 16 << 10;
/// Concurrent questions to the API server.
const CONCURRENT_QUESTIONS: usize = 32;

const GROUP: &str = "anomal.dev";
const RESOURCE: &str = "anomalyjobs";

/// The right of a user to act on a job.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Permission {
    pub user: Arc<User>,
    pub verb: &'static str,
    /// A part of the job, such as `verdicts`; empty: the job itself.
    pub subresource: &'static str,
    /// Empty: all namespaces.
    pub namespace: String,
    /// Empty: all jobs.
    pub job: String,
}

#[derive(Clone)]
enum TokenOwner {
    /// With the token's expiry.
    User(Arc<User>, Option<u64>),
    Unknown,
}

/// Asks the API server and caches its answers for a while.
pub struct Reviews {
    client: Client,
    audience: String,
    timeout: Duration,
    tokens: Cache<[u8; 32], TokenOwner>,
    permissions: Cache<Permission, bool>,
    slots: Semaphore,
}

impl Reviews {
    pub fn new(client: Client, audience: String, timeout: Duration) -> Self {
        Self {
            client,
            audience,
            timeout,
            tokens: Cache::new(TOKENS),
            permissions: Cache::new(PERMISSIONS),
            slots: Semaphore::new(CONCURRENT_QUESTIONS),
        }
    }

    /// The audience that tokens must be made for.
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// The owner of a token, and its expiry.
    ///
    /// # Errors
    /// `Unauthenticated` if the token is unknown or made for another audience; `Unavailable` if the API server can't be
    /// asked.
    pub async fn user(&self, token: &str) -> Result<(Arc<User>, Option<u64>)> {
        let expires = clock::expiry(token);
        // No answer of the API server would make these valid.
        if token.is_empty()
            || token.len() > MAX_TOKEN
            || expires.is_some_and(|end| end <= clock::now())
        {
            return Err(wrong_token());
        }
        let ask = async {
            let user = self.review(token).await?;
            let owner = user.map_or(TokenOwner::Unknown, |user| TokenOwner::User(user, expires));
            let time_to_live = match &owner {
                TokenOwner::User(..) => {
                    let left =
                        expires.map(|end| Duration::from_secs(end.saturating_sub(clock::now())));
                    left.map_or(SUCCESS_TTL, |left| left.min(SUCCESS_TTL))
                }
                TokenOwner::Unknown => DENIAL_TTL,
            };
            Ok((owner, time_to_live))
        };
        match self.with_timeout(self.tokens.get_or_ask(hash(token), ask)).await? {
            TokenOwner::User(user, expires) => Ok((user, expires)),
            TokenOwner::Unknown => Err(wrong_token()),
        }
    }

    /// None if the token is unknown.
    async fn review(&self, token: &str) -> Result<Option<Arc<User>>> {
        let spec = TokenReviewSpec {
            audiences: Some(vec![self.audience.clone()]),
            token: token.to_owned(),
        };
        let review = TokenReview { spec, ..TokenReview::default() };
        let answer = self.create("tokenreviews", &review).await?;
        Ok(self.authenticated_user(answer.status.unwrap_or_default()))
    }

    fn authenticated_user(&self, status: TokenReviewStatus) -> Option<Arc<User>> {
        if status.authenticated != Some(true) {
            // The reason does not contain the token.
            tracing::info!(reason = ?status.error, "the API server does not know this token");
            return None;
        }
        // An API server without audiences returns none: the token may be made for another service.
        if !status.audiences.unwrap_or_default().contains(&self.audience) {
            tracing::warn!(audience = self.audience, "a token was not made for this audience");
            return None;
        }
        let user = User::from(status.user.unwrap_or_default());
        (!user.name.is_empty()).then(|| Arc::new(user))
    }

    /// Whether a user has a permission.
    ///
    /// # Errors
    /// `Unavailable` if the API server can't be asked.
    pub async fn is_allowed(&self, permission: Permission) -> Result<bool> {
        let ask = async {
            let allowed = self.review_access(&permission).await?;
            Ok((allowed, if allowed { SUCCESS_TTL } else { DENIAL_TTL }))
        };
        self.with_timeout(self.permissions.get_or_ask(permission.clone(), ask)).await
    }

    async fn review_access(&self, permission: &Permission) -> Result<bool> {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let user = &permission.user;
        let spec = SubjectAccessReviewSpec {
            user: some(&user.name),
            uid: some(&user.uid),
            groups: Some(user.groups.clone()),
            extra: Some(user.extra.clone()).filter(|extra| !extra.is_empty()),
            resource_attributes: Some(ResourceAttributes {
                verb: some(permission.verb),
                group: some(GROUP),
                resource: some(RESOURCE),
                subresource: some(permission.subresource),
                namespace: some(&permission.namespace),
                name: some(&permission.job),
                ..ResourceAttributes::default()
            }),
            non_resource_attributes: None,
        };
        let review = SubjectAccessReview { spec, ..SubjectAccessReview::default() };
        let answer = self.create("subjectaccessreviews", &review).await?;
        Ok(answer.status.is_some_and(|status| status.allowed && status.denied != Some(true)))
    }

    /// Also bounds the wait for another caller's question.
    async fn with_timeout<T>(&self, answer: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::time::timeout(self.timeout, answer).await.unwrap_or_else(|_| {
            tracing::warn!(patience = ?self.timeout, "the API server does not answer");
            Err(api_server_error("the Kubernetes API server does not answer; try again"))
        })
    }

    async fn create<K>(&self, resource: &str, review: &K) -> Result<K>
    where
        K: kube::Resource<DynamicType = ()> + Serialize + DeserializeOwned + Clone + fmt::Debug,
    {
        let _slot =
            self.slots.acquire().await.map_err(|error| Error::internal(error.to_string()))?;
        let reviews: Api<K> = Api::all(self.client.clone());
        let answer = reviews.create(&PostParams::default(), review).await;
        answer.map_err(|error| unavailable(resource, &error))
    }
}

/// The cause is logged for administrators; clients get a general message.
fn unavailable(resource: &str, error: &kube::Error) -> Error {
    match error {
        kube::Error::Api(status) if matches!(status.code, 401 | 403) => {
            tracing::error!(
                resource,
                code = status.code,
                "this service may not create reviews at the API server; \
                 bind its service account to the ClusterRole system:auth-delegator"
            );
            api_server_error(
                "this service may not create reviews at the Kubernetes API server; ask its administrator",
            )
        }
        _ => {
            tracing::warn!(resource, %error, "cannot ask the API server");
            api_server_error("cannot reach the Kubernetes API server to check access; try again")
        }
    }
}

fn api_server_error(message: &str) -> Error {
    Error::new(Code::Unavailable, "API_SERVER", message)
}

impl fmt::Debug for Reviews {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reviews").field("audience", &self.audience).finish_non_exhaustive()
    }
}
