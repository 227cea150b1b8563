//! Random cut forests on the same points, each scored before it is learned, on one thread: points a processor second, and the rank
//! correlation of the displacements that they find. On Linux, which says how long a thread has run.
//!
//! Ours has 30 trees, which have a quarter of the last 256 points each; so have the peers in the first part. In the second one they
//! have 50 trees of 256 points. Points have 10 numbers, of which 1 % are not of the three clusters of the others.

#[path = "../../../../crates/detectors/src/random.rs"]
mod random;

/// The source of ours, which needs nothing but its neighbours.
#[expect(dead_code, unused_imports, reason = "states are not saved here")]
#[path = "../../../../crates/detectors/src/online"]
mod online {
    mod bytes;
    mod cut_forest;

    /// The forest of an entity.
    pub struct Ours(cut_forest::CutForest);

    impl Ours {
        pub fn new(features: usize, seed: u64) -> Self {
            let weights = vec![1.0_f32; features];
            Self(cut_forest::CutForest::new(&weights.into(), seed))
        }

        pub fn score(&self, point: &[f32]) -> f64 {
            self.0.judge(point).map_or(0.0, |found| found.score)
        }

        pub fn learn(&mut self, point: &[f32]) {
            self.0.learn(point);
        }
    }
}

const FEATURES: usize = 10;
const POINTS: usize = 20_000;
/// Those that are not compared: the forests are not full before.
const FIRST: usize = 2_000;

trait Forest {
    fn score(&self, point: &[f32]) -> f64;
    fn displacement(&self, point: &[f32]) -> f64;
    fn learn(&mut self, point: &[f32]);
}

impl Forest for online::Ours {
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

fn rcf3(trees: usize, points: usize, seed: u64) -> Box<dyn Forest> {
    let forest = rcf3::Forest::builder(FEATURES).num_trees(trees).capacity(points).seed(seed);
    Box::new(forest.build().expect("a forest"))
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

fn main() {
    let points = points();
    let ours = || -> Box<dyn Forest> { Box::new(online::Ours::new(FEATURES, 7)) };
    println!("30 trees of 64 points");
    rate("ours", &points, ours());
    rate("rcf3", &points, rcf3(30, 64, 7));
    rate("krcf", &points, krcf(30, 64));
    println!("50 trees of 256 points");
    rate("rcf3", &points, rcf3(50, 256, 7));
    rate("krcf", &points, krcf(50, 256));
    let of_ours = displacements(&points, ours());
    let of_rcf3 = displacements(&points, rcf3(30, 64, 7));
    let of_other = displacements(&points, rcf3(30, 64, 8));
    let of_krcf = displacements(&points, krcf(30, 64));
    let of_large = displacements(&points, rcf3(50, 256, 7));
    println!("rank correlation of displacements, 30 trees of 64 points");
    for (name, one, other) in [
        ("ours and rcf3", &of_ours, &of_rcf3),
        ("ours and krcf", &of_ours, &of_krcf),
        ("ours and rcf3 of 50 trees of 256 points", &of_ours, &of_large),
        ("rcf3 and rcf3 by another seed", &of_rcf3, &of_other),
        ("rcf3 and krcf", &of_rcf3, &of_krcf),
    ] {
        println!("{name}: {:.3}", rank_correlation(one, other));
    }
}
