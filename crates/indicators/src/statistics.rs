//! What became of the entries of a list.

use std::{collections::BTreeMap, fmt};

/// The refused entries that are kept as examples.
const EXAMPLES: usize = 10;
/// The characters of an example.
const EXAMPLE_LENGTH: usize = 80;

/// Why an entry was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    Empty,
    TooShort,
    TooLong,
    NotUtf8,
    NotDomain,
    NotAddress,
    NotUrl,
    NotHash,
    NotEmail,
    PublicSuffix,
    TooWide,
    RootPath,
    ColumnMissing,
    TimeInvalid,
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Empty => "empty",
            Self::TooShort => "fewer than 4 characters",
            Self::TooLong => "too long",
            Self::NotUtf8 => "not UTF-8",
            Self::NotDomain => "not a domain",
            Self::NotAddress => "not an IP address or prefix",
            Self::NotUrl => "not a URL",
            Self::NotHash => "not an MD5, SHA-1, SHA-256 or SHA-512",
            Self::NotEmail => "not an email address",
            Self::PublicSuffix => "a public suffix, which would match unrelated names",
            Self::TooWide => {
                "a prefix of /0 to /7, which would match a large part of all addresses"
            }
            Self::RootPath => "a path without a host, which would match any host",
            Self::ColumnMissing => "no such column in this record",
            Self::TimeInvalid => "no time that is known in the column of `expires`",
        })
    }
}

/// An entry that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedEntry {
    /// The line in the file, or the number of the entry in JSON; from 1.
    pub place: u64,
    /// Its beginning.
    pub text: String,
    pub reason: Refusal,
}

/// What became of the entries of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Distinct entries.
    pub entries: u64,
    pub duplicates: u64,
    /// Refused entries by reason.
    pub refused: BTreeMap<Refusal, u64>,
    /// The first refused entries.
    pub examples: Vec<RefusedEntry>,
    /// Entries of a kind that is not supported, such as STIX patterns of several comparisons.
    pub unsupported: u64,
    /// Entries that the settings leave out: of another type, with less confidence; and revoked ones.
    pub left_out: u64,
}

impl Statistics {
    pub fn refused(&self) -> u64 {
        self.refused.values().sum()
    }

    pub(crate) fn refuse(&mut self, place: u64, text: &[u8], reason: Refusal) {
        *self.refused.entry(reason).or_default() += 1;
        if self.examples.len() < EXAMPLES {
            let text = String::from_utf8_lossy(&text[..text.len().min(4 * EXAMPLE_LENGTH)]);
            let mut short: String = text.chars().take(EXAMPLE_LENGTH).collect();
            if short.len() < text.len() {
                short.push('…');
            }
            self.examples.push(RefusedEntry { place, text: short, reason });
        }
    }
}

/// `1,234 entries, 3 refused (2 too short; 1 empty), 1 unsupported`.
impl fmt::Display for Statistics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let noun = if self.entries == 1 { "entry" } else { "entries" };
        write!(formatter, "{} {noun}", grouped(self.entries))?;
        if self.duplicates > 0 {
            let noun = if self.duplicates == 1 { "duplicate" } else { "duplicates" };
            write!(formatter, ", {} {noun}", grouped(self.duplicates))?;
        }
        if self.refused() > 0 {
            let reasons = self.refused.iter();
            let reasons = reasons.map(|(reason, count)| format!("{} {reason}", grouped(*count)));
            let reasons: Vec<String> = reasons.collect();
            write!(formatter, ", {} refused ({})", grouped(self.refused()), reasons.join("; "))?;
        }
        if self.unsupported > 0 {
            write!(formatter, ", {} unsupported", grouped(self.unsupported))?;
        }
        if self.left_out > 0 {
            write!(formatter, ", {} left out", grouped(self.left_out))?;
        }
        Ok(())
    }
}

/// A number with separators of thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_read_as_a_sentence() {
        let mut statistics = Statistics { entries: 1_234_567, ..Statistics::default() };
        assert_eq!(statistics.to_string(), "1,234,567 entries");
        statistics.refuse(3, "é".repeat(1_000).as_bytes(), Refusal::TooShort);
        statistics.refuse(4, b"", Refusal::Empty);
        statistics.refuse(5, b"", Refusal::Empty);
        statistics.unsupported = 1;
        let expected =
            "1,234,567 entries, 3 refused (2 empty; 1 fewer than 4 characters), 1 unsupported";
        assert_eq!(statistics.to_string(), expected);
        assert_eq!(statistics.examples[0].text, format!("{}…", "é".repeat(80)));
        assert_eq!(statistics.examples[1].place, 4);
    }
}
