//! Who calls a service: a token of Kubernetes, judged by the API server (`TokenReview`), and what its owner may
//! (`SubjectAccessReview`). Shared by the report engine, which asks for both, and the other engines, which let in
//! whoever has a token that was made for them.
//!
//! What can't be found out lets nobody in. No token is ever written to a log, a cookie or an answer.

mod api;
mod args;
mod bearer;
mod cache;
pub mod clock;
mod reviews;
mod user;

pub use api::client;
pub use args::{TokenArgs, TokenAuth};
pub use bearer::{NO_TOKEN, bearer, hash, no_token, wrong_token};
pub use reviews::{PATIENCE, Reviews, Right};
pub use user::User;
