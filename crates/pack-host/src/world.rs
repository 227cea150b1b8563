//! The types of the interface, as wasmtime passes them.

use wasmtime::{
    AsContextMut,
    component::{Component, ComponentExportIndex, Instance, TypedFunc},
};

/// Kind, rows, validity, offsets, values.
pub(crate) type WireColumn = (u8, u32, Vec<u8>, Vec<u8>, Vec<u8>);
type WireColumnRef<'a> = (u8, u32, &'a [u8], &'a [u8], &'a [u8]);
/// The columns of a call; absent where settings omit an optional input.
pub(crate) type WireInputs<'a> = [Option<WireColumnRef<'a>>];
/// Name, kinds, purpose, whether it is optional.
pub(crate) type WireInput = (String, Vec<u8>, u8, bool);
/// Name, role, description, inputs, schema, output, whether it is a function of distinct texts.
pub(crate) type WireComponent = (String, u8, String, Vec<WireInput>, String, Option<u8>, bool);
/// Rows, what was found.
pub(crate) type WireHits = (Vec<u8>, WireColumn);

pub(crate) type DescribeFunction = TypedFunc<(), (Vec<WireComponent>,)>;
pub(crate) type PrepareFunction<'a> =
    TypedFunc<(&'a str, &'a str), (Result<(), (Option<String>, String)>,)>;
pub(crate) type MetricFunction<'a> =
    TypedFunc<(&'a WireInputs<'a>,), (Result<WireColumn, String>,)>;
pub(crate) type FilterFunction<'a> = TypedFunc<(&'a WireInputs<'a>,), (Result<Vec<u8>, String>,)>;
pub(crate) type FlagFunction<'a> = TypedFunc<(&'a WireInputs<'a>,), (Result<WireHits, String>,)>;
pub(crate) type GroupFlagFunction<'a> =
    TypedFunc<(&'a WireInputs<'a>, &'a [u8]), (Result<WireHits, String>,)>;

pub(crate) const GUEST: &str = "anomal:pack/guest@0.1.0";
pub(crate) const HOST: &str = "anomal:pack/host@0.1.0";

/// The functions of a guest.
pub(crate) struct Exports {
    pub describe: ComponentExportIndex,
    pub prepare: ComponentExportIndex,
    pub metric: ComponentExportIndex,
    pub filter: ComponentExportIndex,
    pub flag: ComponentExportIndex,
    pub group_flag: ComponentExportIndex,
}

impl Exports {
    /// # Errors
    /// The function or interface that is missing.
    pub fn find(component: &Component) -> Result<Self, String> {
        let interface = component.get_export_index(None, GUEST);
        let interface = interface.ok_or_else(|| format!("it does not export {GUEST}"))?;
        let function = |name: &str| {
            let found = component.get_export_index(Some(&interface), name);
            found.ok_or_else(|| format!("{GUEST} has no function `{name}`"))
        };
        Ok(Self {
            describe: function("describe")?,
            prepare: function("prepare")?,
            metric: function("metric")?,
            filter: function("filter")?,
            flag: function("flag")?,
            group_flag: function("group-flag")?,
        })
    }

    /// Checks the types of all functions.
    ///
    /// # Errors
    /// The first function that has another type.
    pub fn check(&self, instance: &Instance, mut store: impl AsContextMut) -> Result<(), String> {
        macro_rules! check {
            ($($name:literal: $function:ty = $export:expr),*) => {
                $(<$function>::check(instance, &mut store, $export, $name)?;)*
            };
        }
        check!(
            "describe": DescribeFunction = &self.describe,
            "prepare": PrepareFunction<'_> = &self.prepare,
            "metric": MetricFunction<'_> = &self.metric,
            "filter": FilterFunction<'_> = &self.filter,
            "flag": FlagFunction<'_> = &self.flag,
            "group-flag": GroupFlagFunction<'_> = &self.group_flag
        );
        Ok(())
    }
}

/// Checks that an export has the type of a function.
trait CheckType {
    fn check(
        instance: &Instance,
        store: impl AsContextMut,
        export: &ComponentExportIndex,
        name: &str,
    ) -> Result<(), String>;
}

impl<P, R> CheckType for TypedFunc<P, R>
where
    P: wasmtime::component::ComponentNamedList + wasmtime::component::Lower,
    R: wasmtime::component::ComponentNamedList + wasmtime::component::Lift,
{
    fn check(
        instance: &Instance,
        store: impl AsContextMut,
        export: &ComponentExportIndex,
        name: &str,
    ) -> Result<(), String> {
        let found = instance.get_typed_func::<P, R>(store, export);
        found.map(drop).map_err(|error| format!("the function `{name}` of {GUEST}: {error:#}"))
    }
}
