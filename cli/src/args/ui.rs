//! `anomal ui`, and what it starts runs with.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Original, ReportStore};

#[derive(Debug, Args)]
pub struct Ui {
    /// A data file, its URL, or a settings file to open
    pub path: Option<String>,
    /// Ask and answer in lines of text, without a screen: for screen readers, serial lines and scripts (also: the environment
    /// variable ACCESSIBLE)
    #[arg(long)]
    pub plain: bool,
    #[command(flatten)]
    pub drawing: Drawing,
    #[command(flatten)]
    pub store: ReportStore,
    /// The folder that the first screen shows, and that paths of the original's options are relative to
    #[arg(long, value_name = "DIR")]
    pub base_folder: Option<PathBuf>,
    /// The folder of the secrets that inputs and outputs name: files DIR/NAME/KEY (default: environment variables
    /// `ANOMAL_SECRET_NAME_KEY`)
    #[arg(long, env = "ANOMAL_SECRETS", value_name = "DIR")]
    pub secrets: Option<PathBuf>,
    /// The port of the report's pages (default: 8080, or a free one if that is taken; 0: a free one)
    #[arg(long, short = 'p', value_name = "PORT")]
    pub report_port: Option<u16>,
    #[command(flatten, next_help_heading = "The original's options")]
    pub original: Original,
}

/// How it is drawn.
#[derive(Debug, Args)]
pub struct Drawing {
    /// Draw lines with ASCII
    #[arg(long)]
    pub ascii: bool,
    /// Leave the mouse to the terminal
    #[arg(long)]
    pub no_mouse: bool,
    /// No colours (also: the environment variable `NO_COLOR`)
    #[arg(long)]
    pub no_color: bool,
}

/// What the terminal interface needs of the runs that it starts.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct ProgressArgs {
    /// The format of the progress on standard error
    #[arg(long, value_enum, default_value_t = ProgressFormat::Text, hide = true)]
    pub progress: ProgressFormat,
    /// Stop when standard input is closed
    #[arg(long, hide = true)]
    pub attached: bool,
    /// Keep a report in the store, even if the settings ask for none
    #[arg(long, hide = true)]
    pub keep_report: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ProgressFormat {
    #[default]
    Text,
    /// A JSON object a line, the last with the summary
    Json,
}
