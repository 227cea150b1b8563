//! The interface in lines of text.

use super::support::{plain, workspace};

#[test]
fn in_lines_of_text_from_a_file_to_explained_suspects() {
    let workspace = workspace();
    let (code, text) = plain(&workspace, "1\nrun\n\n1\n1\nback\nquit\n", &[]);
    assert_eq!(code, 0, "{text}");
    for part in [
        "1   > access.csv",
        "A whole job is proposed",
        "Write the settings to this file, and run them [job.yaml]",
        "[Incidents",
        "filter of rows: incident 1",
        "Why                                  Share",
        "/../../x%2fx%2f",
        "-- record",
    ] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
    // The file that it wrote is an ordinary job.
    let first = workspace.bytes("access.results.parquet");
    workspace.anomal(&["run", "job.yaml", "--quiet"]).expect(0, &[]);
    assert!(workspace.bytes("access.results.parquet") == first);
    // The end of the answers is the end; what was changed is kept as a draft.
    workspace.write("editor.sh", b"sed -i 's/engine: Ensemble/engine: HBOS/' \"$2\"\n");
    let environment = [("EDITOR", "sh editor.sh"), ("TERM", "dumb")];
    let (code, text) = plain(&workspace, "job.yaml\no\njob.yaml\nyaml\nDetector", &environment);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("! job.yaml: there is no such line or command"), "{text}");
    assert!(text.contains("* HBOS"), "{text}");
    let (_, text) = plain(&workspace, "", &[]);
    assert!(text.contains("draft, not written yet"), "{text}");
    assert!(workspace.read("job.yaml").contains("engine: Ensemble"));
}
