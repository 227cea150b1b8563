//! The report as people use it: the real program serves it, and a real browser reads it.

#[path = "report_pages/sections.rs"]
mod sections;
#[path = "report_pages/served.rs"]
mod served;
