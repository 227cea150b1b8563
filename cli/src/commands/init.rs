//! `anomal init`: inspects a file and writes commented settings to start from.

mod column;
mod copies;
mod entities;
mod evidence;
mod json;
mod names;
mod profile;
mod proposal;
mod rates;
mod roles;
mod schema;
mod sketch;
mod trial;
mod value_counts;
mod values;
mod yaml;

use std::path::{Component, Path, PathBuf};

use anomal_connectors::{OpenOptions, open, write_file};
use anomal_core::words::grouped;
use anomal_spec::{Input, InputDriver, is_url};
use anomal_storage::Secrets;

pub use self::{
    profile::Profile,
    roles::Role,
    trial::{Trial, run_first_rows},
};
use self::{
    proposal::Proposal,
    rates::Feature,
    roles::{RoleOptions, roles},
    schema::Schema,
    yaml::Head,
};
use super::{CommandResult, print};
use crate::{
    args::{Init, Purpose},
    exit, overrides,
    present::error::Failure,
    settings,
};

/// Records in a batch: few, since all that is read ahead is held in memory.
const BATCH_ROWS: usize = 10_000;
/// Bytes of a read: few, since the number of rows is estimated from what has been read.
const BLOCK_BYTES: usize = 128 << 10;

/// Proposed settings, and what they were made from.
pub struct Proposed {
    pub settings: String,
    pub input: Input,
    pub profile: Profile,
    pub roles: Vec<Role>,
    pub trial: Option<Trial>,
    schema: Option<Schema>,
    proposal: Proposal,
}

pub fn init(arguments: &Init) -> CommandResult {
    check_output(arguments)?;
    let proposed = propose(arguments)?;
    let settings = &proposed.settings;
    let file = arguments.output.as_deref();
    if let Some(file) = file {
        write_file(file, settings.as_bytes())?;
    }
    if arguments.json {
        let job = settings::from_text(settings)?;
        let Proposed { profile, roles, trial, schema, proposal, .. } = &proposed;
        let all = json::describe(profile, schema.as_ref(), roles, proposal, trial.as_ref(), &job);
        return print(&format!("{all:#}\n"));
    }
    if file.is_some() { Ok(exit::DONE) } else { print(settings) }
}

/// Inspects a file, and proposes settings for it.
///
/// # Errors
/// If the file can't be read, or nothing in it can be a feature.
pub fn propose(arguments: &Init) -> Result<Proposed, Failure> {
    let path = arguments.input.as_str();
    if Path::new(path).is_dir() {
        return Err(Failure::new(format!("{path} is a folder; name a file in it"), exit::INPUT));
    }
    let input = overrides::input(&Input::default(), path)?;
    let opening =
        OpenOptions { batch_rows: BATCH_ROWS, block_bytes: BLOCK_BYTES, ..OpenOptions::default() };
    let limit = usize::try_from(arguments.rows).unwrap_or(usize::MAX);
    let profile = Profile::read(open(&input, &opening)?, limit)?;
    check_reading(&opening)?;
    check_names(&profile, arguments)?;
    let schema = Schema::of_columns(&profile);
    let options = RoleOptions {
        label: arguments.label.as_deref(),
        time: arguments.time.as_deref(),
        entity: arguments.entity.as_deref(),
        keep_constants: arguments.purpose == Purpose::Score,
    };
    let roles = roles(&profile, schema.as_ref(), options);
    let mut proposal = Proposal::new(&profile, schema.as_ref(), &roles);
    let nothing = |why: &str| {
        Failure::new(format!("{path}: nothing here can be a feature: {why}"), exit::INPUT)
    };
    if proposal.features.is_empty() {
        // The records may be elsewhere in the file.
        let elsewhere = opening.findings.notes("input.json").into_iter();
        let elsewhere = elsewhere.filter(|note| note.reason == "RECORDS").map(|note| note.message);
        let reasons: Vec<String> =
            [reason(&profile, &roles)].into_iter().chain(elsewhere).collect();
        return Err(nothing(&reasons.join("; ")));
    }
    let file = arguments.output.as_deref();
    let mut head = Head {
        source: path,
        driver: input.driver().map_or("csv", InputDriver::name),
        path: &relative(path, file),
        found: opening.findings.found_settings(),
        file: file.and_then(Path::to_str),
        results: &stem(path),
        trial: None,
        explained: if arguments.explain { json::explain(&profile, &roles) } else { Vec::new() },
    };
    let mut tried = None;
    if !arguments.no_trial && path != "-" {
        let job = settings::from_text(&yaml::settings(&head, &profile, &proposal))?;
        let trial = trial::try_proposal(job, &input)?;
        if !options.keep_constants {
            remove_constant(&mut proposal, &trial);
        }
        if proposal.features.is_empty() {
            return Err(nothing("all that could be has one value in all rows of the trial"));
        }
        head.trial = Some(describe_trial(&trial));
        tried = Some(trial);
    }
    let settings = yaml::settings(&head, &profile, &proposal);
    Ok(Proposed { settings, input, profile, roles, trial: tried, schema, proposal })
}

/// What the first rows of an input show of its columns, with their roles.
///
/// # Errors
/// Those of the source.
pub fn profile(input: &Input, secrets: Secrets) -> Result<(Profile, Vec<Role>), Failure> {
    let opening = OpenOptions { batch_rows: BATCH_ROWS, secrets, ..OpenOptions::default() };
    let profile = Profile::read(open(input, &opening)?, trial::ROWS)?;
    let schema = Schema::of_columns(&profile);
    let roles = roles(&profile, schema.as_ref(), RoleOptions::default());
    Ok((profile, roles))
}

/// Removes features that have one value in all rows of a trial.
fn remove_constant(proposal: &mut Proposal, trial: &Trial) {
    // One without weight is there for others.
    let is_constant = |feature: &Feature| {
        trial.constant.iter().any(|name| name == feature.name())
            && feature.settings.get("multiplier").is_none()
    };
    let (constant, features): (Vec<_>, Vec<_>) =
        std::mem::take(&mut proposal.features).into_iter().partition(is_constant);
    proposal.features = features;
    proposal.left_out.extend(constant.into_iter().map(|feature| {
        (feature.name().to_owned(), "has one value in all rows of the trial".to_owned())
    }));
}

fn describe_trial(trial: &Trial) -> String {
    format!(
        "A trial on {} rows took {:.1} s and found {} suspicious.",
        grouped(trial.outcome.summary.rows),
        trial.seconds,
        grouped(trial.outcome.summary.suspicious)
    )
}

/// # Errors
/// If the file of the settings exists and may not be replaced.
fn check_output(arguments: &Init) -> Result<(), Failure> {
    match &arguments.output {
        Some(file) if file.is_dir() => {
            let message = format!("{} is a folder; name a file in it", file.display());
            Err(Failure::usage(message))
        }
        Some(file) if file.exists() && !arguments.force => {
            let message = format!("{} exists; --force replaces it", file.display());
            Err(Failure::usage(message))
        }
        _ => Ok(()),
    }
}

/// # Errors
/// If the file is probably of another form than it is read as: what would be proposed is of no use.
fn check_reading(opening: &OpenOptions) -> Result<(), Failure> {
    let notes = opening.findings.notes("input.csv");
    let doubt =
        notes.into_iter().find(|note| matches!(note.reason.as_str(), "ONE_COLUMN" | "OTHER_KIND"));
    match doubt {
        Some(note) => Err(Failure::new(note.message, exit::INPUT)),
        None => Ok(()),
    }
}

/// # Errors
/// If an option names a column that is not there.
fn check_names(profile: &Profile, arguments: &Init) -> Result<(), Failure> {
    let options = [
        ("--label", &arguments.label),
        ("--time", &arguments.time),
        ("--entity", &arguments.entity),
    ];
    for (option, name) in options {
        if let Some(name) = name
            && profile.column(name).is_none()
        {
            let names: Vec<&str> = profile.columns.iter().map(|c| c.name.as_str()).collect();
            let names = names.join(", ");
            let message = format!("{option} {name}: there is no such column; there are {names}");
            return Err(Failure::usage(message));
        }
    }
    Ok(())
}

/// Why no column can be a feature.
fn reason(profile: &Profile, roles: &[Role]) -> String {
    if profile.rows == 0 {
        return "there are names of columns and no records".to_owned();
    }
    let mut reasons: Vec<String> = profile
        .columns
        .iter()
        .zip(roles)
        .map(|(column, role)| match role {
            Role::Time => format!("`{}` is a time", column.name),
            Role::Label => format!("`{}` says which rows are anomalies", column.name),
            Role::LeftOut(why) => format!("`{}` {why}", column.name),
            _ => format!("`{}` is no feature by itself", column.name),
        })
        .collect();
    let separator = |name: &str| [';', '\t', '|', ','].into_iter().find(|c| name.contains(*c));
    if let [only] = profile.columns.as_slice()
        && let Some(separator) = separator(&only.name)
    {
        reasons.push(format!(
            "it looks like {separator:?} between cells: set `separator` in the settings of the input"
        ));
    }
    reasons.join("; ")
}

/// The path of the input as the settings name it: from the folder of their file, or from the current one.
fn relative(path: &str, file: Option<&Path>) -> String {
    let folder = file.and_then(Path::parent).filter(|folder| !folder.as_os_str().is_empty());
    let Some(folder) = folder.filter(|_| !is_url(path) && path != "-") else {
        return path.to_owned();
    };
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let (target, folder) = (absolute(Path::new(path)), absolute(folder));
    let (target, folder): (Vec<Component<'_>>, Vec<Component<'_>>) =
        (target.components().collect(), folder.components().collect());
    if folder.contains(&Component::ParentDir) || target.contains(&Component::ParentDir) {
        return absolute(Path::new(path)).to_string_lossy().into_owned();
    }
    let common = target.iter().zip(&folder).take_while(|(a, b)| a == b).count();
    let up = folder.iter().skip(common).map(|_| Component::ParentDir);
    let relative: PathBuf = up.chain(target.into_iter().skip(common)).collect();
    relative.to_string_lossy().into_owned()
}

/// The name of a file without its extensions.
fn stem(path: &str) -> String {
    let name = Path::new(path).file_name().map(|name| name.to_string_lossy().into_owned());
    let stem = name.as_deref().and_then(|name| name.split('.').next());
    stem.filter(|stem| !stem.is_empty() && *stem != "-").unwrap_or("input").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_to_the_settings() {
        let relative = |path, file: Option<&str>| relative(path, file.map(Path::new));
        assert_eq!(relative("a/in.csv", None), "a/in.csv");
        assert_eq!(relative("in.csv", Some("job.yaml")), "in.csv");
        assert_eq!(relative("a/in.csv", Some("a/job.yaml")), "in.csv");
        assert_eq!(relative("a/in.csv", Some("b/c/job.yaml")), "../../a/in.csv");
        assert_eq!(relative("s3://b/in.csv", Some("b/job.yaml")), "s3://b/in.csv");
        assert_eq!(stem("a/in.csv.gz"), "in");
        assert_eq!(stem("-"), "input");
    }
}
