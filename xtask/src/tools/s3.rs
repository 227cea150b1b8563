//! An S3 server that stores objects in a folder, built by Go. Where no recent Go can be installed, its tests are skipped
//! with the reason; elsewhere a failed build is an error.

use std::{env, ffi::OsString};

use anyhow::Result;

use super::go;

const PROGRAM: &str = "github.com/versity/versitygw/cmd/versitygw";
const VERSION: &str = "v1.8.0";

/// The variable with the path of the program, or the one with the reason why there is none.
pub fn environment() -> Result<(&'static str, OsString)> {
    const FOUND: &str = "ANOMAL_TEST_S3";
    if let Some(program) = env::var_os(FOUND) {
        return Ok((FOUND, program));
    }
    if let Some(reason) = go::unavailable("the S3 server") {
        return Ok(("ANOMAL_TEST_S3_MISSING", reason.into()));
    }
    Ok((FOUND, go::program("versitygw", PROGRAM, VERSION)?.into()))
}
