use proptest::prelude::*;

use super::*;
use crate::random::Random;

/// Normal numbers, roughly.
struct Dice(Random);

impl Dice {
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.0.next()).sum::<f64>() - 6.0
    }

    /// Two numbers that go together, and one that does not.
    fn row(&mut self) -> Vec<f64> {
        let (size, time) = (self.normal(), self.normal());
        vec![50.0 + 10.0 * size, 3.0 + size + 0.1 * time, self.normal()]
    }
}

fn learned(rows: usize) -> OnlineCovariance {
    let mut dice = Dice(Random(7));
    let mut covariance = OnlineCovariance::new(&[1.0; 3]);
    (0..rows).for_each(|_| covariance.learn(&dice.row()));
    covariance
}

#[test]
fn moments_are_those_of_weighted_rows() {
    let mut dice = Dice(Random(3));
    let rows: Vec<Vec<f64>> = (0..5_000).map(|_| dice.row()).collect();
    let mut covariance = OnlineCovariance::new(&[1.0; 3]);
    rows.iter().for_each(|row| covariance.learn(row));
    // Each row weighs its rate, and what was before the rest.
    let mut weights: Vec<f64> = Vec::new();
    for row in 0..rows.len() {
        let rate = RATE.max(1.0 / (row + 1) as f64);
        weights.iter_mut().for_each(|weight| *weight *= 1.0 - rate);
        weights.push(rate);
    }
    let mean = |place: usize| -> f64 {
        rows.iter().zip(&weights).map(|(row, weight)| weight * row[place]).sum()
    };
    let means = [0, 1, 2].map(mean);
    assert!(covariance.mean.iter().zip(means).all(|(found, mean)| (found - mean).abs() < 1e-9));
    for one in [0, 1, 2] {
        for other in [0, 1, 2].into_iter().filter(|other| *other <= one) {
            let product = |row: &[f64]| (row[one] - means[one]) * (row[other] - means[other]);
            let expected: f64 =
                rows.iter().zip(&weights).map(|(row, weight)| weight * product(row)).sum();
            let found = covariance.products[triangle(one) + other];
            assert!(
                (found - expected).abs() < 1e-9 * expected.abs().max(1.0),
                "{found} {expected}"
            );
        }
    }
}

#[test]
fn distances_are_those_of_a_normal_distribution() {
    let covariance = learned(20_000);
    let mut dice = Dice(Random(11));
    let scores: Vec<f64> =
        (0..4_000).map(|_| covariance.judge(&dice.row()).unwrap().score).collect();
    // Chi-squared with three degrees of freedom: mean 3, and 0.05 are above 7.815.
    let mean = scores.iter().sum::<f64>() / scores.len() as f64;
    assert!((2.6..3.3).contains(&mean), "{mean}");
    let above = scores.iter().filter(|score| **score > 7.815).count();
    assert!((120..280).contains(&above), "{above}");
}

#[test]
fn what_breaks_a_relation_is_far_by_its_features() {
    let covariance = learned(5_000);
    let apart = covariance.judge(&[65.0, 1.5, 0.0]).unwrap();
    let alone =
        [[65.0, 4.5, 0.0], [35.0, 1.5, 0.0]].map(|row| covariance.judge(&row).unwrap().score);
    assert!(apart.score > 100.0 && alone.iter().all(|score| *score < 10.0), "{apart:?} {alone:?}");
    assert!(apart.parts[2] < 0.05 * apart.parts[0].min(apart.parts[1]), "{apart:?}");
    // Without one of the two, nothing is wrong with the other.
    let one = covariance.judge(&[65.0, f64::NAN, 0.0]).unwrap();
    assert!(one.score < 5.0 && one.parts[1] == 0.0, "{one:?}");
    assert!((apart.score - apart.parts[1] - one.score).abs() < 1e-6, "{apart:?} {one:?}");
    assert_eq!(covariance.judge(&[f64::NAN; 3]).unwrap().score, 0.0);
}

#[test]
fn what_has_no_weight_or_never_varied_does_not_count() {
    let mut dice = Dice(Random(5));
    let mut covariance = OnlineCovariance::new(&[1.0, 0.0, 2.0, 1.0, 1.0]);
    assert_eq!(covariance.judge(&[0.0; 5]), None);
    for row in 0..500 {
        let (one, other) = (dice.normal(), dice.normal());
        let late = if row < 300 { f64::NAN } else { 1e6 + dice.normal() };
        covariance.learn(&[one, 1e9 * other, other, 7.0, late]);
    }
    let usual = covariance.judge(&[0.0, 0.0, 0.0, 7.0, 1e6]).unwrap();
    let other = covariance.judge(&[0.0, 1e300, 0.0, 8.0, 1e6]).unwrap();
    assert_eq!((usual.parts[1], usual.parts[3]), (0.0, 0.0));
    assert_eq!(usual, other);
    assert!(usual.score < 1.0, "{usual:?}");
    assert!(covariance.judge(&[0.0, 0.0, 0.0, 7.0, 1e6 + 9.0]).unwrap().score > 40.0);
    assert!(covariance.judge(&[f64::INFINITY, 0.0, 0.0, 7.0, 1e6]).unwrap().score.is_finite());
}

#[test]
fn one_row_does_not_hide_the_next_and_a_changed_world_is_learned() {
    let mut covariance = learned(5_000);
    covariance.learn(&[1e12, -1e12, 0.0]);
    let mut dice = Dice(Random(9));
    (0..64).for_each(|_| covariance.learn(&dice.row()));
    assert!(covariance.judge(&[65.0, 1.5, 0.0]).unwrap().score > 15.0);
    let elsewhere =
        |dice: &mut Dice| dice.row().iter().map(|number| number * 1e3).collect::<Vec<_>>();
    assert!(covariance.judge(&elsewhere(&mut dice)).unwrap().score > 1e3);
    (0..10_000).for_each(|_| covariance.learn(&elsewhere(&mut dice)));
    assert!(covariance.judge(&elsewhere(&mut dice)).unwrap().score < 30.0);
    assert!(covariance.judge(&[65e3, 1.5e3, 0.0]).unwrap().score > 50.0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn a_state_continues_with_the_same_bytes(seed: u64, split in 0_usize..600, kind in 0_u8..4) {
        let mut dice = Dice(Random(seed));
        let mut whole = OnlineCovariance::new(&[1.0, 0.5, 0.0, 2.0]);
        let mut parted = OnlineCovariance::new(&[1.0, 0.5, 0.0, 2.0]);
        for place in 0..700 {
            if place == split {
                parted.restore(&whole.to_bytes()).unwrap();
            }
            let mut row = dice.row();
            row.push(match kind {
                0 => f64::NAN,
                1 => f64::MAX,
                2 => row[0] + row[1],
                _ => dice.normal().round(),
            });
            whole.learn(&row);
            if place >= split {
                parted.learn(&row);
            }
            if let Some(distance) = whole.judge(&row) {
                prop_assert!(distance.score >= 0.0 && distance.score.is_finite(), "{distance:?}");
                prop_assert!(distance.parts.iter().all(|part| *part >= 0.0), "{distance:?}");
            }
        }
        prop_assert_eq!(&whole, &parted);
        let bytes = whole.to_bytes();
        for end in [0, 1, 9, bytes.len() / 2, bytes.len() - 1] {
            prop_assert!(parted.restore(&bytes[..end]).is_err());
        }
        prop_assert!(OnlineCovariance::new(&[1.0, 1.0]).restore(&bytes).is_err());
    }
}
