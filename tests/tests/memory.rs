//! Runs under a memory limit. First that the limit itself works, since a limit that does nothing would let every other
//! test pass.

use std::process::Command;

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
