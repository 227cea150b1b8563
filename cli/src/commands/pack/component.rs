//! `anomal pack component`: a component from a compiler's output.

use std::fs;

use super::super::{CommandResult, print};
use crate::{args::MakeComponent, present::error::Failure};

pub fn make(arguments: &MakeComponent) -> CommandResult {
    let (from, to) = (&arguments.module, &arguments.output);
    let module = fs::read(from)
        .map_err(|error| Failure::usage(format!("cannot read {}: {error}", from.display())))?;
    let component = anomal_pack_host::componentize(&module).map_err(|message| {
        Failure::usage(format!("{}: it can't be made a component: {message}", from.display()))
    })?;
    fs::write(to, &component)
        .map_err(|error| Failure::usage(format!("cannot write {}: {error}", to.display())))?;
    print(&format!("wrote {} ({} bytes)\n", to.display(), component.len()))
}
