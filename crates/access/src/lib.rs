//! Authentication and authorization by the Kubernetes API server: the owner of a token (`TokenReview`) and the owner's
//! rights (`SubjectAccessReview`). The report engine checks both; the other engines accept every token that was made
//! for them.
//!
//! If the API server can't be asked, access is denied. Tokens are never written to a log, a cookie or an answer.

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
pub use reviews::{API_TIMEOUT, Permission, Reviews};
pub use user::User;
