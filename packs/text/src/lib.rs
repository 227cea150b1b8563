//! The pack text: metrics for records of any domain. Settings use them without listing the pack.

mod hour;
mod network;
mod path;
mod shape;

#[cfg(test)]
mod testing;

use anomal_components::{Component, Input, Metric, MetricValue, NoParameters, Pack};

/// The pack, with one line for each of its components.
pub fn pack() -> Pack {
    Pack::new(
        "text",
        [
            shape::text_length(),
            shape::text_entropy(),
            shape::digit_share(),
            shape::special_share(),
            shape::base64_run(),
            path::path_depth(),
            path::query_length(),
            path::percent_escapes(),
            network::port_class(),
            network::address_class(),
            hour::hour_of_day(),
        ],
    )
    .always_enabled()
}

/// A metric of a text without parameters.
fn text_metric<T: MetricValue + 'static>(
    name: &str,
    input: &str,
    description: &str,
    function: fn(&str) -> Option<T>,
) -> Component {
    let build = move |NoParameters {}| Ok(Metric::text(function));
    Component::metric(name, description, [Input::text(input)], build)
}

/// A number of things in a text.
fn count(items: impl Iterator) -> Option<i64> {
    i64::try_from(items.count()).ok()
}
