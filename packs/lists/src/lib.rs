//! The pack lists: metrics of columns of lists, in whatever form a program wrote them, and look-ups of values in the lists
//! of indicators that a job has. Settings use them without listing the pack.

mod database;
mod indicators;
mod lookup;

use std::{borrow::Cow, collections::HashSet};

use anomal_components::{
    Component, Input, Metric, MetricValue, NoParameters, Pack, entropy::text_entropy,
};

/// The pack, with one line for each of its components.
pub fn pack() -> Pack {
    Pack::new(
        "lists",
        [
            metric("list_count", "The number of items of a list.", |items| count(items.len())),
            metric("list_distinct", "The number of different items of a list.", |items| {
                count(items.iter().collect::<HashSet<_>>().len())
            }),
            metric(
                "list_longest",
                "The characters of the longest item of a list; missing without an item.",
                |items| items.iter().map(|item| item.chars().count()).max().and_then(count),
            ),
            metric(
                "list_entropy_max",
                "The largest entropy of the characters of an item of a list, in bits; missing without an item.",
                |items| items.iter().map(|item| text_entropy(item)).max_by(f64::total_cmp),
            ),
            indicators::in_list(),
            indicators::list_entry(),
            indicators::list_hit(),
            database::mmdb_field(),
        ],
    )
    .always_enabled()
}

fn metric<T: MetricValue + 'static>(
    name: &str,
    description: &str,
    function: fn(&[Cow<'_, str>]) -> Option<T>,
) -> Component {
    let build = move |NoParameters {}| Ok(Metric::list(function));
    Component::metric(name, description, [Input::list("list")], build)
}

fn count(items: usize) -> Option<i64> {
    i64::try_from(items).ok()
}

#[cfg(test)]
mod tests {
    use anomal_components::{Dictionaries, Inputs};
    use polars::prelude::Column;

    use super::*;

    #[test]
    fn lists_have_the_same_metrics_in_any_form() {
        let cells = [
            Some(r#"["aab","x","x"]"#),
            Some("[aab\";\"x\";\"x]"),
            Some("aab,x,x"),
            Some("[]"),
            Some("one text, not a list"),
            None,
        ];
        let column = Column::new("list".into(), cells);
        let dictionaries = Dictionaries::default();
        let expected = [
            ("list_count", ["3", "3", "3", "0", "1", "null"]),
            ("list_distinct", ["2", "2", "2", "0", "1", "null"]),
            ("list_longest", ["3", "3", "3", "null", "20", "null"]),
        ];
        let pack = pack();
        let values = |name: &str| {
            let computation = pack.find(name).unwrap().build(&serde_json::Map::new()).unwrap();
            let inputs = Inputs::new(vec![Some(&column)], &dictionaries);
            computation.values(&inputs).unwrap()
        };
        for (name, expected) in expected {
            let values = values(name);
            let found: Vec<String> =
                (0..values.len()).map(|row| values.get(row).unwrap().to_string()).collect();
            assert_eq!(found, expected, "{name}");
        }
        let entropies = values("list_entropy_max");
        let entropies = entropies.f64().unwrap();
        let expected = text_entropy("aab");
        assert!((0..3).all(|row| entropies.get(row) == Some(expected)), "{entropies:?}");
        assert_eq!((entropies.get(3), entropies.null_count()), (None, 2));
    }
}
