//! The report engine: one contract in process and behind a server, shared stores, and incomplete reports, which must be
//! invisible.

mod reports {
    pub mod access;
    pub mod cli;
    pub mod contract;
    pub mod fixtures;
    pub mod stores;
}
