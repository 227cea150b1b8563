//! The boundary around decoders of other crates, which index by lengths in the file and panic on some that are wrong.

use std::{
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook},
    sync::Once,
};

use polars::prelude::{PolarsResult, polars_err};

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Reads untrusted bytes. A panic on this thread is an error, and is not printed.
pub(super) fn guard<T>(read: impl FnOnce() -> PolarsResult<T>) -> PolarsResult<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let print = take_hook();
        set_hook(Box::new(move |panic| {
            if !GUARDED.get() {
                print(panic);
            }
        }));
    });
    let outer = GUARDED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(read));
    GUARDED.set(outer);
    result.unwrap_or_else(|_| Err(polars_err!(ComputeError: "its bytes contradict each other")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error() {
        let error = guard::<()>(|| guard(|| panic!("index out of bounds"))).unwrap_err();
        assert!(error.to_string().contains("contradict"), "{error}");
        assert!(!GUARDED.get());
        assert_eq!(guard(|| Ok(3)).unwrap(), 3);
    }
}
