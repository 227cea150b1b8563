//! JSON over TCP, as a stream.

use std::{
    io::{Read, Write},
    net::Shutdown,
};

use super::{
    job::{catch_up, ids, line, lines, rejected, results, summary, wait, workspace},
    running::Running,
};

const INPUT: &str =
    "tcp: {host: 127.0.0.1, port: 0, badLines: skip, types: {id: integer, size: integer}";

#[test]
fn objects_come_one_a_connection_or_any_number() {
    let workspace = workspace(&format!("{INPUT}}}"), "");
    let running = Running::job(&workspace);
    running.send(lines(0..320).as_bytes());
    wait(|| results(&workspace).len() == 320);
    // As the original's senders do it: without a line end.
    for id in 320..340 {
        running.send(line(id).trim().as_bytes());
    }
    wait(|| results(&workspace).len() == 340);
    let behind: String = (340..350).map(|id| line(id).trim().to_owned()).collect();
    running.send(behind.as_bytes());
    wait(|| results(&workspace).len() == 350);
    let mut slow = running.connect();
    for part in line(350).replace(',', ",\n  ").as_bytes().chunks(7) {
        slow.write_all(part).unwrap();
        slow.flush().unwrap();
    }
    // It is judged while the connection is open.
    wait(|| results(&workspace).len() == 351);
    let broken = format!("{{\"id\": 1, \"size\n{}nonsense\n{}{{\"id\": 2", line(351), line(352));
    running.send(broken.as_bytes());
    wait(|| results(&workspace).len() == 353);
    // Its last object is cut off when the connection ends, which may be later.
    wait(|| workspace.files().contains(&"job.rejected.ndjson".to_owned()));
    wait(|| workspace.read("job.rejected.ndjson").lines().count() == 3);
    drop(slow);
    let ended = running.terminate();
    ended.expect(0, &[]);
    let counts = summary(&ended);
    assert_eq!((&counts["rows"], &counts["rejected"]), (&356.into(), &3.into()));
    let mut found = ids(&workspace);
    found.sort_unstable();
    assert_eq!(found, (0..353).collect::<Vec<_>>());
    let reasons: Vec<String> =
        rejected(&workspace).iter().map(|row| row["reason"].to_string()).collect();
    assert!(reasons[2].contains("it ends within an object"), "{reasons:?}");
    assert!(reasons[..2].iter().all(|it| it.contains("it is no JSON object")), "{reasons:?}");
}

#[test]
fn senders_have_a_token() {
    let workspace = workspace(&format!("{INPUT}, token: {{secretRef: {{name: agents}}}}}}"), "");
    workspace.write("secrets/agents/token", b"t0ken");
    let arguments = ["run", "job.yaml", "-v", "--secrets", "secrets", "--summary", "json"];
    let running = Running::start(&workspace, &arguments);
    running.send(format!("{{\"token\": \"t0ken\"}}\n{}", lines(0..5)).as_bytes());
    for hello in ["", "{\"token\": \"other\"}\n", "no JSON\n", "{\"t\": 1}{\"token\": \"t0ken\"}"] {
        let mut stream = running.connect();
        // It may be closed before all is sent.
        let _ = stream.write_all(format!("{hello}{}", lines(5..10)).as_bytes());
        let _ = stream.shutdown(Shutdown::Write);
        assert_eq!(stream.read_to_end(&mut Vec::new()).unwrap_or(0), 0);
    }
    wait(|| results(&workspace).len() == 5);
    let ended = running.terminate();
    ended.expect(0, &["does not begin with a valid"]);
    assert_eq!((ids(&workspace), &summary(&ended)["rows"]), ((0..5).collect(), &5.into()));
}

#[test]
fn what_was_taken_is_judged_by_the_next_process() {
    let workspace = workspace(&format!("{INPUT}}}"), "");
    let running = Running::job(&workspace);
    running.send(lines(0..400).as_bytes());
    wait(|| !results(&workspace).is_empty());
    running.kill();
    let last = catch_up(&workspace);
    last.expect(0, &[]);
    let rows = summary(&last)["rows"].as_u64().unwrap();
    assert_eq!(ids(&workspace), (0..rows).collect::<Vec<_>>());
    let none = workspace_without_records();
    catch_up(&none).expect(3, &["the journal has no record that can be read"]);
}

fn workspace_without_records() -> anomal_tests::Workspace {
    workspace(&format!("{INPUT}}}"), "")
}
