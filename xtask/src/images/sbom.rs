//! The bill of materials of a program, as a `CycloneDX` document: the packages that cargo links into it, with their
//! licences and the checksums of Cargo.lock. The same lock file gives the same bytes.

use std::{collections::BTreeMap, fmt::Write as _, fs};

use anyhow::{Context, Result};

use crate::{cargo::cargo, tools::output};

/// The document for the program of a package.
pub fn for_package(package: &str) -> Result<String> {
    let mut tree = cargo(&["tree", "--locked", "--package", package]);
    // Run-time dependencies, without those of builds and tests.
    tree.args(["--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}|{l}"]);
    let tree = output(&mut tree)
        .with_context(|| format!("cargo tree lists no dependencies of {package}"))?;
    let lock = fs::read_to_string("Cargo.lock").context("cannot read Cargo.lock")?;
    document(&tree, &lock)
}

fn document(tree: &str, lock: &str) -> Result<String> {
    let checksums = checksums(lock);
    let mut packages: Vec<Package> = tree.lines().filter_map(Package::read).collect();
    let program = packages.first().cloned().context("cargo tree lists no packages")?;
    packages.retain(|package| *package != program);
    packages.sort();
    packages.dedup();
    let mut text = String::from(
        "{\n  \"bomFormat\": \"CycloneDX\",\n  \"specVersion\": \"1.5\",\n  \"version\": 1,\n",
    );
    writeln!(
        text,
        "  \"metadata\": {{\"component\": {}}},",
        program.component("application", None)
    )?;
    text.push_str("  \"components\": [\n");
    let components = packages.iter().map(|package| {
        let checksum = checksums.get(&(package.name, package.version)).copied();
        format!("    {}", package.component("library", checksum))
    });
    text.push_str(&components.collect::<Vec<_>>().join(",\n"));
    text.push_str("\n  ]\n}\n");
    Ok(text)
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Package<'a> {
    name: &'a str,
    version: &'a str,
    license: String,
}

impl<'a> Package<'a> {
    /// From a line such as `anyhow v1.0.104|MIT OR Apache-2.0`, which may contain a path and the mark `(*)`.
    fn read(line: &'a str) -> Option<Self> {
        let (package, rest) = line.split_once('|')?;
        let mut words = package.split(' ');
        let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
        let license = rest.trim().trim_end_matches("(*)").trim();
        // Licences in the form that cargo used before SPDX expressions.
        let license = license.replace(" / ", " OR ").replace('/', " OR ");
        Some(Self { name, version, license })
    }

    fn component(&self, kind: &str, checksum: Option<&str>) -> String {
        let Self { name, version, license } = self;
        let mut fields = vec![
            format!("\"type\": {}", quoted(kind)),
            format!("\"name\": {}", quoted(name)),
            format!("\"version\": {}", quoted(version)),
            format!("\"purl\": {}", quoted(&format!("pkg:cargo/{name}@{version}"))),
        ];
        if !license.is_empty() {
            fields.push(format!("\"licenses\": [{{\"expression\": {}}}]", quoted(license)));
        }
        if let Some(checksum) = checksum.map(quoted) {
            fields.push(format!("\"hashes\": [{{\"alg\": \"SHA-256\", \"content\": {checksum}}}]"));
        }
        format!("{{{}}}", fields.join(", "))
    }
}

/// The checksums of a lock file by name and version.
fn checksums(lock: &str) -> BTreeMap<(&str, &str), &str> {
    let packages = lock.split("[[package]]").filter_map(|package| {
        let value = |name: &str| {
            let mut lines = package.lines();
            lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(" = \"")?.strip_suffix('"'))
        };
        Some(((value("name")?, value("version")?), value("checksum")?))
    });
    packages.collect()
}

/// A JSON string.
fn quoted(text: &str) -> String {
    let escaped = text.chars().map(|c| match c {
        '"' | '\\' => format!("\\{c}"),
        c if c < ' ' => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    });
    format!("\"{}\"", escaped.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_has_its_packages_once() {
        let tree = "program v0.1.0 (/somewhere)|Apache-2.0\n\
                    zlib v1.2.3|Zlib / MIT\n\
                    anyhow v1.0.1|MIT/Apache-2.0\n\
                    zlib v1.2.3|Zlib / MIT (*)\n";
        let lock = "version = 4\n\n[[package]]\nname = \"anyhow\"\nversion = \"1.0.1\"\n\
                    source = \"registry\"\nchecksum = \"abc\"\n\n[[package]]\nname = \"program\"\nversion = \"0.1.0\"\n";
        assert_eq!(
            document(tree, lock).unwrap(),
            r#"{
  "bomFormat": "CycloneDX",
  "specVersion": "1.5",
  "version": 1,
  "metadata": {"component": {"type": "application", "name": "program", "version": "0.1.0", "purl": "pkg:cargo/program@0.1.0", "licenses": [{"expression": "Apache-2.0"}]}},
  "components": [
    {"type": "library", "name": "anyhow", "version": "1.0.1", "purl": "pkg:cargo/anyhow@1.0.1", "licenses": [{"expression": "MIT OR Apache-2.0"}], "hashes": [{"alg": "SHA-256", "content": "abc"}]},
    {"type": "library", "name": "zlib", "version": "1.2.3", "purl": "pkg:cargo/zlib@1.2.3", "licenses": [{"expression": "Zlib OR MIT"}]}
  ]
}
"#
        );
    }

    #[test]
    fn strings_are_escaped() {
        assert_eq!(quoted("a\"b\\c\n"), r#""a\"b\\c\u000a""#);
    }
}
