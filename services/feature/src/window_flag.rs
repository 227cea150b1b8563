//! Flags of components over windows.

use std::collections::BTreeMap;

use anomal_components::{
    Computation, FlagHits, FlagWindow, Input, Inputs, TimedRow, Window, decode_states,
};
use anomal_core::{Cancel, Error, FrozenStates, Result, Scope, column_of_view, proto::DataType};
use anomal_registry::ParameterError;
use anomal_spec::Flag;
use polars::prelude::{Column, DataType as Dtype};

use crate::{aggregate::frozen_by_name, columns::Columns, keyed::RowOrder, step::Work};

/// A flag that judges each row by the window that ends with it.
pub(crate) struct WindowFlag {
    pub computation: Computation,
    pub inputs: Vec<Option<String>>,
    window: Window,
    /// The column with the times of rows.
    pub time: String,
}

/// Binds a flag to its window. `work`: the flag over all rows.
///
/// # Errors
/// `InvalidSettings` with the path: the flag has no windows.
pub(crate) fn bind_window(
    flag: &Flag,
    window: &str,
    work: Work,
    component_inputs: &[Input],
    path: &str,
    columns: &mut Columns<'_>,
) -> Result<(Work, Scope)> {
    let computation = match &work {
        Work::Component { computation, .. } => Some(computation),
        _ => None,
    };
    let window = check_window(flag, window, computation, path)?;
    let Work::Component { computation, inputs } = work else {
        return Err(Error::internal("a window without code"));
    };
    let name = &flag.name;
    let time = columns.read_time(name)?;
    for (input, column) in component_inputs.iter().zip(&inputs) {
        let of_time = input.types == [DataType::Datetime];
        if let Some(column) = column.as_deref().filter(|_| of_time)
            && column_of_view(column) != column_of_view(&time)
        {
            let (column, time) = (column_of_view(column), column_of_view(&time));
            let message = format!(
                "over windows, the time of a row is that of `timeColumn`, `{time}`, and not `{column}`; name the same column"
            );
            return Err(Error::settings(
                format!("{path}.dataNeeded"),
                "DATA_NEEDED_INVALID",
                message,
            ));
        }
    }
    let flag = WindowFlag { computation, inputs, window, time };
    let scope = columns.keyed_scope(flag.reads().iter().map(String::as_str));
    Ok((Work::Window(Box::new(flag)), scope))
}

/// The window of a flag. `computation`: the flag over all rows, if code computes it.
///
/// # Errors
/// `InvalidSettings` with the path: the flag has no windows.
pub(crate) fn check_window(
    flag: &Flag,
    window: &str,
    computation: Option<&Computation>,
    path: &str,
) -> Result<Window> {
    let place = format!("{path}.window");
    let invalid = |message: String| Error::settings(place.as_str(), "WINDOW_INVALID", message);
    let seconds = anomal_spec::seconds(window).ok_or_else(|| {
        invalid(format!("`{window}` is not a duration, such as 30s, 5m, 1h, 7d or 2w"))
    })?;
    let micros = i64::try_from(seconds.saturating_mul(1_000_000)).unwrap_or(i64::MAX);
    let window = Window::new(micros);
    let Some(computation) = computation else {
        return Err(invalid("`window` is for aggregation flags of packs with code; an expression, and a pack's `aggregate`, \
                            name their own; remove it here".into()));
    };
    let name = &flag.name;
    let state =
        computation.over(window).map_err(|ParameterError { parameter, message, .. }| {
            Error::settings(format!("{path}.params.{parameter}"), "PARAMETER_INVALID", message)
        })?;
    if state.is_none() {
        let message = format!(
            "`{name}` has no windows: it is a direct flag, or needs all rows at once; remove this"
        );
        return Err(invalid(message));
    }
    Ok(window)
}

impl WindowFlag {
    /// The columns that it reads.
    pub fn reads(&self) -> Vec<String> {
        self.inputs.iter().flatten().chain([&self.time]).cloned().collect()
    }

    pub fn names_mut(&mut self) -> impl Iterator<Item = &mut String> {
        self.inputs.iter_mut().flatten().chain([&mut self.time])
    }

    /// The hits of rows, of which `ids` are the numbers and `times` the times. `state`: that of the rows before, where
    /// there are any or more follow.
    ///
    /// # Errors
    /// `Cancelled`; `InvalidRequest` for a damaged state.
    pub fn hits(
        &self,
        (ids, times): (&[u64], &Column),
        inputs: &Inputs<'_>,
        state: Option<&mut WindowState>,
        order: RowOrder,
        facts: usize,
        cancel: &Cancel,
    ) -> Result<FlagHits> {
        let times = times.to_physical_repr().cast(&Dtype::Int64)?;
        let timed = times.i64()?.iter().enumerate();
        let timed = timed.filter_map(|(row, time)| Some(TimedRow { time: time?, row }));
        let mut rows: Vec<TimedRow> = timed.collect();
        match order {
            RowOrder::Time => rows.sort_unstable_by_key(|row| (row.time, ids[row.row])),
            RowOrder::Arrival => rows.sort_unstable_by_key(|row| ids[row.row]),
        }
        let mut of_call = WindowState::default();
        let state = state.unwrap_or(&mut of_call);
        state.live(self)?.hits(inputs, &rows, cancel)?.checked(inputs.rows(), facts)
    }
}

/// The states of flags, by their names.
#[derive(Default)]
pub(crate) struct WindowStates(BTreeMap<String, WindowState>);

impl WindowStates {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn of_flag(&mut self, name: &str) -> &mut WindowState {
        self.0.entry(name.to_owned()).or_default()
    }

    /// In bytes.
    ///
    /// # Errors
    /// `Internal`.
    pub fn memory(&self) -> Result<u64> {
        self.0.values().map(WindowState::memory).sum()
    }

    /// Forgets the half of the keys of each flag that were seen longest ago, and returns how many these are.
    pub fn forget_half(&mut self) -> u64 {
        let live = self.0.values_mut().filter_map(|state| match state {
            WindowState::Live(live) => Some(live),
            _ => None,
        });
        live.map(|live| live.forget_half()).sum()
    }

    pub fn freeze(&self) -> FrozenStates {
        let states = self.0.iter().map(|(name, state)| (name.clone(), state.freeze()));
        frozen_by_name(states.collect())
    }

    /// # Errors
    /// `InvalidRequest` if it is damaged. The state of a flag is decoded with its first rows.
    pub fn restore(snapshot: &[u8]) -> Result<Self> {
        let states: Vec<(String, Vec<u8>)> = decode_states(snapshot)?;
        let states = states.into_iter().map(|(name, bytes)| (name, WindowState::Snapshot(bytes)));
        Ok(Self(states.collect()))
    }
}

/// The state of a flag.
#[derive(Default)]
pub(crate) enum WindowState {
    #[default]
    Empty,
    Snapshot(Vec<u8>),
    Live(Box<dyn FlagWindow>),
}

impl WindowState {
    fn live(&mut self, flag: &WindowFlag) -> Result<&mut Box<dyn FlagWindow>> {
        if !matches!(self, Self::Live(_)) {
            let new = flag.computation.over(flag.window).ok().flatten();
            let mut live = new.ok_or_else(|| Error::internal("a flag without windows"))?;
            if let Self::Snapshot(bytes) = self {
                live.restore(bytes)?;
            }
            *self = Self::Live(live);
        }
        match self {
            Self::Live(live) => Ok(live),
            _ => Err(Error::internal("a flag without a state")),
        }
    }

    fn memory(&self) -> Result<u64> {
        match self {
            Self::Empty => Ok(0),
            Self::Snapshot(bytes) => Ok(bytes.len() as u64),
            Self::Live(live) => live.memory(),
        }
    }

    fn freeze(&self) -> FrozenStates {
        let bytes = match self {
            Self::Empty => Vec::new(),
            Self::Snapshot(bytes) => bytes.clone(),
            Self::Live(live) => return live.freeze(),
        };
        FrozenStates::new(move || Ok(bytes))
    }
}
