//! Names taken apart by the public suffix list.

use std::net::IpAddr;

use anomal_components::Component;

use crate::{
    names::registered,
    shape::{name_metric, text_metric},
};

pub fn subdomain_length() -> Component {
    name_metric(
        "subdomain_length",
        "How many characters stand before the registered domain, dots left out at the border; all of them where \
         there is no registered domain.",
        |name| {
            let rest = registered(name).map_or(name, |domain| {
                let end = name.len() - domain.len();
                name[..end].trim_end_matches('.')
            });
            let length = if rest.is_ascii() { rest.len() } else { rest.chars().count() };
            i64::try_from(length).ok()
        },
    )
}

pub fn registered_domain() -> Component {
    name_metric(
        "registered_domain",
        "The part of a name that was registered: a public suffix and one label before it; missing for \
         addresses and bare suffixes.",
        |name| registered(name).map(str::to_owned),
    )
}

pub fn domain_extract() -> Component {
    name_metric(
        "domain_extract",
        "The label before the public suffix (`example` of www.example.co.uk).",
        |name| {
            let domain = registered(name)?;
            Some(domain.split('.').next().unwrap_or_default().to_owned())
        },
    )
}

pub fn domain_tld_extract() -> Component {
    name_metric(
        "domain_tld_extract",
        "The public suffix of a name (`co.uk` of www.example.co.uk); missing for addresses.",
        |name| anomal_domains::suffix(name).map(str::to_owned),
    )
}

pub fn is_ip() -> Component {
    text_metric("is_ip", "Whether a text is an IPv4 or IPv6 address.", |text| {
        Some(text.parse::<IpAddr>().is_ok())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::evaluate;

    #[test]
    fn names_are_taken_apart() {
        let cases: [(fn() -> Component, &str, Option<&str>); _] = [
            (registered_domain, "a.b.Example.co.uk.", Some("example.co.uk")),
            (registered_domain, "com", None),
            (registered_domain, "10.0.0.1", None),
            (subdomain_length, "a.bc.example.com", Some("4")),
            (subdomain_length, "example.com", Some("0")),
            (subdomain_length, "", Some("0")),
            (subdomain_length, "2001:db8::1", None),
            (registered_domain, "angelinablog\u{3002}com.de", Some("angelinablog.com.de")),
            (domain_tld_extract, "angelinablog\u{3002}com.de", Some("com.de")),
            (domain_tld_extract, "10.0.0.1", None),
            (domain_tld_extract, "test.公司.cn", Some("xn--55qx5d.cn")),
            (domain_extract, "WWW.Example.CO.UK", Some("example")),
            (domain_tld_extract, "www.example.co.uk", Some("co.uk")),
            (is_ip, "::1", Some("true")),
            (is_ip, "example.com", Some("false")),
        ];
        for (component, name, expected) in cases {
            let component = component();
            let value = evaluate(&component, &serde_json::json!({}), name);
            assert_eq!(value.as_deref(), expected, "{} of {name}", component.name());
        }
    }
}
