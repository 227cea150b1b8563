//! Two processes that both take themselves for the owner of a stream.

use std::{
    process::{Child, Stdio},
    time::Duration,
};

use anomal_tests::{
    RunOutput, Workspace,
    elastic::{self, WRITER},
    s3::S3,
};

use super::jobs::{Stream, rows, wait_for_documents};

/// A machine that shares the input and the state with others.
struct Machine(Workspace);

impl Machine {
    fn start(&self, s3: &S3) -> Child {
        let mut command = self.0.command(&["run", "job.yaml", "--secrets", "secrets"]);
        command.envs(s3.environment()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    }
}

#[test]
fn documents_of_two_owners_come_once() {
    elastic::on_each_server(|server| {
        let Some(s3) = S3::start() else { return };
        s3.bucket("state");
        let index = server.name("owners");
        let stream = Stream::new(server, &server.settings(WRITER), &index, "");
        let input = stream.workspace.path("app.ndjson");
        let job = stream.workspace.read("job.yaml").replace("app.ndjson", input.to_str().unwrap());
        let job = job.replace("to: state", "to: \"s3://state/job/\"");
        // No file is shared but the input.
        let job = job.replace(
            "  - ndjson: {path: results.ndjson, rotate: 64Mi}\n",
            "deadLetter: {path: rejected.ndjson}\n",
        );
        let machines = [(); 2].map(|()| {
            let workspace = Workspace::with_files(&[("job.yaml", job.as_bytes())]);
            server.secrets(&workspace);
            Machine(workspace)
        });
        stream.append(0..500);
        let mut first = machines[0].start(&s3);
        wait_for_documents(server, &index, 500);
        let mut second = machines[1].start(&s3);
        // Both read this and send it, until one can't save its next checkpoint.
        let mut written = 500;
        while first.try_wait().unwrap().is_none() && written < 20_000 {
            // It ends if the other one saves just as it begins.
            if second.try_wait().unwrap().is_some() {
                second = machines[1].start(&s3);
            }
            stream.append(written..written + 20);
            written += 20;
            std::thread::sleep(Duration::from_millis(100));
        }
        assert!(first.try_wait().unwrap().is_some(), "two owners");
        let fenced: RunOutput = first.wait_with_output().unwrap().into();
        assert_ne!(fenced.code, Some(0), "{fenced:#?}");
        assert!(fenced.stderr.contains("was written by another process"), "{fenced:#?}");
        stream.append(written..written + 100);
        written += 100;
        wait_for_documents(server, &index, written);
        Stream::stop(second).expect(0, &[]);
        assert_eq!(rows(&server.admin().documents(&index)), (0..written).collect::<Vec<u64>>());
    });
}
