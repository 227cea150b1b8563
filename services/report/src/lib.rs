//! The report engine: keeps what runs found, and shows it.

pub mod charts;
pub mod exports {
    //! A report as a file.

    pub mod html;
}
pub mod pages;
pub mod view;
pub mod web;
