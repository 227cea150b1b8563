//! Inert parts of WASI: an empty environment, clocks that stand still, a fixed stream in place of randomness. Functions
//! that would need a file or a socket trap if they are called.

use wasmtime::component::{Linker, Val};

use crate::{error::MalformedCall, instance::InstanceState};

const INTERFACES: [&str; 5] =
    ["wasi:cli/", "wasi:clocks/", "wasi:filesystem/", "wasi:io/", "wasi:random/"];
/// Bytes of a call for random bytes.
const MAX_RANDOM: u64 = 1 << 20;

/// Whether an import is an interface of WASI preview 2 that is provided.
pub(crate) fn is_inert(import: &str) -> bool {
    let version = import.rsplit_once('@').map(|(_, version)| version);
    INTERFACES.iter().any(|interface| import.starts_with(interface))
        && version.is_some_and(|version| version.starts_with("0.2."))
}

/// Defines the functions of an interface that have an answer.
///
/// # Errors
/// Those of wasmtime.
pub(crate) fn provide(linker: &mut Linker<InstanceState>, import: &str) -> wasmtime::Result<()> {
    let interface = import.split('@').next().unwrap_or_default();
    let instant =
        || Val::Record(vec![("seconds".into(), Val::U64(0)), ("nanoseconds".into(), Val::U32(0))]);
    let answers: Vec<(&str, Val)> = match interface {
        "wasi:cli/environment" => vec![
            ("get-environment", Val::List(Vec::new())),
            ("get-arguments", Val::List(Vec::new())),
            ("initial-cwd", Val::Option(None)),
        ],
        "wasi:cli/terminal-stdin" => vec![("get-terminal-stdin", Val::Option(None))],
        "wasi:cli/terminal-stdout" => vec![("get-terminal-stdout", Val::Option(None))],
        "wasi:cli/terminal-stderr" => vec![("get-terminal-stderr", Val::Option(None))],
        "wasi:clocks/monotonic-clock" => vec![("now", Val::U64(0)), ("resolution", Val::U64(1))],
        "wasi:clocks/wall-clock" => vec![("now", instant()), ("resolution", instant())],
        "wasi:filesystem/preopens" => vec![("get-directories", Val::List(Vec::new()))],
        "wasi:random/random" => vec![("get-random-u64", Val::U64(SEED))],
        "wasi:random/insecure" => vec![("get-insecure-random-u64", Val::U64(SEED))],
        "wasi:random/insecure-seed" => {
            vec![("insecure-seed", Val::Tuple(vec![Val::U64(SEED), Val::U64(SEED)]))]
        }
        _ => Vec::new(),
    };
    let mut instance = linker.instance(import)?;
    for (function, answer) in answers {
        instance.func_new(function, move |_, _, _, results| {
            if let Some(result) = results.first_mut() {
                *result = answer.clone();
            }
            Ok(())
        })?;
    }
    for (of_interface, function) in [
        ("wasi:random/random", "get-random-bytes"),
        ("wasi:random/insecure", "get-insecure-random-bytes"),
    ] {
        if interface == of_interface {
            instance.func_wrap(function, |_, (length,): (u64,)| Ok((fixed_bytes(length)?,)))?;
        }
    }
    Ok(())
}

const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

/// The first bytes of a fixed stream (`SplitMix64` from 0).
fn fixed_bytes(length: u64) -> wasmtime::Result<Vec<u8>> {
    if length > MAX_RANDOM {
        let message = format!("it asks for {length} random bytes");
        return Err(MalformedCall(message).into());
    }
    let words = (1..=length.div_ceil(8)).map(|place| {
        let mut word = place.wrapping_mul(SEED);
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    });
    let bytes = words.flat_map(u64::to_le_bytes);
    Ok(bytes.take(usize::try_from(length)?).collect())
}
