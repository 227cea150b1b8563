//! Names taken apart by the public suffix list (publicsuffix.org; the crate `psl` carries it).

use std::net::IpAddr;

use super::shape::metric;
use crate::component::{
    Built, Definition, Input, NoParameters, TextFunction, parameters, schema_of,
};

const NAME: &[Input] = &[Input::text("name")];

metric!(
    SUBDOMAIN_LENGTH,
    "subdomain_length",
    "How many characters stand before the registered domain, dots left out at the border; all of them where \
     there is no registered domain.",
    Integer,
    |name| {
        let name = &name.trim_end_matches('.').to_lowercase();
        let rest = registered_domain(name).map_or(name.as_str(), |domain| {
            let end = name.len() - domain.len();
            name[..end].trim_end_matches('.')
        });
        i64::try_from(rest.chars().count()).ok()
    }
);
metric!(
    REGISTERED_DOMAIN,
    "registered_domain",
    "The part of a name that was registered: a public suffix and one label before it, in lower case; missing \
     for addresses and bare suffixes.",
    Text,
    |name| registered_domain(&name.trim_end_matches('.').to_lowercase()).map(str::to_owned)
);
metric!(
    DOMAIN_EXTRACT,
    "domain_extract",
    "The label before the public suffix, in lower case (`example` of www.example.co.uk).",
    Text,
    |name| {
        let name = name.trim_end_matches('.').to_lowercase();
        let domain = registered_domain(&name)?;
        Some(domain.split('.').next().unwrap_or_default().to_owned())
    }
);
metric!(
    DOMAIN_TLD_EXTRACT,
    "domain_tld_extract",
    "The public suffix of a name, in lower case (`co.uk` of www.example.co.uk).",
    Text,
    |name| psl::suffix_str(&name.trim_end_matches('.').to_lowercase()).map(str::to_owned)
);
metric!(IS_IP, "is_ip", "Whether a text is an IPv4 or IPv6 address.", Boolean, |name| Some(
    name.parse::<IpAddr>().is_ok()
));

/// The registered domain of a name in lower case.
pub(super) fn registered_domain(name: &str) -> Option<&str> {
    if name.parse::<IpAddr>().is_ok() {
        return None;
    }
    psl::domain_str(name)
}

/// The registered domain in lower case, or the whole name where there is none.
pub(super) fn group_of(name: &str) -> String {
    let name = name.trim_end_matches('.').to_lowercase();
    registered_domain(&name).map(str::to_owned).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(definition: &Definition, name: &str) -> Option<String> {
        match (definition.build)(&serde_json::Map::new()).unwrap() {
            Built::Metric(TextFunction::Text(function)) => function(name),
            Built::Metric(TextFunction::Integer(function)) => function(name).map(|n| n.to_string()),
            Built::Metric(TextFunction::Boolean(function)) => function(name).map(|b| b.to_string()),
            _ => None,
        }
    }

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
            assert_eq!(
                text(definition, name).as_deref(),
                expected,
                "{} of {name}",
                definition.name
            );
        }
    }
}
