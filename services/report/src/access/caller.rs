//! A caller and their rights.

use std::{collections::HashSet, fmt, net::IpAddr, sync::Arc};

use anomal_access::{Permission, Reviews, User, no_token};
use anomal_core::{Code, Error, Result};
use futures::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};

use super::Access;

/// The subresource of jobs that verdicts are.
const VERDICTS: &str = "verdicts";
/// Concurrent questions for one list.
const CONCURRENT_QUESTIONS: usize = 16;

tokio::task_local! {
    static CURRENT: Caller;
}

/// A namespace and the name of a job in it; empty: all.
type Job = (String, String);

/// An authenticated identity, as sessions store it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Principal {
    /// Anyone on this machine: the server requires no token.
    Anyone,
    /// A holder of the shared token.
    Token,
    /// A user of the Kubernetes API server.
    User(Arc<User>),
}

/// The caller of a request, with the means to check their rights. Cheap to clone.
#[derive(Clone)]
pub struct Caller {
    principal: Principal,
    reviews: Option<Arc<Reviews>>,
    /// Where the request came from: the server's rules for it, and the client's address, where it is known.
    server: Option<(Access, Option<IpAddr>)>,
}

impl Caller {
    pub(super) fn new(principal: Principal, reviews: Option<Arc<Reviews>>) -> Self {
        Self { principal, reviews, server: None }
    }

    /// A caller of a server, from an address.
    pub(super) fn with_access(self, access: &Access, address: Option<IpAddr>) -> Self {
        Self { server: Some((access.clone(), address)), ..self }
    }

    /// Runs the work of a request: within it, [`Caller::current`] is this caller. Spawned tasks do not inherit it.
    pub async fn scope<T>(self, work: impl Future<Output = T>) -> T {
        CURRENT.scope(self, work).await
    }

    /// The caller of the current request, for code that is not passed one.
    ///
    /// # Errors
    /// `Unauthenticated` outside of [`Caller::scope`].
    pub fn current() -> Result<Self> {
        CURRENT.try_with(Self::clone).map_err(|_| no_token())
    }

    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The caller's own namespace: that of a service account.
    pub fn namespace(&self) -> Option<&str> {
        match &self.principal {
            Principal::User(user) => user.namespace(),
            Principal::Anyone | Principal::Token => None,
        }
    }

    /// Whether the caller may read the reports of a job: any job in their own namespace, and jobs that they may
    /// `get`.
    pub async fn may_read(&self, namespace: &str, job: &str) -> Result<bool> {
        self.may("get", namespace, job).await
    }

    /// As [`Caller::may_read`], with the verb `delete`.
    pub async fn may_delete(&self, namespace: &str, job: &str) -> Result<bool> {
        self.may("delete", namespace, job).await
    }

    /// Whether the caller may judge incidents of a job: in Kubernetes, with the right to `create` its `verdicts`.
    pub async fn may_judge(&self, namespace: &str, job: &str) -> Result<bool> {
        let Principal::User(user) = &self.principal else { return Ok(true) };
        let permission = Permission {
            user: Arc::clone(user),
            verb: "create",
            subresource: VERDICTS,
            namespace: namespace.to_owned(),
            job: job.to_owned(),
        };
        self.is_allowed(permission).await
    }

    /// As [`Caller::may_judge`], as an error. Counts what is asked for.
    ///
    /// # Errors
    /// `PermissionDenied`; `ResourceExhausted` for too many in a minute; `Unavailable` if the API server can't be asked.
    pub async fn check_judge(&self, namespace: &str, job: &str) -> Result<()> {
        if !self.stores_verdicts() {
            return Err(denied(
                "this server stores no verdicts: it was started with `--verdicts off`".to_owned(),
            ));
        }
        if self.may_judge(namespace, job).await? {
            return match &self.server {
                Some((access, address)) => access.count_verdict(&self.principal, *address),
                None => Ok(()),
            };
        }
        tracing::warn!(who = %self, namespace, job, "judging was denied");
        Err(denied(format!(
            "{self} lacks the right to create anomalyjobs/verdicts of the AnomalyJob {job:?} in the namespace \
             {namespace:?}"
        )))
    }

    /// Whether this server stores verdicts.
    pub fn stores_verdicts(&self) -> bool {
        self.server.as_ref().is_none_or(|(access, _)| access.stores_verdicts())
    }

    /// The name for a verdict, and whether it is that of a user.
    pub fn signature(&self, typed: &str) -> (String, bool) {
        match &self.principal {
            Principal::Anyone | Principal::Token => (typed.to_owned(), false),
            Principal::User(user) => (user.name.clone(), true),
        }
    }

    /// Whether the caller may publish reports in a namespace: in Kubernetes only in their own.
    pub fn may_publish(&self, namespace: &str) -> bool {
        match &self.principal {
            Principal::Anyone | Principal::Token => true,
            Principal::User(user) => user.namespace() == Some(namespace),
        }
    }

    /// As [`Caller::may_read`], as an error.
    ///
    /// # Errors
    /// `PermissionDenied`; `Unavailable` if the API server can't be asked.
    pub async fn check_read(&self, namespace: &str, job: &str) -> Result<()> {
        let allowed = self.may_read(namespace, job).await?;
        self.check(allowed, "get", namespace, job)
    }

    /// As [`Caller::may_delete`], as an error.
    ///
    /// # Errors
    /// `PermissionDenied`; `Unavailable` if the API server can't be asked.
    pub async fn check_delete(&self, namespace: &str, job: &str) -> Result<()> {
        let allowed = self.may_delete(namespace, job).await?;
        self.check(allowed, "delete", namespace, job)
    }

    /// As [`Caller::may_publish`], as an error.
    ///
    /// # Errors
    /// `PermissionDenied`.
    pub fn check_publish(&self, namespace: &str) -> Result<()> {
        if self.may_publish(namespace) {
            return Ok(());
        }
        tracing::warn!(who = %self, namespace, "publishing was denied");
        Err(denied(format!(
            "only service accounts of the namespace {namespace:?} may publish its reports"
        )))
    }

    /// The reports of a list that the caller may read, in order; `job` returns the namespace and the job of each.
    /// A caller who may read everything costs one question; otherwise each job is asked about once.
    ///
    /// # Errors
    /// `Unavailable` if the API server can't be asked.
    pub async fn filter_readable<T>(
        &self,
        reports: Vec<T>,
        job: impl Fn(&T) -> (&str, &str),
    ) -> Result<Vec<T>> {
        if reports.is_empty() || self.may_read("", "").await? {
            return Ok(reports);
        }
        let all_jobs = |report: &T| (job(report).0.to_owned(), String::new());
        let one_job = |report: &T| (job(report).0.to_owned(), job(report).1.to_owned());
        let namespaces = self.allowed(reports.iter().map(all_jobs).collect()).await?;
        let others = reports.iter().filter(|report| !namespaces.contains(&all_jobs(report)));
        let jobs = self.allowed(others.map(one_job).collect()).await?;
        let may_read =
            |report: &T| namespaces.contains(&all_jobs(report)) || jobs.contains(&one_job(report));
        Ok(reports.into_iter().filter(may_read).collect())
    }

    /// The jobs that the caller may read.
    async fn allowed(&self, jobs: HashSet<Job>) -> Result<HashSet<Job>> {
        let answers = stream::iter(jobs).map(|job| async move {
            let may = self.may_read(&job.0, &job.1).await?;
            Ok::<_, Error>(may.then_some(job))
        });
        let answers: Vec<_> = answers.buffer_unordered(CONCURRENT_QUESTIONS).try_collect().await?;
        Ok(answers.into_iter().flatten().collect())
    }

    async fn may(&self, verb: &'static str, namespace: &str, job: &str) -> Result<bool> {
        let Principal::User(user) = &self.principal else { return Ok(true) };
        if user.namespace() == Some(namespace) {
            return Ok(true);
        }
        let (namespace, job) = (namespace.to_owned(), job.to_owned());
        let user = Arc::clone(user);
        self.is_allowed(Permission { user, verb, subresource: "", namespace, job }).await
    }

    async fn is_allowed(&self, permission: Permission) -> Result<bool> {
        // A user without an API server has no rights.
        let Some(reviews) = &self.reviews else { return Ok(false) };
        reviews.is_allowed(permission).await
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
        f.write_str(match &self.principal {
            Principal::Anyone => "anyone",
            Principal::Token => "holder of the token",
            Principal::User(user) => &user.name,
        })
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller").field("principal", &self.principal).finish_non_exhaustive()
    }
}
