//! Error pages: what went wrong and what to do.

use anomal_core::{Code, Result};
use askama::Template;

use super::{Content, Markup, SessionUser, format::text};

#[derive(Template)]
#[template(path = "failure.html")]
struct Failure {
    status: u16,
    title: &'static str,
    message: Option<Markup>,
    remedy: &'static str,
    action: Option<(&'static str, &'static str)>,
}

/// The HTTP status of an error.
pub fn status(code: Code) -> u16 {
    match code {
        Code::NotFound => 404,
        Code::Unauthenticated => 401,
        Code::PermissionDenied => 403,
        Code::InvalidRequest | Code::InvalidSettings | Code::InvalidInput => 400,
        Code::ResourceExhausted => 429,
        Code::Unavailable | Code::Cancelled => 503,
        Code::DeadlineExceeded => 504,
        Code::Incompatible | Code::Output | Code::Internal => 500,
    }
}

/// The page. The message of a server error is left out: it may describe the service's internals.
pub fn page(status: u16, message: &str) -> Result<Content> {
    let reports = Some(("/", "All reports"));
    let (title, remedy, action) = match status {
        400 => ("Invalid address", "Check the address.", reports),
        401 => (
            "You are not signed in",
            "Sign in, then open the page again. A program sends its token in the Authorization \
             header.",
            Some(("/login", "Sign in")),
        ),
        403 => (
            "You have no access to this page",
            "Ask the administrator of this service for access to the report's namespace.",
            reports,
        ),
        404 => (
            "Page not found",
            "The report may have expired or been deleted, or the address is incomplete.",
            reports,
        ),
        405 => ("Method not allowed", "Pages can only be read.", reports),
        429 | 503 | 504 => ("The service is busy", "Wait a moment, then reload the page.", reports),
        _ => (
            "Something went wrong",
            "This is an error of the service. Reload the page; if that does not help, the service's log \
             has details.",
            reports,
        ),
    };
    let show_message = status < 500 && !message.is_empty();
    let body = Markup::from_template(&Failure {
        status,
        title,
        message: show_message.then(|| text::bdi(message, 4 * text::CELL)),
        remedy,
        action,
    })?;
    Ok(Content { title: title.to_owned(), bar: None, body })
}

/// The page as HTML.
pub fn render(status: u16, message: &str, user: Option<&SessionUser>) -> Result<String> {
    super::render(&page(status, message)?, user)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_server_errors_are_hidden() {
        let page = |status| page(status, "<secret>").unwrap().body.into_string();
        assert!(!page(500).contains("secret"));
        assert!(page(404).contains("&lt;secret&gt;"));
        assert!(page(401).contains("/login"));
    }

    #[test]
    fn each_code_has_a_status() {
        assert_eq!(status(Code::NotFound), 404);
        assert_eq!(status(Code::Internal), 500);
        assert_eq!(status(Code::Unauthenticated), 401);
    }
}
