//! How CSV, text logs and NDJSON are read, through the built program: encodings, dialects and formats, and the types of
//! columns: codes, numbers that keep their digits, missing values and strays, restarts with wider types, and forms of times.

mod types {
    mod codes;
    mod corpus;
    mod dialects;
    mod encodings;
    mod inspect;
    mod json;
    mod lists;
    mod log_formats;
    mod logs;
    mod odd_inputs;
    mod odd_logs;
    mod oracles;
    mod places;
    mod restart;
    mod strays;
    mod support;
    mod time_detection;
    mod time_settings;
    mod times;
    mod tokens;
}
