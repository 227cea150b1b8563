//! Exit codes. Scripts rely on them: see `anomal run --help`.

use anomal_core::Code;

pub const DONE: u8 = 0;
/// An output can't be written, or there is a defect in Anomal.
pub const FAILED: u8 = 1;
/// The command line or the settings are wrong.
pub const USAGE: u8 = 2;
/// The input is wrong.
pub const INPUT: u8 = 3;
/// An engine could not be reached, speaks another version, or is not an engine.
pub const ENGINE: u8 = 4;
/// Done, and rows that match `--fail-on` were found.
pub const FOUND: u8 = 10;
pub const INTERRUPTED: u8 = 130;

/// The exit code for an error with this code.
pub fn from_code(code: Code) -> u8 {
    match code {
        Code::InvalidSettings => USAGE,
        Code::InvalidInput => INPUT,
        Code::Unavailable
        | Code::Incompatible
        | Code::InvalidRequest
        | Code::DeadlineExceeded
        | Code::Unauthenticated
        | Code::PermissionDenied => ENGINE,
        Code::Cancelled => INTERRUPTED,
        Code::NotFound | Code::ResourceExhausted | Code::Output | Code::Internal => FAILED,
    }
}
