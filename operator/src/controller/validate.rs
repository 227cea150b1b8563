//! Whether a job says what can be run. Pure: what the CRD's rules let through, or an older CRD let in, is told here.

use std::{path::Path, sync::LazyLock};

use anomal_spec::{API_VERSION, AnomalyJobSpec, KIND, Runner, Source};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Resource, ResourceExt};
use serde_json::{Value, json};

use crate::{
    api::{AnomalyJob, Status},
    children::{DATA, Installation, Owner, of_the_run, short_hash},
    labels,
};

/// A job that can be run.
#[derive(Clone, Debug)]
pub struct Validated {
    pub name: String,
    pub namespace: String,
    pub generation: Option<i64>,
    pub reference: OwnerReference,
    pub spec: AnomalyJobSpec,
    /// What its run depends on, in eight characters.
    pub run: String,
    /// What was last told.
    pub status: Status,
}

impl Validated {
    pub fn owner(&self) -> Owner<'_> {
        Owner {
            name: &self.name,
            namespace: &self.namespace,
            reference: &self.reference,
            spec: &self.spec,
        }
    }
}

/// What is wrong with it, a problem a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid(pub String);

/// # Errors
/// With the path of each thing that is wrong.
pub fn validate(job: &AnomalyJob, installation: &Installation) -> Result<Validated, Invalid> {
    let name = job.name_any();
    let spec = settings(job, &name)?;
    let mut wrong = Vec::new();
    paths(&spec, &installation.defaults, &mut wrong);
    let no_engine = spec.engines.as_ref().is_none_or(|engines| engines.report.is_none());
    if spec.report.is_some() && no_engine && installation.report.is_empty() {
        wrong.push(
            "spec.report: this installation has no report engine; name one in spec.engines.report, or leave the \
             report out"
                .into(),
        );
    }
    if !wrong.is_empty() {
        return Err(Invalid(wrong.join("\n")));
    }
    let reference =
        job.controller_owner_ref(&()).ok_or_else(|| Invalid("it has no name or uid".into()))?;
    Ok(Validated {
        namespace: job.namespace().unwrap_or_default(),
        generation: job.metadata.generation,
        run: run(&spec, labels::annotation(&job.metadata, labels::RERUN)),
        status: job.status.clone().unwrap_or_default(),
        reference: OwnerReference { block_owner_deletion: None, ..reference },
        name,
        spec,
    })
}

/// The same checks as of `anomal validate`, on what the API server holds.
fn settings(job: &AnomalyJob, name: &str) -> Result<AnomalyJobSpec, Invalid> {
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
            let told = error.problems.iter().map(|problem| match problem.path.as_str() {
                "" => problem.message.clone(),
                path => format!("{path}: {}", problem.message),
            });
            Err(Invalid(told.collect::<Vec<_>>().join("\n")))
        }
    }
}

/// Every file is on a volume: what is written elsewhere goes with the pod, and nothing else is there to be read.
fn paths(spec: &AnomalyJobSpec, defaults: &Runner, wrong: &mut Vec<String>) {
    if [
        &spec.input.csv.as_ref().map(|csv| &csv.path),
        &spec.input.ndjson.as_ref().map(|ndjson| &ndjson.path),
    ]
    .into_iter()
    .flatten()
    .any(|path| *path == "-")
    {
        wrong.push(
            "spec.input: a pod has no standard input; name a file on a volume, or an object's URL"
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
        let Some(whole) = plain(&Path::new(DATA).join(path.as_str())) else {
            wrong.push(format!("spec.{place}: {path} leaves its volume; name a path without `..`"));
            return;
        };
        let under = mounts.iter().filter(|mount| Path::new(&whole).starts_with(&mount.mount_path));
        let Some(mount) = under.max_by_key(|mount| mount.mount_path.len()) else {
            wrong.push(format!(
                "spec.{place}: {whole} is on no volume: name one in spec.runner.volumes and mount it in \
                 spec.runner.volumeMounts above that path"
            ));
            return;
        };
        let written = ["outputs", "deadLetter"].iter().any(|part| place.starts_with(part));
        if written && mount.read_only {
            wrong.push(format!("spec.{place}: {whole} is on a volume that is mounted read-only"));
        }
    });
}

/// A path without `.` and `..`; none if it leads above `/data` or the root by them.
fn plain(path: &Path) -> Option<String> {
    use std::path::Component;
    let ok = path
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::RootDir | Component::CurDir));
    ok.then(|| {
        path.components().filter(|part| *part != Component::CurDir).collect::<std::path::PathBuf>()
    })
    .map(|path| path.to_string_lossy().into_owned())
}

/// The run of settings: defaults don't count, so that a version with more of them runs nothing again.
fn run(spec: &AnomalyJobSpec, rerun: Option<&str>) -> String {
    static SCHEMA: LazyLock<Value> = LazyLock::new(anomal_spec::spec_schema);
    let mut settings = json!(of_the_run(spec));
    given(&mut settings, &SCHEMA);
    settings.sort_all_objects();
    short_hash(format!("{settings}\n{}", rerun.unwrap_or_default()).as_bytes())
}

/// What is left without what is as the schema's defaults have it.
fn given(value: &mut Value, schema: &Value) {
    match value {
        Value::Object(object) => {
            let properties = &schema["properties"];
            for (name, below) in object.iter_mut() {
                given(below, &properties[name]);
            }
            object.retain(|name, value| properties[name].get("default") != Some(value));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| given(item, &schema["items"])),
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

    fn valid(spec: &Value) -> Validated {
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
            let told = invalid(&mounted(path));
            assert!(told.contains(expected), "{path}: {told}");
        }
        let mut spec = mounted("in/a.csv");
        spec["outputs"] = json!([{"csv": {"path": "in/out.csv"}}]);
        assert!(invalid(&spec).contains("spec.outputs[0].csv.path"));
    }

    #[test]
    fn what_is_wrong_is_told_by_path() {
        let told =
            invalid(&json!({"input": {"csv": {"path": "s3://a/b"}}, "featurs": [], "seed": 1}));
        assert!(told.contains("spec.featurs: unknown key; did you mean `features`?"), "{told}");
        assert!(invalid(&Value::Null).contains("spec"), "a job without a spec");
        assert!(
            invalid(&json!({"input": {"csv": {"path": "s3://a/b"}}, "report": {}}))
                .contains("no report engine")
        );
    }

    #[test]
    fn a_run_is_what_its_results_depend_on() {
        let base = mounted("in/a.csv");
        let of = |change: &dyn Fn(&mut Value)| {
            let mut spec = base.clone();
            change(&mut spec);
            valid(&spec).run
        };
        let run = of(&|_| ());
        assert_eq!(run.len(), 8);
        for same in [
            &|spec: &mut Value| spec["suspend"] = true.into(),
            &|spec: &mut Value| spec["backoffLimit"] = 7.into(),
            &|spec: &mut Value| spec["ttlSecondsAfterFinished"] = 7.into(),
            &|spec: &mut Value| spec["runner"]["nodeSelector"] = json!({"a": "b"}),
            &|spec: &mut Value| spec["runner"]["resources"] = json!({"limits": {"cpu": 1}}),
            // A default that is written out.
            &|spec: &mut Value| spec["input"]["csv"]["separator"] = ",".into(),
        ] as [&dyn Fn(&mut Value); 6]
        {
            assert_eq!(of(same), run);
        }
        for other in [
            &|spec: &mut Value| spec["input"]["csv"]["separator"] = ";".into(),
            &|spec: &mut Value| {
                spec["runner"]["volumes"][0]["persistentVolumeClaim"]["claimName"] = "d".into();
            },
        ] as [&dyn Fn(&mut Value); 2]
        {
            assert_ne!(of(other), run);
        }
        let mut again = job(&base);
        again.metadata.annotations = Some([(labels::RERUN.to_owned(), "1".to_owned())].into());
        assert_ne!(validate(&again, &Installation::default()).unwrap().run, run);
    }
}
