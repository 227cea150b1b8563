//! Which objects a folder or a pattern stands for.

use std::path::Path as FilePath;

use futures::TryStreamExt;
use glob::{MatchOptions, Pattern};
use object_store::{ObjectMeta, ObjectStore, path::Path};
use tokio::time::timeout;

use crate::{
    download::SILENCE,
    error::{Error, Kind, Result},
    location::Location,
    store::Object,
};

/// As files have it: a `*` ends at a `/`, and takes names that begin with a dot.
const MATCHING: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: false,
};

pub(crate) async fn of(
    store: &dyn ObjectStore,
    location: &Location,
    endings: &[String],
) -> Result<Vec<Object>> {
    let (mut found, none) = if location.is_pattern() {
        (matching(store, location).await?, "no object has such a name".to_owned())
    } else {
        (within(store, location, endings).await?, {
            format!("the folder has no objects that end in {}", endings.join(", "))
        })
    };
    if found.is_empty() {
        return Err(Error::new(Kind::Missing, format!("{location}: {none}")));
    }
    // As file names are sorted, part by part.
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
    let listed = listed.map_err(|_| Error::silent(&location.to_string()))?;
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
        .map_err(|error| Error::settings(format!("{location} is no pattern: {error}")))?;
    // All that is below the last folder without a wildcard.
    let plain = location.key.find(['*', '?', '[']).unwrap_or(location.key.len());
    let folder = location.key[..plain].rfind('/').map_or("", |end| &location.key[..end]);
    let folder = prefix(folder, location)?;
    let mut listed = store.list(folder.as_ref());
    let mut found = Vec::new();
    loop {
        let next = timeout(SILENCE, listed.try_next()).await;
        let next = next.map_err(|_| Error::silent(&location.to_string()))?;
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
        .map_err(|error| Error::settings(format!("{location} names no folder: {error}")))?;
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
            let found = of(&store, &location, &[".csv".into()]).await?;
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
        // Part by part: a folder's objects before a name that goes on with another letter.
        assert_eq!(names(&all, "s3://b/**/*.csv").unwrap().last().unwrap(), "s3://b/l-x.csv");
        assert_eq!(names(&all, "s3://b").unwrap(), ["s3://b/g.csv", "s3://b/l-x.csv"]);
        for gone in ["s3://b/gone/", "s3://b/gone*.csv", "s3://b/l/e/*.parquet"] {
            assert_eq!(names(&all, gone).unwrap_err().kind, Kind::Missing, "{gone}");
        }
    }

    proptest! {
        /// The same names, in the same order, as files below a folder.
        #[test]
        fn patterns_mean_what_they_mean_for_files(
            all in prop::collection::btree_set("[ab-]{1,3}(/[ab-]{1,2})?", 1..8),
            pattern in "[ab*?-]{1,3}(/[ab*?]{1,2})?",
        ) {
            // Two stars are a part of their own or nothing, and mean folders.
            prop_assume!(pattern.contains(['*', '?']) && !pattern.contains("**"));
            let folder = tempfile::tempdir().unwrap();
            let mut kept = Vec::new();
            for key in all {
                let file = folder.path().join(&key);
                let made = std::fs::create_dir_all(file.parent().unwrap());
                // A name can't be a file's and a folder's at once.
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
