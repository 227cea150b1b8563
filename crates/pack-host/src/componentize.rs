//! Makes a component of a core module, so that authors of packs need no further tool.

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::WIT;

/// The version in the header of a component; that of a core module is 1.
const COMPONENT: [u8; 8] = *b"\0asm\x0d\0\x01\0";
/// The section in which bindings describe the world of a core module.
const WORLD_SECTION: &[u8] = b"component-type";

/// A component from a core module whose exports are those of the world, such as a compiler's output for
/// `wasm32-unknown-unknown`. A component stays as it is.
///
/// # Errors
/// A message: the module is not valid, or lacks an export.
pub fn componentize(module: &[u8]) -> Result<Vec<u8>, String> {
    if module.starts_with(&COMPONENT) {
        return Ok(module.to_vec());
    }
    let mut module = module.to_vec();
    let described = module.windows(WORLD_SECTION.len()).any(|bytes| bytes == WORLD_SECTION);
    if !described {
        let mut resolve = Resolve::default();
        let package =
            resolve.push_str("anomal-pack.wit", WIT).map_err(|error| error.to_string())?;
        let world =
            resolve.select_world(&[package], Some("pack")).map_err(|error| error.to_string())?;
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)
            .map_err(|error| format!("{error:#}"))?;
    }
    let encoder = ComponentEncoder::default().validate(true).module(&module);
    encoder.and_then(|mut encoder| encoder.encode()).map_err(|error| format!("{error:#}"))
}
