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

    /// A `MaxMind` database in which the upper half of all IPv4 addresses is in the Netherlands: a node, 16 zeros, a record,
    /// and the metadata (MaxMind DB File Format Specification 2.0).
    pub fn database() -> Vec<u8> {
        let tree: &[u8] = b"\0\0\x01\0\0\x11";
        let record: &[u8] = b"\xe1\x47country\xe1\x48iso_code\x42NL";
        let metadata: [&[u8]; 10] = [
            b"\xab\xcd\xefMaxMind.com\xe9",
            b"\x5bbinary_format_major_version\xa1\x02",
            b"\x5bbinary_format_minor_version\xa0",
            b"\x4bbuild_epoch\x04\x02\x69\0\0\0",
            b"\x4ddatabase_type\x44Test",
            b"\x4bdescription\xe0",
            b"\x4aip_version\xa1\x04",
            b"\x49languages\x00\x04",
            b"\x4anode_count\xc1\x01",
            b"\x4brecord_size\xa1\x18",
        ];
        [tree, &[0; 16], record, &metadata.concat()].concat()
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
