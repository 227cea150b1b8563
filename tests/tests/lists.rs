//! Lists of indicators in jobs: formats, precedence, expiry, packs with lists, errors, and `anomal lists check`.

mod lists {
    mod check;
    mod errors;
    mod jobs;

    use anomal_tests::{Workspace, csv_records};

    /// A log of look-ups: `answers` has one address or several.
    pub const LOG: &str = "time,name,answers\n\
        2026-03-01T00:00:00Z,www.Evil.example.,192.0.2.7\n\
        2026-03-02T00:00:00Z,notevil.example,\"10.0.0.1,198.51.100.9\"\n\
        2026-03-03T00:00:00Z,good.evil.example,10.0.0.2\n\
        2026-03-04T00:00:00Z,other.example,\n\
        2026-03-05T00:00:00Z,,::ffff:192.0.2.8\n";

    pub const INPUT: &str = "input: {csv: {path: in.csv}}\ntimeColumn: time\n";
    pub const OUTPUT: &str = "outputs: [{csv: {path: out.csv, include: [features]}}]\n";

    /// A folder with the log, a job, and further files.
    pub fn workspace(job: &str, files: &[(&str, &[u8])]) -> Workspace {
        let workspace =
            Workspace::with_files(&[("in.csv", LOG.as_bytes()), ("job.yaml", job.as_bytes())]);
        for (name, content) in files {
            workspace.write(name, content);
        }
        workspace
    }

    /// A column of the results.
    pub fn column(workspace: &Workspace, name: &str) -> Vec<String> {
        let mut records = csv_records(&workspace.read("out.csv")).into_iter();
        let header = records.next().unwrap();
        let place = header.iter().position(|known| known == name);
        let place = place.unwrap_or_else(|| panic!("{name} is none of {header:?}"));
        records.map(|mut cells| cells.swap_remove(place)).collect()
    }
}
