//! Validation of a job: what the CRD's rules can't express, or an older CRD accepted. A pure function.

use std::{path::Path, sync::LazyLock};

use anomal_spec::{API_VERSION, AnomalyJobSpec, InputDriver, KIND, Runner, Source};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Resource, ResourceExt};
use serde_json::{Value, json};

use crate::{
    api::{AnomalyJob, Status},
    children::{self, DATA, Installation, Owner, run_spec, short_hash},
    labels,
};

/// A valid job.
#[derive(Clone, Debug)]
pub struct ValidJob {
    pub name: String,
    pub namespace: String,
    pub generation: Option<i64>,
    pub reference: OwnerReference,
    pub spec: AnomalyJobSpec,
    /// A hash of the settings that the results depend on, in eight characters.
    pub run: String,
    /// The status as last written.
    pub status: Status,
}

impl ValidJob {
    pub fn owner(&self) -> Owner<'_> {
        Owner {
            name: &self.name,
            namespace: &self.namespace,
            reference: &self.reference,
            spec: &self.spec,
        }
    }
}

/// The problems of a spec, one per line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecError(pub String);

/// Validates the spec of a job.
///
/// # Errors
/// With the path of each problem.
pub fn validate(job: &AnomalyJob, installation: &Installation) -> Result<ValidJob, SpecError> {
    let name = job.name_any();
    let spec = settings(job, &name)?;
    let mut problems = Vec::new();
    check_paths(&spec, &installation.defaults, &mut problems);
    if installation.require_pack_digest && spec.lock.is_none() {
        check_digests(&spec, &mut problems);
    }
    let no_engine = spec.engines.as_ref().is_none_or(|engines| engines.report.is_none());
    if spec.report.is_some() && no_engine && installation.report.is_empty() {
        problems.push(
            "spec.report: this installation has no report engine; name one in spec.engines.report, or remove \
             `report`"
                .into(),
        );
    }
    if !problems.is_empty() {
        return Err(SpecError(problems.join("\n")));
    }
    let reference =
        job.controller_owner_ref(&()).ok_or_else(|| SpecError("it has no name or uid".into()))?;
    Ok(ValidJob {
        namespace: job.namespace().unwrap_or_default(),
        generation: job.metadata.generation,
        run: run_hash(&spec, labels::annotation(&job.metadata, labels::RERUN)),
        status: job.status.clone().unwrap_or_default(),
        reference: OwnerReference { block_owner_deletion: None, ..reference },
        name,
        spec,
    })
}

/// The checks of `anomal validate`, on the object of the API server.
fn settings(job: &AnomalyJob, name: &str) -> Result<AnomalyJobSpec, SpecError> {
    let manifest = format!(
        r#"{{"apiVersion": "{API_VERSION}", "kind": "{KIND}", "metadata": {{"name": {}}}, "spec": {}}}"#,
        json!(name),
        job.spec.text()
    );
    let none = |_: &str| Err(std::io::ErrorKind::NotFound.into());
    let source = Source { file: name, name };
    match anomal_spec::load(manifest.as_bytes(), source, &none) {
        Ok(loaded) => Ok(loaded.job.spec),
        Err(error) => {
            let problems = error.problems.iter().map(|problem| match problem.path.as_str() {
                "" => problem.message.clone(),
                path => format!("{path}: {}", problem.message),
            });
            Err(SpecError(problems.collect::<Vec<_>>().join("\n")))
        }
    }
}

/// Checks that every file is on a volume: other files do not exist in the pod, or are lost with it.
fn check_paths(spec: &AnomalyJobSpec, defaults: &Runner, problems: &mut Vec<String>) {
    if spec.input.driver().is_some_and(InputDriver::is_standard_input) {
        problems.push(
            "spec.input: a pod has no standard input; name a file on a volume, or the URL of an object"
                .into(),
        );
    }
    let ports = spec.input.driver().map(InputDriver::listening_ports).unwrap_or_default();
    if ports.iter().any(|port| port.is_loopback) {
        problems.push(
            "spec.input: a loopback address is reached from within its pod alone; listen on 0.0.0.0 or [::]"
                .into(),
        );
    }
    let to = spec.stream.as_ref().and_then(|stream| stream.state.checkpoint.to.as_deref());
    if children::pods(spec) > 1 && to.is_some_and(|to| !anomal_spec::is_url(to)) {
        problems.push(
            "spec.stream.state.checkpoint.to: pods on several nodes need a place that all of them reach; name a folder in an \
             object store, such as s3://bucket/folder/"
                .into(),
        );
    }
    let own = spec.runner.iter().flat_map(|runner| &runner.volume_mounts);
    let mounts: Vec<_> = own.chain(&defaults.volume_mounts).collect();
    let mut spec = spec.clone();
    anomal_spec::visit_paths(&mut spec, &mut |place, path| {
        if path.contains("://") {
            return;
        }
        let Some(absolute) = normalized(&Path::new(DATA).join(path.as_str())) else {
            problems
                .push(format!("spec.{place}: {path} leaves its volume; name a path without `..`"));
            return;
        };
        let above =
            mounts.iter().filter(|mount| Path::new(&absolute).starts_with(&mount.mount_path));
        let Some(mount) = above.max_by_key(|mount| mount.mount_path.len()) else {
            problems.push(format!(
                "spec.{place}: {absolute} is on no volume; name one in spec.runner.volumes, and mount it in \
                 spec.runner.volumeMounts above that path"
            ));
            return;
        };
        let is_output =
            ["outputs", "deadLetter", "stream"].iter().any(|part| place.starts_with(part));
        if is_output && mount.read_only {
            problems.push(format!(
                "spec.{place}: {absolute} is on a volume that is mounted read-only; mount it writable"
            ));
        }
    });
}

/// Checks that what is fetched has a digest, so that each run uses the same bytes.
fn check_digests(spec: &AnomalyJobSpec, problems: &mut Vec<String>) {
    let packs = spec.packs.iter().enumerate().filter_map(|(index, pack)| {
        let details = pack.details()?;
        Some((format!("packs[{index}]"), details.reference.as_ref()?, details.digest.is_some()))
    });
    let lists =
        spec.lists.iter().enumerate().map(|(index, list)| {
            (format!("lists[{index}]"), &list.reference, list.digest.is_some())
        });
    for (place, reference, pinned) in packs.chain(lists) {
        if anomal_spec::is_url(reference) && !pinned && !reference.contains("@sha256:") {
            problems.push(format!(
                "spec.{place}.ref: {reference} has no digest; add `digest: sha256:…`, or `spec.lock` with the text of \
                 anomal.lock (`anomal manifest` adds digests)"
            ));
        }
    }
}

/// An absolute path without `.`; none if it has `..`.
fn normalized(path: &Path) -> Option<String> {
    use std::path::Component;
    let valid = path
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::RootDir | Component::CurDir));
    valid
        .then(|| path.components().filter(|part| *part != Component::CurDir))
        .map(|parts| parts.collect::<std::path::PathBuf>().to_string_lossy().into_owned())
}

/// The hash of a run. Settings with their default value are left out, so that a new version with more settings does not
/// run every job again.
fn run_hash(spec: &AnomalyJobSpec, rerun: Option<&str>) -> String {
    static SCHEMA: LazyLock<Value> = LazyLock::new(anomal_spec::spec_schema);
    let mut settings = json!(run_spec(spec));
    remove_defaults(&mut settings, &SCHEMA);
    settings.sort_all_objects();
    short_hash(format!("{settings}\n{}", rerun.unwrap_or_default()).as_bytes())
}

/// Removes values that are the defaults of the schema.
fn remove_defaults(value: &mut Value, schema: &Value) {
    match value {
        Value::Object(object) => {
            let properties = &schema["properties"];
            for (name, below) in object.iter_mut() {
                remove_defaults(below, &properties[name]);
            }
            object.retain(|name, value| properties[name].get("default") != Some(value));
        }
        Value::Array(items) => {
            items.iter_mut().for_each(|item| remove_defaults(item, &schema["items"]));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(spec: &Value) -> AnomalyJob {
        let job = json!({"metadata": {"name": "dns", "namespace": "a", "uid": "1"}, "spec": spec});
        serde_json::from_value(job).unwrap()
    }

    fn valid(spec: &Value) -> ValidJob {
        validate(&job(spec), &Installation::default()).unwrap()
    }

    fn invalid(spec: &Value) -> String {
        validate(&job(spec), &Installation::default()).unwrap_err().0
    }

    fn mounted(path: &str) -> Value {
        json!({
            "input": {"csv": {"path": path}},
            "features": [{"type": "field", "match": "*"}],
            "runner": {
                "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}],
                "volumeMounts": [{"name": "v", "mountPath": "/data/in", "readOnly": true}],
            },
        })
    }

    #[test]
    fn files_are_on_volumes() {
        for good in ["in/a.csv", "/data/in/a.csv", "./in/a.csv", "s3://bucket/a.csv"] {
            valid(&mounted(good));
        }
        for (path, expected) in [
            ("a.csv", "is on no volume"),
            ("/etc/passwd", "is on no volume"),
            ("/data/inside.csv", "is on no volume"),
            ("in/../../etc/passwd", "leaves its volume"),
            ("-", "no standard input"),
        ] {
            let problems = invalid(&mounted(path));
            assert!(problems.contains(expected), "{path}: {problems}");
        }
        let mut spec = mounted("in/a.csv");
        spec["outputs"] = json!([{"csv": {"path": "in/out.csv"}}]);
        assert!(invalid(&spec).contains("spec.outputs[0].csv.path"));
    }

    #[test]
    fn problems_have_their_path() {
        let problems =
            invalid(&json!({"input": {"csv": {"path": "s3://a/b"}}, "featurs": [], "seed": 1}));
        let expected = "spec.featurs: unknown key; did you mean `features`?";
        assert!(problems.contains(expected), "{problems}");
        assert!(invalid(&Value::Null).contains("spec"), "a job without a spec");
        let mut pushed = mounted("in/a.csv");
        pushed["input"] = json!({"http": {"listen": "127.0.0.1:8088"}});
        pushed["stream"] = json!({});
        pushed["outputs"] = json!([{"ndjson": {"path": "in/r.ndjson", "rotate": "1h"}}]);
        assert!(
            invalid(&pushed).contains("spec.input: a loopback address"),
            "{}",
            invalid(&pushed)
        );
        let mut stream = mounted("in/a.csv");
        stream["input"] = json!({"ndjson": {"path": "in/a.ndjson", "badLines": "skip"}});
        stream["stream"] = json!({"state": {"checkpoint": {"to": "/elsewhere/"}}});
        stream["outputs"] = json!([{"elasticsearch": {"url": "http://es:9200"}}]);
        let stream = invalid(&stream);
        let expected = "spec.stream.state.checkpoint.to: /elsewhere is on no volume";
        assert!(stream.contains(expected), "{stream}");
        assert!(
            invalid(&json!({"input": {"csv": {"path": "s3://a/b"}}, "report": {}}))
                .contains("no report engine")
        );
    }

    #[test]
    fn what_is_fetched_has_a_digest() {
        let digest = format!("sha256:{}", "0".repeat(64));
        let reference = "oci://registry.example/acme";
        let installation = Installation { require_pack_digest: true, ..Installation::default() };
        let problems = |pack: Value, lock: Value, installation: &Installation| {
            let mut spec = mounted("in/a.csv");
            spec["packs"] = json!([pack]);
            if !lock.is_null() {
                spec["lock"] = lock;
            }
            validate(&job(&spec), installation).map_or_else(|error| error.0, |_| String::new())
        };
        let loose = json!({"name": "acme", "ref": format!("{reference}:1.0")});
        let found = problems(loose.clone(), Value::Null, &installation);
        assert!(found.starts_with("spec.packs[0].ref: ") && found.contains("no digest"), "{found}");
        assert_eq!(problems(loose.clone(), Value::Null, &Installation::default()), "");
        assert_eq!(problems(loose, json!("version: 1"), &installation), "");
        for pinned in [
            json!({"name": "acme", "ref": reference, "digest": digest}),
            json!({"name": "acme", "ref": format!("{reference}@{digest}")}),
            json!("dns"),
        ] {
            assert_eq!(problems(pinned, Value::Null, &installation), "");
        }
    }

    #[test]
    fn the_hash_of_a_run_covers_what_its_results_depend_on() {
        let base = mounted("in/a.csv");
        let run_with = |change: &dyn Fn(&mut Value)| {
            let mut spec = base.clone();
            change(&mut spec);
            valid(&spec).run
        };
        let run = run_with(&|_| ());
        assert_eq!(run.len(), 8);
        for same in [
            &|spec: &mut Value| spec["suspend"] = true.into(),
            &|spec: &mut Value| spec["backoffLimit"] = 7.into(),
            &|spec: &mut Value| spec["ttlSecondsAfterFinished"] = 7.into(),
            &|spec: &mut Value| spec["runner"]["nodeSelector"] = json!({"a": "b"}),
            &|spec: &mut Value| spec["runner"]["resources"] = json!({"limits": {"cpu": 1}}),
            // An explicit default.
            &|spec: &mut Value| spec["input"]["csv"]["separator"] = "auto".into(),
        ] as [&dyn Fn(&mut Value); 6]
        {
            assert_eq!(run_with(same), run);
        }
        for other in [
            &|spec: &mut Value| spec["input"]["csv"]["separator"] = ";".into(),
            &|spec: &mut Value| {
                spec["runner"]["volumes"][0]["persistentVolumeClaim"]["claimName"] = "d".into();
            },
        ] as [&dyn Fn(&mut Value); 2]
        {
            assert_ne!(run_with(other), run);
        }
        let mut again = job(&base);
        again.metadata.annotations = Some([(labels::RERUN.to_owned(), "1".to_owned())].into());
        assert_ne!(validate(&again, &Installation::default()).unwrap().run, run);
    }
}
