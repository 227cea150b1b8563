//! `anomal pack new`: a folder to start from.

use std::{fs, io::Write, path::PathBuf};

use super::super::{CommandResult, print};
use crate::{args::NewPack, present::error::Failure};

const PACK: &str = r#"apiVersion: anomal.dev/pack/v1
name: NAME
version: 0.1.0
description: Components of NAME.
license: Apache-2.0

components:
  # {name} stands for an input or a parameter. The expression is Polars SQL.
  - name: name_length
    type: metric
    description: Characters of a name.
    inputs: [{name: name, type: text}]
    expression: LENGTH({name})

  - name: long_name
    type: flag
    description: A name that is longer than `most` characters.
    inputs: [{name: name, type: text}]
    parameters:
      most: {type: integer, default: 40, minimum: 1, description: Characters of the longest name that is not hit.}
    expression: LENGTH({name}) > {most}
    severity: medium
    message: "{count} long names"

  # A figure over the rows of a client in the last `within`, which the expression reads as {aggregate}.
  - name: many_names
    type: flag
    description: A client with more than `most` different names within `within`.
    inputs: [{name: client, type: text}, {name: name, type: text}]
    parameters:
      most: {type: integer, default: 20, minimum: 1, description: The most names that are not hit.}
      within: {type: duration, default: 5m, description: The length of the window.}
    aggregate: {function: distinct, of: name, by: [client], window: "{within}"}
    expression: "{aggregate} > {most}"
    severity: high
    message: "{count} records of clients with many names"

# A job takes a profile over by `use: [NAME/names]`.
profiles:
  names:
    description: Names by their length and number.
    needs: {name: dns.question.name, client: source.ip}
    features:
      - {type: metric, name: name_length, dataNeeded: ["{name}"]}
    flags:
      - {type: direct, name: long_name, dataNeeded: ["{name}"]}
      - {type: aggregation, name: many_names, dataNeeded: ["{client}", "{name}"]}
"#;

const CASES: &str = r#"- component: name_length
  rows: [{name: abc}, {name: ""}, {}]
  expect: [3, 0, null]

- component: long_name
  params: {most: 3}
  rows: [{name: abc}, {name: abcd}, {}]
  expect: [false, true, false]

- component: many_names
  params: {most: 1, within: 1m}
  rows:
    - {time: "2026-01-01T00:00:00Z", client: a, name: x}
    - {time: "2026-01-01T00:00:30Z", client: a, name: y}
    - {time: "2026-01-01T00:00:40Z", client: b, name: y}
    - {time: "2026-01-01T00:05:00Z", client: a, name: z}
  expect: [false, true, false, false]
"#;

const README: &str = r"# NAME

    anomal pack test NAME
    anomal pack show NAME

In a job:

    packs: [{name: NAME, ref: ./NAME}]
    use: [NAME/names]
";

pub fn create(arguments: &NewPack) -> CommandResult {
    let name = &arguments.name;
    let plain = |character: char| {
        character.is_ascii_lowercase() || character.is_ascii_digit() || "_-".contains(character)
    };
    if !name.starts_with(|first: char| first.is_ascii_lowercase())
        || !name.chars().all(plain)
        || name.len() > 63
    {
        return Err(Failure::usage(format!(
            "`{name}` is no name of a pack: lower-case letters, digits, `-` and `_`, a letter first, at most 63 characters"
        )));
    }
    let folder = arguments.folder.clone().unwrap_or_else(|| PathBuf::from(name));
    let failed = |error: std::io::Error| Failure::usage(format!("{}: {error}", folder.display()));
    fs::create_dir_all(folder.join("tests")).map_err(failed)?;
    let files = [("pack.yaml", PACK), ("tests/components.yaml", CASES), ("README.md", README)];
    if let Some((file, _)) = files.iter().find(|(file, _)| folder.join(file).exists()) {
        let file = folder.join(file);
        return Err(Failure::usage(format!("{} is there already", file.display())));
    }
    for (file, text) in files {
        let path = folder.join(file);
        let mut file = fs::File::create_new(&path).map_err(failed)?;
        file.write_all(text.replace("NAME", name).as_bytes()).map_err(failed)?;
    }
    let folder = folder.display();
    print(&format!(
        "made {folder}: edit {folder}/pack.yaml, then run `anomal pack test {folder}`\n"
    ))
}
