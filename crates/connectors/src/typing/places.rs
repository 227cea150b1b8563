//! Numbers as other places and programs write them: decimal commas, thousands separators, currencies, percent signs,
//! negatives in parentheses.

use std::net::Ipv4Addr;

use anomal_spec::{Marks, Numbers, ThousandsMark};

use super::classes::{self, Class};

const SIGNS: [char; 5] = ['$', '€', '£', '¥', '₹'];
/// ISO 4217, of currencies in use.
const CODES: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD \
    CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL \
    HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA \
    MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB \
    RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU \
    UZS VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG";
const BLANKS: [char; 3] = [' ', '\u{a0}', '\u{202f}'];

/// How the numbers of a column are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NumberFormat {
    pub decimal: char,
    pub thousands: Option<char>,
    /// Whether currencies, percent signs, parentheses and the like are taken off.
    pub marks: bool,
}

/// What the values of a column show of their format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Detected {
    Format(NumberFormat),
    /// A value that two formats read differently.
    Ambiguous(String),
    /// Two currencies in one column.
    Currencies(String, String),
    None,
}

/// A value without its marks.
struct Core<'a> {
    digits: &'a str,
    negative: bool,
    currency: Option<&'a str>,
}

impl NumberFormat {
    /// The number that a text is in this format: finite and not rounded beyond what 64-bit floats round.
    pub fn number(&self, text: &str) -> Option<f64> {
        let core = if self.marks { core(text)? } else { plain_core(text) };
        let plain = self.plain(core.digits)?;
        let number = match Class::classify(&plain) {
            Class::Integer | Class::Number => classes::number(&plain)?,
            _ => return None,
        };
        Some(if core.negative { -number } else { number })
    }

    /// The number that a cell of the column is. Plain numbers are read as everywhere, if the decimal mark is a point.
    /// `given`: the settings set the type.
    pub fn read(&self, text: &str, given: bool) -> Option<f64> {
        let plain = match (self.decimal, given) {
            ('.', true) => text.parse().ok(),
            ('.', false) => classes::number(text),
            _ => None,
        };
        plain.or_else(|| self.number(text))
    }

    /// The digits with a decimal point and nothing else.
    fn plain(&self, digits: &str) -> Option<String> {
        let (whole, fraction) = match digits.split_once(self.decimal) {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (digits, None),
        };
        let mut plain = String::with_capacity(digits.len());
        match self.thousands.filter(|mark| whole.contains(*mark)) {
            Some(mark) => {
                let mut groups = whole.split(mark);
                let first = groups.next()?;
                if first.is_empty() || first.len() > 3 {
                    return None;
                }
                plain.push_str(first);
                for group in groups {
                    if group.len() != 3 {
                        return None;
                    }
                    plain.push_str(group);
                }
            }
            None => plain.push_str(whole),
        }
        if let Some(fraction) = fraction {
            plain.push('.');
            plain.push_str(fraction);
        }
        plain.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.').then_some(plain)
    }
}

/// Takes a sign off.
fn plain_core(text: &str) -> Core<'_> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    Core { digits, negative, currency: None }
}

/// Takes all marks off; nothing if what is left can't be a number.
fn core(text: &str) -> Option<Core<'_>> {
    let mut rest = text.strip_prefix('\'').unwrap_or(text).trim();
    let mut negative = false;
    if let Some(inner) = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        (rest, negative) = (inner.trim(), true);
    }
    let mut sign = |rest: &mut &str| {
        let shorter = rest.strip_prefix(['-', '\u{2212}']).or_else(|| rest.strip_suffix('-'));
        if let Some(shorter) = shorter.filter(|_| !negative) {
            (*rest, negative) = (shorter.trim(), true);
        }
    };
    sign(&mut rest);
    let currency = currency(&mut rest);
    sign(&mut rest);
    if currency.is_none() {
        rest = rest.strip_suffix('%').unwrap_or(rest).trim_end();
    }
    rest.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '.' | ','))
        .then_some(Core { digits: rest, negative, currency })
}

/// Takes a currency sign or code off, before or behind.
fn currency<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let text = *rest;
    let code =
        |code: &str| code.len() == 3 && CODES.split_ascii_whitespace().any(|known| known == code);
    let marks = [
        text.char_indices()
            .nth(1)
            .map(|(end, _)| text.split_at(end))
            .filter(|(sign, _)| sign.starts_with(SIGNS)),
        text.split_at_checked(3).filter(|(sign, _)| code(sign)),
        text.char_indices()
            .last()
            .map(|(start, _)| text.split_at(start))
            .map(|(rest, sign)| (sign, rest))
            .filter(|(sign, _)| sign.starts_with(SIGNS)),
        text.len()
            .checked_sub(3)
            .and_then(|start| text.split_at_checked(start))
            .map(|(rest, sign)| (sign, rest))
            .filter(|(sign, _)| code(sign)),
    ];
    let (sign, shorter) = marks.into_iter().flatten().next()?;
    *rest = shorter.trim();
    Some(sign)
}

impl NumberFormat {
    /// What distinguishes it from plain numbers, for messages.
    pub fn describe(&self) -> String {
        let mut parts = vec![format!("decimal mark `{}`", self.decimal)];
        parts.extend(self.thousands.map(|mark| format!("`{mark}` between thousands")));
        if self.marks {
            parts.push("without currencies and other marks".to_owned());
        }
        parts.join(", ")
    }
}

/// Finds the format of a column whose values are not all plain numbers. What `settings` name applies. At most `strays`
/// values may be none.
pub(crate) fn detect<'a>(
    values: impl Iterator<Item = &'a str> + Clone,
    settings: &Numbers,
    strays: usize,
) -> Detected {
    let marks = settings.marks == Marks::Auto;
    let mut evidence = Evidence::default();
    let (mut numbers, mut others, mut second) = (0_usize, 0_usize, None::<&str>);
    let mut currency = None::<&str>;
    for value in values.clone() {
        let core = if marks { core(value) } else { Some(plain_core(value)) };
        let core = core.filter(|core| core.digits.parse::<Ipv4Addr>().is_err());
        let Some(core) = core.filter(|core| evidence.add(core.digits, value)) else {
            others += 1;
            if others > strays {
                return Detected::None;
            }
            continue;
        };
        numbers += 1;
        match (core.currency, currency) {
            (Some(sign), Some(first)) if first != sign => second = Some(sign),
            (Some(sign), _) => currency = Some(sign),
            (None, _) => {}
        }
    }
    if numbers == 0 {
        return Detected::None;
    }
    if let (Some(first), Some(second)) = (currency, second) {
        return Detected::Currencies(first.to_owned(), second.to_owned());
    }
    match evidence.format(settings, marks) {
        Ok(format) => {
            let read = values.filter(|value| format.number(value).is_some()).count();
            if numbers + others - read > strays { Detected::None } else { Detected::Format(format) }
        }
        Err(value) => Detected::Ambiguous(value.to_owned()),
    }
}

/// What the separators in numbers show.
#[derive(Default)]
struct Evidence<'a> {
    /// Each mark that some value shows to be the decimal, or to separate thousands.
    decimal: Option<char>,
    thousands: Option<char>,
    /// A value with one comma, or one point, and three digits behind.
    comma: Option<&'a str>,
    point: bool,
}

impl<'a> Evidence<'a> {
    /// Adds the digits of a value; false if they are no number in any format.
    fn add(&mut self, digits: &str, value: &'a str) -> bool {
        let marks: Vec<(usize, char)> =
            digits.char_indices().filter(|(_, mark)| !mark.is_ascii_digit()).collect();
        if marks
            .iter()
            .any(|(_, mark)| !matches!(mark, '.' | ',' | '\'' | '’') && !BLANKS.contains(mark))
        {
            return false;
        }
        let Some((last, mark)) = marks.last().copied() else { return true };
        let before: Vec<char> = marks[..marks.len() - 1].iter().map(|(_, mark)| *mark).collect();
        let behind = digits.len() - last - mark.len_utf8();
        if before.iter().any(|other| *other != before[0]) {
            return false;
        }
        // Values that contradict these are found when all are read in the format.
        match (before.first().copied(), mark) {
            // 1,234.5 and 1.234,5 and 1 234,5
            (Some(thousands), '.' | ',') if thousands != mark => {
                self.decimal.get_or_insert(mark);
                self.thousands.get_or_insert(thousands);
            }
            (Some(thousands), _) if thousands == mark => {
                self.thousands.get_or_insert(mark);
            }
            (Some(_), _) => return false,
            (None, '.' | ',') if behind != 3 => {
                self.decimal.get_or_insert(mark);
            }
            (None, ',') => {
                self.comma.get_or_insert(value);
            }
            // A plain decimal, as everywhere.
            (None, '.') => self.point = true,
            (None, _) => {
                self.thousands.get_or_insert(mark);
            }
        }
        true
    }

    /// # Errors
    /// A value that may be read in two ways.
    fn format(&self, settings: &Numbers, marks: bool) -> Result<NumberFormat, &'a str> {
        let decimal = settings.decimal.character().or(self.decimal);
        let none = settings.thousands == ThousandsMark::None;
        let shown = self.thousands.filter(|_| !none);
        let thousands = settings.thousands.character().or(shown);
        // A mark that separates thousands is not the decimal, and the other way round.
        let decimal = match (decimal, thousands, self.comma) {
            (Some(decimal), ..) => decimal,
            (None, Some('.'), _) => ',',
            (None, Some(_), _) | (None, None, None) => '.',
            (None, None, Some(_)) if none => ',',
            (None, None, Some(value)) => return Err(value),
        };
        let implied = match decimal {
            '.' => self.comma.map(|_| ','),
            _ => self.point.then_some('.'),
        };
        let thousands = thousands.or(implied.filter(|_| !none));
        Ok(NumberFormat { decimal, thousands, marks })
    }
}

#[cfg(test)]
mod tests;
