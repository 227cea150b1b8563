//! One job with packs of all kinds: built in, by expressions, a list from a server, and code from a private registry.

use std::{fs, process::Command};

use anomal_packs::Digest;
use anomal_tests::{
    TempDir, Workspace, program,
    registry::{Gateway, Registry},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::wat;

const USER: &str = "runner";
const PASSWORD: &str = "only-for-tests";
pub const HOUSE: &str = "apiVersion: anomal.dev/pack/v1\nname: house\nversion: 0.1.0\n\
    description: Rules of the house.\ncomponents:\n- {name: long, type: flag, description: A long name., \
    inputs: [{name: name, type: text}], expression: 'LENGTH({name}) > 40', severity: low}\n";
const LIST: &str = "# names to look for\ncpfhsl.net\nexample.org\n";

/// The manifest of a pack with the component `component.wasm`.
pub fn manifest(name: &str) -> String {
    format!(
        "apiVersion: anomal.dev/pack/v1\nname: {name}\nversion: 0.1.0\ndescription: Code.\n\
         world: anomal:pack@0.1.0\ncomponent: component.wasm\n"
    )
}

/// The servers, with what they have.
pub struct Everything {
    /// Not the one of the gateway's clients.
    _registry: Registry,
    registry: Gateway,
    files: Gateway,
    /// The digest of the pack with code.
    pub digest: String,
    list: Digest,
}

impl Everything {
    /// At an address of this machine. Reports the test as skipped where there is no registry.
    pub fn start(host: &str) -> Option<Self> {
        let registry = Registry::start()?;
        let (manifest, component) = (manifest("code"), wat::length().component());
        let files: [(&str, &[u8]); 2] =
            [("code/pack.yaml", manifest.as_bytes()), ("code/component.wasm", &component)];
        let workspace = Workspace::with_files(&files);
        let home = TempDir::new().unwrap();
        let mut push = Command::new(program("anomal"));
        push.args(["pack", "push", "code", &registry.reference("acme/code:1")]);
        push.current_dir(workspace.folder.path()).env("HOME", home.path());
        let pushed = push.output().unwrap();
        assert!(pushed.status.success(), "{pushed:?}");
        let pushed = String::from_utf8(pushed.stdout).unwrap();
        Some(Self {
            registry: Gateway::with_registry(host, &registry, USER, PASSWORD),
            files: Gateway::with_file(host, "/names.txt", LIST.as_bytes()),
            digest: pushed.trim().rsplit_once('@').unwrap().1.to_owned(),
            list: Digest::from_content(LIST.as_bytes()),
            _registry: registry,
        })
    }

    /// The pack with code and the list, with their secrets; and what uses them and the pack `house`.
    pub fn add_to(&self, spec: &mut Value) {
        let reference = format!("oci://{}/acme/code@{}", self.registry.address(), self.digest);
        let packs = spec["packs"].as_array_mut().unwrap();
        packs.push(
            json!({"name": "code", "ref": reference, "auth": {"secretRef": {"name": "registry"}}}),
        );
        let list = format!("https://{}/names.txt", self.files.address());
        spec["lists"] = json!([{
            "name": "names", "ref": list, "digest": self.list.to_string(), "type": "domain", "match": "subdomains",
            "auth": {"secretRef": {"name": "files"}},
        }]);
        let name = json!(["dns.question.name"]);
        let metric =
            json!({"type": "metric", "name": "code/length", "as": "length", "dataNeeded": name});
        spec["features"].as_array_mut().unwrap().push(metric);
        let flags = spec["flags"].as_array_mut().unwrap();
        flags.push(
            json!({"type": "direct", "name": "house/long", "as": "long", "dataNeeded": name}),
        );
        flags.push(json!({
            "type": "direct", "name": "list_hit", "dataNeeded": name, "params": {"lists": ["names"]}, "severity": "high",
        }));
    }

    /// The keys of the secret of the registry, as those of type kubernetes.io/dockerconfigjson have them.
    pub fn registry_secret(&self) -> Vec<(&'static str, String)> {
        let auth = STANDARD.encode(format!("{USER}:{PASSWORD}"));
        let config = json!({"auths": {self.registry.address(): {"auth": auth}}});
        vec![(".dockerconfigjson", config.to_string()), ("ca.crt", self.registry.ca.clone())]
    }

    pub fn files_secret(&self) -> Vec<(&'static str, String)> {
        vec![("ca.crt", self.files.ca.clone())]
    }

    /// A policy that allows the code.
    pub fn trust(&self) -> Value {
        json!({"apiVersion": "anomal.dev/trust/v1", "allow": {"digests": [self.digest]}})
    }

    /// Writes the secrets into a folder for `--secrets`.
    pub fn write_secrets(&self, folder: &std::path::Path) {
        for (name, keys) in [("registry", self.registry_secret()), ("files", self.files_secret())] {
            fs::create_dir_all(folder.join(name)).unwrap();
            for (key, value) in keys {
                fs::write(folder.join(name).join(key), value).unwrap();
            }
        }
    }
}
