//! Messages without a reachable cluster, and the command line itself.

use std::{
    io::{Read, Write},
    net::TcpListener,
    os::unix::fs::symlink,
    process::{Command, Stdio},
    thread,
};

use anomal_tests::{RunOutput, Workspace, program};

/// The home folder of a user without a cluster, with a kubeconfig for `server`.
fn home(server: &str) -> Workspace {
    let config = format!(
        "
apiVersion: v1
kind: Config
current-context: blue
contexts:
  - {{name: blue, context: {{cluster: it, user: me, namespace: team-blue}}}}
  - {{name: production, context: {{cluster: it, user: me}}}}
clusters: [{{name: it, cluster: {{server: '{server}'}}}}]
users: [{{name: me, user: {{token: secret}}}}]
"
    );
    Workspace::with_files(&[("config", config.as_bytes()), ("broken", b"clusters: [")])
}

fn command(home: &Workspace, arguments: &[&str]) -> Command {
    let mut command = home.command(arguments);
    command.env("HOME", home.folder.path());
    for name in ["KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"] {
        command.env_remove(name);
    }
    command
}

fn anomal(home: &Workspace, line: &str) -> RunOutput {
    command(home, &line.split(' ').collect::<Vec<_>>()).output().unwrap().into()
}

/// A server that sends the same response to each request; it ends with the test's process.
fn server(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // A request without a body fits in one packet.
            let _ = stream.read(&mut [0; 8192]);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    format!("http://{address}")
}

#[test]
fn missing_kubeconfig_names_the_options() {
    let home = home("https://127.0.0.1:1");
    anomal(&home, "job list").expect(4, &["no cluster", "--kubeconfig", "KUBECONFIG"]);
    anomal(&home, "job list --context blue").expect(2, &["--context blue", "--kubeconfig"]);
    let none = "job status dns --kubeconfig none";
    anomal(&home, none).expect(2, &["cannot read the kubeconfig none"]);
    anomal(&home, "job list --kubeconfig broken").expect(2, &["the kubeconfig"]);
    // As kubectl has it, the environment may name files that are not there.
    let mut named = command(&home, &["job", "list"]);
    named.env("KUBECONFIG", "none:config");
    RunOutput::from(named.output().unwrap()).expect(4, &["https://127.0.0.1:1"]);
    // And there is the usual place.
    home.write(".kube/config", home.read("config").as_bytes());
    anomal(&home, "job list").expect(4, &["https://127.0.0.1:1"]);
}

#[test]
fn unreachable_cluster_is_named() {
    let home = home("https://127.0.0.1:1");
    for verb in
        ["list", "list -A --watch", "status dns", "status dns -w", "logs dns -f", "report dns"]
    {
        let ran = anomal(&home, &format!("job {verb} --kubeconfig config"));
        ran.expect(4, &["cannot reach the cluster https://127.0.0.1:1: ", "refused", "--context"]);
        assert_eq!(ran.stdout, "");
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
    }
}

#[test]
fn missing_context_suggests_the_nearest() {
    let home = home("https://127.0.0.1:1");
    let ran = anomal(&home, "job list --kubeconfig config --context prodution");
    ran.expect(2, &["no context prodution: did you mean production?"]);
    home.write("config", home.read("config").replace("current-context: blue", "").as_bytes());
    anomal(&home, "job list --kubeconfig config").expect(4, &["no current context", "--context"]);
}

#[test]
fn missing_definition_names_the_installation() {
    // An API server's response for an unknown path.
    let answer = "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 19\r\n\
                  Connection: close\r\n\r\n404 page not found\n";
    let home = home(&server(answer));
    for verb in ["list", "status dns", "logs dns", "report dns"] {
        let ran = anomal(&home, &format!("job {verb} --kubeconfig config"));
        ran.expect(4, &["the AnomalyJob definition is not installed", "helm install"]);
    }
}

#[test]
fn other_servers_are_recognised() {
    let page = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\n<html>";
    let home = home(&server(page));
    anomal(&home, "job list --kubeconfig config").expect(4, &["no API server"]);
}

#[test]
fn link_makes_it_a_kubectl_plugin() {
    let home = home("https://127.0.0.1:1");
    let link = home.path("kubectl-anomal");
    symlink(program("anomal"), &link).unwrap();
    let plugin = |arguments: &[&str]| -> RunOutput {
        let mut command = Command::new(&link);
        command.args(arguments).stdin(Stdio::null()).env("KUBECONFIG", home.path("config"));
        command.output().unwrap().into()
    };
    plugin(&["list"]).expect(4, &["https://127.0.0.1:1"]);
    plugin(&["-n", "x", "status", "dns"]).expect(4, &["https://127.0.0.1:1"]);
    let help = plugin(&["status", "--help"]);
    assert!(help.stdout.contains("Usage: kubectl anomal status"), "{help:#?}");
    assert!(plugin(&["--version"]).stdout.starts_with("kubectl-anomal "));
    // The plugin has only the verbs of `anomal job`.
    plugin(&["run", "job.yaml"]).expect(2, &["unrecognized subcommand"]);
    plugin(&[]).expect(2, &["kubectl anomal"]);
}

#[test]
fn invalid_names_are_refused_without_a_request() {
    let home = home("https://127.0.0.1:1");
    for line in ["job status ../pods", "job logs Dns", "job report a?b", "job list -n x/y"] {
        anomal(&home, &format!("{line} --kubeconfig config"))
            .expect(2, &["not a name in Kubernetes"]);
    }
}

#[test]
fn completions_contain_the_subcommands() {
    let home = Workspace::default();
    for shell in ["bash", "zsh", "fish"] {
        let script = home.anomal(&["completions", shell]);
        script.expect(0, &[]);
        for part in ["job", "all-namespaces", "previous", "context"] {
            assert!(script.stdout.contains(part), "{shell}: {part}");
        }
    }
}
