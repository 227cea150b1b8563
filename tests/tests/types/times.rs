//! Times are read in every form that has one reading, and written as they were read.

use super::support::{fields, job, run};

/// 2021-07-02 02:38:00 and 03:15:00 UTC in seconds since the epoch.
const SECONDS: [&str; 2] = ["1625193480", "1625195700"];

#[test]
fn forms_with_one_reading_are_times() {
    let forms: [[&str; 2]; 9] = [
        ["02/Jul/2021:02:38:00 +0000", "02/Jul/2021:03:15:00 +0000"],
        ["[02/Jul/2021:04:38:00 +0200]", "[02/Jul/2021:05:15:00 +0200]"],
        ["20210702T023800Z", "20210702T031500Z"],
        ["2021/07/02 02:38:00", "2021/07/02 03:15:00"],
        ["2021-07-02 02:38:00 UTC", "2021-07-02 03:15:00 UTC"],
        ["Fri, 02 Jul 2021 02:38:00 +0000", "Fri, 02 Jul 2021 03:15:00 +0000"],
        ["Fri, 02 Jul 2021 02:38:00 GMT", "Fri, 02 Jul 2021 03:15:00 GMT"],
        ["Fri Jul  2 02:38:00 2021", "Fri Jul  2 03:15:00 2021"],
        ["Jul 2, 2021 @ 02:38:00.000", "Jul 2, 2021 @ 03:15:00.000"],
    ];
    for [first, second] in forms {
        let csv = format!("t,n\n\"{first}\",1\n\"{second}\",2\n\"{first}\",3\n");
        let job = job("csv: {path: in.csv}", &fields(&["t", "n"]));
        let done = run("in.csv", csv.as_bytes(), &job).succeeded();
        let seconds = done.csv("anomal.features.t");
        assert_eq!(seconds[..2], SECONDS, "{first}");
        assert_eq!(done.csv("t")[0], first);
        let json = format!("{{\"t\":\"{first}\",\"n\":1}}\n{{\"t\":\"{second}\",\"n\":2}}\n");
        let job = super::support::job("ndjson: {path: in.ndjson}", &fields(&["t", "n"]));
        let done = run("in.ndjson", json.as_bytes(), &job).succeeded();
        assert_eq!(done.csv("anomal.features.t"), SECONDS, "{first} in NDJSON");
    }
}

/// Day and month can change places: such a column is text, and as a time it is refused with the value.
#[test]
fn forms_with_two_readings_are_no_times() {
    for value in ["01/02/2021 02:38:00", "02.07.2021 02:38:00", "7/2/2021 2:38:00 AM"] {
        let csv = format!("t,n\n{value},1\n{value},2\n");
        let text = job(
            "csv: {path: in.csv}",
            "- {type: field, name: t, kind: categorical}\n- {type: field, name: n}\n",
        );
        let done = run("in.csv", csv.as_bytes(), &text).succeeded();
        assert_eq!(done.csv("anomal.features.t")[0], value);
        let time = job("csv: {path: in.csv, types: {t: datetime}}", &fields(&["t", "n"]));
        run("in.csv", csv.as_bytes(), &time).output.expect(3, &["in.csv:2", value]);
    }
}
