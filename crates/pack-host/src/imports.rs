//! What guests can import: the host's two functions, and inert parts of WASI for interpreters that can't do without.

use wasmtime::{
    StoreContextMut,
    component::{Component, Linker, types::ComponentItem},
};

use crate::{
    buffers::{Bits, ColumnBuffers, Kind},
    error::{GuestError, MalformedCall},
    instance::InstanceState,
    limits::shorten,
    wasi,
    world::{HOST, WireColumn},
};

/// A linker with all that a component imports.
///
/// # Errors
/// `Incompatible` with the name of an import that is not provided.
pub(crate) fn link(component: &Component) -> Result<Linker<InstanceState>, GuestError> {
    let engine = component.engine();
    let failed = |error: wasmtime::Error| GuestError::Incompatible(format!("{error:#}"));
    let mut linker = Linker::new(engine);
    provide(&mut linker).map_err(failed)?;
    let of_component = component.component_type();
    for (name, import) in of_component.imports(engine) {
        let ComponentItem::ComponentInstance(interface) = import.ty else {
            return Err(refused(name));
        };
        let mut functions =
            interface.exports(engine).filter_map(|(function, item)| match item.ty {
                ComponentItem::ComponentFunc(_) | ComponentItem::Module(_) => Some(function),
                _ => None,
            });
        if name == HOST {
            if let Some(function) =
                functions.find(|function| !["list-contains", "log"].contains(function))
            {
                return Err(refused(&format!("{name}/{function}")));
            }
        } else if wasi::is_inert(name) {
            wasi::provide(&mut linker, name).map_err(failed)?;
        } else if let Some(function) = functions.next() {
            return Err(refused(&format!("{name}/{function}")));
        }
    }
    linker.define_unknown_imports_as_traps(component).map_err(failed)?;
    Ok(linker)
}

fn refused(import: &str) -> GuestError {
    GuestError::Incompatible(format!(
        "it imports `{}`, which packs don't get: they have no files, sockets, clocks or other functions than those of {HOST}",
        shorten(import, 200)
    ))
}

fn provide(linker: &mut Linker<InstanceState>) -> wasmtime::Result<()> {
    let mut host = linker.instance(HOST)?;
    host.func_wrap("list-contains", list_contains)?;
    host.func_wrap("log", log)?;
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "wasmtime calls it with a value")]
fn list_contains(
    context: StoreContextMut<'_, InstanceState>,
    (name, values): (String, WireColumn),
) -> wasmtime::Result<(Vec<u8>,)> {
    let malformed = |message: String| wasmtime::Error::from(MalformedCall(message));
    let buffers = ColumnBuffers::from(values);
    let column = buffers
        .decode(Kind::Text, buffers.rows as usize, usize::MAX)
        .map_err(|error| malformed(format!("it calls `list-contains` with {error}")))?;
    let mut bits = Bits::default();
    let lists = &context.data().lists;
    for value in column.str().map_err(|error| malformed(error.to_string()))?.iter() {
        let contains = value.map_or(Some(false), |value| lists.contains(&name, value));
        let unknown = || malformed(format!("the pack has no list `{}`", shorten(&name, 100)));
        bits.push(contains.ok_or_else(unknown)?);
    }
    Ok((bits.bytes,))
}

#[expect(clippy::unnecessary_wraps, reason = "wasmtime wants a result")]
fn log(
    mut context: StoreContextMut<'_, InstanceState>,
    (message,): (String,),
) -> wasmtime::Result<()> {
    let left = context.data().log;
    if left > 0 {
        context.data_mut().log = left.saturating_sub(message.len());
        tracing::debug!(target: "anomal_pack", "{}", shorten(&message, left));
    }
    Ok(())
}
