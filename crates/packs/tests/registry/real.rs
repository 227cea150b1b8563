//! Real registries and real cosign and oras, in both directions. `cargo xtask test` installs what can be had; what is absent
//! counts as skipped.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use anomal_packs::{
    Artifact, Descriptor, Digest, OciReference, PackError, Policy, PrivateKey,
    oci::{Connection, Credentials, Repository, wait},
    sign,
};

use super::support::{artifact, fetch, fetcher};

/// A tool's program; without one the test is skipped.
fn tool(variable: &str) -> Option<PathBuf> {
    let found = std::env::var_os(variable).map(PathBuf::from);
    if found.is_none() {
        anomal_testbed::skip(&format!("{variable} is not set"));
    }
    found
}

/// A registry, ended when dropped.
struct Registry {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Registry {
    fn run(command: impl Fn(u16, &Path) -> Command) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = command(port, folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().unwrap();
        let until = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < until, "the registry does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
        Self { child, port, _folder: folder }
    }

    /// go-containerregistry's, in memory.
    fn in_memory(program: &Path) -> Self {
        Self::run(|port, _| {
            let mut command = Command::new(program);
            command.args(["-port", &port.to_string()]);
            command
        })
    }

    /// distribution's, with TLS and a user.
    fn distribution(program: &Path, htpasswd: &str, certificate: &str, key: &str) -> Self {
        Self::run(|port, folder| {
            for (name, text) in [("htpasswd", htpasswd), ("tls.crt", certificate), ("tls.key", key)]
            {
                fs::write(folder.join(name), text).unwrap();
            }
            let at = folder.display();
            let config = format!(
                "version: 0.1\nstorage: {{filesystem: {{rootdirectory: {at}/data}}}}\nhttp:\n  addr: 127.0.0.1:{port}\n  \
                 secret: x\n  tls: {{certificate: {at}/tls.crt, key: {at}/tls.key}}\nauth: {{htpasswd: {{realm: tests, \
                 path: {at}/htpasswd}}}}\n"
            );
            fs::write(folder.join("config.yml"), config).unwrap();
            let mut command = Command::new(program);
            command.arg("serve").arg(folder.join("config.yml")).env("OTEL_TRACES_EXPORTER", "none");
            command
        })
    }

    fn reference(&self, tag: &str) -> String {
        format!("oci://127.0.0.1:{}/acme/house:{tag}", self.port)
    }

    fn plain(&self, tag: &str) -> String {
        self.reference(tag).replace("oci://", "")
    }
}

fn repository(reference: &str, connection: &Connection) -> Repository {
    let reference: OciReference = reference.parse().unwrap();
    Repository::new(&reference, connection, true).unwrap()
}

fn push(reference: &str, artifact: &Artifact, connection: &Connection) -> Result<(), PackError> {
    let tag = reference.rsplit_once(':').unwrap().1;
    let repository = repository(reference, connection);
    wait(|| async {
        repository.push(artifact, Some(tag)).await?;
        repository
            .push_signatures(&Descriptor::for_manifest(&artifact.manifest), &artifact.signatures)
            .await
    })
}

#[track_caller]
fn run(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    output
}

#[test]
fn pushed_by_ours_and_pulled_by_oras_and_the_reverse() {
    let (Some(registry), Some(oras)) = (tool("ANOMAL_TEST_REGISTRY"), tool("ANOMAL_TEST_ORAS"))
    else {
        return;
    };
    let registry = Registry::in_memory(&registry);
    // Larger than a part of an upload.
    let pack = artifact(17 << 20);
    push(&registry.reference("1"), &pack, &Connection::default()).unwrap();
    push(&registry.reference("2"), &pack, &Connection::default()).unwrap();
    let fetched = fetch(&fetcher(None), &registry.reference("2"), None).unwrap();
    assert_eq!(fetched.artifact, pack);

    let manifest =
        run(Command::new(&oras).args(["manifest", "fetch", "--plain-http", &registry.plain("1")]));
    assert_eq!(Digest::from_content(&manifest.stdout), pack.digest());
    // oras copies it to a layout that ours reads.
    let copied = tempfile::tempdir().unwrap();
    let layout = copied.path().join("layout");
    run(Command::new(&oras)
        .args(["copy", "--from-plain-http", "--to-oci-layout", &registry.plain("1")])
        .arg(format!("{}:1", layout.display())));
    assert_eq!(fetch(&fetcher(None), &layout.display().to_string(), None).unwrap().artifact, pack);
    // And one that oras made: a bare component in the layout of the CNCF.
    fs::write(copied.path().join("it.wasm"), b"\0asm\x0d\0\x01\0").unwrap();
    fs::write(copied.path().join("config.json"), "{}").unwrap();
    run(Command::new(&oras).current_dir(copied.path()).args([
        "push",
        "--plain-http",
        &registry.plain("wasm"),
        "--config",
        "config.json:application/vnd.wasm.config.v0+json",
        "it.wasm:application/wasm",
    ]));
    let component = fetch(&fetcher(None), &registry.reference("wasm"), None).unwrap().artifact;
    assert_eq!(component.component().unwrap(), b"\0asm\x0d\0\x01\0".as_slice());
    let missing = fetch(&fetcher(None), &registry.reference("3"), None).unwrap_err();
    assert_eq!(missing.reason, "PACK_NOT_FOUND", "{missing}");
}

#[test]
fn basic_authentication_and_an_authority_of_its_own() {
    let Some(program) = tool("ANOMAL_TEST_DISTRIBUTION") else { return };
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    authority.distinguished_name.push(rcgen::DnType::CommonName, "authority of the tests");
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let ca = authority.self_signed(&authority_key).unwrap().pem();
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = certificate.signed_by(&key, &issuer).unwrap().pem();
    // The password `secret`, by htpasswd -B.
    let htpasswd = "me:$2b$05$c/l6u09mofVYVf/AFcvXouTW/LrkoYy36W2zJqm0CY8GlTPhu7Bi6\n";
    let registry = Registry::distribution(&program, htpasswd, &certificate, &key.serialize_pem());
    let credentials =
        |password: &str| Credentials::Basic { user: "me".into(), password: password.into() };
    let connection = Connection {
        credentials: credentials("secret"),
        plain_http: false,
        ca: Some(ca.into_bytes()),
    };
    let mut pack = artifact(1000);
    pack.signatures.push(sign(&pack, &private_key()).unwrap());
    push(&registry.reference("1"), &pack, &connection).unwrap();
    let pulled = repository(&registry.reference("1"), &connection);
    let (manifest, signatures) = wait(|| async {
        Ok((pulled.manifest("1").await?, pulled.signatures(pack.digest()).await?))
    })
    .unwrap();
    assert_eq!((&manifest, signatures), (&pack.manifest, pack.signatures.clone()));

    let wrong = Connection { credentials: credentials("wrong"), ..connection.clone() };
    assert_eq!(
        push(&registry.reference("2"), &pack, &wrong).unwrap_err().reason,
        "REGISTRY_DENIED"
    );
    let anonymous = Connection { credentials: Credentials::Anonymous, ..connection.clone() };
    assert_eq!(
        push(&registry.reference("2"), &pack, &anonymous).unwrap_err().reason,
        "REGISTRY_DENIED"
    );
    let unknown = Connection { ca: Some(rcgen_authority().into_bytes()), ..connection };
    let error = push(&registry.reference("2"), &pack, &unknown).unwrap_err();
    assert_eq!(error.reason, "REGISTRY_UNAVAILABLE", "{error}");
    assert!(error.message.contains("certificate"), "{error}");
}

fn rcgen_authority() -> String {
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    authority.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().pem()
}

fn private_key() -> PrivateKey {
    PrivateKey::from_pem(&rcgen::KeyPair::generate().unwrap().serialize_pem()).unwrap()
}

/// A policy that requires this key for the registry.
fn policy(registry: &Registry, key: &str) -> Policy {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("used.pub"), key).unwrap();
    let text = format!(
        "apiVersion: anomal.dev/trust/v1\nscopes: [{{prefix: 'oci://127.0.0.1:{}/', kinds: all, require: {{key: used.pub}}}}]\n",
        registry.port
    );
    Policy::parse(text.as_bytes(), folder.path()).unwrap()
}

/// Fetches a pack and checks it by that policy.
fn check(registry: &Registry, tag: &str, key: &str) -> Result<Option<String>, PackError> {
    let mut fetcher = fetcher(None);
    fetcher.policy = policy(registry, key);
    let fetched = fetch(&fetcher, &registry.reference(tag), None).unwrap();
    let reference = registry.reference(tag).parse().unwrap();
    fetcher.policy.check(&fetched.artifact, Some(&reference), true)
}

#[test]
fn signed_by_cosign_and_verified_by_ours_and_the_reverse() {
    let (Some(registry), Some(cosign)) = (tool("ANOMAL_TEST_REGISTRY"), tool("ANOMAL_TEST_COSIGN"))
    else {
        return;
    };
    let registry = Registry::in_memory(&registry);
    let work = tempfile::tempdir().unwrap();
    let cosign = |arguments: &[&str]| {
        let mut command = Command::new(&cosign);
        command
            .current_dir(work.path())
            .args(arguments)
            .env("COSIGN_PASSWORD", "")
            .env("HOME", work.path());
        command.output().unwrap()
    };
    let good = |arguments: &[&str]| {
        let output = cosign(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    };
    let key = rcgen::KeyPair::generate().unwrap().serialize_pem();
    fs::write(work.path().join("plain.key"), &key).unwrap();
    good(&["import-key-pair", "--key", "plain.key", "--output-key-prefix", "cosign"]);
    let public = fs::read_to_string(work.path().join("cosign.pub")).unwrap();
    let check = |tag: &str, key: &str| check(&registry, tag, key);
    let connection = Connection::default();
    // Of cosign 3: a bundle beside the manifest. Of cosign 2: a payload under a tag.
    for (tag, size, form) in
        [("new", 10, "--new-bundle-format=true"), ("old", 20, "--new-bundle-format=false")]
    {
        let pack = artifact(size);
        push(&registry.reference(tag), &pack, &connection).unwrap();
        assert_eq!(check(tag, &public).unwrap_err().reason, "PACK_NOT_TRUSTED");
        let place = format!("127.0.0.1:{}/acme/house@{}", registry.port, pack.digest());
        good(&[
            "sign",
            "--yes",
            "--key",
            "cosign.key",
            "--tlog-upload=false",
            "--use-signing-config=false",
            form,
            "--allow-http-registry",
            &place,
        ]);
        assert!(check(tag, &public).unwrap().is_some());
        let other =
            rcgen::PublicKeyData::subject_public_key_info(&rcgen::KeyPair::generate().unwrap());
        let other = format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            data_encoding::BASE64.encode(&other)
        );
        assert!(
            check(tag, &other).unwrap_err().message.contains("of another key or of other bytes")
        );
    }
    // And the reverse.
    let mut pack = artifact(30);
    pack.signatures.push(sign(&pack, &PrivateKey::from_pem(&key).unwrap()).unwrap());
    push(&registry.reference("ours"), &pack, &connection).unwrap();
    let place = registry.plain("ours");
    good(&[
        "verify",
        "--key",
        "cosign.pub",
        "--insecure-ignore-tlog=true",
        "--allow-http-registry",
        &place,
    ]);
    assert!(check("ours", &public).unwrap().is_some());
    let mut unsigned = artifact(40);
    push(&registry.reference("none"), &unsigned, &connection).unwrap();
    let place = registry.plain("none");
    assert!(
        !cosign(&[
            "verify",
            "--key",
            "cosign.pub",
            "--insecure-ignore-tlog=true",
            "--allow-http-registry",
            &place
        ])
        .status
        .success()
    );
    // A signature of another pack is none of this.
    unsigned.signatures.clone_from(&pack.signatures);
    assert_eq!(
        policy(&registry, &public).check(&unsigned, None, true).unwrap_err().reason,
        "PACK_NOT_TRUSTED"
    );
}
