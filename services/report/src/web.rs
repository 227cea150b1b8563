//! The pages as a service: routes, headers, downloads. Who may read is decided in a layer around them.

pub mod assets;
mod download;
mod kept;
mod params;
pub mod reports;
mod respond;
mod routes;

#[cfg(test)]
mod tests;

pub use reports::{Library, Open, Reports};
pub use respond::failure;
pub use routes::{assets, pages};
