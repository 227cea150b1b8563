//! Who asks, and what they may.

use std::{collections::HashSet, fmt, sync::Arc};

use anomal_access::{Reviews, Right, User, no_token};
use anomal_core::{Code, Error, Result};
use futures::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};

/// Questions for one list that are asked at once.
const AT_ONCE: usize = 16;

tokio::task_local! {
    static CURRENT: Caller;
}

/// A namespace and the name of a job in it; empty: all.
type Job = (String, String);

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Who {
    /// Nobody was asked for anything: the server is for this machine only.
    Anyone,
    /// Whoever has the token.
    Token,
    /// Someone whom the Kubernetes API server knows.
    User(Arc<User>),
}

/// Who asks, with the means to find out what they may. Cheap to clone.
#[derive(Clone)]
pub struct Caller {
    who: Who,
    reviews: Option<Arc<Reviews>>,
}

impl Caller {
    pub(super) fn new(who: Who, reviews: Option<Arc<Reviews>>) -> Self {
        Self { who, reviews }
    }

    /// The work of a request of theirs: in it, [`Caller::current`] is this one. Not in tasks that it spawns.
    pub async fn scope<T>(self, work: impl Future<Output = T>) -> T {
        CURRENT.scope(self, work).await
    }

    /// Who has sent the request that is being worked on, for what lies too deep to be handed it.
    ///
    /// # Errors
    /// Unauthenticated where nobody has found out: then nobody may.
    pub fn current() -> Result<Self> {
        CURRENT.try_with(Self::clone).map_err(|_| no_token())
    }

    pub fn who(&self) -> &Who {
        &self.who
    }

    /// Their own namespace, if they have one: that of a service account.
    pub fn namespace(&self) -> Option<&str> {
        match &self.who {
            Who::User(user) => user.namespace(),
            Who::Anyone | Who::Token => None,
        }
    }

    /// Whether they may see the reports of a job: those of their own namespace, and those of jobs that they
    /// may `get`.
    pub async fn may_read(&self, namespace: &str, job: &str) -> Result<bool> {
        self.may("get", namespace, job).await
    }

    /// Whether they may delete a report of a job: as they may read it, but with the verb `delete`.
    pub async fn may_delete(&self, namespace: &str, job: &str) -> Result<bool> {
        self.may("delete", namespace, job).await
    }

    /// Whether they may publish reports of a namespace: in Kubernetes their own only.
    pub fn may_publish(&self, namespace: &str) -> bool {
        match &self.who {
            Who::Anyone | Who::Token => true,
            Who::User(user) => user.namespace() == Some(namespace),
        }
    }

    /// As [`Caller::may_read`], where a no is a failure.
    ///
    /// # Errors
    /// `PermissionDenied`, or Unavailable if it can't be found out.
    pub async fn check_read(&self, namespace: &str, job: &str) -> Result<()> {
        let allowed = self.may_read(namespace, job).await?;
        self.check(allowed, "get", namespace, job)
    }

    /// As [`Caller::may_delete`], where a no is a failure.
    ///
    /// # Errors
    /// `PermissionDenied`, or Unavailable if it can't be found out.
    pub async fn check_delete(&self, namespace: &str, job: &str) -> Result<()> {
        let allowed = self.may_delete(namespace, job).await?;
        self.check(allowed, "delete", namespace, job)
    }

    /// As [`Caller::may_publish`], where a no is a failure.
    ///
    /// # Errors
    /// `PermissionDenied`.
    pub fn check_publish(&self, namespace: &str) -> Result<()> {
        if self.may_publish(namespace) {
            return Ok(());
        }
        tracing::warn!(who = %self, namespace, "publishing was denied");
        Err(denied(format!(
            "reports of the namespace {namespace:?} are published by service accounts of that namespace only"
        )))
    }

    /// Those of a list that they may see, in its order; `of` gives the namespace and the job of each.
    /// Whoever may see all costs one question, and each job is asked for once.
    ///
    /// # Errors
    /// Unavailable if it can't be found out.
    pub async fn readable<T>(
        &self,
        reports: Vec<T>,
        of: impl Fn(&T) -> (&str, &str),
    ) -> Result<Vec<T>> {
        if reports.is_empty() || self.may_read("", "").await? {
            return Ok(reports);
        }
        let whole = |report: &T| (of(report).0.to_owned(), String::new());
        let one = |report: &T| (of(report).0.to_owned(), of(report).1.to_owned());
        let namespaces = self.allowed(reports.iter().map(whole).collect()).await?;
        let others = reports.iter().filter(|report| !namespaces.contains(&whole(report)));
        let jobs = self.allowed(others.map(one).collect()).await?;
        let may = |report: &T| namespaces.contains(&whole(report)) || jobs.contains(&one(report));
        Ok(reports.into_iter().filter(may).collect())
    }

    /// Which of these they may read.
    async fn allowed(&self, asked: HashSet<Job>) -> Result<HashSet<Job>> {
        let answers = stream::iter(asked).map(|job| async move {
            let may = self.may_read(&job.0, &job.1).await?;
            Ok::<_, Error>(may.then_some(job))
        });
        let answers: Vec<_> = answers.buffer_unordered(AT_ONCE).try_collect().await?;
        Ok(answers.into_iter().flatten().collect())
    }

    async fn may(&self, verb: &'static str, namespace: &str, job: &str) -> Result<bool> {
        let Who::User(user) = &self.who else { return Ok(true) };
        if user.namespace() == Some(namespace) {
            return Ok(true);
        }
        // There is no user without an API server; if there were, they might nothing.
        let Some(reviews) = &self.reviews else { return Ok(false) };
        let (namespace, job) = (namespace.to_owned(), job.to_owned());
        reviews.allows(Right { user: Arc::clone(user), verb, namespace, job }).await
    }

    fn check(&self, allowed: bool, verb: &str, namespace: &str, job: &str) -> Result<()> {
        if allowed {
            return Ok(());
        }
        tracing::warn!(who = %self, verb, namespace, job, "access was denied");
        Err(denied(format!(
            "{self} lacks the right to {verb} the AnomalyJob {job:?} in the namespace {namespace:?}"
        )))
    }
}

fn denied(message: String) -> Error {
    Error::new(Code::PermissionDenied, "ACCESS_DENIED", message)
}

/// A name for logs and pages.
impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.who {
            Who::Anyone => "anyone",
            Who::Token => "holder of the token",
            Who::User(user) => &user.name,
        })
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller").field("who", &self.who).finish_non_exhaustive()
    }
}
