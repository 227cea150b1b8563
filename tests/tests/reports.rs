//! The report engine: one contract here and behind a server, stores that several share, and what must not be seen
//! of a report that was broken off.

mod reports {
    pub mod access;
    pub mod cli;
    pub mod contract;
    pub mod made;
    pub mod stores;
}
