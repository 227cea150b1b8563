//! Runs under a memory limit. First that the limit itself works, since a limit that does nothing would let every other
//! test pass.

use std::{fmt::Write, process::Command};

use anomal_tests::{Workspace, memory::MemoryGroup};

const MIB: u64 = 1 << 20;

/// `tail` holds a line in memory until its end, here one of `bytes` zeros.
fn hold(bytes: u64) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("head -c {bytes} /dev/zero | tail -n 1 | wc -c")]);
    command
}

#[test]
fn the_kernel_kills_what_exceeds_the_limit_and_nothing_else() {
    let Some(group) = MemoryGroup::new(64 * MIB) else { return };
    let output = group.run(&hold(8 * MIB));
    output.expect(0, &[]);
    assert_eq!(output.stdout.trim(), (8 * MIB).to_string());
    assert_eq!(group.kills(), 0);
    let output = group.run(&hold(256 * MIB));
    assert_ne!(output.stdout.trim(), (256 * MIB).to_string());
    assert_eq!(group.kills(), 1);
}

#[test]
fn anomal_runs_under_a_limit() {
    let workspace = Workspace::default();
    let Some((output, killed)) = workspace.anomal_limited(512 * MIB, &["--version"]) else {
        return;
    };
    output.expect(0, &[]);
    assert!(output.stdout.starts_with("anomal "), "{output:#?}");
    assert!(!killed);
}

const ROWS: u32 = 100_000;

/// Rows of eight numbers and a text of this length, none like another.
fn records(text_length: usize) -> String {
    let mut csv = String::from("a,b,c,d,e,f,g,h,text\n");
    for row in 0..ROWS {
        for column in 1..=8_u32 {
            let number = row.wrapping_mul(2_654_435_761).wrapping_mul(column) % 1_000_003;
            let _ = write!(csv, "{number}.5,");
        }
        let _ = writeln!(csv, "{row:0>text_length$}");
    }
    csv
}

fn job(output: &str) -> String {
    let features = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let features = features.map(|name| format!("  - {{type: field, name: {name}}}\n")).concat();
    format!(
        "input: {{csv: {{path: in.csv}}}}\nfeatures:\n{features}classification: {{engine: HBOS}}\n\
         outputs: [{{csv: {{path: {output}}}}}]\n"
    )
}

fn workspace(text_length: usize) -> Workspace {
    let (records, job) = (records(text_length), job("out.csv"));
    Workspace::with_files(&[("in.csv", records.as_bytes()), ("job.yaml", job.as_bytes())])
}

/// 100,000 rows of eight features take 6.4 MB, a step over them five times that.
#[test]
fn a_step_that_does_not_fit_is_refused_with_what_it_needs() {
    let workspace = workspace(1);
    let output = workspace.anomal(&["run", "job.yaml", "--memory", "8MiB"]);
    output.expect(1, &["classification", "needs all rows in memory", "MiB", "--memory"]);
    assert_eq!(workspace.files(), ["in.csv", "job.yaml"]);
    workspace.anomal(&["run", "job.yaml", "--memory", "64MiB"]).expect(0, &[]);
}

/// 100,000 texts of 500 bytes take 50 MB, of which an eighth of the budget stays in memory.
#[test]
fn rows_beyond_the_budget_are_spilled_and_the_same() {
    let workspace = workspace(500);
    workspace.anomal(&["run", "job.yaml"]).expect(0, &[]);
    let in_memory = workspace.bytes("out.csv");
    workspace.anomal(&["run", "job.yaml", "--memory", "64MiB"]).expect(0, &[]);
    assert!(workspace.bytes("out.csv") == in_memory);
    assert_eq!(workspace.files(), ["in.csv", "job.yaml", "out.csv"]);
}

/// The default budget is that of the control group: a run ends with results or with an error, and is not killed.
#[test]
fn the_default_budget_is_that_of_the_control_group() {
    let workspace = workspace(500);
    let Some((output, killed)) = workspace.anomal_limited(512 * MIB, &["run", "job.yaml"]) else {
        return;
    };
    assert!(!killed, "{output:#?}");
    output.expect(0, &[]);
}

/// An aggregation flag needs 50 MB of texts at once, while batches of all columns are read. Where there is too little for
/// both, the run is refused with a sentence before the kernel has to kill it.
#[test]
fn a_run_is_refused_rather_than_killed() {
    let job = "input: {csv: {path: in.csv}}
packs: [dns]
features: [{type: field, name: a}]
flags: [{type: aggregation, name: query_type_rare, dataNeeded: [text], params: {maxShare: 0.5}}]
outputs: [{csv: {path: out.csv}}]
";
    let records = records(500);
    let files = [("in.csv", records.as_bytes()), ("job.yaml", job.as_bytes())];
    for (mebibytes, fits) in LIMITS {
        let workspace = Workspace::with_files(&files);
        let run = workspace.anomal_limited(mebibytes * MIB, &["run", "job.yaml"]);
        let Some((output, killed)) = run else { return };
        assert!(!killed, "under {mebibytes} MiB: {output:#?}");
        if fits {
            output.expect(0, &[]);
        } else {
            output
                .expect(1, &["whole-table features and flags", "needs all rows in memory", "MiB"]);
            assert_eq!(workspace.files(), ["in.csv", "job.yaml"]);
        }
    }
}

/// Limits in MiB, and whether the run fits.
const LIMITS: [(u64, bool); 2] = [(160, false), (512, true)];
