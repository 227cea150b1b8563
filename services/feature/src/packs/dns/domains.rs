//! Names taken apart by the public suffix list.

use std::{borrow::Cow, net::IpAddr};

use super::shape::metric;
use crate::{
    component::{
        Computation, Definition, Input, NoParameters, TextFunction, parameters, schema_of,
    },
    dictionary::Key,
};

const NAME: &[Input] = &[Input::text("name")];

metric!(
    SUBDOMAIN_LENGTH,
    "subdomain_length",
    "How many characters stand before the registered domain, dots left out at the border; all of them where \
     there is no registered domain.",
    Integer,
    |name| {
        let name = lower(name);
        let rest = registered_domain(&name).map_or(&*name, |domain| {
            let end = name.len() - domain.len();
            name[..end].trim_end_matches('.')
        });
        let length = if rest.is_ascii() { rest.len() } else { rest.chars().count() };
        i64::try_from(length).ok()
    }
);
metric!(
    REGISTERED_DOMAIN,
    "registered_domain",
    "The part of a name that was registered: a public suffix and one label before it, in lower case; missing \
     for addresses and bare suffixes.",
    Text,
    |name| registered_domain(&lower(name)).map(str::to_owned)
);
metric!(
    DOMAIN_EXTRACT,
    "domain_extract",
    "The label before the public suffix, in lower case (`example` of www.example.co.uk).",
    Text,
    |name| {
        let name = lower(name);
        let domain = registered_domain(&name)?;
        Some(domain.split('.').next().unwrap_or_default().to_owned())
    }
);
metric!(
    DOMAIN_TLD_EXTRACT,
    "domain_tld_extract",
    "The public suffix of a name, in lower case (`co.uk` of www.example.co.uk).",
    Text,
    |name| anomal_domains::suffix(&lower(name)).map(str::to_owned)
);
metric!(IS_IP, "is_ip", "Whether a text is an IPv4 or IPv6 address.", Boolean, |name| Some(
    name.parse::<IpAddr>().is_ok()
));

/// The registered domain of a name in lower case.
pub(super) fn registered_domain(name: &str) -> Option<&str> {
    // No domain ends in a digit or has a colon.
    let like_address = name.ends_with(|last: char| last.is_ascii_digit()) || name.contains(':');
    if like_address && name.parse::<IpAddr>().is_ok() {
        return None;
    }
    anomal_domains::registered(name)
}

/// Names by their registered domain.
pub(super) static DOMAIN: Key = Key { name: "domain", derive: group_of };

/// The registered domain in lower case, or the whole name where there is none.
fn group_of(name: &str) -> String {
    let name = lower(name);
    registered_domain(&name).unwrap_or(&name).to_owned()
}

/// A name in lower case, without the root.
fn lower(name: &str) -> Cow<'_, str> {
    let name = name.trim_end_matches('.');
    let as_it_is = name.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    if as_it_is { name.into() } else { name.to_lowercase().into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::tests::evaluate;

    #[test]
    fn names_are_taken_apart() {
        let cases = [
            (&REGISTERED_DOMAIN, "a.b.Example.co.uk.", Some("example.co.uk")),
            (&REGISTERED_DOMAIN, "com", None),
            (&REGISTERED_DOMAIN, "10.0.0.1", None),
            (&SUBDOMAIN_LENGTH, "a.bc.example.com", Some("4")),
            (&SUBDOMAIN_LENGTH, "example.com", Some("0")),
            (&SUBDOMAIN_LENGTH, "", Some("0")),
            (&DOMAIN_EXTRACT, "WWW.Example.CO.UK", Some("example")),
            (&DOMAIN_TLD_EXTRACT, "www.example.co.uk", Some("co.uk")),
            (&IS_IP, "::1", Some("true")),
            (&IS_IP, "example.com", Some("false")),
        ];
        for (definition, name, expected) in cases {
            let value = evaluate(definition, &serde_json::json!({}), name);
            assert_eq!(value.as_deref(), expected, "{} of {name}", definition.name);
        }
    }
}
