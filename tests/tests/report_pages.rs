//! The report in a real browser, served by the real program.

#[path = "report_pages/clustering.rs"]
mod clustering;
#[path = "report_pages/downloads.rs"]
mod downloads;
#[path = "report_pages/hostile.rs"]
mod hostile;
#[path = "report_pages/incidents.rs"]
mod incidents;
#[path = "report_pages/other_jobs.rs"]
mod other_jobs;
#[path = "report_pages/panel.rs"]
mod panel;
#[path = "report_pages/sections.rs"]
mod sections;
#[path = "report_pages/served.rs"]
mod served;
#[path = "report_pages/tables.rs"]
mod tables;
