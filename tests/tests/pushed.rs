//! Records that are pushed, through the binary: what is acknowledged is judged once, whatever is killed.

#[path = "pushed/bulk.rs"]
mod bulk;
#[path = "pushed/clients.rs"]
mod clients;
#[path = "pushed/collection.rs"]
mod collection;
#[path = "pushed/collector.rs"]
mod collector;
#[path = "pushed/crowd.rs"]
mod crowd;
#[path = "pushed/daemons.rs"]
mod daemons;
#[path = "pushed/dedupe.rs"]
mod dedupe;
#[path = "pushed/examples.rs"]
mod examples;
#[path = "pushed/faults.rs"]
mod faults;
#[path = "pushed/http.rs"]
mod http;
#[path = "pushed/job.rs"]
mod job;
#[path = "pushed/limits.rs"]
mod limits;
#[path = "pushed/otlp.rs"]
mod otlp;
#[path = "pushed/running.rs"]
mod running;
#[path = "pushed/sender.rs"]
mod sender;
#[path = "pushed/syslog.rs"]
mod syslog;
#[path = "pushed/tcp.rs"]
mod tcp;
#[path = "pushed/upgrade.rs"]
mod upgrade;
#[path = "pushed/windows.rs"]
mod windows;
