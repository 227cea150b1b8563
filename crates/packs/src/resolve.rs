//! From references to contents.

use std::path::Path;

use anomal_core::{Error, Result};
use anomal_spec::{AnomalyJobSpec, PackSetting, is_url};

use crate::folder::read_folder;

/// Replaces the references of a job's packs by their contents.
///
/// # Errors
/// `InvalidSettings` with the path: there is no pack, or it is not valid.
pub fn resolve(spec: &mut AnomalyJobSpec) -> Result<()> {
    for (index, pack) in spec.packs.iter_mut().enumerate() {
        let PackSetting::Detailed(details) = pack else { continue };
        let Some(reference) = &details.reference else { continue };
        let place = format!("packs[{index}].ref");
        if is_url(reference) {
            let message =
                format!("{reference}: a pack is in a folder, which `ref` names by its path");
            return Err(Error::settings(place, "PACK_REFERENCE", message));
        }
        let manifest = read_folder(Path::new(reference))
            .map_err(|message| Error::settings(place, "PACK_INVALID", message))?;
        details.inline = Some(manifest.contents());
        details.reference = None;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use anomal_spec::PackDetails;

    use super::*;
    use crate::folder::MANIFEST;

    fn job(reference: &Path) -> AnomalyJobSpec {
        let details = PackDetails {
            name: "house".into(),
            reference: Some(reference.to_string_lossy().into_owned()),
            ..PackDetails::default()
        };
        let packs = vec![PackSetting::from("dns"), PackSetting::Detailed(Box::new(details))];
        AnomalyJobSpec { packs, ..AnomalyJobSpec::default() }
    }

    fn refusal(spec: &mut AnomalyJobSpec) -> String {
        let error = resolve(spec).unwrap_err();
        assert_eq!(error.violations[0].path, "packs[1].ref");
        error.violations[0].message.clone()
    }

    #[test]
    fn a_reference_becomes_the_contents_of_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = "apiVersion: anomal.dev/pack/v1\nname: house\nversion: 0.1.0\ndescription: Rules of the house.\n\
            components:\n- {name: long, type: flag, description: A long name., inputs: [{name: name, type: text}], \
            expression: 'LENGTH({name}) > 20'}\n";
        fs::write(folder.path().join(MANIFEST), manifest).unwrap();
        for path in [folder.path().to_owned(), folder.path().join(MANIFEST)] {
            let mut spec = job(&path);
            resolve(&mut spec).unwrap();
            let details = spec.packs[1].details().unwrap();
            assert_eq!(details.reference, None);
            assert_eq!(details.inline.as_ref().unwrap().components[0].name, "long");
            assert_eq!(spec.packs[0].name(), "dns");
        }
    }

    #[test]
    fn errors_say_what_is_missing_or_wrong() {
        let folder = tempfile::tempdir().unwrap();
        let message = refusal(&mut job(folder.path()));
        assert!(message.ends_with("has no pack.yaml; `anomal pack new` makes one"), "{message}");
        let message = refusal(&mut job(&folder.path().join("x")));
        assert!(message.starts_with("there is no folder"), "{message}");
        let message = refusal(&mut job(Path::new("https://example.com/x")));
        assert!(message.contains("a pack is in a folder"), "{message}");
        for (text, part) in [
            ("", "the file is empty"),
            ("name: [", "pack.yaml:1:"),
            (
                "apiVersion: anomal.dev/pack/v1\nname: x\nversion: 1.0.0\n",
                "`description` is missing",
            ),
            (
                "apiVersion: anomal.dev/pack/v2\nname: x\nversion: 1\ndescription: x\nextra: 1\n",
                "it must be `anomal.dev/pack/v1`",
            ),
        ] {
            fs::write(folder.path().join(MANIFEST), text).unwrap();
            let message = refusal(&mut job(folder.path()));
            assert!(message.contains(part), "{text}: {message}");
        }
        fs::write(folder.path().join(MANIFEST), vec![b'#'; 10 << 20]).unwrap();
        assert!(refusal(&mut job(folder.path())).contains("at most 1 MiB"));
    }
}
