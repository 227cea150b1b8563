//! Converts text to numbers, booleans and times, and values to the engines' five types.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use anomal_core::{
    Result, column_of_view,
    proto::{Column as Wanted, DataType as Type},
};
use anomal_spec::{ColumnType, TypeSetting};
use polars::prelude::{
    BooleanChunked, Column, DataFrame, DataType, Float64Chunked, Int64Chunked, IntoColumn,
    IntoSeries, StringChunked, TimeUnit,
};
use rayon::prelude::*;

use super::{
    cell_text::CellText,
    classes::{self, Class, Classes, Kind},
    lists::ListForm,
    places::NumberFormat,
    rules::{Misfit, TypeRules},
    stored,
};
use crate::{
    datetime::{TimeReader, TimeTally},
    json::MemberPath,
    json_text,
};

/// Characters of a cell that a message contains.
const SHOWN: usize = 80;

/// How a selected column is read.
#[derive(Clone, Debug)]
pub(crate) struct View {
    /// The name of the typed column.
    pub name: String,
    /// The column of the source.
    pub source: String,
    pub data_type: Type,
    /// The classes that an inferred type takes; none where the settings set the type.
    pub inferred: Option<Classes>,
    /// How numbers are written, if not plainly.
    pub format: Option<NumberFormat>,
    /// How times are written; none: in any format that has one reading.
    pub times: Option<Arc<TimeReader>>,
    /// The member of objects in lists of the source that it shows.
    pub member: Option<MemberPath>,
    /// How lists are written, which it shows as JSON arrays.
    pub list: Option<ListForm>,
    /// How the text of cells is read.
    pub cell_text: CellText,
}

impl View {
    /// Reads a selected column of an input whose values have types.
    pub fn new(selected: &Wanted) -> Self {
        Self {
            name: selected.name.clone(),
            source: column_of_view(&selected.name).to_owned(),
            data_type: selected.data_type(),
            inferred: None,
            format: None,
            times: None,
            member: None,
            list: None,
            cell_text: CellText::AsRead,
        }
    }

    /// Reads a selected column. `inferred`: its type and classes, if the settings do not set its type.
    pub fn with_inference(selected: &Wanted, inferred: Option<(Type, Classes)>) -> Self {
        let view = Self::new(selected);
        let inferred = inferred.filter(|(data_type, _)| *data_type == view.data_type);
        Self { inferred: inferred.map(|(_, classes)| classes), ..view }
    }

    /// Shows lists as JSON arrays if that is the type that the settings give.
    pub fn set_list(&mut self, given: Option<&TypeSetting>) {
        let given = given.filter(|given| given.column_type() == ColumnType::List);
        self.list = given.filter(|_| self.name == self.source).map(|given| ListForm {
            separator: given.details().and_then(|details| details.separator.clone()),
        });
    }

    fn column(&self, source: &DataFrame) -> Result<Column> {
        let column = match &self.member {
            None => source.column(&self.source)?.clone(),
            Some(member) => member.get(source.column(member.column())?)?,
        };
        match &self.list {
            None => Ok(column),
            Some(form) => form.normalize(&column),
        }
    }
}

/// A cell whose value is not of its column's type, and whose record is bad for that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TypeMismatch {
    /// The row in the batch.
    pub index: usize,
    pub column: String,
    text: String,
    wanted: &'static str,
}

impl TypeMismatch {
    pub fn reason(&self) -> String {
        mismatch_message(&self.text, self.wanted)
    }
}

/// Says that a value is not of the wanted type.
pub(crate) fn mismatch_message(value: &str, wanted: &str) -> String {
    format!("`{}` is not {wanted}", shown(value))
}

pub(super) fn shown(value: &str) -> String {
    value.chars().take(SHOWN).collect()
}

/// The cells of a column that its reader did not take.
#[derive(Debug, Default)]
pub(crate) struct Misfits {
    pub column: String,
    /// What its values are, for messages.
    pub wanted: &'static str,
    pub bad: Vec<TypeMismatch>,
    /// Words for missing values, with their numbers.
    pub words: BTreeMap<String, u64>,
    /// Row in the batch and text of each value that counts as missing.
    pub strays: Vec<(usize, String)>,
    /// The first value for which the column needs a wider type.
    pub widen: Option<(usize, Class, String)>,
}

/// The typed columns, and what did not fit.
pub(crate) struct TypedColumns {
    pub columns: DataFrame,
    pub misfits: Vec<Misfits>,
}

impl TypedColumns {
    /// The bad cells in row order: at most one per row, that of the first column.
    pub fn bad(&mut self) -> Vec<TypeMismatch> {
        let mut bad: Vec<TypeMismatch> =
            self.misfits.iter_mut().flat_map(|column| std::mem::take(&mut column.bad)).collect();
        bad.sort_by_key(|mismatch| mismatch.index);
        bad.dedup_by_key(|mismatch| mismatch.index);
        bad
    }
}

/// Converts the columns of `source` to the selected types, in parallel over columns.
pub(crate) fn type_columns(
    source: &DataFrame,
    views: &[View],
    rules: &TypeRules,
) -> Result<TypedColumns> {
    let columns: Vec<(Column, Misfits)> = views
        .par_iter()
        .map(|view| {
            let (column, misfits) = type_column(&view.column(source)?, view, rules)?;
            Ok((column.with_name(view.name.as_str().into()), misfits))
        })
        .collect::<Result<_>>()?;
    let (columns, misfits) = columns.into_iter().unzip();
    Ok(TypedColumns { columns: DataFrame::new(source.height(), columns)?, misfits })
}

fn type_column(column: &Column, view: &View, rules: &TypeRules) -> Result<(Column, Misfits)> {
    let kind = view.inferred.map(Classes::kind);
    let own = match &view.cell_text {
        CellText::AsRead => None,
        cell_text => Some(cell_text.read_column(column.str()?).into_owned().into_column()),
    };
    let column = own.as_ref().unwrap_or(column);
    let tokens = json_text::tokens(column)?;
    let text = match &tokens {
        // The readers of numbers and truth values distinguish 5 and "5".
        Some(tokens) if matches!(kind, Some(Kind::Integer | Kind::Number | Kind::Boolean)) => {
            Cow::Borrowed(tokens)
        }
        Some(tokens) => Cow::Owned(json_text::plain_texts(tokens)),
        None if column.dtype() == &DataType::String => Cow::Borrowed(column.str()?),
        // A number of seconds or of other units.
        None if view.times.is_some() && !column.dtype().is_temporal() => {
            Cow::Owned(column.cast(&DataType::String)?.str()?.clone())
        }
        None => return stored::cast_column(column, view, rules),
    };
    let mut reader = Reader {
        view,
        rules,
        misfits: Misfits { column: view.source.clone(), ..Misfits::default() },
    };
    let inferred = view.inferred.is_some();
    let typed = match view.data_type {
        Type::Integer => {
            let parse = if inferred { classes::integer } else { |text: &str| text.parse().ok() };
            let values: Int64Chunked = reader.read(&text, "a whole number", "whole numbers", parse);
            values.into_series()
        }
        Type::Float => {
            let values: Float64Chunked = if let Some(format) = view.format {
                let given = view.inferred.is_none();
                reader.read(&text, "a number", "numbers", |text| format.read(text, given))
            } else if inferred {
                reader.read(&text, "a number", "numbers", classes::number)
            } else {
                reader.read(&text, "a number", "numbers", |text| text.parse().ok())
            };
            values.into_series()
        }
        Type::Boolean => {
            let values: BooleanChunked =
                reader.read(&text, "true or false", "true or false", classes::boolean);
            values.into_series()
        }
        Type::Datetime => {
            let times = view.times.clone().unwrap_or_default();
            let mut tally = TimeTally::default();
            let parse = |text: &str| times.read(text, &mut tally);
            let micros: Int64Chunked = reader.read(&text, times.wanted(), "dates and times", parse);
            rules.findings.count_times(&view.source, &tally);
            micros.into_datetime(TimeUnit::Microseconds, None).into_series()
        }
        Type::String | Type::Unspecified => {
            if kind == Some(Kind::Empty) {
                reader.first_value(tokens.as_ref().unwrap_or(&text));
            }
            let misfits = reader.misfits;
            if tokens.is_none() && !rules.nulls.any(&text) {
                return Ok((column.clone(), misfits));
            }
            let values: StringChunked =
                text.iter().map(|text| text.filter(|text| !rules.nulls.contains(text))).collect();
            return Ok((values.into_column(), misfits));
        }
    };
    Ok((typed.into_column(), reader.misfits))
}

struct Reader<'a> {
    view: &'a View,
    rules: &'a TypeRules,
    misfits: Misfits,
}

impl Reader<'_> {
    /// Parses each cell. Blanks around a value are ignored; a cell of blanks alone is empty.
    fn read<T, C: FromIterator<Option<T>>>(
        &mut self,
        text: &StringChunked,
        wanted: &'static str,
        plural: &'static str,
        mut parse: impl FnMut(&str) -> Option<T>,
    ) -> C {
        self.misfits.wanted = plural;
        let value = |(index, text): (usize, Option<&str>)| {
            let text = text?.trim();
            if self.rules.nulls.contains(text) {
                return None;
            }
            let value = parse(text);
            if value.is_none() {
                self.misfit(index, text, wanted);
            }
            value
        };
        text.iter().enumerate().map(value).collect()
    }

    #[cold]
    fn misfit(&mut self, index: usize, text: &str, wanted: &'static str) {
        match self.rules.misfit(text, self.view) {
            Misfit::Word(word) => *self.misfits.words.entry(word).or_default() += 1,
            Misfit::Stray => {
                self.misfits.strays.push((index, shown(&self.rules.plain(text))));
            }
            Misfit::Widen(class) => {
                self.misfits.widen.get_or_insert((index, class, shown(text)));
            }
            Misfit::Bad => {
                let column = self.view.source.clone();
                self.misfits.bad.push(TypeMismatch { index, column, text: shown(text), wanted });
            }
        }
    }

    /// Looks for the first value of a column that had none in the sample: if it has a type, the column has it too.
    fn first_value(&mut self, text: &StringChunked) {
        if !self.rules.findings.can_restart() {
            return;
        }
        for (index, text) in text.iter().enumerate() {
            let Some(text) = text.map(str::trim) else { continue };
            if self.rules.nulls.contains(text) || self.rules.is_word(&self.rules.plain(text), true)
            {
                continue;
            }
            let class = self.rules.class(text);
            if !matches!(Classes::from(class).kind(), Kind::Code | Kind::Text) {
                self.misfits.widen = Some((index, class, shown(text)));
            }
            return;
        }
    }
}
