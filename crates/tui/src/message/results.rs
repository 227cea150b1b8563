//! What is shown of a report or a result file.

/// An incident of a report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Incident {
    /// From 1, the highest risk first.
    pub number: u64,
    pub title: String,
    pub severity: String,
    pub risk: u32,
    pub rows: u64,
    /// Times of its first and last row; empty where no row has a time.
    pub first: String,
    pub last: String,
    /// The same in microseconds since the epoch.
    pub span: Option<(i64, i64)>,
    /// The newest verdict; none while it is open.
    pub decision: Option<Decision>,
}

/// A verdict of a person on an incident.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// Such as `false positive`.
    pub verdict: String,
    pub who: String,
    pub time: String,
    pub note: String,
    /// Why the incident is no longer as judged; empty while it is.
    pub change: String,
}

impl Decision {
    /// In a line.
    pub fn text(&self) -> String {
        let who = if self.who.is_empty() { "no name" } else { &self.who };
        let mut text = format!("{} by {who}, {}", self.verdict, self.time);
        for (word, more) in [(": ", &self.note), ("; no longer as judged: ", &self.change)] {
            if !more.is_empty() {
                text = text + word + more;
            }
        }
        text
    }
}

/// The outcome of a verdict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    /// What others have decided in the meantime, a line each: nothing was stored then.
    pub newer: Vec<String>,
    /// The number of the newest verdict of the job.
    pub newest: u64,
    /// Incidents with their verdicts as they are now.
    pub decisions: Vec<(u64, Decision)>,
}

/// Rows by time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeline {
    /// Intervals of one length without gaps between them.
    pub bins: Vec<TimeBin>,
    /// The length of an interval, such as `15 min`.
    pub width: String,
    /// The end of the last interval as text.
    pub end: String,
    /// Rows without a time.
    pub without: u64,
}

/// An interval of a timeline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimeBin {
    /// Microseconds since the epoch; `to` is not included.
    pub from: i64,
    pub to: i64,
    /// Its start as text, such as `2026-03-02 16:30`.
    pub label: String,
    pub rows: u64,
    /// Rows that are suspicious or flagged.
    pub suspects: u64,
}

/// A report, or a result file, that is open.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// That of a report, or the path of a file.
    pub id: String,
    /// Whether it is a result file, which has no pages and no verdicts.
    pub is_file: bool,
    /// What limits it, such as why verdicts can't be read.
    pub notes: Vec<String>,
    /// The number of the newest verdict of the job; 0: there is none.
    pub newest_verdict: u64,
    /// None where rows have no times.
    pub timeline: Option<Timeline>,
    pub title: String,
    pub input: String,
    pub created: String,
    pub engine: String,
    pub threshold: String,
    pub rows: u64,
    pub suspicious: u64,
    pub flagged: u64,
    /// Rows that can be listed.
    pub suspects: u64,
    /// The highest risk first; none where rows are not grouped.
    pub incidents: Vec<Incident>,
    pub flags: Vec<FlagCount>,
    pub features: Vec<FeatureInfo>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlagCount {
    pub name: String,
    pub severity: String,
    pub rows: u64,
    pub description: String,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct FeatureInfo {
    pub name: String,
    pub weight: f64,
    pub distinct: u64,
    pub missing: u64,
    pub typical: String,
}

/// A part of the rows of a report.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    pub offset: usize,
    /// All rows that match.
    pub total: usize,
    pub rows: Vec<Suspect>,
}

/// A row of a list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Suspect {
    pub row: u64,
    pub score: Option<f64>,
    /// Empty without a flag.
    pub severity: String,
    pub flags: Vec<String>,
    /// Why it stands out, in a line.
    pub why: String,
    /// The values of the record, as far as they fit in a line.
    pub record: String,
    /// The number of its incident.
    pub incident: Option<u64>,
}

/// A row with all that is known of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    pub row: u64,
    pub score: Option<f64>,
    /// The share of rows with a lower score, 0..1.
    pub rank: Option<f64>,
    pub suspicious: bool,
    pub severity: String,
    pub flags: Vec<String>,
    pub explanation: String,
    /// The number of its incident.
    pub incident: Option<u64>,
    /// Features by their share of the score, the largest first: name, share, value, typical value.
    pub reasons: Vec<Reason>,
    /// Names and values of the columns.
    pub values: Vec<(String, String)>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reason {
    pub feature: String,
    pub share: f64,
    pub value: String,
    pub typical: String,
}
