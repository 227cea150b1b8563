//! `POST /v1/records`.

use std::io::Write;

use anomal_tests::tls::Authority;
use flate2::{Compression, write::GzEncoder};
use rustls::{ClientConnection, StreamOwned, pki_types::ServerName};
use serde_json::Value;

use super::{
    job::{catch_up, ids, line, lines, rejected, results, summary, wait, workspace},
    running::{Running, post},
};

const TYPES: &str = "types: {id: integer, size: integer}";

pub fn gzip(text: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_ref()).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn records_are_answered_judged_once_and_continued() {
    let workspace = workspace(&format!("http: {{listen: \"127.0.0.1:0\", {TYPES}}}"), "sync: 1ms");
    let running = Running::job(&workspace);
    assert_eq!(running.get("/v1/health").status, 200);
    let answer = running.post(&[], lines(0..350).as_bytes());
    assert_eq!(
        (answer.status, answer.text().as_str()),
        (200, "{\"accepted\":350,\"rejectedCount\":0,\"rejected\":[]}")
    );
    let array = format!("[{}, [1],\n {}]", line(350).trim(), line(351).trim().replace(',', ",\n"));
    let answer = running.post(&["content-type: application/json"], array.as_bytes());
    assert_eq!(answer.status, 200);
    let text = answer.text();
    assert!(text.starts_with("{\"accepted\":2,\"rejectedCount\":1,"), "{text}");
    assert!(text.contains("{\"line\":2,\"reason\":\"it is no JSON object\"}"), "{text}");
    let answer = running.post(&["content-encoding: gzip"], &gzip(lines(352..400)));
    assert_eq!((answer.status, answer.text().contains("\"accepted\":48")), (200, true));
    let zstd = zstd_frame(&lines(400..450));
    let answer = running.post(&["Content-Encoding: zstd"], &zstd);
    assert_eq!((answer.status, answer.text().contains("\"accepted\":50")), (200, true));
    let bad = format!("{}\r\n\r\nno JSON\n{{\"id\": 1\n\u{1}\n{}", line(450).trim(), line(451));
    let text = running.post(&[], bad.as_bytes()).text();
    assert!(text.starts_with("{\"accepted\":2,\"rejectedCount\":3,"), "{text}");
    assert!(text.contains("{\"line\":3,") && text.contains("{\"line\":4,"), "{text}");
    wait(|| results(&workspace).len() == 452);
    let first = running.terminate();
    first.expect(0, &[]);
    let counts = summary(&first);
    assert_eq!((&counts["rows"], &counts["rejected"]), (&456.into(), &4.into()));
    assert_eq!((&counts["results"], &counts["warm"]), (&452.into(), &true.into()));
    assert_eq!(ids(&workspace), (0..452).collect::<Vec<_>>());
    for (row, offset) in results(&workspace).iter().zip(0..350) {
        assert_eq!((&row["anomal.row"], &row["anomal.partition"]), (&offset.into(), &0.into()));
        assert!(row["log.source.address"].as_str().unwrap().starts_with("127.0.0.1:"), "{row}");
        assert!(row["event.ingested"].as_str().unwrap().starts_with("20"), "{row}");
    }
    let rejected = rejected(&workspace);
    assert_eq!(rejected.len(), 4);
    assert!(rejected[0]["file"].as_str().unwrap().starts_with("http 127.0.0.1:"), "{rejected:?}");
    assert_eq!((&rejected[1]["raw"], &rejected[1]["row"]), (&"no JSON".into(), &452.into()));

    let running = Running::job(&workspace);
    assert_eq!(running.post(&[], lines(452..500).as_bytes()).status, 200);
    // What is acknowledged outlives the process, judged or not.
    running.kill();
    let last = catch_up(&workspace);
    last.expect(0, &[]);
    assert_eq!((&summary(&last)["rows"], ids(&workspace)), (&504.into(), (0..500).collect()));
    // The address is a setting that may change; types may not.
    let job = workspace.read("job.yaml");
    workspace.write("job.yaml", job.replace("127.0.0.1:0", "0.0.0.0:0").as_bytes());
    catch_up(&workspace).expect(0, &[]);
    workspace.write("job.yaml", job.replace("size: integer", "size: float").as_bytes());
    catch_up(&workspace).expect(2, &["the state is of other settings"]);
}

/// A frame of one block that is not compressed (RFC 8878), so that no other library is needed.
fn zstd_frame(text: &str) -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd];
    let length = u32::try_from(text.len()).unwrap();
    // One segment, with its size in four bytes.
    frame.push(0b1010_0000);
    frame.extend(length.to_le_bytes());
    frame.extend(&((length << 3) | 1).to_le_bytes()[..3]);
    frame.extend(text.as_bytes());
    frame
}

#[test]
fn what_is_not_taken_has_a_status_and_leaves_nothing() {
    let input = "http: {listen: \"127.0.0.1:0\", auth: {secretRef: {name: agents}}, maxBody: 64Ki}";
    let workspace = workspace(input, "maxBytes: 1Mi");
    for (key, value) in [("token", "t0ken"), ("username", "kim"), ("password", "pass:word")] {
        workspace.write(&format!("secrets/agents/{key}"), value.as_bytes());
    }
    let arguments = ["run", "job.yaml", "-v", "--secrets", "secrets"];
    let running = Running::start(&workspace, &arguments);
    let token = "authorization: Bearer t0ken";
    let refused = |headers: &[&str], body: &[u8], status: u16| {
        let answer = running.post(headers, body);
        assert_eq!(answer.status, status, "{}", answer.text());
        assert!(answer.text().starts_with("{\"error\":\""), "{}", answer.text());
        answer
    };
    let good = line(0).into_bytes();
    let answer = refused(&[], &good, 401);
    assert!(answer.header("www-authenticate").unwrap().contains("Bearer"));
    refused(&["authorization: Bearer token"], &good, 401);
    refused(&["authorization: Basic a2ltOnBhc3M="], &good, 401);
    refused(&["authorization: nonsense"], &good, 401);
    refused(&[token], " ".repeat(70_000).as_bytes(), 413);
    refused(&[token, "content-encoding: gzip"], &gzip(" ".repeat(1 << 20)), 413);
    refused(&[token, "content-encoding: gzip"], b"no gzip", 400);
    refused(&[token, "content-encoding: zstd"], b"no zstd", 400);
    refused(&[token, "content-encoding: br"], &good, 415);
    refused(&[token], b"[{\"a\":1},", 400);
    assert_eq!(running.get("/").status, 404);
    assert_eq!(running.get("/v1/records").status, 405);
    // `kim:pass:word`
    let basic = ["authorization: Basic a2ltOnBhc3M6d29yZA=="];
    assert_eq!(running.post(&basic, &good).status, 200);
    assert_eq!(running.post(&[token], line(1).as_bytes()).status, 200);
    assert_eq!(running.post(&[token], b"").status, 200);
    wait(|| results(&workspace).len() == 2);
    running.terminate().expect(0, &["2 rows"]);
}

#[test]
fn senders_show_a_certificate() {
    let authority = Authority::new();
    let (certificate, key) = authority.certificate("127.0.0.1");
    let input = "http: {listen: \"127.0.0.1:0\", tls: {cert: tls/tls.crt, key: tls/tls.key, clientCa: tls/ca.crt}}";
    let workspace = workspace(input, "");
    workspace.write("tls/tls.crt", certificate.as_bytes());
    workspace.write("tls/tls.key", key.as_bytes());
    workspace.write("tls/ca.crt", authority.pem().as_bytes());
    let running = Running::job(&workspace);
    let send = |identity: Option<(&str, &str)>, body: &str| {
        let name = ServerName::try_from("localhost").unwrap();
        let session = ClientConnection::new(authority.client_with(identity), name).unwrap();
        post(&mut StreamOwned::new(session, running.connect()), &[], body.as_bytes())
    };
    let (own, own_key) = authority.certificate("sender");
    let answer = send(Some((&own, &own_key)), &lines(0..3)).unwrap();
    assert_eq!(answer.status, 200);
    assert!(send(None, &lines(3..6)).is_err());
    let (foreign, foreign_key) = Authority::new().certificate("sender");
    assert!(send(Some((&foreign, &foreign_key)), &lines(3..6)).is_err());
    // Nothing is said to those that do not speak TLS.
    assert!(post(&mut running.connect(), &[], lines(3..6).as_bytes()).is_err());
    wait(|| results(&workspace).len() == 3);
    running.terminate().expect(0, &[]);
    assert_eq!(ids(&workspace), [0, 1, 2]);

    workspace.write("tls/tls.key", b"no key");
    let failed = workspace.anomal(&["run", "job.yaml"]);
    failed.expect(2, &["input.http.tls", "tls.key has no private key in PEM"]);
}

#[test]
fn a_member_of_ours_in_a_first_record_stops_no_stream() {
    let workspace = workspace(&format!("http: {{listen: \"127.0.0.1:0\", {TYPES}}}"), "");
    let running = Running::job(&workspace);
    let poisoned = format!("{{\"anomal.score\":7,\"anomal\":{{\"row\":1}},{}", &line(0)[1..]);
    assert_eq!(running.post(&[], (lines(1..3) + &poisoned).as_bytes()).status, 200);
    wait(|| results(&workspace).len() == 3);
    assert_eq!(running.post(&[], poisoned.as_bytes()).status, 200);
    wait(|| results(&workspace).len() == 4);
    let ended = running.terminate();
    ended.expect(0, &["input.http", "http:3", "`anomal.score`", "rename them where they are sent"]);
    assert_eq!(ids(&workspace), [1, 2, 0, 0]);
    let rows = results(&workspace);
    assert_eq!((&rows[2]["anomal.score"], &rows[2]["anomal.row"]), (&Value::Null, &2.into()));
}
