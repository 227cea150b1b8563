//! Stored states with random damage.

use proptest::{
    strategy::ValueTree,
    test_runner::{Config, TestRunner},
};
use rand::{RngExt, SeedableRng, rngs::ChaCha8Rng};
use serde_json::{Value, json, value::RawValue};

use super::{data::mixed, detector, features, fit, score, sound};
use crate::matrix::Matrix;

/// Changes one part of a value.
fn mutate(value: &mut Value, random: &mut ChaCha8Rng) {
    let number = |random: &mut ChaCha8Rng| {
        let values = [
            json!(0),
            json!(-1),
            json!(1e300),
            json!(-1e300),
            json!(u64::MAX),
            json!(3),
            json!(0.5),
            Value::Null,
            json!("x"),
            json!([]),
            json!({}),
        ];
        values[random.random_range(0..values.len())].clone()
    };
    match value {
        Value::Array(items) if !items.is_empty() => {
            let place = random.random_range(0..items.len());
            match random.random_range(0..8) {
                0 => drop(items.remove(place)),
                1 => items.push(items[place].clone()),
                2 => items.truncate(place),
                _ => mutate(&mut items[place], random),
            }
        }
        Value::Object(fields) if !fields.is_empty() => {
            let place = random.random_range(0..fields.len());
            if let Some((_, field)) = fields.iter_mut().nth(place) {
                mutate(field, random);
            }
        }
        other => *other = number(random),
    }
}

pub(super) fn damaged(name: &str) {
    damage(name, &mixed(60, 1), &mixed(40, 2));
}

/// Damages states of a fit to some rows, and scores others by those that can be loaded.
pub(super) fn damage(name: &str, fitted: &Matrix, new: &Matrix) {
    let state: Value = serde_json::from_str(fit(name, fitted).state().unwrap().get()).unwrap();
    let mut runner = TestRunner::new_with_rng(
        Config::default(),
        proptest::test_runner::TestRng::deterministic_rng(
            proptest::test_runner::RngAlgorithm::ChaCha,
        ),
    );
    for _ in 0..400 {
        let seed = proptest::prelude::Strategy::new_tree(&proptest::num::u64::ANY, &mut runner)
            .unwrap()
            .current();
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut state = state.clone();
        for _ in 0..random.random_range(1..3) {
            mutate(&mut state, &mut random);
        }
        let text = RawValue::from_string(state.to_string()).unwrap();
        if let Ok(scorer) = detector(name).load(&text, &features(fitted)) {
            sound(&score(scorer.as_ref(), new), new.rows, new.columns.len());
            scorer.state().unwrap();
        }
    }
}
