//! What is shown instead of a page, and what to do then.

use anomal_core::{Code, Result};
use askama::Template;

use super::{Content, Markup, text};

#[derive(Template)]
#[template(path = "failure.html")]
struct Failure {
    status: u16,
    title: &'static str,
    message: Option<Markup>,
    remedy: &'static str,
    action: Option<(&'static str, &'static str)>,
}

/// The status of a failure.
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

/// The page. The message is left out where it may tell of the service's inside.
pub fn page(status: u16, message: &str) -> Result<Content> {
    let reports = Some(("/", "All reports"));
    let (title, remedy, action) = match status {
        400 => ("This address asks for nothing there is", "Check the address.", reports),
        401 => (
            "You are not signed in",
            "Sign in, then open the page again. A program sends its token in the header \
             Authorization.",
            Some(("/login", "Sign in")),
        ),
        403 => (
            "This is not for you to see",
            "Ask whoever runs this service for access to the report's namespace.",
            reports,
        ),
        404 => (
            "There is no such page",
            "The report may have been deleted or have expired, or the address is incomplete.",
            reports,
        ),
        405 => ("That can't be done here", "Pages are only read.", reports),
        429 | 503 | 504 => {
            ("The service is busy", "Wait a little, then load the page again.", reports)
        }
        _ => (
            "Something went wrong here",
            "It is not your doing. Load the page again; if that does not help, the service's log \
             says more.",
            reports,
        ),
    };
    let told = status < 500 && !message.is_empty();
    let body = Markup::of(&Failure {
        status,
        title,
        message: told.then(|| text::bdi(message, 4 * text::CELL)),
        remedy,
        action,
    })?;
    Ok(Content { title: title.to_owned(), bar: None, body })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_inside_is_not_told() {
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
