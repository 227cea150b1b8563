//! What a process does with a partition that another one owns.

use std::time::Duration;

/// Watches the checkpoints of an owner, to take over when it is gone.
///
/// An owner saves a checkpoint at least every [`heartbeat`](crate::ShardOptions::heartbeat). One that has lost a partition to
/// another waits until the number of the newest one stays the same for longer, so that two processes which both take
/// a partition for theirs do not take it from each other for ever.
#[derive(Clone, Copy, Debug)]
pub struct Standby {
    patience: Duration,
    newest: Option<u64>,
    since: Duration,
}

impl Standby {
    /// `patience`: how long the chain may stay as it is; some heartbeats.
    pub fn new(patience: Duration, now: Duration) -> Self {
        Self { patience, newest: None, since: now }
    }

    /// Looks at the number of the newest checkpoint. True: its owner is gone.
    pub fn look(&mut self, newest: Option<u64>, now: Duration) -> bool {
        if newest != self.newest {
            (self.newest, self.since) = (newest, now);
        }
        now >= self.since + self.patience
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_gone_when_its_chain_stays_as_it_is() {
        let second = Duration::from_secs;
        let mut standby = Standby::new(second(10), second(100));
        let looks = [(1, 100), (1, 109), (2, 109), (2, 118), (2, 119), (3, 120)];
        let gone = looks.map(|(newest, now)| standby.look(Some(newest), second(now)));
        assert_eq!(gone, [false, false, false, false, true, false]);
    }
}
