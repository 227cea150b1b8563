//! The types of columns: inferred from a sample or set by the settings, and the typed forms of what was read.

mod cell_text;
mod classes;
mod infer;
mod lists;
mod nulls;
mod places;
mod rules;
mod stored;
mod times;
mod view;

pub(crate) use cell_text::{CellText, ZeekKind, ZeekText, unescape};
pub(crate) use classes::{Class, Classes, EXACT, is_whole};
pub(crate) use infer::{INFER_FROM, Inference, SampleValue};
pub(crate) use nulls::{NullValues, NullWords};
pub(crate) use places::Detected;
pub(crate) use rules::TypeRules;
pub(crate) use stored::{texts, type_of};
pub(crate) use times::{TimeSettings, readings, resolve_years, years};
pub(crate) use view::{Misfits, TypeMismatch, View, mismatch_message, type_columns};
