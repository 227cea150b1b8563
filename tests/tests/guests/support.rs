//! Guests in a host with small limits.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use anomal_components::{CallContext, Computation, Dictionaries, Finding, Hit, Inputs};
use anomal_core::{Cancel, Error, Table, proto::Diagnostic};
use anomal_pack_host::{Guest, GuestOptions, Host, HostLimits, OnTrap};
use anomal_spec::Parameters;
use anomal_tests::RunOutput;
use polars::prelude::{Column, DataFrame};

use crate::wat;

pub fn limits() -> HostLimits {
    HostLimits {
        instance_memory: 64 << 20,
        total_memory: 256 << 20,
        call: Duration::from_secs(1),
        cache: None,
        ..HostLimits::default()
    }
}

pub fn load(guest: &wat::Guest) -> Arc<Guest> {
    Host::new(limits()).unwrap().load(&guest.component()).unwrap()
}

pub fn options() -> GuestOptions {
    GuestOptions::for_pack("acme")
}

pub fn missing(most: u64) -> GuestOptions {
    GuestOptions { on_trap: OnTrap::Missing { most }, ..options() }
}

pub fn build(guest: &Arc<Guest>, options: &GuestOptions) -> Computation {
    let components = guest.components(options);
    components[0].build(&Parameters::new()).unwrap_or_else(|error| panic!("{error}"))
}

pub fn texts(texts: &[&str]) -> Column {
    let texts = texts.iter().map(|text| (*text != "-").then_some(*text));
    Column::new("text".into(), texts.collect::<Vec<_>>())
}

/// A call with these columns, whose rows have numbers from 100 on.
pub struct Call {
    table: Table,
    dictionaries: Dictionaries,
    pub cancel: Cancel,
    diagnostics: Mutex<Vec<Diagnostic>>,
}

impl Call {
    pub fn new(columns: Vec<Column>) -> Self {
        let rows = columns[0].len();
        let frame = DataFrame::new(rows, columns).unwrap();
        let table = Table::new((100..100 + rows as u64).collect(), frame).unwrap();
        Self {
            table,
            dictionaries: Dictionaries::default(),
            cancel: Cancel::default(),
            diagnostics: Mutex::default(),
        }
    }

    fn inputs(&self) -> Inputs<'_> {
        let columns = self.table.columns().columns().iter().map(Some).collect();
        let context = CallContext {
            table: &self.table,
            cancel: &self.cancel,
            diagnostics: &self.diagnostics,
        };
        Inputs::new(columns, &self.dictionaries).with_context(context)
    }

    pub fn values(&self, computation: &Computation) -> Result<Column, Error> {
        computation.values(&self.inputs())
    }

    pub fn integers(&self, computation: &Computation) -> Vec<Option<i64>> {
        self.values(computation).unwrap().i64().unwrap().iter().collect()
    }

    pub fn removes(&self, computation: &Computation) -> Vec<bool> {
        let removes = computation.removes(&self.inputs()).unwrap();
        removes.iter().map(|removes| removes.unwrap()).collect()
    }

    /// The rows that a flag hits, with its texts.
    pub fn hits(&self, computation: &Computation) -> Result<Vec<Hit>, Error> {
        let hits = computation.hits(&self.inputs(), 0, &self.cancel)?;
        let text = |place: u32| match &hits.findings[place as usize] {
            Finding::Text(text) => text.clone(),
            Finding::Facts(facts) => panic!("facts of a guest: {facts:?}"),
        };
        Ok(hits.rows.iter().map(|(row, place)| (*row, text(*place))).collect())
    }

    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        self.diagnostics.lock().unwrap().clone()
    }
}

/// Checks what a program printed.
pub fn expect_printed(output: &RunOutput, code: i32, parts: &[&str]) {
    output.expect(code, &[]);
    for part in parts {
        assert!(output.stdout.contains(part), "no {part:?} in {output:?}");
    }
}
