//! `anomal lists check`.

use anomal_tests::Workspace;

fn workspace() -> Workspace {
    Workspace::with_files(&[
        ("bad.txt", b"# Last updated: 2026-03-01\nevil.example\nwww.popular.example\ncom\n10.0.0.1\nEVIL.example.\n"),
        ("top.csv", b"1,popular.example\n2,other.example\n"),
    ])
}

#[test]
fn entries_refusals_and_overlaps_are_shown() {
    let check = ["lists", "check", "bad.txt", "--type", "domain"];
    let output = workspace().anomal(&check);
    output.expect(0, &[]);
    let expected = "bad.txt: 2 entries, 1 duplicate, 2 refused (1 fewer than 4 characters; 1 not a domain)\n\
        its date: 2026-03-01\n\
        \x20 4: `com`: fewer than 4 characters\n\
        \x20 5: `10.0.0.1`: not a domain\n";
    assert_eq!(output.stdout, expected);
    let more = [
        "--match",
        "subdomains",
        "--against",
        "bad.txt",
        "--find",
        "a.evil.example",
        "--find",
        "x.example",
    ];
    let output = workspace().anomal(&[&check[..], &more].concat());
    output.expect(0, &[]);
    for part in
        ["2 entries are in bad.txt", "a.evil.example: evil.example\n", "x.example: not found\n"]
    {
        assert!(output.stdout.contains(part), "{part}: {}", output.stdout);
    }
}

#[test]
fn errors_name_the_file() {
    workspace()
        .anomal(&["lists", "check", "bad.txt"])
        .expect(2, &["bad.txt: which type have its entries? Set --type"]);
    workspace()
        .anomal(&["lists", "check", "none.txt", "--type", "ip"])
        .expect(2, &["none.txt: cannot read it"]);
    let output =
        workspace().anomal(&["lists", "check", "top.csv", "--format", "csv", "--type", "ip"]);
    output.expect(
        2,
        &["top.csv: the list finds nothing: 0 entries, 2 refused (2 not an IP address or prefix)"],
    );
}
