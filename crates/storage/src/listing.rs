//! Lists the objects of a folder or a pattern.

use std::path::Path as FilePath;

use futures::TryStreamExt;
use glob::{MatchOptions, Pattern};
use object_store::{ObjectMeta, ObjectStore, path::Path};
use tokio::time::timeout;

use crate::{
    error::{Error, Kind, Result},
    location::Location,
    object::Object,
    runtime::SILENCE,
};

/// Patterns match as for files: `*` stops at `/`, and matches names that start with a dot.
const MATCHING: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

/// The objects of a folder or pattern, sorted by name.
pub(crate) async fn list(
    store: &dyn ObjectStore,
    location: &Location,
    endings: &[String],
) -> Result<Vec<Object>> {
    let (mut found, none) = if location.is_pattern() {
        (matching(store, location).await?, "no object matches".to_owned())
    } else {
        (within(store, location, endings).await?, {
            format!("the folder has no objects that end in {}", endings.join(", "))
        })
    };
    if found.is_empty() {
        return Err(Error::new(Kind::Missing, format!("{location}: {none}")));
    }
    // Sorted like file names, component by component.
    found
        .sort_by(|a, b| FilePath::new(a.location.as_ref()).cmp(FilePath::new(b.location.as_ref())));
    let object = |meta: ObjectMeta| Object {
        name: location.sibling(&meta.location),
        size: Some(meta.size),
        path: meta.location,
    };
    Ok(found.into_iter().map(object).collect())
}

async fn within(
    store: &dyn ObjectStore,
    location: &Location,
    endings: &[String],
) -> Result<Vec<ObjectMeta>> {
    let folder = prefix(&location.key, location)?;
    let listed = timeout(SILENCE, store.list_with_delimiter(folder.as_ref())).await;
    let listed = listed.map_err(|_| Error::timeout(&location.to_string()))?;
    let listed = listed.map_err(|error| Error::unreadable(&location.to_string(), &error))?;
    let wanted = |meta: &ObjectMeta| {
        let name = meta.location.filename().unwrap_or_default().to_lowercase();
        let plain = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
        !name.starts_with('.') && endings.iter().any(|ending| plain.ends_with(ending.as_str()))
    };
    Ok(listed.objects.into_iter().filter(wanted).collect())
}

async fn matching(store: &dyn ObjectStore, location: &Location) -> Result<Vec<ObjectMeta>> {
    let pattern = Pattern::new(&location.key)
        .map_err(|error| Error::settings(format!("{location} is not a valid pattern: {error}")))?;
    // Everything below the last folder without a wildcard.
    let plain = location.key.find(['*', '?', '[']).unwrap_or(location.key.len());
    let folder = location.key[..plain].rfind('/').map_or("", |end| &location.key[..end]);
    let folder = prefix(folder, location)?;
    let mut listed = store.list(folder.as_ref());
    let mut found = Vec::new();
    loop {
        let next = timeout(SILENCE, listed.try_next()).await;
        let next = next.map_err(|_| Error::timeout(&location.to_string()))?;
        match next.map_err(|error| Error::unreadable(&location.to_string(), &error))? {
            Some(meta) if pattern.matches_with(meta.location.as_ref(), MATCHING) => {
                found.push(meta);
            }
            Some(_) => {}
            None => return Ok(found),
        }
    }
}

fn prefix(key: &str, location: &Location) -> Result<Option<Path>> {
    let path = Path::parse(key)
        .map_err(|error| Error::settings(format!("{location} is not a valid folder: {error}")))?;
    Ok((!path.as_ref().is_empty()).then_some(path))
}

#[cfg(test)]
mod tests {
    use object_store::{ObjectStoreExt, memory::InMemory};
    use proptest::prelude::*;

    use super::*;

    fn names(keys: &[String], url: &str) -> Result<Vec<String>> {
        let location = Location::parse(url).unwrap();
        futures::executor::block_on(async {
            let store = InMemory::new();
            for key in keys {
                store.put(&Path::parse(key).unwrap(), "x".into()).await.unwrap();
            }
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            let _inside = runtime.enter();
            let found = list(&store, &location, &[".csv".into()]).await?;
            Ok(found.into_iter().map(|object| object.name).collect())
        })
    }

    fn keys(keys: &[&str]) -> Vec<String> {
        keys.iter().map(|key| (*key).to_owned()).collect()
    }

    #[test]
    fn a_folder_or_a_pattern() {
        let all = keys(&[
            "l/b.csv",
            "l/a.csv.gz",
            "l/c.txt",
            "l/.d.csv",
            "l/e/f.csv",
            "l-x.csv",
            "g.csv",
        ]);
        assert_eq!(names(&all, "s3://b/l/").unwrap(), ["s3://b/l/a.csv.gz", "s3://b/l/b.csv"]);
        assert_eq!(names(&all, "s3://b/l/?.txt").unwrap(), ["s3://b/l/c.txt"]);
        // By component: a folder's objects precede longer names.
        assert_eq!(names(&all, "s3://b/**/*.csv").unwrap().last().unwrap(), "s3://b/l-x.csv");
        assert_eq!(names(&all, "s3://b").unwrap(), ["s3://b/g.csv", "s3://b/l-x.csv"]);
        for gone in ["s3://b/gone/", "s3://b/gone*.csv", "s3://b/l/e/*.parquet"] {
            assert_eq!(names(&all, gone).unwrap_err().kind, Kind::Missing, "{gone}");
        }
    }

    proptest! {
        /// The same names, in the same order, as files below a folder.
        #[test]
        fn patterns_match_as_for_files(
            all in prop::collection::btree_set("[ab-]{1,3}(/[ab-]{1,2})?", 1..8),
            pattern in "[ab*?-]{1,3}(/[ab*?]{1,2})?",
        ) {
            // Two asterisks mean folders.
            prop_assume!(pattern.contains(['*', '?']) && !pattern.contains("**"));
            let folder = tempfile::tempdir().unwrap();
            let mut kept = Vec::new();
            for key in all {
                let file = folder.path().join(&key);
                let made = std::fs::create_dir_all(file.parent().unwrap());
                // A name can't be a file and a folder.
                if made.is_ok() && !file.exists() && std::fs::write(&file, "x").is_ok() {
                    kept.push(key);
                }
            }
            let root = folder.path().to_str().unwrap();
            let mut files: Vec<_> = glob::glob(&format!("{root}/{pattern}")).unwrap().map(Result::unwrap).collect();
            files.retain(|file| file.is_file());
            files.sort();
            let files: Vec<String> = files
                .iter()
                .map(|file| format!("s3://b/{}", file.strip_prefix(root).unwrap().display()))
                .collect();
            let objects = names(&kept, &format!("s3://b/{pattern}")).unwrap_or_default();
            prop_assert_eq!(objects, files);
        }
    }
}
