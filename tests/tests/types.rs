//! The types of CSV and NDJSON columns, through the built program: codes, numbers that keep their digits, missing values
//! and strays, and restarts with wider types.

mod types {
    mod codes;
    mod places;
    mod restart;
    mod strays;
    mod support;
    mod tokens;
}
