//! Verdicts, suppressions and comparing runs, through the program and its pages.

mod verdicts {
    pub mod compare;
    pub mod pages;
    pub mod runs;
    pub mod support;
}
