//! Random cut forests on the same points, each scored before it is learned, on one thread: points a processor second, and the rank
//! correlation of the displacements that they find. On Linux, which says how long a thread has run.
//!
//! First with 30 trees of 64 points, as the forest of an entity, whose trees have a quarter of the last 256 points each; then with 50
//! trees of 256 points, as that of all rows, whose trees have an eighth of the last 2,048. Points have 10 numbers, of which 1 % are
//! not of the three clusters of the others.

#[path = "../../../../crates/detectors/src/random.rs"]
mod random;

/// The source of ours, which needs nothing but its neighbours.
#[expect(dead_code, unused_imports, reason = "states are not saved here")]
#[path = "../../../../crates/detectors/src/online"]
mod online {
    mod bytes;
    mod cut_forest;

    pub struct Ours(cut_forest::CutForest);

    impl Ours {
        /// That of an entity.
        pub fn of_entity(features: usize, seed: u64) -> Self {
            Self(cut_forest::CutForest::new(&cut_forest::OF_ENTITY, &vec![1.0; features], seed))
        }

        /// That of all rows.
        pub fn of_all(features: usize, seed: u64) -> Self {
            Self(cut_forest::CutForest::new(&cut_forest::OF_ALL, &vec![1.0; features], seed))
        }

        pub fn score(&self, point: &[f32]) -> f64 {
            self.0.judge(&coordinates(point)).map_or(0.0, |found| found.score)
        }

        pub fn learn(&mut self, point: &[f32]) {
            self.0.learn(&coordinates(point));
        }
    }

    fn coordinates(point: &[f32]) -> Vec<cut_forest::Coordinate> {
        point.iter().map(|number| cut_forest::of_rank(f64::from(*number))).collect()
    }
}

const FEATURES: usize = 10;
const POINTS: usize = 20_000;
/// Those that are not compared: the forests are not full before.
const FIRST: usize = 2_000;
/// The seeds of which means are taken.
const SEEDS: u64 = 20;
/// How fast rcf3 forgets: as it does by default, where a tree learns a tenth of all points, and so that it learns a quarter, as a tree
/// of ours.
const DEFAULT: f64 = 0.0;
const QUARTER: f64 = 1.0 / 256.0;

use online::Ours;

trait Forest {
    fn score(&self, point: &[f32]) -> f64;
    fn displacement(&self, point: &[f32]) -> f64;
    fn learn(&mut self, point: &[f32]);
}

impl Forest for Ours {
    fn score(&self, point: &[f32]) -> f64 {
        self.score(point)
    }

    fn displacement(&self, point: &[f32]) -> f64 {
        self.score(point)
    }

    fn learn(&mut self, point: &[f32]) {
        self.learn(point);
    }
}

impl Forest for rcf3::Forest {
    fn score(&self, point: &[f32]) -> f64 {
        self.score(point).expect("a score")
    }

    fn displacement(&self, point: &[f32]) -> f64 {
        self.displacement_score(point).expect("a displacement")
    }

    fn learn(&mut self, point: &[f32]) {
        self.update(point).expect("an update");
    }
}

impl Forest for krcf::RandomCutForest {
    fn score(&self, point: &[f32]) -> f64 {
        self.score(point).expect("a score")
    }

    fn displacement(&self, point: &[f32]) -> f64 {
        self.displacement_score(point).expect("a displacement")
    }

    fn learn(&mut self, point: &[f32]) {
        self.update(point).expect("an update");
    }
}

fn rcf3(trees: usize, points: usize, decay: f64, seed: u64) -> Box<dyn Forest> {
    let forest = rcf3::Forest::builder(FEATURES).num_trees(trees).capacity(points);
    Box::new(forest.time_decay(decay).seed(seed).build().expect("a forest"))
}

fn krcf(trees: usize, points: usize) -> Box<dyn Forest> {
    let options = krcf::RandomCutForestOptions {
        dimensions: FEATURES,
        shingle_size: 1,
        num_trees: Some(trees),
        sample_size: Some(points),
        random_seed: Some(7),
        parallel_execution_enabled: Some(false),
        ..Default::default()
    };
    Box::new(krcf::RandomCutForest::new(options).expect("a forest"))
}

/// Between 0 and 0.99, as ranks are.
fn points() -> Vec<[f32; FEATURES]> {
    let mut random = random::Random(3);
    let mut point = || {
        let kind = random.next();
        let centre = if kind < 0.6 { 0.3 } else { 0.6 };
        let mut normal = || (0..6).map(|_| random.next()).sum::<f64>() / 6.0 - 0.5;
        let shared = normal();
        [0; FEATURES].map(|_| {
            let spread = if kind < 0.99 { 0.3 } else { 1.5 };
            let value = centre + spread * normal() + if kind < 0.9 { 0.3 * shared } else { 0.0 };
            value.clamp(0.0, 0.99) as f32
        })
    };
    (0..POINTS).map(|_| point()).collect()
}

fn rate(name: &str, points: &[[f32; FEATURES]], mut forest: Box<dyn Forest>) {
    let begun = processor_seconds();
    let mut sum = 0.0;
    for point in points {
        sum += forest.score(point);
        forest.learn(point);
    }
    let rate = points.len() as f64 / (processor_seconds() - begun);
    println!(
        "{name}: {rate:.0} points a processor second (mean score {:.4})",
        sum / points.len() as f64
    );
}

/// For how long this thread has run.
fn processor_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    let nanos: f64 = text.split(' ').next().and_then(|nanos| nanos.parse().ok()).expect("a time");
    nanos / 1e9
}

/// Its displacements of all but the first points.
fn displacements(points: &[[f32; FEATURES]], mut forest: Box<dyn Forest>) -> Vec<f64> {
    let found = points.iter().map(|point| {
        let found = forest.displacement(point);
        forest.learn(point);
        found
    });
    found.skip(FIRST).collect()
}

/// Spearman's, where equal numbers are rare.
fn rank_correlation(a: &[f64], b: &[f64]) -> f64 {
    let (a, b) = (ranks(a), ranks(b));
    let mean = (a.len() - 1) as f64 / 2.0;
    let product = |a: &[f64], b: &[f64]| -> f64 {
        a.iter().zip(b).map(|(a, b)| (a - mean) * (b - mean)).sum()
    };
    product(&a, &b) / (product(&a, &a) * product(&b, &b)).sqrt()
}

fn ranks(numbers: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..numbers.len()).collect();
    order.sort_by(|a, b| numbers[*a].total_cmp(&numbers[*b]));
    let mut ranks = vec![0.0; numbers.len()];
    for (rank, place) in order.into_iter().enumerate() {
        ranks[place] = rank as f64;
    }
    ranks
}

/// The displacements of other points by forests that have learned the same 256 ones, again and again, so that it does not matter
/// how long they remember: sums over 20 seeds from a first one on.
fn of_the_same(
    points: &[[f32; FEATURES]],
    new: impl Fn(u64) -> Box<dyn Forest>,
    first: u64,
) -> Vec<f64> {
    let (known, others) = points.split_at(256);
    let mut sums = vec![0.0; others.len()];
    for mut forest in (first..first + SEEDS).map(new) {
        (0..20).flat_map(|_| known).for_each(|point| forest.learn(point));
        for (sum, point) in sums.iter_mut().zip(others) {
            *sum += forest.displacement(point);
        }
    }
    sums
}

/// The same of points that are scored before they are learned.
fn of_the_last(
    points: &[[f32; FEATURES]],
    new: impl Fn(u64) -> Box<dyn Forest>,
    first: u64,
) -> Vec<f64> {
    let mut sums = vec![0.0; points.len() - FIRST];
    for seed in first..first + SEEDS {
        for (sum, found) in sums.iter_mut().zip(displacements(points, new(seed))) {
            *sum += found;
        }
    }
    sums
}

fn main() {
    let points = points();
    let entity = |seed| -> Box<dyn Forest> { Box::new(Ours::of_entity(FEATURES, seed)) };
    println!("30 trees of 64 points");
    rate("ours", &points, entity(7));
    rate("rcf3", &points, rcf3(30, 64, DEFAULT, 7));
    rate("rcf3 that learns as many", &points, rcf3(30, 64, QUARTER, 7));
    rate("krcf", &points, krcf(30, 64));
    println!("50 trees of 256 points");
    rate("ours", &points, Box::new(Ours::of_all(FEATURES, 7)));
    rate("rcf3", &points, rcf3(50, 256, DEFAULT, 7));
    rate("krcf", &points, krcf(50, 256));
    let of_ours = displacements(&points, entity(7));
    let of_rcf3 = displacements(&points, rcf3(30, 64, DEFAULT, 7));
    let of_other = displacements(&points, rcf3(30, 64, DEFAULT, 8));
    let of_krcf = displacements(&points, krcf(30, 64));
    println!("rank correlation of displacements, 30 trees of 64 points");
    for (name, one, other) in [
        ("ours and rcf3", &of_ours, &of_rcf3),
        ("ours and krcf", &of_ours, &of_krcf),
        ("rcf3 and rcf3 by another seed", &of_rcf3, &of_other),
        ("rcf3 and krcf", &of_rcf3, &of_krcf),
    ] {
        println!("{name}: {:.3}", rank_correlation(one, other));
    }
    let peer = |decay| move |seed| rcf3(30, 64, decay, seed);
    println!("the same of means over {SEEDS} seeds");
    agreement(|new, first| of_the_last(&points, new, first), &entity, &peer(QUARTER));
    println!("the same where all know the same 256 points");
    agreement(|new, first| of_the_same(&points, new, first), &entity, &peer(DEFAULT));
}

/// A way to make a forest of a seed.
type New<'a> = &'a dyn Fn(u64) -> Box<dyn Forest>;

fn agreement(of: impl Fn(New<'_>, u64) -> Vec<f64>, ours: New<'_>, peer: New<'_>) {
    let (ours, peers) = (of(ours, 100), [100, 200].map(|first| of(peer, first)));
    println!("ours and rcf3: {:.3}", rank_correlation(&ours, &peers[0]));
    println!("rcf3 and rcf3 by other seeds: {:.3}", rank_correlation(&peers[0], &peers[1]));
}
