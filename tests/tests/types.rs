//! The types of CSV and NDJSON columns, through the built program: codes, numbers that keep their digits, missing values
//! and strays, restarts with wider types, and forms of times.

mod types {
    mod codes;
    mod places;
    mod restart;
    mod strays;
    mod support;
    mod time_detection;
    mod time_settings;
    mod times;
    mod tokens;
}
