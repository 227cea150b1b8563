//! Lines as single texts.

use std::sync::LazyLock;

use anomal_core::Result;
use anomal_spec::{ColumnType, TypeSetting};

use super::line::{Bad, LineCutter, LineFormat, LogLine};
use crate::{dialect::CellBuffer, typing::NullValues};

pub(super) const MESSAGE: &str = "message";

/// The format of lines that are not divided.
pub(super) struct PlainLines;

static COLUMNS: LazyLock<[String; 1]> = LazyLock::new(|| [MESSAGE.to_owned()]);

impl LineFormat for PlainLines {
    fn columns(&self) -> &[String] {
        &*COLUMNS
    }

    fn nulls(&self) -> NullValues {
        NullValues::new(&[String::new()])
    }

    fn declared(&self, _: &str) -> Option<TypeSetting> {
        Some(ColumnType::String.into())
    }

    fn cutter(&self) -> Box<dyn LineCutter + '_> {
        Box::new(WholeLine)
    }
}

struct WholeLine;

impl LineCutter for WholeLine {
    fn cut(&mut self, line: LogLine<'_>, cells: &mut CellBuffer) -> Result<(), Bad> {
        line.push(cells, (0, line.as_str().len()));
        Ok(())
    }
}
