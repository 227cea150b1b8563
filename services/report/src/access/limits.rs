//! Rate limits of a client: requests, wrong tokens, verdicts.
//!
//! A keyed hash puts addresses into a fixed number of buckets. That bounds memory; few clients share a bucket (and so
//! their limits), and an attacker can't choose to share one.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use clap::Args;
use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::StateInformationMiddleware,
    state::keyed::HashMapStateStore,
};

const BUCKETS: u64 = 1 << 16;

#[derive(Clone, Copy, Debug, Args)]
pub struct LimitArgs {
    /// Requests a second from one client address, on average
    #[arg(long, env = "ANOMAL_RATE_LIMIT", default_value = "20", value_name = "N")]
    pub rate_limit: NonZeroU32,
    /// Requests that one client address may send at once
    #[arg(long, env = "ANOMAL_RATE_BURST", default_value = "100", value_name = "N")]
    pub rate_burst: NonZeroU32,
    /// Wrong tokens a minute from one client address before it has to wait
    #[arg(long, env = "ANOMAL_WRONG_TOKENS", default_value = "5", value_name = "N")]
    pub wrong_tokens: NonZeroU32,
    /// Verdicts a minute from one user, or from one client address where users have no names
    #[arg(long, env = "ANOMAL_VERDICT_RATE", default_value = "60", value_name = "N")]
    pub verdict_rate: NonZeroU32,
}

impl Default for LimitArgs {
    fn default() -> Self {
        let number = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        Self {
            rate_limit: number(20),
            rate_burst: number(100),
            wrong_tokens: number(5),
            verdict_rate: number(60),
        }
    }
}

type Failures = RateLimiter<u64, HashMapStateStore<u64>, DefaultClock, StateInformationMiddleware>;

pub(super) struct Limits {
    requests: DefaultKeyedRateLimiter<u64>,
    failures: Failures,
    verdicts: DefaultKeyedRateLimiter<u64>,
    /// Buckets with too many wrong tokens, and until when no token of theirs is checked.
    blocked: Mutex<HashMap<u64, Instant>>,
    secret: RandomState,
    clock: DefaultClock,
}

impl Limits {
    pub fn new(args: LimitArgs) -> Self {
        let requests = Quota::per_second(args.rate_limit).allow_burst(args.rate_burst);
        let failures = Quota::per_minute(args.wrong_tokens);
        Self {
            requests: RateLimiter::hashmap(requests),
            failures: RateLimiter::hashmap(failures).with_middleware(),
            verdicts: RateLimiter::hashmap(Quota::per_minute(args.verdict_rate)),
            blocked: Mutex::default(),
            secret: RandomState::new(),
            clock: DefaultClock::default(),
        }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// The time to wait, if there are too many.
    pub fn request(&self, address: Option<IpAddr>) -> Result<(), Duration> {
        let checked = self.requests.check_key(&self.bucket(address));
        checked.map_err(|not_until| not_until.wait_time_from(self.clock.now()))
    }

    /// Counts a verdict, of a user by name, else of a client.
    ///
    /// # Errors
    /// The time to wait, if there are too many.
    pub fn verdict(&self, user: Option<&str>, address: Option<IpAddr>) -> Result<(), Duration> {
        let bucket = match user {
            Some(name) => self.secret.hash_one(name) % BUCKETS,
            None => self.bucket(address),
        };
        let checked = self.verdicts.check_key(&bucket);
        checked.map_err(|not_until| not_until.wait_time_from(self.clock.now()))
    }

    /// Whether a token of this client may be checked. If not, neither is the right one, or guessing could go on.
    ///
    /// # Errors
    /// The time to wait, after too many wrong tokens.
    pub fn try_token(&self, address: Option<IpAddr>) -> Result<(), Duration> {
        let (mut blocked, bucket) = (self.blocked(), self.bucket(address));
        let Some(until) = blocked.get(&bucket) else { return Ok(()) };
        let wait = until.saturating_duration_since(Instant::now());
        if wait.is_zero() {
            blocked.remove(&bucket);
            return Ok(());
        }
        Err(wait)
    }

    /// Counts a wrong token.
    pub fn wrong_token(&self, address: Option<IpAddr>) {
        let bucket = self.bucket(address);
        let wait = match self.failures.check_key(&bucket) {
            Ok(left) if left.remaining_burst_capacity() > 0 => return,
            Ok(left) => left.quota().replenish_interval(),
            Err(not_until) => not_until.wait_time_from(self.clock.now()),
        };
        self.blocked().insert(bucket, Instant::now() + wait);
    }

    fn blocked(&self) -> MutexGuard<'_, HashMap<u64, Instant>> {
        self.blocked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An IPv6 client owns the 2^64 addresses of its network, so they share a bucket.
    fn bucket(&self, address: Option<IpAddr>) -> u64 {
        let network = match address.map(|address| address.to_canonical()) {
            Some(IpAddr::V6(address)) => {
                let [a, b, c, d, ..] = address.segments();
                Some(IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)))
            }
            other => other,
        };
        self.secret.hash_one(network) % BUCKETS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(rate_limit: u32, rate_burst: u32, wrong_tokens: u32) -> Limits {
        let number = |number| NonZeroU32::new(number).unwrap();
        Limits::new(LimitArgs {
            rate_limit: number(rate_limit),
            rate_burst: number(rate_burst),
            wrong_tokens: number(wrong_tokens),
            verdict_rate: number(2),
        })
    }

    fn ip(text: &str) -> Option<IpAddr> {
        text.parse().ok()
    }

    #[test]
    fn each_client_has_its_own_limit() {
        let limits = limits(1, 3, 5);
        for _ in 0..3 {
            limits.request(ip("192.0.2.1")).unwrap();
        }
        let wait = limits.request(ip("192.0.2.1")).unwrap_err();
        assert!(wait <= Duration::from_secs(1), "{wait:?}");
        assert!(limits.request(ip("::ffff:192.0.2.1")).is_err());
        limits.request(ip("2001:db8::1")).unwrap();
        limits.request(None).unwrap();
    }

    #[test]
    fn an_ipv6_network_is_one_client() {
        let limits = limits(1, 1, 5);
        limits.request(ip("2001:db8::1")).unwrap();
        assert!(limits.request(ip("2001:db8::ffff:2")).is_err());
        limits.request(ip("2001:db8:0:1::1")).unwrap();
    }

    #[test]
    fn after_too_many_wrong_tokens_none_is_checked() {
        let limits = limits(20, 100, 5);
        for _ in 0..5 {
            limits.try_token(ip("192.0.2.1")).unwrap();
            limits.wrong_token(ip("192.0.2.1"));
        }
        let wait = limits.try_token(ip("192.0.2.1")).unwrap_err();
        assert!(wait > Duration::from_secs(10) && wait <= Duration::from_secs(12), "{wait:?}");
        limits.try_token(ip("192.0.2.2")).unwrap();
    }

    #[test]
    fn a_client_may_retry_after_the_wait() {
        let limits = limits(20, 100, 600);
        for _ in 0..601 {
            limits.wrong_token(ip("192.0.2.1"));
        }
        assert!(limits.try_token(ip("192.0.2.1")).is_err());
        std::thread::sleep(Duration::from_millis(250));
        limits.try_token(ip("192.0.2.1")).unwrap();
        assert!(limits.blocked().is_empty());
    }

    #[test]
    fn verdicts_are_limited_by_user_or_else_by_client() {
        let limits = limits(1, 1, 1);
        let (here, there) = (ip("192.0.2.1"), ip("192.0.2.2"));
        for _ in 0..2 {
            limits.verdict(Some("ann"), here).unwrap();
            limits.verdict(None, here).unwrap();
        }
        // A user is the same at each address.
        let wait = limits.verdict(Some("ann"), there).unwrap_err();
        assert!(wait > Duration::from_secs(25) && wait <= Duration::from_secs(30), "{wait:?}");
        assert!(limits.verdict(None, here).is_err());
        limits.verdict(Some("ben"), here).unwrap();
        limits.verdict(None, there).unwrap();
    }

    #[test]
    fn memory_is_bounded() {
        let limits = limits(1, 1, 1);
        for number in 0..100_000_u32 {
            let address = Some(IpAddr::from(number.to_be_bytes()));
            let _ = limits.request(address);
            limits.wrong_token(address);
            let _ = limits.verdict(Some(&number.to_string()), address);
        }
        assert!(limits.requests.len() <= 1 << 16);
        assert!(limits.verdicts.len() <= 1 << 16);
        assert!(limits.blocked().len() <= 1 << 16);
    }
}
