//! `AnomalyJobs` of a Kubernetes cluster, which are only looked at.

use crate::{
    effect::{ClusterRequest, Effect},
    message::{ClusterEvent, ClusterJob},
    model::{Cluster, Model, Screen},
    overlays::Purpose,
};

impl Cluster {
    pub(crate) fn selected(&self) -> Option<&ClusterJob> {
        self.jobs.get(self.cursor.at)
    }

    /// The lines of the job that is looked at.
    pub(crate) fn lines(&self) -> Vec<String> {
        let Some(detail) = &self.detail else { return vec!["reading".to_owned()] };
        if self.shows_log {
            return detail.log.clone();
        }
        let title = |name: &str| [String::new(), name.to_owned()];
        let indented = |lines: &[String]| lines.iter().map(|line| format!("  {line}")).collect();
        let events: Vec<String> = indented(&detail.events);
        let last = detail.log.len().saturating_sub(TAIL);
        let log: Vec<String> = indented(&detail.log[last..]);
        detail
            .status
            .iter()
            .cloned()
            .chain(title("Events"))
            .chain(events)
            .chain(title("Log"))
            .chain(log)
            .collect()
    }
}

/// Lines of the log below the state of a job.
const TAIL: usize = 10;

impl Model {
    /// Goes to the cluster that kubectl would use.
    pub(crate) fn open_cluster(&mut self) -> Vec<Effect> {
        self.screen = Screen::Jobs;
        self.watch_jobs(None)
    }

    /// Watches the jobs of a namespace; none: that of the context, empty: all.
    pub(crate) fn watch_jobs(&mut self, namespace: Option<String>) -> Vec<Effect> {
        let generation = self.next_generation();
        self.cluster = Some(Cluster { generation, asked: self.now, ..Cluster::default() });
        vec![Effect::Cluster(ClusterRequest::Watch { namespace, generation })]
    }

    pub(crate) fn ask_namespace(&mut self) {
        let cluster = self.cluster.as_ref();
        let namespace = cluster.and_then(|cluster| cluster.namespace.clone()).unwrap_or_default();
        self.ask(Purpose::Namespace, "The namespace (empty: all of them)", &namespace);
    }

    pub(crate) fn look_at_job(&mut self) -> Vec<Effect> {
        let Some(cluster) = &mut self.cluster else { return Vec::new() };
        let Some(job) = cluster.selected() else { return Vec::new() };
        let (namespace, name) = (job.namespace.clone(), job.name.clone());
        (cluster.detail, cluster.shows_log, cluster.scroll) = (None, false, 0);
        cluster.looked_at = (namespace.clone(), name.clone());
        let generation = cluster.generation;
        self.screen = Screen::Job;
        vec![Effect::Cluster(ClusterRequest::Look { namespace, name, generation })]
    }

    /// Ends the watch of the cluster, if there is one.
    pub(crate) fn leave_cluster(&mut self) -> Vec<Effect> {
        let cluster = self.cluster.take();
        cluster.map(|_| Effect::Cluster(ClusterRequest::Leave)).into_iter().collect()
    }

    /// Shows the report of the selected job in the browser.
    pub(crate) fn browse_job(&mut self) -> Vec<Effect> {
        let job = self.cluster.as_ref().and_then(Cluster::selected);
        let address = job.map(|job| job.report.clone()).filter(|address| !address.is_empty());
        match address {
            Some(address) => vec![Effect::OpenAddress { address }],
            None => {
                self.complain("It has no report yet");
                Vec::new()
            }
        }
    }

    pub(crate) fn scroll_job(&mut self, by: isize) {
        if let Some(cluster) = &mut self.cluster {
            let last = cluster.lines().len().saturating_sub(1);
            // A log is read from its end.
            let by = if cluster.shows_log { by.saturating_neg() } else { by };
            cluster.scroll = cluster.scroll.saturating_add_signed(by).min(last);
        }
    }

    pub(crate) fn cluster_event(&mut self, generation: u64, event: ClusterEvent) {
        let Some(cluster) = self.cluster.as_mut().filter(|it| it.generation == generation) else {
            return;
        };
        match event {
            ClusterEvent::Opened { server, namespace, jobs } => {
                (cluster.server, cluster.namespace) = (server, namespace);
                cluster.is_open = true;
                cluster.take(jobs);
            }
            ClusterEvent::Jobs(jobs) => cluster.take(jobs),
            ClusterEvent::Detail(detail) | ClusterEvent::Refreshed(detail) => {
                (cluster.detail, cluster.lost) = (Some(*detail), None);
            }
            ClusterEvent::Interrupted(message) => {
                if cluster.lost.is_none() {
                    cluster.lost = Some(self.now);
                }
                self.complain(message);
            }
            ClusterEvent::Failed(message) => {
                cluster.failure = Some(message.clone());
                self.complain(message);
            }
        }
    }
}

impl Cluster {
    /// Takes the jobs as they are now. The selected one stays so.
    fn take(&mut self, jobs: Vec<ClusterJob>) {
        let key = |job: &ClusterJob| (job.namespace.clone(), job.name.clone());
        let selected = self.selected().map(key);
        self.jobs = jobs;
        self.lost = None;
        let last = self.jobs.len().saturating_sub(1);
        let again = self.jobs.iter().position(|job| Some(key(job)) == selected);
        self.cursor.at = again.unwrap_or(self.cursor.at).min(last);
    }
}
