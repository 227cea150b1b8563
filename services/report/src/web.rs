//! The pages as a web service: routes, downloads, the server. Middleware around the routes authenticates callers.

mod assets;
mod comparing;
mod download;
mod incident_page;
mod judging;
mod local;
mod params;
mod report_pages;
mod reports;
mod response;
mod routes;
mod server;

#[cfg(test)]
mod tests;

pub use server::{HTTP_1, serve};
