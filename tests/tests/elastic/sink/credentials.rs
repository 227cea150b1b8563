//! Credentials, privileges, certificates and the detection of the server.

use anomal_tests::{
    Workspace,
    elastic::{
        self, Flavor, READER, Server, WRITER,
        proxy::{Fault, Proxy},
    },
};

use super::jobs::{counts, job, records, run, workspace};

#[test]
fn api_keys_and_tokens_authenticate() {
    elastic::on_each_server(|server| {
        let proxy = Proxy::start(server);
        proxy.accept("ApiKey aWQ6a2V5", WRITER);
        proxy.accept("Bearer abc", WRITER);
        for (key, value) in [("apiKey", "id:key"), ("apiKey", "aWQ6a2V5"), ("token", "abc")] {
            let index = server.name("keys");
            let output = format!(
                "url: \"{}\", auth: {{secretRef: {{name: mine}}}}, index: {index}, rows: all",
                proxy.url()
            );
            let workspace = workspace(100, &output);
            proxy.secret(&workspace, "mine", key, value);
            assert_eq!(counts(&run(&workspace)), (100, 0, 0), "{key}");
        }
    });
}

#[test]
fn missing_privileges_are_named() {
    let Some(server) = Server::shared(Flavor::Elasticsearch) else { return };
    let index = server.name("forbidden");
    let run_as = |user: &str, more: &str| {
        let output = format!("{}, index: {index}, rows: all, {more}", server.settings(user));
        let workspace = workspace(100, &output);
        server.secrets(&workspace);
        run(&workspace)
    };
    run_as(READER, "").expect(4, &["manage_index_templates", "manageTemplate: false"]);
    run_as(READER, "manageTemplate: false").expect(4, &["403", "the secret reader", "privileges"]);
    assert_eq!(server.admin().send("GET", &format!("/{index}"), "").status, 404);
}

#[test]
fn wrong_credentials_and_unknown_authorities_fail_at_once() {
    elastic::on_each_server(|server| {
        let proxy = Proxy::start(server);
        let index = server.name("wrong");
        let output = format!("{}, index: {index}", proxy.settings(WRITER));
        let workspace = workspace(100, &output);
        server.secrets(&workspace);
        workspace.write("secrets/writer/password", b"wrong-and-secret");
        let ran = run(&workspace);
        ran.expect(4, &["401", "secret writer"]);
        assert!(!ran.stderr.contains("wrong-and-secret"));
        std::fs::remove_file(workspace.path("secrets/writer/ca.crt")).unwrap();
        run(&workspace).expect(4, &["certificate", "ca.crt"]);
        // Verification is skipped only on request, with a warning.
        let careless = job(&format!("{output}, insecureSkipVerify: true"));
        workspace.write("job.yaml", careless.as_bytes());
        server.secrets(&workspace);
        std::fs::remove_file(workspace.path("secrets/writer/ca.crt")).unwrap();
        run(&workspace).expect(0, &["insecureSkipVerify"]);
    });
}

#[test]
fn unsupported_servers_and_wrong_settings_are_refused() {
    elastic::on_each_server(|server| {
        let proxy = Proxy::start(server);
        proxy.set_faults(|_, _| Fault::Answer(200, Vec::new(), "<html>Welcome</html>".into()));
        let workspace = workspace(10, &proxy.settings(WRITER));
        server.secrets(&workspace);
        run(&workspace).expect(4, &["is not recognised as", "flavor"]);
        let old = r#"{"version": {"number": "7.17.28"}, "tagline": "You Know, for Search"}"#;
        proxy.set_faults(|_, _| Fault::Answer(200, Vec::new(), old.into()));
        run(&workspace).expect(4, &["7.17.28", "8 or later"]);
    });
    // Wrong settings fail before any request.
    let wrong = [
        ("url: \"http://me:pw@h:9200\"", "without credentials"),
        ("url: \"http://h:9200\", urls: [\"http://h:9201\"]", "not both"),
        ("index: a", "`url`"),
        ("url: \"http://h:9200\", index: Upper", "lower-case"),
    ];
    for (output, part) in wrong {
        let workspace = Workspace::with_files(&[
            ("job.yaml", job(output).as_bytes()),
            ("in.csv", records(1).as_bytes()),
        ]);
        run(&workspace).expect(2, &[part]);
    }
}
