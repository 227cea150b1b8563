//! Servers, clients and their failures over real connections, each test with servers of its own.

mod balancing;
mod limits;
mod peers;
mod shutdown;
mod stub;
mod tls;
