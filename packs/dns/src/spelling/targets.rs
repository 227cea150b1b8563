//! The nearest of many texts by edit distance.

use std::{
    array,
    ops::{BitAnd, BitOr, BitXor, Not},
};

use multiversion::multiversion;
use rapidfuzz::distance::levenshtein;

/// Texts to compare with.
pub(super) struct Targets {
    /// What stands for each ASCII letter in the blocks; [`OTHER`] for those that none of their texts has.
    codes: [u8; ASCII],
    short: Blocks<u16, 32>,
    long: Blocks<u32, 16>,
    /// Those that are no plain ones, compared one after the other.
    others: Vec<String>,
}

const ASCII: usize = 128;
const OTHER: u8 = 0;

impl Targets {
    pub fn new(texts: Vec<String>) -> Self {
        let up_to = |most: u32| move |text: &String| text.is_ascii() && text.len() <= most as usize;
        let (short, texts): (Vec<_>, Vec<_>) = texts.into_iter().partition(up_to(u16::BITS));
        let (long, others): (Vec<_>, Vec<_>) = texts.into_iter().partition(up_to(u32::BITS));
        let (mut codes, mut last) = ([OTHER; ASCII], OTHER);
        for letter in short.iter().chain(&long).flat_map(|text| text.bytes()) {
            let code = &mut codes[usize::from(letter) % ASCII];
            if *code == OTHER {
                last += 1;
                *code = last;
            }
        }
        let codes_of = |texts: Vec<String>| -> Vec<Vec<u8>> {
            let code = |letter: u8| codes[usize::from(letter) % ASCII];
            texts.iter().map(|text| text.bytes().map(code).collect()).collect()
        };
        let (short, long) = (codes_of(short), codes_of(long));
        Self { codes, short: Blocks::new(short, last), long: Blocks::new(long, last), others }
    }

    /// The smallest edit distance of a text (Levenshtein), where there is anything to compare with.
    pub fn nearest(&self, text: &str) -> Option<i64> {
        let code = |letter: char| self.codes.get(letter as usize).copied().unwrap_or(OTHER);
        let codes: Vec<u8> = text.chars().map(code).collect();
        let mut best = compare(&self.short, &self.long, &codes);
        let comparator = levenshtein::BatchComparator::new(text.chars());
        for target in &self.others {
            let arguments = levenshtein::Args::default().score_cutoff(best.saturating_sub(1));
            best = comparator.distance_with_args(target.chars(), &arguments).unwrap_or(best);
        }
        i64::try_from(best).ok().filter(|_| best != usize::MAX)
    }
}

/// The smallest distance to texts of either kind, with the vector instructions that this processor has.
#[multiversion(targets(
    "x86_64+avx512f+avx512bw+avx512vl+avx512bitalg+avx512vpopcntdq",
    "x86_64+avx2+popcnt",
))]
fn compare(short: &Blocks<u16, 32>, long: &Blocks<u32, 16>, codes: &[u8]) -> usize {
    long.nearest(codes, short.nearest(codes, usize::MAX))
}

/// Texts side by side, `LANES` a block; the last of them fills up. The compiler makes vector instructions of loops
/// over them.
struct Blocks<W, const LANES: usize> {
    /// How many letters the shortest and the longest text of each block have.
    lengths: Vec<(usize, usize)>,
    /// For each text as many bits as it has letters.
    filled: Vec<[W; LANES]>,
    /// Codes that there are.
    letters: usize,
    /// Block behind block, for each code where its letter stands in each of the texts, as bits.
    places: Vec<[W; LANES]>,
}

impl<W: Word, const LANES: usize> Blocks<W, LANES> {
    /// Of texts as codes, the greatest of which is `last`.
    fn new(mut texts: Vec<Vec<u8>>, last: u8) -> Self {
        texts.sort_by_key(Vec::len);
        let letters = usize::from(last) + 1;
        let (mut lengths, mut filled, mut places) = (Vec::new(), Vec::new(), Vec::new());
        for texts in texts.chunks(LANES) {
            let text = |lane: usize| &texts[lane.min(texts.len() - 1)];
            lengths.push((texts[0].len(), text(LANES).len()));
            filled.push(array::from_fn(|lane| W::first(text(lane).len())));
            let mut block = vec![[W::default(); LANES]; letters];
            for (lane, text) in (0..LANES).map(text).enumerate() {
                for (place, code) in text.iter().enumerate() {
                    let places = &mut block[usize::from(*code)][lane];
                    *places = *places | W::bit(place);
                }
            }
            places.extend(block);
        }
        Self { lengths, filled, letters, places }
    }

    /// The smallest distance, or `best` if none is smaller: by the differences of a column of the matrix at a time
    /// (Hyyrö 2003, "A Bit-Vector Algorithm for Computing Levenshtein and Damerau Edit Distances", figure 3).
    #[expect(clippy::inline_always, reason = "or it has the instructions of any processor alone")]
    #[inline(always)]
    fn nearest(&self, codes: &[u8], mut best: usize) -> usize {
        let blocks = self.places.chunks_exact(self.letters).zip(&self.filled);
        for ((shortest, longest), (block, filled)) in self.lengths.iter().zip(blocks) {
            // A difference in length is one in letters.
            let nearest = codes.len().clamp(*shortest, *longest);
            if nearest.abs_diff(codes.len()) >= best {
                continue;
            }
            let (mut up, mut down) = ([!W::default(); LANES], [W::default(); LANES]);
            for code in codes {
                let places = &block[usize::from(*code)];
                for lane in 0..LANES {
                    let (vp, vn, equal) = (up[lane], down[lane], places[lane]);
                    let zero = ((equal & vp).plus(vp) ^ vp) | equal | vn;
                    let (rise, fall) = (vn | !(zero | vp), vp & zero);
                    let (rise, fall) = (rise.plus(rise) | W::bit(0), fall.plus(fall));
                    up[lane] = fall | !(zero | rise);
                    down[lane] = rise & zero;
                }
            }
            // The last column begins with the number of letters, and rises or falls by one from row to row.
            let rises: [u32; LANES] = array::from_fn(|lane| (up[lane] & filled[lane]).ones());
            let falls: [u32; LANES] = array::from_fn(|lane| (down[lane] & filled[lane]).ones());
            let distances = rises.into_iter().zip(falls);
            let distances =
                distances.map(|(rises, falls)| codes.len() + rises as usize - falls as usize);
            best = distances.fold(best, usize::min);
        }
        best
    }
}

/// Bits of a column, as many as a text has letters.
trait Word:
    Copy
    + Default
    + Not<Output = Self>
    + BitAnd<Output = Self>
    + BitOr<Output = Self>
    + BitXor<Output = Self>
{
    fn bit(place: usize) -> Self;

    /// The sum without what is carried over the last bit.
    fn plus(self, other: Self) -> Self;

    /// With so many of the first bits set.
    fn first(bits: usize) -> Self;

    /// How many bits are set.
    fn ones(self) -> u32;
}

macro_rules! word {
    ($of:ty) => {
        impl Word for $of {
            fn bit(place: usize) -> Self {
                1 << place
            }

            fn plus(self, other: Self) -> Self {
                self.wrapping_add(other)
            }

            fn first(bits: usize) -> Self {
                if bits == 0 { 0 } else { Self::MAX >> (Self::BITS as usize - bits) }
            }

            fn ones(self) -> u32 {
                self.count_ones()
            }
        }
    };
}
word!(u16);
word!(u32);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_of_any_length_are_compared() {
        let targets = Targets::new(vec!["abc".into(), "x".repeat(33), "ä".into()]);
        assert_eq!(targets.nearest(&"a".repeat(40_000)), Some(39_999));
        assert_eq!(targets.nearest(""), Some(1));
        assert_eq!(Targets::new(Vec::new()).nearest("abc"), None);
    }

    proptest! {
        #[test]
        fn the_nearest_is_found(
            name in "[abcd.]{0,40}|[abc.äé]{0,10}",
            targets in prop::collection::vec("[abc.]{0,40}|[abc.]{1,9}|[abc.äé]{1,10}", 1..60),
        ) {
            let plain = targets.iter().map(|target| {
                levenshtein::distance(name.chars(), target.chars())
            }).min();
            let found = Targets::new(targets).nearest(&name);
            prop_assert_eq!(found, plain.and_then(|distance| i64::try_from(distance).ok()));
        }
    }
}
