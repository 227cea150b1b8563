//! A list of 1,000,000 domains: loading it, and looking 1,000,000 names up.

#![expect(
    clippy::print_stdout,
    clippy::panic,
    reason = "a benchmark prints, and ends if it can't run"
)]

use std::hint::black_box;

use anomal_indicators::List;
use anomal_spec::{ListMatch, ListSettings, ListType};
use bytes::Bytes;
use divan::Bencher;

const COUNT: u64 = 1_000_000;

fn main() {
    println!("memory of the list: {} bytes", parse(&content(), ListMatch::Subdomains).memory());
    divan::main();
}

/// A number that looks random: the finaliser of `SplitMix64` (Steele, Lea, Flood, 2014).
fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// Registered domains of 12 to 20 characters.
fn domain(number: u64) -> String {
    let suffix =
        ["com", "net", "org", "de", "co.uk"][usize::try_from(number % 5).unwrap_or_default()];
    let label: String = (0..8 + number % 4)
        .map(|place| {
            char::from(b'a' + u8::try_from(mix(number * 16 + place) % 26).unwrap_or_default())
        })
        .collect();
    format!("{label}.{suffix}")
}

fn content() -> Bytes {
    let lines: Vec<String> = (0..COUNT).map(domain).collect();
    lines.join("\n").into()
}

fn parse(content: &Bytes, matching: ListMatch) -> List {
    let settings = ListSettings {
        entry_type: Some(ListType::Domain),
        matching: Some(matching),
        ..ListSettings::default()
    };
    List::parse(content, &settings).unwrap_or_else(|error| panic!("{error}")).0
}

#[divan::bench(args = [ListMatch::Exact, ListMatch::Subdomains], sample_count = 5)]
fn load(bencher: Bencher<'_, '_>, matching: ListMatch) {
    let content = content();
    bencher.bench_local(|| parse(black_box(&content), matching));
}

/// Names of which a third is in the list, most with one or two labels before the domain.
#[divan::bench(args = [ListMatch::Exact, ListMatch::Subdomains], sample_count = 5)]
fn find(bencher: Bencher<'_, '_>, matching: ListMatch) {
    let list = parse(&content(), matching);
    let names: Vec<String> = (0..COUNT)
        .map(|number| {
            format!(
                "{}{}",
                ["", "www.", "a.b."][usize::try_from(number % 3).unwrap_or_default()],
                domain(mix(number) % (3 * COUNT))
            )
        })
        .collect();
    bencher.bench_local(|| names.iter().filter(|name| list.find(name, 0).is_some()).count());
}
