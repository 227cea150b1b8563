//! Compiles anomal/v1/*.proto with protox, so that no protoc has to be installed.

use std::{env, fs, path::PathBuf};

use prost::Message;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = ["feature", "classification", "model", "report"]
        .map(|name| format!("anomal/v1/{name}.proto"));
    let descriptors = protox::compile(files, ["."])?;
    let set = PathBuf::from(env::var("OUT_DIR")?).join("anomal_descriptor.bin");
    fs::write(set, descriptors.encode_to_vec())?;
    tonic_prost_build::configure()
        .bytes(".")
        .message_attribute(".", "#[derive(serde::Serialize, serde::Deserialize)]")
        .message_attribute(".", "#[serde(rename_all = \"camelCase\", default)]")
        .enum_attribute(".", "#[derive(serde::Serialize, serde::Deserialize)]")
        .compile_fds(descriptors)?;
    println!("cargo:rerun-if-changed=anomal");
    Ok(())
}
