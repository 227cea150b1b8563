//! What the Kubernetes API server says: whose token it is, and what they may. Whatever goes wrong on the way
//! there lets nobody in.

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

/// How long a yes is believed; a token's own end may come sooner.
const YES: Duration = Duration::from_mins(1);
/// How long a no is believed: rights that were just given are there soon.
const NO: Duration = Duration::from_secs(5);
/// The API server answers in milliseconds; who waits for it holds a request.
pub const PATIENCE: Duration = Duration::from_secs(5);
const TOKENS: usize = 4096;
const RIGHTS: usize = 65_536;
/// Longer than any token of Kubernetes or of a provider behind it.
const LONGEST: usize = 16 << 10;
/// Questions to the API server at once.
const AT_ONCE: usize = 32;

const GROUP: &str = "anomal.dev";
const RESOURCE: &str = "anomalyjobs";

/// A right that someone has or has not.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Right {
    pub user: Arc<User>,
    pub verb: &'static str,
    /// Empty: all of them.
    pub namespace: String,
    /// Empty: all of them.
    pub job: String,
}

#[derive(Clone)]
enum Known {
    /// With the token's own end.
    User(Arc<User>, Option<u64>),
    Nobody,
}

/// Asks the API server, and remembers for a while what it said.
pub struct Reviews {
    client: Client,
    audience: String,
    patience: Duration,
    tokens: Cache<[u8; 32], Known>,
    rights: Cache<Right, bool>,
    slots: Semaphore,
}

impl Reviews {
    pub fn new(client: Client, audience: String, patience: Duration) -> Self {
        Self {
            client,
            audience,
            patience,
            tokens: Cache::new(TOKENS),
            rights: Cache::new(RIGHTS),
            slots: Semaphore::new(AT_ONCE),
        }
    }

    /// What tokens must be made for.
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// Whose token it is, and when it ends.
    ///
    /// # Errors
    /// Unauthenticated if it is nobody's, or not meant for us; Unavailable if that can't be found out.
    pub async fn user(&self, token: &str) -> Result<(Arc<User>, Option<u64>)> {
        let ends = clock::expiry(token);
        // Nothing that the API server says makes these right.
        if token.is_empty() || token.len() > LONGEST || ends.is_some_and(|end| end <= clock::now())
        {
            return Err(wrong_token());
        }
        let ask = async {
            let user = self.review(token).await?;
            let known = user.map_or(Known::Nobody, |user| Known::User(user, ends));
            let good_for = match &known {
                Known::User(..) => {
                    let left =
                        ends.map(|end| Duration::from_secs(end.saturating_sub(clock::now())));
                    left.map_or(YES, |left| left.min(YES))
                }
                Known::Nobody => NO,
            };
            Ok((known, good_for))
        };
        match self.in_time(self.tokens.get_or(hash(token), ask)).await? {
            Known::User(user, ends) => Ok((user, ends)),
            Known::Nobody => Err(wrong_token()),
        }
    }

    /// None if it is nobody's.
    async fn review(&self, token: &str) -> Result<Option<Arc<User>>> {
        let spec = TokenReviewSpec {
            audiences: Some(vec![self.audience.clone()]),
            token: token.to_owned(),
        };
        let review = TokenReview { spec, ..TokenReview::default() };
        let answer = self.create("tokenreviews", &review).await?;
        Ok(self.judge(answer.status.unwrap_or_default()))
    }

    fn judge(&self, status: TokenReviewStatus) -> Option<Arc<User>> {
        if status.authenticated != Some(true) {
            // It says why, never the token.
            tracing::info!(reason = ?status.error, "the API server does not know this token");
            return None;
        }
        // An API server that knows of no audiences names none: the token may be meant for anyone.
        if !status.audiences.unwrap_or_default().contains(&self.audience) {
            tracing::warn!(audience = self.audience, "a token is not meant for this audience");
            return None;
        }
        let user = User::from(status.user.unwrap_or_default());
        (!user.name.is_empty()).then(|| Arc::new(user))
    }

    /// Whether someone has a right.
    ///
    /// # Errors
    /// Unavailable if that can't be found out.
    pub async fn allows(&self, right: Right) -> Result<bool> {
        let ask = async {
            let allowed = self.access(&right).await?;
            Ok((allowed, if allowed { YES } else { NO }))
        };
        self.in_time(self.rights.get_or(right.clone(), ask)).await
    }

    async fn access(&self, right: &Right) -> Result<bool> {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let user = &right.user;
        let spec = SubjectAccessReviewSpec {
            user: some(&user.name),
            uid: some(&user.uid),
            groups: Some(user.groups.clone()),
            extra: Some(user.extra.clone()).filter(|extra| !extra.is_empty()),
            resource_attributes: Some(ResourceAttributes {
                verb: some(right.verb),
                group: some(GROUP),
                resource: some(RESOURCE),
                namespace: some(&right.namespace),
                name: some(&right.job),
                ..ResourceAttributes::default()
            }),
            non_resource_attributes: None,
        };
        let review = SubjectAccessReview { spec, ..SubjectAccessReview::default() };
        let answer = self.create("subjectaccessreviews", &review).await?;
        Ok(answer.status.is_some_and(|status| status.allowed && status.denied != Some(true)))
    }

    /// Also for who waits for another's answer.
    async fn in_time<T>(&self, answer: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::time::timeout(self.patience, answer).await.unwrap_or_else(|_| {
            tracing::warn!(patience = ?self.patience, "the API server does not answer");
            Err(not_now("the Kubernetes API server does not answer; try again"))
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

/// The cause is for those who run the service: it goes into the log.
fn unavailable(resource: &str, error: &kube::Error) -> Error {
    match error {
        kube::Error::Api(status) if matches!(status.code, 401 | 403) => {
            tracing::error!(
                resource,
                code = status.code,
                "this service may not ask the API server; \
                 bind its service account to the ClusterRole system:auth-delegator"
            );
            not_now("this service lacks the right to ask the Kubernetes API server who may in")
        }
        _ => {
            tracing::warn!(resource, %error, "the API server can't be asked");
            not_now("the Kubernetes API server can't be asked who may in; try again")
        }
    }
}

fn not_now(message: &str) -> Error {
    Error::new(Code::Unavailable, "API_SERVER", message)
}

impl fmt::Debug for Reviews {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reviews").field("audience", &self.audience).finish_non_exhaustive()
    }
}
