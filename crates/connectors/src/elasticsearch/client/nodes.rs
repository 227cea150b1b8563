//! Selects the node for the next request.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How long a failed node is skipped: after the first failure, and at most.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_mins(1);

/// Round robin over nodes. A failed node is skipped for a while, longer after each failure.
pub(super) struct Nodes {
    urls: Vec<String>,
    state: Mutex<State>,
}

struct State {
    next: usize,
    health: Vec<Health>,
}

#[derive(Clone, Default)]
struct Health {
    failures: u32,
    skipped_until: Option<Instant>,
}

impl Nodes {
    /// `urls`: at least one.
    pub fn new(urls: &[String]) -> Self {
        let urls: Vec<String> =
            urls.iter().map(|url| url.trim_end_matches('/').to_owned()).collect();
        let health = vec![Health::default(); urls.len()];
        Self { urls, state: Mutex::new(State { next: 0, health }) }
    }

    pub fn url(&self, node: usize) -> &str {
        self.urls.get(node).map_or("", String::as_str)
    }

    /// All addresses, for messages.
    pub fn names(&self) -> String {
        self.urls.join(", ")
    }

    pub fn urls(&self) -> &[String] {
        &self.urls
    }

    /// The next node that is not skipped; if all are, the one that is available first.
    pub fn pick(&self, now: Instant) -> usize {
        let mut state = self.lock();
        let count = state.health.len();
        let start = state.next;
        let in_turn = (0..count).map(|step| (start + step) % count);
        let skipped_until =
            |node: &usize| state.health[*node].skipped_until.filter(|until| *until > now);
        let node = in_turn.clone().find(|node| skipped_until(node).is_none());
        let node = node.or_else(|| in_turn.min_by_key(skipped_until)).unwrap_or_default();
        state.next = node + 1;
        node
    }

    pub fn worked(&self, node: usize) {
        if let Some(health) = self.lock().health.get_mut(node) {
            *health = Health::default();
        }
    }

    pub fn failed(&self, node: usize, now: Instant) {
        if let Some(health) = self.lock().health.get_mut(node) {
            let pause = FIRST.saturating_mul(1 << health.failures.min(6)).min(LONGEST);
            *health = Health { failures: health.failures + 1, skipped_until: Some(now + pause) };
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(count: usize) -> Nodes {
        let urls: Vec<String> = (0..count).map(|node| format!("http://n{node}/")).collect();
        Nodes::new(&urls)
    }

    #[test]
    fn nodes_take_turns() {
        let (nodes, now) = (nodes(3), Instant::now());
        let picked: Vec<usize> = (0..5).map(|_| nodes.pick(now)).collect();
        assert_eq!(picked, [0, 1, 2, 0, 1]);
        assert_eq!(nodes.url(1), "http://n1");
    }

    #[test]
    fn a_failed_node_is_skipped_longer_each_time() {
        let (nodes, now) = (nodes(2), Instant::now());
        nodes.failed(0, now);
        assert_eq!([nodes.pick(now), nodes.pick(now)], [1, 1]);
        let later = now + Duration::from_millis(1100);
        assert_eq!(nodes.pick(later), 0);
        nodes.failed(0, later);
        assert_eq!([nodes.pick(later), nodes.pick(later + Duration::from_millis(1100))], [1, 1]);
        nodes.worked(0);
        assert_eq!(nodes.pick(later), 0);
    }

    #[test]
    fn if_all_are_skipped_the_first_available_is_used() {
        let (nodes, now) = (nodes(2), Instant::now());
        nodes.failed(1, now);
        nodes.failed(0, now + Duration::from_millis(10));
        assert_eq!(nodes.pick(now + Duration::from_millis(20)), 1);
    }
}
