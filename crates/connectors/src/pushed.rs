//! What senders push, for streams and for collections that end.
//!
//! The doors and the journal behind them are those of `anomal_ingest`; here they get settings and secrets, and the journal's
//! records become lines with further columns.

mod collection;
mod columns;
mod connector;
mod door;
mod log;
mod syslog;

pub(crate) use self::connector::{HttpConnector, SyslogConnector, TcpConnector};
pub use self::{
    collection::{Collection, collect},
    log::{PushedDoors, PushedLog},
};
