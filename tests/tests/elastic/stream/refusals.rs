//! A document that an index refuses for a reason of its own is kept with the reason, once, and the stream goes on.

use anomal_tests::{
    elastic::{self, WRITER},
    s3::S3,
};
use serde_json::{Value, json};

use super::jobs::{Stream, rows, summary, wait, wait_for_documents};

/// Where refused documents are kept.
enum Kept {
    File,
    Objects(S3),
}

impl Kept {
    fn refused(&self, stream: &Stream) -> Vec<Value> {
        let text = match self {
            Self::File => {
                let path = stream.workspace.path("job.refused.ndjson");
                std::fs::read_to_string(path).unwrap_or_default()
            }
            Self::Objects(s3) => {
                let keys = s3.keys("refused").into_iter().filter(|key| key.ends_with(".ndjson"));
                let texts = keys.filter_map(|key| s3.find("refused", &key));
                texts.map(|bytes| String::from_utf8(bytes).unwrap()).collect()
            }
        };
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

#[test]
fn a_document_that_does_not_fit_the_mapping_is_kept_with_the_reason() {
    is_kept_with_the_reason("conflict", "", |_| Kept::File);
}

#[test]
fn a_document_that_does_not_fit_the_mapping_may_be_kept_in_an_object_store() {
    let dead_letter =
        ", deadLetter: {path: \"s3://refused/job/\", auth: {secretRef: {name: store}}}";
    let Some(s3) = S3::start() else { return };
    drop(s3);
    is_kept_with_the_reason("conflict-objects", dead_letter, |stream| {
        let s3 = S3::start().unwrap();
        s3.bucket("refused");
        for (key, value) in s3.secret() {
            stream.workspace.write(&format!("secrets/store/{key}"), value.as_bytes());
        }
        Kept::Objects(s3)
    });
}

fn is_kept_with_the_reason(name: &str, dead_letter: &str, kept: impl Fn(&Stream) -> Kept + Sync) {
    elastic::on_each_server(|server| {
        let index = server.name(name);
        let mapping = json!({"mappings": {"properties": {"anomal": {"properties": {"source": {"properties":
            {"note": {"type": "long"}}}}}}}});
        server.admin().put(&format!("/{index}"), &mapping);
        let more = format!("manageTemplate: false, bulk: {{maxDocuments: 30}}{dead_letter}");
        let stream = Stream::new(server, &server.settings(WRITER), &index, &more);
        let place = kept(&stream);
        stream.append(0..200);
        let child = stream.start();
        wait_for_documents(server, &index, 200);
        let bad = |id: u64| format!("{{\"id\":{id},\"size\":1,\"note\":\"no number\"}}\n");
        stream.append_text(&bad(200));
        stream.append(201..300);
        stream.append_text(&bad(300));
        stream.append(301..400);
        wait_for_documents(server, &index, 398);
        wait("two refused documents", || place.refused(&stream).len() == 2);
        let mut child = child;
        child.kill().unwrap();
        child.wait().unwrap();
        let child = stream.start();
        stream.append(400..450);
        wait_for_documents(server, &index, 448);
        let ended = Stream::stop(child);
        ended.expect(0, &[]);
        assert_eq!(summary(&ended)["refused"], 2, "{ended:#?}");
        assert_eq!(summary(&ended)["results"], 450);
        let kept = place.refused(&stream);
        let places: Vec<(&Value, &Value)> =
            kept.iter().map(|document| (&document["partition"], &document["row"])).collect();
        assert_eq!(places, [(&json!(0), &json!(200)), (&json!(0), &json!(300))]);
        assert_eq!((&kept[0]["status"], &kept[0]["index"]), (&json!(400), &json!(index)));
        assert!(kept[0]["reason"].as_str().unwrap().contains("note"), "{}", kept[0]);
        assert_eq!(kept[0]["document"]["anomal"]["source"]["note"], "no number");
        let expected = (0..450).filter(|row| ![200, 300].contains(row)).collect::<Vec<u64>>();
        assert_eq!(rows(&server.admin().documents(&index)), expected);
    });
}

#[test]
fn settings_that_can_not_work_end_the_run_at_once() {
    elastic::on_each_server(|server| {
        let index = server.name("wrong");
        let settings = server.settings(WRITER);
        let run = |more: &str, code: i32, parts: &[&str]| {
            let stream = Stream::new(server, &settings, &index, more);
            stream.append(0..10);
            let arguments = ["run", "job.yaml", "--secrets", "secrets", "--until-caught-up"];
            stream.workspace.anomal(&arguments).expect(code, parts);
        };
        let url = "deadLetter: {path: \"s3://b/x\"}";
        run(url, 2, &["outputs[0].elasticsearch.deadLetter.path", "as s3://b/x/"]);
        run("bulk: {retrySeconds: 5}", 2, &["bulk.retrySeconds", "as long as it takes"]);
        let unknown =
            Stream::new(server, "url: \"http://h\", auth: {secretRef: {name: none}}", &index, "");
        unknown.append(0..10);
        let ran = unknown.workspace.anomal(&["run", "job.yaml", "--secrets", "secrets"]);
        ran.expect(2, &["outputs[0].elasticsearch.auth.secretRef", "none"]);
    });
}
