//! Packs in a registry, through the commands: pushed, added, locked, moved, used offline, exported and mirrored.

use std::{env, fs, net::TcpListener, os::unix::fs::PermissionsExt, process::Command};

use anomal_tests::{
    RunOutput, TempDir, Workspace, program,
    registry::{Gateway, Registry},
    s3::S3,
};

use super::{INPUT, LOG, OUTPUT, PACK};

/// A folder with a job, and a home of its own.
struct Machine {
    workspace: Workspace,
    home: TempDir,
}

impl Machine {
    fn new(packs: &str) -> Self {
        let job = format!(
            "{INPUT}# the packs\n{packs}flags: [{{type: direct, name: house/coded, dataNeeded: [code]}}]\n{OUTPUT}"
        );
        let files = [("in.csv", LOG), ("house/pack.yaml", PACK), ("job.yaml", job.as_str())];
        let workspace = Workspace::with_files(&files.map(|(name, text)| (name, text.as_bytes())));
        Self { workspace, home: TempDir::new().unwrap() }
    }

    fn anomal(&self, arguments: &[&str]) -> RunOutput {
        self.command(arguments).output().unwrap().into()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program("anomal"));
        command.current_dir(self.workspace.folder.path()).args(arguments);
        for name in
            ["XDG_CACHE_HOME", "XDG_CONFIG_HOME", "DOCKER_CONFIG", "ANOMAL_TRUST", "ANOMAL_OFFLINE"]
        {
            command.env_remove(name);
        }
        command.env("HOME", self.home.path());
        command
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.workspace.folder.path().join(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        self.workspace.read(name)
    }

    /// Pushes the pack, whose version is as given, and returns its reference with the digest.
    fn push(&self, reference: &str, version: &str) -> String {
        self.write("house/pack.yaml", &PACK.replace("1.2.3", version));
        let pushed = self.anomal(&["pack", "push", "house", reference]);
        pushed.expect(0, &[]).stdout.trim().to_owned()
    }
}

#[test]
fn a_job_is_the_same_after_the_tag_has_moved() {
    let Some(registry) = Registry::start() else { return };
    let reference = registry.reference("acme/house:1");
    let machine = Machine::new(&format!("packs: [{{name: house, ref: \"{reference}\"}}]\n"));
    machine.anomal(&["run", "job.yaml"]).expect(2, &["has no 1"]);
    let first = machine.push(&reference, "1.2.3");
    let digest = first.split_once('@').unwrap().1;
    machine
        .anomal(&["run", "job.yaml", "--locked"])
        .expect(2, &["is not in", "anomal pack update"]);
    machine.anomal(&["run", "job.yaml"]).expect(0, &[]);
    let (rows, lock) = (machine.read("out.csv"), machine.read("anomal.lock"));
    assert!(
        lock.contains(digest) && lock.contains(&reference) && lock.contains("kind: declarative"),
        "{lock}"
    );

    // Another version under the same tag.
    let changed = PACK.replace("{code} NOT IN {good}", "{code} IN {good}");
    machine.write("house/pack.yaml", &changed);
    let second = machine
        .anomal(&["pack", "push", "house", &reference])
        .expect(0, &[])
        .stdout
        .trim()
        .to_owned();
    assert_ne!(first, second);
    machine.anomal(&["run", "job.yaml", "--locked"]).expect(0, &[]);
    assert_eq!(
        (machine.read("out.csv"), machine.read("anomal.lock")),
        (rows.clone(), lock.clone())
    );
    let dry = machine.anomal(&["pack", "update", "--dry-run"]);
    assert!(dry.expect(0, &[]).stdout.contains("~ coded"), "{dry:?}");
    assert_eq!(machine.read("anomal.lock"), lock);
    machine.anomal(&["pack", "update", "house"]).expect(0, &[]);
    assert!(machine.read("anomal.lock").contains(second.split_once('@').unwrap().1));
    machine.anomal(&["run", "job.yaml", "--locked"]).expect(0, &[]);
    assert_ne!(machine.read("out.csv"), rows);
    machine.anomal(&["pack", "update", "hous"]).expect(2, &["did you mean `house`?"]);

    // Without the registry: from the cache, and where that has nothing, an error.
    drop(registry);
    machine.anomal(&["run", "job.yaml", "--offline"]).expect(0, &[]);
    machine.anomal(&["pack", "prune", "--all"]).expect(0, &[]);
    machine
        .anomal(&["run", "job.yaml", "--offline"])
        .expect(2, &["job.yaml:4:", "is not in the cache"]);
}

#[test]
fn a_registry_that_is_away_is_exit_4() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let machine =
        Machine::new(&format!("packs: [{{name: house, ref: 'oci://127.0.0.1:{port}/house:1'}}]\n"));
    machine.anomal(&["run", "job.yaml"]).expect(4, &["packs[0].ref", "also after 5 more attempts"]);
}

#[test]
fn add_keeps_comments_and_locks() {
    let Some(registry) = Registry::start() else { return };
    let machine = Machine::new("packs:\n  - dns # built in\n\n");
    let reference = registry.reference("acme/house:1");
    let pushed = machine.push(&reference, "1.2.3");
    let before = machine.read("job.yaml");
    let added = machine.anomal(&["pack", "add", &reference, "--to", "job.yaml"]);
    assert!(added.expect(0, &[]).stdout.contains("runs no code"), "{added:?}");
    let entry = format!("  - dns # built in\n  - {{name: house, ref: \"{reference}\"}}\n");
    assert_eq!(machine.read("job.yaml"), before.replace("  - dns # built in\n", &entry));
    assert!(machine.read("anomal.lock").contains(pushed.split_once('@').unwrap().1));
    machine.anomal(&["run", "job.yaml", "--locked", "--offline"]).expect(0, &[]);
    machine
        .anomal(&["pack", "add", &reference, "--to", "job.yaml"])
        .expect(2, &["has a pack `house` already"]);
    machine.anomal(&["pack", "add", "git://x/y"]).expect(2, &["`git://` is not supported"]);
    let verified = machine.anomal(&["pack", "verify", "job.yaml"]);
    assert!(
        verified.expect(0, &[]).stdout.starts_with("house: declarative, sha256:"),
        "{verified:?}"
    );
}

#[test]
fn packs_travel_to_a_machine_without_a_network() {
    let Some(registry) = Registry::start() else { return };
    let machine = Machine::new(&format!(
        "packs: [{{name: house, ref: \"{}\"}}]\n",
        registry.reference("acme/house:1")
    ));
    machine.push(&registry.reference("acme/house:1"), "1.2.3");
    machine.anomal(&["pack", "export", "job.yaml", "-o", "packs.tar"]).expect(0, &[]);
    let mirror = Registry::start().unwrap();
    let place = format!("oci://127.0.0.1:{}/mirror", mirror.port);
    let mirrored = machine.anomal(&["pack", "mirror", "job.yaml", "--to", &place]);
    let lines = mirrored.expect(0, &[]).stdout.clone();
    let registries = lines.split_once("In the trust file:\n").unwrap().1;
    drop(registry);

    let other = Machine::new("");
    for file in ["job.yaml", "anomal.lock", "packs.tar"] {
        fs::copy(
            machine.workspace.folder.path().join(file),
            other.workspace.folder.path().join(file),
        )
        .unwrap();
    }
    other.anomal(&["run", "job.yaml", "--locked", "--offline"]).expect(2, &["is not in the cache"]);
    other.anomal(&["pack", "import", "packs.tar"]).expect(0, &[]);
    other.anomal(&["run", "job.yaml", "--locked", "--offline"]).expect(0, &[]);
    other.anomal(&["pack", "import", "in.csv"]).expect(2, &["in.csv: "]);
    // Or from the mirror, by the same digests.
    other.anomal(&["pack", "prune", "--all"]).expect(0, &[]);
    other.write("trust.yaml", &format!("apiVersion: anomal.dev/trust/v1\n{registries}"));
    other.anomal(&["run", "job.yaml", "--locked", "--trust", "trust.yaml"]).expect(0, &[]);
}

#[test]
fn code_needs_a_signature_or_a_digest_on_the_list() {
    let Some(registry) = Registry::start() else { return };
    let machine = Machine::new("");
    let manifest = PACK.replace("components:", "component: it.wasm\ncomponents:");
    machine.write("house/pack.yaml", &manifest);
    fs::write(machine.workspace.folder.path().join("house/it.wasm"), b"\0asm\x0d\0\x01\0").unwrap();
    let reference = registry.reference("acme/house:1");
    let pushed = machine
        .anomal(&["pack", "push", "house", &reference])
        .expect(0, &[])
        .stdout
        .trim()
        .to_owned();
    let digest = pushed.split_once('@').unwrap().1;
    let verify = |trust: &str| {
        machine.write("trust.yaml", &format!("apiVersion: anomal.dev/trust/v1\n{trust}\n"));
        machine.anomal(&["pack", "verify", &pushed, "--trust", "trust.yaml"])
    };
    let line = format!("allow: {{digests: [{digest}]}}");
    machine.anomal(&["pack", "verify", &pushed]).expect(2, &["the built-in policy", &line]);
    verify(&line).expect(0, &[]);
    verify(&format!("{line}\ndeny: {{digests: [{digest}]}}"))
        .expect(2, &["is denied by trust.yaml"]);
    verify("scopes: [{prefix: 'oci://127.0.0.1', kinds: all, require: digest}]")
        .expect(2, &["are not allowed"]);
    let scope = format!(
        "scopes: [{{prefix: 'oci://127.0.0.1:{}/acme', kinds: [wasm], require: {{key: key.pub}}}}]",
        registry.port
    );
    verify(&scope).expect(2, &["the key", "key.pub"]);
    let key = rcgen::KeyPair::generate().unwrap();
    machine.write("key.pem", &key.serialize_pem());
    let public = rcgen::PublicKeyData::subject_public_key_info(&key);
    let public = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, public);
    machine.write(
        "key.pub",
        &format!("-----BEGIN PUBLIC KEY-----\n{public}\n-----END PUBLIC KEY-----\n"),
    );
    verify(&scope).expect(2, &["is not signed as trust.yaml requires: it has no signature"]);
    machine
        .anomal(&["pack", "sign", &reference, "--key", "key.pub"])
        .expect(2, &["is not a private key"]);
    machine.anomal(&["pack", "sign", &reference, "--key", "key.pem"]).expect(0, &[]);
    let signed = verify(&scope);
    assert!(signed.expect(0, &[]).stdout.contains("signed by the key sha256:"), "{signed:?}");
    // Also from the cache.
    machine
        .anomal(&["pack", "verify", &pushed, "--trust", "trust.yaml", "--offline"])
        .expect(0, &[]);
    verify(&scope.replace("[wasm]", "[declarative]"))
        .expect(2, &["wasm packs from", "are not allowed"]);
}

#[test]
fn built_packs_are_the_same_bytes_and_run() {
    let machine = Machine::new("packs: [{name: house, ref: house-1.2.3.tar}]\n");
    let built = machine.anomal(&["pack", "build", "house"]).expect(0, &[]).stdout.clone();
    assert!(built.starts_with("house-1.2.3.tar\nsha256:"), "{built}");
    machine.anomal(&["pack", "build", "house", "-o", "again.tar"]).expect(0, &[]);
    let bytes = |name: &str| fs::read(machine.workspace.folder.path().join(name)).unwrap();
    assert_eq!(bytes("house-1.2.3.tar"), bytes("again.tar"));
    machine.anomal(&["run", "job.yaml"]).expect(0, &[]);
    // A path needs no lock, and gets none.
    assert!(!machine.workspace.folder.path().join("anomal.lock").exists());
    machine.anomal(&["pack", "update"]).expect(0, &[]);
    machine.anomal(&["run", "job.yaml", "--locked"]).expect(0, &[]);
    machine.write("house/pack.yaml", &PACK.replace("1.2.3", "1.2.4"));
    machine.anomal(&["pack", "build", "house", "-o", "house-1.2.3.tar"]).expect(0, &[]);
    machine
        .anomal(&["run", "job.yaml", "--locked"])
        .expect(2, &["PACK_CHANGED", "anomal pack update"]);
    machine.anomal(&["run", "job.yaml"]).expect(0, &["note: PACK_CHANGED"]);
}

#[test]
fn without_a_home_nothing_is_cached() {
    let Some(registry) = Registry::start() else { return };
    let machine = Machine::new(&format!(
        "packs: [{{name: house, ref: \"{}\"}}]\n",
        registry.reference("acme/house:1")
    ));
    machine.push(&registry.reference("acme/house:1"), "1.2.3");
    let mut command = Command::new(program("anomal"));
    command.current_dir(machine.workspace.folder.path()).args(["run", "job.yaml"]);
    command.env_remove("HOME").env_remove("XDG_CACHE_HOME");
    let output = RunOutput::from(command.output().unwrap());
    output.expect(0, &["note: packs are not cached: neither XDG_CACHE_HOME nor HOME is set"]);
    // A home that is a file can't have a cache.
    let output = RunOutput::from(command.env("HOME", "in.csv").output().unwrap());
    output.expect(0, &["note: packs are not cached: in.csv/.cache/anomal/packs"]);
}

/// A job that counts the names of a list.
fn job_with_list(packs: &str, lists: &str, list: &str) -> String {
    format!(
        "{INPUT}{packs}{lists}flags: [{{type: direct, name: list_hit, dataNeeded: [name], params: {{lists: [{list}]}}, severity: \
         high}}]\n{OUTPUT}"
    )
}

#[test]
fn lists_of_packs_come_along() {
    let Some(registry) = Registry::start() else { return };
    let machine = Machine::new("");
    let manifest = PACK.replace(
        "components:",
        "lists: [{name: bad, ref: lists/bad.txt, type: domain}]\ncomponents:",
    );
    machine.write("house/pack.yaml", &manifest);
    fs::create_dir(machine.workspace.folder.path().join("house/lists")).unwrap();
    machine.write("house/lists/bad.txt", "x.example.com\n");
    let reference = registry.reference("lists");
    machine.anomal(&["pack", "push", "house", &reference]).expect(0, &[]);
    let mut tables = Vec::new();
    for place in ["house", &reference] {
        let packs = format!("packs: [{{name: house, ref: \"{place}\"}}]\n");
        machine.write("job.yaml", &job_with_list(&packs, "", "house/bad"));
        machine.anomal(&["run", "job.yaml"]).expect(0, &[]);
        tables.push(machine.read("out.csv"));
    }
    assert!(tables[0].contains("x.example.com") && tables[0].contains("list_hit"), "{}", tables[0]);
    assert_eq!(tables[0], tables[1]);
}

/// A program that knows the credentials for a registry, as Docker's have it.
const HELPER: &str = "#!/bin/sh\n[ \"$1\" = get ] && [ \"$(cat)\" = REGISTRY ] || exit 1\n\
    echo '{\"ServerURL\": \"REGISTRY\", \"Username\": \"runner\", \"Secret\": \"only-for-tests\"}'\n";

#[test]
fn helpers_of_docker_have_the_credentials() {
    let Some(registry) = Registry::start() else { return };
    let machine = Machine::new("");
    machine.push(&registry.reference("acme/house:1"), "1.2.3");
    let gateway = Gateway::with_registry("127.0.0.1", &registry, "runner", "only-for-tests");
    let address = gateway.address();
    machine.write("ca.crt", &gateway.ca);
    let helper = machine.workspace.path("bin/docker-credential-tests");
    machine
        .workspace
        .write("bin/docker-credential-tests", HELPER.replace("REGISTRY", &address).as_bytes());
    fs::set_permissions(&helper, fs::Permissions::from_mode(0o755)).unwrap();
    let path = env::join_paths(
        [machine.workspace.path("bin")]
            .into_iter()
            .chain(env::split_paths(&env::var_os("PATH").unwrap())),
    )
    .unwrap();
    let reference = format!("oci://{address}/acme/house:1");
    let pull = |config: &str| -> RunOutput {
        machine.workspace.write("docker/config.json", config.as_bytes());
        let arguments = ["pack", "pull", &reference, "--ca", "ca.crt"];
        let mut command = machine.command(&arguments);
        command.env("PATH", &path).env("DOCKER_CONFIG", machine.workspace.path("docker"));
        command.output().unwrap().into()
    };
    pull("{}").expect(4, &["refuses it without credentials"]);
    pull(&format!(r#"{{"credHelpers": {{"{address}": "tests"}}}}"#)).expect(0, &[]);
    machine.anomal(&["pack", "prune", "--all"]).expect(0, &[]);
    pull(r#"{"credsStore": "tests"}"#).expect(0, &[]);
    // One that does not know the registry, one that is not installed, and no name of a program.
    machine.anomal(&["pack", "prune", "--all"]).expect(0, &[]);
    pull(r#"{"credHelpers": {"other.example": "tests"}}"#).expect(4, &["refuses it without"]);
    pull(r#"{"credsStore": "absent"}"#).expect(4, &["docker-credential-absent can't be run"]);
    pull(r#"{"credsStore": "../tests"}"#).expect(4, &["the helper's name has letters"]);
}

#[test]
fn packs_and_lists_in_an_object_store() {
    let Some(s3) = S3::start() else { return };
    s3.bucket("packs");
    let machine = Machine::new("");
    machine.anomal(&["pack", "build", "house", "-o", "house.tar"]).expect(0, &[]);
    s3.put(
        "packs",
        "house.tar",
        &fs::read(machine.workspace.folder.path().join("house.tar")).unwrap(),
    );
    s3.put("packs", "bad.txt", b"x.example.com\n");
    let packs = "packs: [{name: house, ref: 's3://packs/house.tar'}]\n";
    let lists = "lists: [{name: bad, ref: 's3://packs/bad.txt', type: domain}]\n";
    let job = job_with_list(packs, lists, "bad")
        .replace("flags: [", "flags: [{type: direct, name: house/coded, dataNeeded: [code]}, ");
    machine.write("job.yaml", &job);
    let run = |arguments: &[&str]| {
        let mut command = Command::new(program("anomal"));
        command.current_dir(machine.workspace.folder.path()).args(arguments);
        command
            .env("HOME", machine.home.path())
            .env_remove("XDG_CACHE_HOME")
            .envs(s3.environment());
        RunOutput::from(command.output().unwrap())
    };
    run(&["run", "job.yaml"]).expect(0, &[]);
    let (rows, lock) = (machine.read("out.csv"), machine.read("anomal.lock"));
    assert!(rows.contains("list_hit") && rows.contains("coded"), "{rows}");
    assert!(lock.contains("kind: list") && lock.contains("s3://packs/bad.txt"), "{lock}");
    run(&["run", "job.yaml", "--locked", "--offline"]).expect(0, &[]);
    // Other bytes than those that are locked.
    s3.put("packs", "bad.txt", b"y.example.com\n");
    run(&["run", "job.yaml"]).expect(0, &[]);
    assert_eq!(machine.read("out.csv"), rows);
    run(&["pack", "prune", "--all"]).expect(0, &[]);
    run(&["run", "job.yaml"]).expect(2, &["lists[0].ref", "change `digest`"]);
    let updated = run(&["pack", "update", "bad", "--job", "job.yaml"]);
    assert!(updated.expect(0, &[]).stdout.starts_with("bad: sha256:"), "{}", updated.stdout);
    run(&["run", "job.yaml", "--locked"]).expect(0, &[]);
    assert_ne!(machine.read("out.csv"), rows);
    let verified = run(&["pack", "verify", "job.yaml"]);
    assert!(verified.expect(0, &[]).stdout.contains("bad: list, sha256:"), "{}", verified.stdout);
    machine.write("job.yaml", &job.replace("house.tar", "other.tar"));
    fs::remove_file(machine.workspace.folder.path().join("anomal.lock")).unwrap();
    run(&["run", "job.yaml"]).expect(2, &["packs[0].ref", "other.tar"]);
}
