//! Objects in place of files: inputs and outputs are byte-identical, and a failed run leaves nothing.

mod objects {
    mod credentials;
    mod http;
    mod jobs;
    mod reading;
    mod writing;
}
