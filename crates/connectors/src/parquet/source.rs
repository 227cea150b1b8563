//! Reads Parquet files as they are and, beside them, the selected columns with types.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use anomal_core::{
    Code, Error, Position, Result,
    proto::{Column, DataType, Diagnostic},
};
use anomal_dataflow::{Reader, Source, Split};
use anomal_spec::{ParquetInput, suggestion};
use polars::prelude::{DataFrame, Schema};

use super::{
    convert::{Misfit, ReadMode},
    file::ParquetFile,
    members::{self, MemberPath},
    reader::ParquetReader,
};
use crate::{
    files::Files,
    findings::TypeFindings,
    remote::Access,
    source::{OpenOptions, data_type, resume},
    typing::{Class, INFER_FROM, TimeSettings, View, type_of},
};

pub(crate) struct ParquetSource {
    files: Arc<Files>,
    batch_rows: usize,
    /// The first file.
    first: Arc<ParquetFile>,
    schema: Vec<Column>,
    columns: Arc<SourceColumns>,
    /// The types of columns in the file, where the settings give others.
    own_types: BTreeMap<String, DataType>,
    input: ParquetInput,
    views: Vec<View>,
    findings: TypeFindings,
}

/// The columns of the first file, which those of the others become.
#[derive(Clone)]
pub(super) struct SourceColumns {
    pub native: Schema,
    /// The places of those that are read, ascending.
    pub kept: Vec<usize>,
    pub modes: BTreeMap<String, ReadMode>,
    /// Members of structs by the names of their columns.
    pub members: BTreeMap<String, MemberPath>,
}

impl ParquetSource {
    pub fn open(input: &ParquetInput, options: &OpenOptions) -> Result<Self> {
        if input.path == "-" {
            return Err(Error::settings(
                "input.parquet.path",
                "NOT_SEEKABLE",
                "a Parquet file is read from its end, which is not possible on standard input; name a file",
            ));
        }
        let secrets = &options.secrets;
        let access = Access { place: "input.parquet", auth: input.auth.as_ref(), secrets };
        let files = Files::find(&input.path, &[".parquet"], &access)?;
        let findings = options.findings.for_files(&files);
        let first = ParquetFile::open(&files.name(0), files.open_file(0)?)?;
        let (modes, long) = sample(&first, &findings)?;
        let native = first.schema(&modes)?;
        let members = members::find(&native);
        let of_struct = |name: &str, dtype: &polars::prelude::DataType| {
            let members = members.iter().filter(move |(_, path)| path.column == name);
            let column = |name: &str, dtype| {
                let is_long = long.iter().any(|long| long == name)
                    || findings.widened(name).contains(Class::Long);
                let data_type = if is_long { DataType::Float } else { type_of(dtype) };
                Column { name: name.to_owned(), data_type: data_type.into() }
            };
            let columns = members.map(|(name, path)| column(name, &path.dtype));
            std::iter::once(column(name, dtype)).chain(columns).collect::<Vec<_>>()
        };
        let mut schema: Vec<Column> =
            native.iter().flat_map(|(name, dtype)| of_struct(name, dtype)).collect();
        for column in &first.unsupported {
            let (name, why) = (column.name.as_str(), column.unsupported.as_deref());
            note(
                &findings,
                "UNSUPPORTED_TYPE",
                format!(
                    "`{name}` is left out, since {} is not supported",
                    why.unwrap_or("its type")
                ),
            );
            schema.push(Column { name: name.to_owned(), data_type: DataType::String.into() });
        }
        let own_types = set_types(&mut schema, input)?;
        Ok(Self {
            files: Arc::new(files),
            batch_rows: options.batch_rows,
            first: Arc::new(first),
            schema,
            columns: Arc::new(SourceColumns {
                kept: (0..native.len()).collect(),
                native,
                modes,
                members,
            }),
            own_types,
            input: input.clone(),
            views: Vec::new(),
            findings,
        })
    }

    /// How a selected column is read.
    fn view(&self, column: &Column) -> Result<View> {
        let mut view = View::new(column);
        let given = self.input.types.get(&view.source);
        view.set_list(given);
        if let Some(own) = self.own_types.get(&view.source)
            && view.data_type == DataType::Datetime
        {
            let times = TimeSettings::for_parquet(&self.input);
            view.times = times.typed_reader(&view.source, *own)?;
        }
        Ok(view)
    }
}

/// Gives columns the types of the settings. Returns those that they have in the file.
///
/// # Errors
/// `InvalidSettings` if there is no such column.
fn set_types(schema: &mut [Column], input: &ParquetInput) -> Result<BTreeMap<String, DataType>> {
    let mut own_types = BTreeMap::new();
    for (name, setting) in &input.types {
        let Some(column) = schema.iter_mut().find(|column| column.name == *name) else {
            let hint = suggestion(name, schema.iter().map(|column| column.name.as_str()));
            let message = format!("there is no column `{name}`; {hint}");
            let path = format!("input.parquet.types.{name}");
            return Err(Error::settings(path, "COLUMN_MISSING", message));
        };
        own_types.insert(name.clone(), column.data_type());
        column.data_type = data_type(setting.column_type()).into();
    }
    for (name, own) in &own_types {
        TimeSettings::for_parquet(input).typed_reader(name, *own)?;
    }
    Ok(own_types)
}

pub(super) fn note(findings: &TypeFindings, reason: &str, message: String) {
    findings.note(Diagnostic {
        path: "input.parquet".to_owned(),
        reason: reason.to_owned(),
        message,
        count: 0,
    });
}

/// Reads the first rows of columns whose way of reading depends on their values. Returns the ways, and the columns with
/// whole numbers beyond 64 bits with a sign.
fn sample(
    file: &ParquetFile,
    findings: &TypeFindings,
) -> Result<(BTreeMap<String, ReadMode>, Vec<String>)> {
    let places: Vec<usize> =
        (0..file.columns.len()).filter(|place| file.columns[*place].depends_on_values()).collect();
    let mut modes = BTreeMap::new();
    let mut long = Vec::new();
    for place in &places {
        let name = file.columns[*place].name.to_string();
        let shown = findings.widened(&name);
        if shown.contains(Class::Long) {
            long.push(name.clone());
        }
        let mode = ReadMode {
            micros: shown.contains(Class::Beyond),
            hexadecimal: shown.contains(Class::Hexadecimal),
        };
        modes.insert(name, mode);
    }
    if places.is_empty() {
        return Ok((modes, long));
    }
    let ways = file.modes(&modes);
    let rows = file.read(0..file.height().min(INFER_FROM), &places, &ways)?;
    for (place, _, misfit) in rows.misfits {
        let name = file.columns[place].name.as_str();
        let Some(mode) = modes.get_mut(name) else { continue };
        match misfit {
            Misfit::FarTime(_) => mode.micros = true,
            Misfit::NoText(_) => mode.hexadecimal = true,
        }
    }
    for column in rows.frame.columns() {
        let Ok(numbers) = column.u64() else { continue };
        if numbers.iter().flatten().any(|number| i64::try_from(number).is_err()) {
            long.push(column.name().to_string());
        }
    }
    Ok((modes, long))
}

impl Source for ParquetSource {
    fn schema(&self) -> &[Column] {
        &self.schema
    }

    fn select(&mut self, columns: &[Column]) -> Result<()> {
        self.views = columns.iter().map(|column| self.view(column)).collect::<Result<_>>()?;
        for column in columns {
            let name = View::new(column).source;
            let unsupported = self.first.unsupported.iter();
            if let Some(column) = unsupported.into_iter().find(|column| column.name == name) {
                let message = format!(
                    "column `{name}` of {} can't be read, since {} is not supported; leave it out of the settings, or \
                     write the file with another type",
                    self.files.name(0),
                    column.unsupported.as_deref().unwrap_or("its type"),
                );
                return Err(Error::new(Code::InvalidInput, "UNSUPPORTED_TYPE", message));
            }
            let unsigned =
                self.columns.native.get(&name) == Some(&polars::prelude::DataType::UInt64);
            if unsigned && column.data_type() == DataType::Float {
                note(&self.findings, "BIG_NUMBER", big_number(&name));
            }
        }
        Ok(())
    }

    fn keep_only(&mut self, columns: &[String]) {
        let members = &self.columns.members;
        let of_view = |view: &View| match members.get(&view.source) {
            Some(path) => path.column.clone(),
            None => view.source.clone(),
        };
        let read: Vec<String> =
            self.views.iter().map(of_view).chain(columns.iter().cloned()).collect();
        let names = self.columns.native.iter_names().enumerate();
        let kept = names.filter(|(_, name)| read.iter().any(|read| read == name.as_str()));
        let kept: Vec<usize> = kept.map(|(place, _)| place).collect();
        if !kept.is_empty() {
            Arc::make_mut(&mut self.columns).kept = kept;
        }
    }

    fn open(&mut self, _: &Split, from: Option<Position>) -> Result<Box<dyn Reader>> {
        let reader = ParquetReader::new(
            Arc::clone(&self.files),
            self.batch_rows,
            Arc::clone(&self.first),
            Arc::clone(&self.columns),
            self.views.clone(),
            self.findings.clone(),
        );
        Ok(resume(Box::new(reader), from))
    }

    fn empty(&self) -> DataFrame {
        DataFrame::empty_with_schema(&self.columns.native)
    }

    fn files(&self) -> &[PathBuf] {
        &self.files.paths
    }
}

pub(super) fn big_number(column: &str) -> String {
    format!(
        "`{column}` has whole numbers beyond 2^53, which can't be distinguished as numbers; use kind: categorical"
    )
}
