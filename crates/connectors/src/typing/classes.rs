//! The classes of values that a column's type is inferred from.
//!
//! Each value is in exactly one class; a column has the set of the classes of its values. Sets are joined by union, so
//! that the order of the values does not matter.

use std::ops::{BitOr, BitOrAssign};

use crate::datetime;

/// Whole numbers up to this size, 2^53, are exact as 64-bit floats.
pub(crate) const EXACT: u64 = 1 << 53;

/// The narrowest description of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum Class {
    /// A whole number up to 2^53 in its shortest form: `0`, `-17`.
    Integer,
    /// A larger one that fits in 64 bits.
    BigInteger,
    /// A decimal (`1.5`, `.5`, `5.`), also with an exponent (`1.2e5`, `1e-7`).
    Number,
    /// `true` or `false` in any case.
    Boolean,
    Datetime,
    /// Digits with a leading zero: `007`.
    LeadingZero,
    /// A whole number with a plus sign: `+49151`.
    PlusSign,
    /// A whole number beyond 64 bits.
    Long,
    /// Digits around an E without a sign: `12E5`. A number only in a column of decimals.
    Exponent,
    /// `0x1f`.
    Hexadecimal,
    /// A decimal that no 64-bit float can hold: `1.5e999`. Missing in a column of numbers.
    Beyond,
    Text,
    /// A text that is a number with marks, such as `1,200.00`, in a column of plain numbers. No text by itself is of this
    /// class: it asks for another attempt with the number in the sample.
    Marked,
}

impl Class {
    const ALL: [Self; 13] = [
        Self::Integer,
        Self::BigInteger,
        Self::Number,
        Self::Boolean,
        Self::Datetime,
        Self::LeadingZero,
        Self::PlusSign,
        Self::Long,
        Self::Exponent,
        Self::Hexadecimal,
        Self::Beyond,
        Self::Text,
        Self::Marked,
    ];

    /// The class of a text without blanks around it.
    pub fn classify(text: &str) -> Self {
        let Some(first) = text.bytes().next() else { return Self::Text };
        if (first.is_ascii_digit() || matches!(first, b'-' | b'+' | b'.'))
            && let Some(class) = classify_number(text)
        {
            return class;
        }
        if boolean(text).is_some() {
            Self::Boolean
        } else if datetime::parse(text).is_some() {
            Self::Datetime
        } else {
            Self::Text
        }
    }

    /// The class of a number of a JSON document, in which exponents are never codes.
    pub fn classify_json(token: &str) -> Self {
        match Self::classify(token) {
            Self::Exponent if number(token).is_some() => Self::Number,
            Self::Exponent => Self::Beyond,
            class => class,
        }
    }

    /// Whether a text of this class looks like a number.
    pub fn is_numeric(self) -> bool {
        !matches!(self, Self::Boolean | Self::Datetime | Self::Text | Self::Marked)
    }

    pub fn is_integer(self) -> bool {
        matches!(self, Self::Integer | Self::BigInteger)
    }

    /// A name by which [`Class::from_name`] finds it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Integer => "integer",
            Self::BigInteger => "big integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Datetime => "datetime",
            Self::LeadingZero => "leading zero",
            Self::PlusSign => "plus sign",
            Self::Long => "long",
            Self::Exponent => "exponent",
            Self::Hexadecimal => "hexadecimal",
            Self::Beyond => "beyond",
            Self::Text => "text",
            Self::Marked => "marked",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }

    /// Why a column with such values is text, if they look like numbers: a clause for messages.
    pub fn code_reason(self) -> Option<&'static str> {
        Some(match self {
            Self::LeadingZero => "leading zeros",
            Self::PlusSign => "plus signs",
            Self::Long => "whole numbers beyond 64 bits",
            Self::Exponent => "digits around an E, as in identifiers",
            Self::Hexadecimal => "hexadecimal numbers",
            Self::BigInteger => "decimals beside whole numbers beyond 2^53",
            _ => return None,
        })
    }
}

/// A set of classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Classes(u16);

/// The type of a column with a set of classes, from narrow to wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// No values.
    Empty,
    Integer,
    Number,
    Boolean,
    Datetime,
    /// Text that looks like numbers, and would lose characters as such.
    Code,
    Text,
}

impl From<Class> for Classes {
    fn from(class: Class) -> Self {
        Self(1 << class as u8)
    }
}

impl BitOr for Classes {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Classes {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}

impl FromIterator<Class> for Classes {
    fn from_iter<I: IntoIterator<Item = Class>>(classes: I) -> Self {
        classes.into_iter().fold(Self::default(), |all, class| all | class.into())
    }
}

impl Classes {
    const INTEGERS: u16 = 1 << Class::Integer as u8 | 1 << Class::BigInteger as u8;
    const NUMBERS: u16 = 1 << Class::Integer as u8
        | 1 << Class::Number as u8
        | 1 << Class::Exponent as u8
        | 1 << Class::Beyond as u8;
    const CODES: u16 = Self::INTEGERS
        | Self::NUMBERS
        | 1 << Class::LeadingZero as u8
        | 1 << Class::PlusSign as u8
        | 1 << Class::Long as u8
        | 1 << Class::Hexadecimal as u8;

    pub fn contains(self, class: Class) -> bool {
        self.0 & Self::from(class).0 != 0
    }

    pub fn iter(self) -> impl Iterator<Item = Class> {
        Class::ALL.into_iter().filter(move |class| self.contains(*class))
    }

    fn is_within(self, others: u16) -> bool {
        self.0 & !others == 0
    }

    pub fn kind(self) -> Kind {
        // Not every set of these is one of numbers: `12E5` beside whole numbers is a code.
        let decimal = self.contains(Class::Number)
            || self.contains(Class::Beyond) && self.contains(Class::Integer);
        if self.0 == 0 {
            Kind::Empty
        } else if self.is_within(Self::INTEGERS) {
            Kind::Integer
        } else if decimal && self.is_within(Self::NUMBERS) {
            Kind::Number
        } else if self == Class::Boolean.into() {
            Kind::Boolean
        } else if self == Class::Datetime.into() {
            Kind::Datetime
        } else if self != Class::Beyond.into() && self.is_within(Self::CODES) {
            Kind::Code
        } else {
            Kind::Text
        }
    }
}

/// The class of a text that begins as a number does; nothing for other texts.
fn classify_number(text: &str) -> Option<Class> {
    let bytes = text.as_bytes();
    let (plus, body) = match bytes[0] {
        b'+' => (true, &bytes[1..]),
        b'-' => (false, &bytes[1..]),
        _ => (false, bytes),
    };
    if body.starts_with(b"0x") || body.starts_with(b"0X") {
        let digits = &body[2..];
        let hexadecimal = !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit);
        return hexadecimal.then_some(Class::Hexadecimal);
    }
    let whole = digits(body);
    let rest = &body[whole..];
    let zeros = whole > 1 && body[0] == b'0';
    if rest.is_empty() {
        return Some(match text.parse::<i64>() {
            _ if whole == 0 => return None,
            _ if zeros => Class::LeadingZero,
            _ if plus => Class::PlusSign,
            Ok(number) if number.unsigned_abs() > EXACT => Class::BigInteger,
            Ok(_) => Class::Integer,
            Err(_) => Class::Long,
        });
    }
    let point = rest[0] == b'.';
    let fraction = if point { digits(&rest[1..]) } else { 0 };
    if whole + fraction == 0 {
        return None;
    }
    let rest = &rest[usize::from(point) + fraction..];
    let exponent = match rest.split_first() {
        None => None,
        Some((b'e' | b'E', exponent)) => Some(exponent),
        Some(_) => return None,
    };
    let mut signed = false;
    if let Some(exponent) = exponent {
        signed = matches!(exponent.first(), Some(b'+' | b'-'));
        let exponent = &exponent[usize::from(signed)..];
        if exponent.is_empty() || digits(exponent) < exponent.len() {
            return None;
        }
    }
    let number = text.parse::<f64>().ok()?;
    Some(if zeros {
        Class::LeadingZero
    } else if exponent.is_some() && !point && !signed {
        Class::Exponent
    } else if number.is_finite() {
        Class::Number
    } else {
        Class::Beyond
    })
}

/// The number of digits at the start.
fn digits(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// A whole number in its shortest form, within 64 bits.
pub(crate) fn integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
    if digits.first().is_none_or(|first| *first == b'0' && digits.len() > 1 || *first == b'+') {
        return None;
    }
    text.parse().ok()
}

/// Whether a text is a whole number in its shortest form, of any size.
pub(crate) fn is_whole(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
    let zeros = digits.len() > 1 && digits[0] == b'0';
    !digits.is_empty() && !zeros && digits.iter().all(u8::is_ascii_digit)
}

/// A number of a column of numbers: finite, in one of the forms of [`Class::Integer`], [`Class::Number`] and
/// [`Class::Exponent`].
pub(crate) fn number(text: &str) -> Option<f64> {
    let bytes = text.as_bytes();
    let sign = usize::from(matches!(bytes.first()?, b'-' | b'+'));
    if bytes.get(sign) == Some(&b'0') && bytes.get(sign + 1).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let number = text.parse().ok().filter(|number: &f64| number.is_finite())?;
    // Whole numbers have more conditions, and are rarely that long.
    let plain = bytes.len() < 16 && bytes[0] != b'+';
    if !plain && digits(&bytes[sign..]) + sign == bytes.len() {
        return matches!(classify_number(text), Some(Class::Integer)).then_some(number);
    }
    Some(number)
}

pub(crate) fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
