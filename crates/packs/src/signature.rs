//! Signatures of cosign, by key: what they sign is the digest of the manifest.

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::{
    Artifact, Digest, Result, Signature,
    key::{PrivateKey, PublicKey},
    signature_image::BUNDLE,
};

const IN_TOTO: &str = "application/vnd.in-toto+json";
const STATEMENT: &str = "https://in-toto.io/Statement/v1";
/// What cosign says of an image by a signature. Other statements, such as what it was built from, are no signature.
const SIGNED: &str = "https://sigstore.dev/cosign/sign/v1";
const SIMPLE: &str = "cosign container image signature";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bundle {
    media_type: String,
    dsse_envelope: Option<Envelope>,
    message_signature: Option<MessageSignature>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    payload: String,
    payload_type: String,
    signatures: Vec<EnvelopeSignature>,
}

#[derive(Deserialize)]
struct EnvelopeSignature {
    sig: String,
}

#[derive(Deserialize)]
struct MessageSignature {
    signature: String,
}

/// The first of the keys that has signed the artifact.
pub fn signer<'a>(artifact: &Artifact, keys: &'a [PublicKey]) -> Option<&'a PublicKey> {
    keys.iter().find(|key| {
        artifact.signatures.iter().any(|signature| match signature {
            Signature::Simple { payload, signature } => {
                simple(payload, signature, artifact.digest(), key)
            }
            Signature::Bundle(bytes) => bundle(bytes, artifact, key).unwrap_or(false),
        })
    })
}

fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text.trim()).ok()
}

fn simple(payload: &[u8], signature: &str, digest: Digest, key: &PublicKey) -> bool {
    let Ok(claim) = serde_json::from_slice::<Json>(payload) else { return false };
    let critical = &claim["critical"];
    critical["type"] == SIMPLE
        && critical["image"]["docker-manifest-digest"] == digest.to_string()
        && decode(signature).is_some_and(|signature| key.verifies(payload, &signature))
}

fn bundle(bytes: &[u8], artifact: &Artifact, key: &PublicKey) -> Option<bool> {
    let bundle: Bundle = serde_json::from_slice(bytes).ok()?;
    if !bundle.media_type.starts_with("application/vnd.dev.sigstore.bundle") {
        return None;
    }
    if let Some(message) = bundle.message_signature {
        return Some(key.verifies(&artifact.manifest, &decode(&message.signature)?));
    }
    let envelope = bundle.dsse_envelope?;
    let payload = decode(&envelope.payload)?;
    let statement: Json = serde_json::from_slice(&payload).ok()?;
    let hex = artifact.digest().hex();
    let about =
        statement["subject"].as_array()?.iter().any(|subject| subject["digest"]["sha256"] == hex);
    if !about || statement["predicateType"] != SIGNED || envelope.payload_type != IN_TOTO {
        return None;
    }
    let message = encoded(&envelope.payload_type, &payload);
    let mut signatures = envelope.signatures.iter().filter_map(|one| decode(&one.sig));
    Some(signatures.any(|signature| key.verifies(&message, &signature)))
}

/// What is signed of an envelope (DSSE's pre-authentication encoding).
fn encoded(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

/// Signs an artifact as cosign 3 does with a key.
///
/// # Errors
/// The system has no random numbers.
pub fn sign(artifact: &Artifact, key: &PrivateKey) -> Result<Signature> {
    let subject = json!([{"digest": {"sha256": artifact.digest().hex()}}]);
    let statement =
        json!({"_type": STATEMENT, "subject": subject, "predicateType": SIGNED, "predicate": {}});
    let payload = statement.to_string().into_bytes();
    let signature = key.sign(&encoded(IN_TOTO, &payload))?;
    let hint = STANDARD.encode(key.public().fingerprint().as_bytes());
    let bundle = json!({
        "mediaType": BUNDLE,
        "verificationMaterial": {"publicKey": {"hint": hint}, "tlogEntries": []},
        "dsseEnvelope": {
            "payload": STANDARD.encode(&payload),
            "payloadType": IN_TOTO,
            "signatures": [{"sig": STANDARD.encode(signature)}],
        },
    });
    Ok(Signature::Bundle(Bytes::from(bundle.to_string())))
}
