//! The form in which names are compared.

use std::{borrow::Cow, net::IpAddr, sync::LazyLock};

use anomal_components::Key;

/// Names by their registered domain.
pub static DOMAIN: LazyLock<Key> = LazyLock::new(|| Key::new(group_of));

/// The registered domain of a name in lower case.
pub fn registered(name: &str) -> Option<&str> {
    // No domain ends in a digit or has a colon.
    let like_address = name.ends_with(|last: char| last.is_ascii_digit()) || name.contains(':');
    if like_address && name.parse::<IpAddr>().is_ok() {
        return None;
    }
    anomal_domains::registered(name)
}

/// The registered domain in lower case, or the whole name where there is none.
fn group_of(name: &str) -> String {
    let name = lower(name);
    registered(&name).unwrap_or(&name).to_owned()
}

/// A name in lower case, without the root.
pub fn lower(name: &str) -> Cow<'_, str> {
    let name = name.trim_end_matches('.');
    let as_it_is = name.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    if as_it_is { name.into() } else { name.to_lowercase().into() }
}
