use proptest::prelude::*;

use super::*;

fn weights(features: usize) -> Vec<f32> {
    vec![1.0; features]
}

/// Two kinds of rows: both values are low, or both are high.
fn row(random: &mut Random) -> [f64; 2] {
    let high = if random.next() < 0.5 { 0.0 } else { 0.6 };
    [0, 1].map(|_| high + 0.3 * random.next())
}

fn ranks<const N: usize>(row: [f64; N]) -> [Coordinate; N] {
    row.map(of_rank)
}

fn mean(scores: impl Iterator<Item = f64>) -> f64 {
    let scores: Vec<f64> = scores.collect();
    scores.iter().sum::<f64>() / scores.len() as f64
}

#[test]
fn what_does_not_go_together_is_unusual_though_each_value_is_usual() {
    let mut random = Random(3);
    let mut forest = CutForest::new(&OF_ENTITY, &weights(2), 7);
    for learned in 0..1_000 {
        assert_eq!(forest.judge(&ranks([0.1, 0.1])).is_some(), learned >= 64);
        forest.learn(&ranks(row(&mut random)));
    }
    let usual: Vec<f64> =
        (0..300).map(|_| forest.judge(&ranks(row(&mut random))).unwrap().score).collect();
    let odd: Vec<Displacement> = (0..300)
        .map(|_| {
            let [x, y] = row(&mut random);
            forest.judge(&ranks([x, 0.9 - y])).unwrap()
        })
        .collect();
    let worst = usual.iter().copied().fold(0.0, f64::max);
    let above = odd.iter().filter(|odd| odd.score > worst).count();
    assert!(above > 290, "{above} of 300 are above {worst}");
    for odd in &odd {
        assert!((odd.parts.iter().sum::<f64>() - odd.score).abs() < 1e-6, "{odd:?}");
        assert!(odd.parts.iter().all(|part| *part > 0.15 * odd.score), "{odd:?}");
    }
    // It becomes usual.
    for _ in 0..256 {
        let [x, y] = row(&mut random);
        forest.learn(&ranks([x, 0.9 - y]));
    }
    let after = mean(odd.iter().map(|_| {
        let [x, y] = row(&mut random);
        forest.judge(&ranks([x, 0.9 - y])).unwrap().score
    }));
    assert!(after < mean(usual.into_iter()) * 1.5, "{after}");
}

#[test]
fn categories_go_together_with_numbers() {
    let [get, post] =
        ["GET", "POST"].map(|name| of_category(xxhash_rust::xxh3::xxh3_64(name.as_bytes())));
    let mut random = Random(5);
    let mut forest = CutForest::new(&OF_ENTITY, &weights(2), 7);
    let mut next = || {
        let is_large = random.next() < 0.5;
        let size = random.next() * 0.3 + if is_large { 0.6 } else { 0.0 };
        (if is_large { post } else { get }, size)
    };
    for _ in 0..1_000 {
        let (method, size) = next();
        forest.learn(&[method, of_rank(size)]);
    }
    let usual = mean((0..200).map(|_| {
        let (method, size) = next();
        forest.judge(&[method, of_rank(size)]).unwrap().score
    }));
    let odd = mean((0..200).map(|_| {
        let (method, size) = next();
        forest.judge(&[method, of_rank(0.9 - size)]).unwrap().score
    }));
    assert!(odd > 4.0 * usual, "{odd} {usual}");
}

#[test]
fn features_without_weight_do_not_count_and_equal_rows_are_usual() {
    let mut random = Random(9);
    let mut forest = CutForest::new(&OF_ENTITY, &[1.0, 0.0], 7);
    for _ in 0..500 {
        forest.learn(&ranks([0.25, random.next()]));
    }
    assert_eq!(forest.judge(&ranks([0.25, 0.9])).unwrap().score, 0.0);
    let other = forest.judge(&ranks([0.26, 0.9])).unwrap();
    assert!((other.score - 1.0).abs() < 1e-6 && other.parts[1] == 0.0, "{other:?}");
}

#[test]
fn a_forest_has_at_most_64_kib() {
    for features in [1, 10, 24, 25, MOST_CUT_FEATURES] {
        let mut random = Random(9);
        let weights = weights(features);
        let mut forest = CutForest::new(&OF_ENTITY, &weights, 7);
        for _ in 0..500 {
            let row: Vec<Coordinate> = (0..features).map(|_| of_rank(random.next())).collect();
            forest.learn(&row);
        }
        assert!(forest.bytes() <= 64 << 10, "{features} features: {}", forest.bytes());
        let mut to = Writer::new(1);
        forest.write(&mut to);
        let bytes = to.into_bytes();
        let read =
            CutForest::read(&OF_ENTITY, &mut Reader::new(&bytes, 1).unwrap(), &weights).unwrap();
        assert!(read == forest && read.bytes() <= forest.bytes());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn a_state_continues_with_the_same_bytes(seed: u64, split in 0_usize..400, digits in 0_u32..4) {
        let mut random = Random(seed);
        let weights = [1.0, 0.5, 0.0];
        let mut whole = CutForest::new(&OF_ENTITY, &weights, seed);
        let mut parted = CutForest::new(&OF_ENTITY, &weights, !seed);
        let bytes = |forest: &CutForest| {
            let mut to = Writer::new(1);
            forest.write(&mut to);
            to.into_bytes()
        };
        let read = |bytes: &[u8]| {
            let mut from = Reader::new(bytes, 1)?;
            let read = CutForest::read(&OF_ENTITY, &mut from, &weights)?;
            from.end().map(|()| read)
        };
        for place in 0..420 {
            if place == split {
                parted = read(&bytes(&whole)).unwrap();
            }
            // Few digits make equal rows.
            let scale = 10_f64.powi(i32::try_from(digits).unwrap());
            let row = ranks([0, 1, 2].map(|_| (random.next() * scale).round() / scale));
            let score = whole.judge(&row).map_or(0.0, |found| found.score);
            prop_assert!((0.0..=1.0 + 1e-6).contains(&score));
            whole.learn(&row);
            if place >= split {
                parted.learn(&row);
            }
        }
        prop_assert_eq!(&whole, &parted);
        let bytes = bytes(&whole);
        for end in [0, 1, 9, bytes.len() / 2, bytes.len() - 1] {
            prop_assert!(read(&bytes[..end]).is_none());
        }
        // Damage is found, or does no harm.
        for place in (0..bytes.len()).step_by(1_009) {
            let mut damaged = bytes.clone();
            damaged[place] ^= 1 << (seed % 8);
            if let Some(mut forest) = read(&damaged) {
                for _ in 0..80 {
                    let row = ranks([0, 1, 2].map(|_| random.next()));
                    forest.judge(&row);
                    forest.learn(&row);
                }
            }
        }
    }
}
