//! What becomes of values that are not of their column's type.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use anomal_core::proto::{Column, DataType, Diagnostic};
use anomal_spec::{Numbers, Strays};

use super::{
    classes::{Class, Classes, Kind},
    infer::Inference,
    nulls::{NullValues, NullWords},
    places::{Detected, detect},
    view::View,
};
use crate::{datetime::TimeDetection, findings::TypeFindings, json_text};

/// The name under which numbers that no 64-bit float can hold are counted.
const BEYOND: &str = "numbers beyond 1.8e308";

/// How the values of an input are read as types.
#[derive(Clone, Debug)]
pub(crate) struct TypeRules {
    pub nulls: NullValues,
    pub words: NullWords,
    pub strays: Strays,
    /// Whether texts are JSON values.
    pub json: bool,
    /// What the settings say of numbers that are not written plainly, for inputs that have such.
    pub numbers: Option<Numbers>,
    pub findings: TypeFindings,
    /// The types of columns for which a model was fitted.
    pub fitted: Arc<BTreeMap<String, DataType>>,
}

/// What becomes of a value.
pub(super) enum Misfit {
    /// It is a word for a missing value.
    Word(String),
    /// It counts as missing.
    Stray,
    /// The column needs a wider type.
    Widen(Class),
    /// Its record is rejected.
    Bad,
}

impl TypeRules {
    /// For inputs whose values have types: nothing is a misfit.
    pub fn typed() -> Self {
        Self {
            nulls: NullValues::default(),
            words: NullWords::none(),
            strays: Strays::Bad,
            json: false,
            numbers: None,
            findings: TypeFindings::default(),
            fitted: Arc::default(),
        }
    }

    /// The content of a JSON string, other values and other inputs' as they are.
    pub fn plain<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.json { json_text::plain(text) } else { text.into() }
    }

    /// The class of a value of an input of this kind.
    pub fn class(&self, text: &str) -> Class {
        if self.json { json_text::class(text) } else { Class::classify(text) }
    }

    /// Whether a text is a word for a missing value in a column of this view.
    pub fn is_word(&self, text: &str, inferred: bool) -> bool {
        // The built-in words are a guess, and what the settings give is no guess.
        (inferred || matches!(self.words, NullWords::Listed(_))) && self.words.contains(text)
    }

    /// Decides about a text that the reader of its column did not take.
    pub(super) fn misfit(&self, text: &str, view: &View) -> Misfit {
        let plain = self.plain(text);
        if self.is_word(&plain, view.inferred.is_some()) {
            return Misfit::Word(plain.into_owned());
        }
        let Some(classes) = view.inferred else { return Misfit::Bad };
        let class = match self.class(text) {
            // One in another format: the column is text.
            Class::Datetime if classes.kind() == Kind::Datetime => Class::Text,
            class => class,
        };
        let wider = (classes | class.into()).kind();
        let widens = match (classes.kind(), wider) {
            (Kind::Number, Kind::Number) => return Misfit::Word(BEYOND.to_owned()),
            (Kind::Integer, Kind::Number | Kind::Code)
            | (Kind::Number, Kind::Code)
            | (Kind::Boolean, _) => true,
            _ => self.strays == Strays::Text,
        };
        if class == Class::Text && self.is_marked(text, view, classes) {
            return Misfit::Widen(Class::Marked);
        }
        match self.strays {
            _ if widens && self.findings.can_restart() => Misfit::Widen(class),
            Strays::Missing => Misfit::Stray,
            Strays::Text | Strays::Bad => Misfit::Bad,
        }
    }

    /// Takes the type that a model was fitted with, if there is one.
    pub fn take_fitted(&self, column: &str, inference: &mut Inference) {
        if let Some(fitted) = self.fitted.get(column) {
            inference.take_fitted(*fitted);
        }
    }

    /// Whether a text is a number with marks for which another attempt reads the column. One attempt for each column:
    /// where the numbers of the sample are not of the same format, it is none.
    fn is_marked(&self, text: &str, view: &View, classes: Classes) -> bool {
        let plain = view.format.is_none() && matches!(classes.kind(), Kind::Integer | Kind::Number);
        let Some(numbers) = self.numbers.filter(|_| plain && self.findings.can_restart()) else {
            return false;
        };
        self.findings.marked(&view.source).is_none()
            && detect(std::iter::once(text), &numbers, 0) != Detected::None
    }

    /// Whether values behind the sample have shown that the column needs a wider type.
    pub fn has_widened(&self, column: &str) -> bool {
        self.findings.widened(column) != Classes::default()
    }

    /// The classes of a column: those of the sample, those that attempts before have shown, and decimals where whole
    /// numbers can't be distinguished from decimals behind the sample.
    pub fn widened(&self, column: &str, sample: Classes, rereadable: bool) -> Classes {
        let shown = self.findings.widened(column);
        let classes = match sample.kind() {
            // JSON values of other types may have shown that they need another storage, and are strays.
            Kind::Integer | Kind::Number | Kind::Code if self.strays != Strays::Text => {
                sample | shown.iter().filter(|class| class.is_numeric()).collect()
            }
            Kind::Datetime if self.strays != Strays::Text => sample,
            _ => sample | shown,
        };
        let whole = classes == Class::Integer.into();
        if whole && self.findings.whole_numbers_are_numbers(rereadable) {
            return classes | Class::Number.into();
        }
        classes
    }

    /// Notes what a sample has shown of a column that is selected with a type.
    ///
    /// `place`: the file and line of a record of the sample.
    pub fn note(
        &self,
        driver: &str,
        selected: &Column,
        inference: &Inference,
        place: impl Fn(usize) -> String,
    ) {
        let column = &selected.name;
        let note = |reason: &str, message: String| {
            self.findings.note(Diagnostic {
                path: driver.to_owned(),
                reason: reason.to_owned(),
                message,
                count: 0,
            });
        };
        if let Some((class, text, record)) = inference.codes.first()
            && let Some(reason) = class.code_reason()
        {
            let place = place(*record);
            let remedy = match class {
                Class::Hexadecimal => "numbers are read in decimal form alone".to_owned(),
                _ => format!("`types: {{{column}: float}}` reads numbers"),
            };
            note(
                "CODE",
                format!("`{column}` is text because of {reason} ({place}: `{text}`); {remedy}"),
            );
        }
        if let Some(format) = inference.format {
            note(
                "MARKED_NUMBERS",
                format!(
                    "`{column}` is read as numbers with {}; `numbers` sets how numbers are written, and `types: {{{column}: \
                     string}}` reads text",
                    format.describe()
                ),
            );
        }
        match &inference.doubt {
            Some(Detected::Ambiguous(value)) => note(
                "AMBIGUOUS_NUMBER",
                format!(
                    "`{column}` is text, since `{value}` may have a decimal comma or separate thousands; `numbers: {{decimal: \
                     \",\"}}` or `numbers: {{thousands: \",\"}}` decides"
                ),
            ),
            Some(Detected::Currencies(first, second)) => note(
                "CURRENCIES",
                format!(
                    "`{column}` is text, since its values are in `{first}` and `{second}`; an expression can bring them to one \
                     currency"
                ),
            ),
            _ => {}
        }
        if let TimeDetection::Doubt(doubt) = &inference.time
            && selected.data_type() == DataType::String
        {
            let message = doubt.message(column, &place);
            note(doubt.reason(), format!("`{column}` is text, since {message}"));
        }
        let unread = inference.mixed.filter(|_| inference.doubt.is_none());
        if let Some((numbers, others)) = unread {
            note(
                "MIXED",
                format!(
                    "`{column}` is text: {numbers} of the first {} values are numbers and {others} are not; `types: \
                     {{{column}: float}}` reads numbers and rejects records with others, and nullWords names texts that \
                     count as missing",
                    numbers + others
                ),
            );
        }
        let integer = selected.data_type() == DataType::Integer;
        if integer && inference.classes.contains(Class::BigInteger) {
            note(
                "BIG_NUMBER",
                format!(
                    "`{column}` has whole numbers beyond 2^53, which can't be distinguished as numbers; use kind: categorical"
                ),
            );
        }
    }
}
