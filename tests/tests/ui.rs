//! The terminal interface, in a terminal.
#![cfg(target_os = "linux")]

mod ui {
    mod cluster;
    mod ends;
    mod files;
    mod lines;
    mod real_cluster;
    mod results;
    mod settings;
    mod support;
    mod terminals;
}
