//! The arguments of `anomal lists`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

#[derive(Debug, Subcommand)]
pub enum ListsCommand {
    /// Count the entries of a list of indicators, and show those that are refused, with the reasons
    Check(CheckList),
}

#[derive(Debug, Args)]
pub struct CheckList {
    /// The list
    pub file: PathBuf,
    #[command(flatten)]
    pub parsing: ListArgs,
    /// Another list, with the same type: count the entries that it contains, such as popular domains in a list of bad ones
    #[arg(long, value_name = "FILE")]
    pub against: Option<PathBuf>,
    /// The format of the other list [default: that of the list]
    #[arg(long, value_enum, value_name = "FORMAT", requires = "against")]
    pub against_format: Option<ListFormat>,
    /// Look these values up
    #[arg(long, value_name = "VALUE")]
    pub find: Vec<String>,
}

/// How a list is parsed, as in the settings of a job.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Its format
    #[arg(long, value_enum, default_value = "plain")]
    pub format: ListFormat,
    /// The type of its entries; plain and csv: required
    #[arg(long = "type", value_enum)]
    pub entry_type: Option<ListType>,
    /// Which names a domain matches
    #[arg(long = "match", value_enum)]
    pub matching: Option<ListMatch>,
    /// csv: the column of the entries: its name in the header, or its number
    #[arg(long, value_name = "COLUMN")]
    pub column: Option<String>,
    /// csv: the column of the times up to which entries are valid
    #[arg(long, value_name = "COLUMN")]
    pub expires: Option<String>,
    /// plain, csv: what comments begin with [default: #]
    #[arg(long, value_name = "TEXT")]
    pub comment: Option<String>,
    /// stix: the least confidence
    #[arg(long, value_name = "0-100", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub confidence: Option<u8>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "camelCase")]
pub enum ListFormat {
    Plain,
    Csv,
    Hosts,
    MispWarninglist,
    Stix,
    Mmdb,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ListType {
    Domain,
    Ip,
    Url,
    Hash,
    Email,
    Text,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ListMatch {
    Exact,
    Subdomains,
}
