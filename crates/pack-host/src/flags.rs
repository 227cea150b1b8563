//! Flags of guests: of rows, and of groups.

use anomal_components::{AggregationFlag, CallContext, DirectFlag, FlagHits, Hit, Inputs, MISSING};
use anomal_core::{Cancel, Result};
use wasmtime::component::ComponentExportIndex;

use crate::{
    buffers::{ColumnBuffers, Kind, decode_rows},
    call::{Calls, Task},
    components::rows_of,
    error::{Failure, FailureKind},
    groups::Groups,
    instance::Instance,
    limits::{MAX_FOUND, MAX_MESSAGE, shorten},
    rows::{EncodedRows, Rows},
    world::WireHits,
};

/// A flag of rows.
pub(crate) struct GuestFlag(pub Task);

/// A flag of groups.
pub(crate) struct GuestGroupFlag(pub Task);

impl DirectFlag for GuestFlag {
    fn hits(&self, inputs: &Inputs<'_>) -> Result<FlagHits> {
        let rows = rows_of(&self.0, inputs)?;
        let found = hits(&self.0, &rows, inputs.context(), &|instance, call| {
            let answer = self.0.max_answer(call);
            let (answer,) = instance.call(self.function(), (&*call.wire(),), answer)?;
            Ok(answer)
        })?;
        let Rows::Distinct(dictionary) = &rows else { return Ok(found.into()) };
        let mut by_code: Vec<Option<&str>> = vec![None; dictionary.len()];
        for (code, value) in &found {
            by_code[*code] = Some(value);
        }
        let codes = dictionary.codes().iter().enumerate();
        let codes = codes.filter(|(_, code)| **code != MISSING);
        let hit = |(row, code): (usize, &u32)| Some((row, by_code[*code as usize]?.to_owned()));
        Ok(codes.filter_map(hit).collect::<Vec<Hit>>().into())
    }
}

impl GuestFlag {
    fn function(&self) -> &ComponentExportIndex {
        &self.0.guest.exports.flag
    }
}

impl AggregationFlag for GuestGroupFlag {
    fn hits(&self, inputs: &Inputs<'_>, _: &Cancel) -> Result<FlagHits> {
        let rows = Rows::Groups(Groups::new(inputs, &self.0.component.inputs)?);
        let function = &self.0.guest.exports.group_flag;
        let found = hits(&self.0, &rows, inputs.context(), &|instance, call| {
            let answer = self.0.max_answer(call);
            let groups = call.groups.as_slice();
            let (answer,) = instance.call(function, (&*call.wire(), groups), answer)?;
            Ok(answer)
        })?;
        let Rows::Groups(groups) = &rows else { return Ok(FlagHits::default()) };
        let mut found: Vec<Hit> =
            found.into_iter().map(|(row, value)| (groups.row(row), value)).collect();
        found.sort_unstable();
        Ok(found.into())
    }
}

/// The hits of all rows, which are distinct values, rows, or sorted rows of groups.
fn hits(
    task: &Task,
    rows: &Rows,
    context: Option<&CallContext<'_>>,
    call: &(
         dyn Fn(&mut Instance, &EncodedRows) -> Result<Result<WireHits, String>, Failure> + Sync
     ),
) -> Result<Vec<Hit>> {
    let function = |instance: &mut Instance, columns: &EncodedRows| {
        let answer = call(instance, columns)?;
        let answer = answer.map_err(|message| {
            Failure::Call(FailureKind::Failed, shorten(&message, MAX_MESSAGE))
        })?;
        decode(answer, columns.rows, task.max_text(columns)).map_err(Failure::answer)
    };
    let calls = Calls {
        task,
        rows,
        context,
        function: &function,
        same: |one, other| one == other,
        missing: &|_| Ok(Vec::new()),
    };
    let pieces = calls.run()?.into_iter();
    let hits = pieces.flat_map(|(units, hits): (_, Vec<Hit>)| {
        let first = match rows {
            Rows::Groups(groups) => groups.rows(units).start,
            _ => units.start,
        };
        hits.into_iter().map(move |(row, value)| (first + row, value))
    });
    Ok(hits.collect())
}

fn decode((hit, found): WireHits, rows: usize, max_text: usize) -> Result<Vec<Hit>, String> {
    let hit = decode_rows(&hit, rows)?;
    let found = ColumnBuffers::from(found).decode(Kind::Text, hit.len(), max_text)?;
    let found = found.str().map_err(|error| error.to_string())?;
    let mut hits = Vec::with_capacity(hit.len());
    for (row, found) in hit.into_iter().zip(found.iter()) {
        let found = found.unwrap_or_default();
        if found.len() > MAX_FOUND {
            let bytes = found.len();
            return Err(format!(
                "a hit with a text of {bytes} bytes; at most {MAX_FOUND} are allowed"
            ));
        }
        hits.push((row, found.to_owned()));
    }
    Ok(hits)
}
