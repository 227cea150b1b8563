//! The pack geo: where addresses are registered.

use anomal_components::{Component, Input, Metric, NoParameters, Pack};
use anomal_core::list_items;
use anomal_indicators::address;

/// When the table of the crate iptocc was made. Its version is pinned, so that both change together.
const TABLE_DATE: &str = "2026-11-01";

/// The pack, with one line for each of its components.
pub fn pack() -> Pack {
    Pack::new("geo", [geo_from_ip()])
}

fn geo_from_ip() -> Component {
    let description = format!(
        "The country code under which the block of an address is registered, by the tables of the regional registries of \
         {TABLE_DATE}; missing for addresses that are not registered. A registration is not the place of a machine."
    );
    let build = |NoParameters {}| Ok(Metric::text(country_of_cell));
    Component::metric("geo_from_ip", &description, [Input::text("address")], build)
}

/// Of a cell with several addresses, that of the first which has one.
fn country_of_cell(cell: &str) -> Option<String> {
    country(cell).or_else(|| list_items(cell).iter().find_map(|item| country(item)))
}

fn country(text: &str) -> Option<String> {
    iptocc::country_code(address(text)?).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_the_country_of_their_registration() {
        // Networks of registries and universities, which do not move.
        for (text, code) in [
            ("193.0.6.139", Some("NL")),
            ("::ffff:193.0.6.139", Some("NL")),
            ("193.0.6.139:443", Some("NL")),
            ("202.12.29.175", Some("AU")),
            ("2001:67c:2e8::1", Some("NL")),
            ("10.0.0.1", None),
            ("203.0.113.1", None),
            ("[10.0.0.1\";\"193.0.6.139]", Some("NL")),
            ("no address", None),
            ("", None),
        ] {
            assert_eq!(country_of_cell(text).as_deref(), code, "{text}");
        }
    }

    #[test]
    fn the_description_has_the_date_of_the_pinned_table() {
        let lock = include_str!("../../../Cargo.lock");
        assert!(lock.contains("name = \"iptocc\"\nversion = \"1.4.175\""), "set TABLE_DATE anew");
        assert!(pack().find("geo_from_ip").is_some());
    }
}
