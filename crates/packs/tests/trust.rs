//! Signatures that cosign 3.1.3 has made, in both of its forms, and policies over them.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::Path;

use anomal_packs::{
    Artifact, Layout, Policy, PrivateKey, PublicKey, Reference, Signature, sign, signer,
};

fn signed() -> Artifact {
    let layout = Layout::from_archive(include_bytes!("data/signed-by-cosign.tar")).unwrap();
    layout.artifact(None).unwrap()
}

fn cosign_key() -> PublicKey {
    PublicKey::from_pem(include_str!("data/cosign.pub")).unwrap()
}

fn policy(text: &str) -> Policy {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    Policy::parse(format!("apiVersion: anomal.dev/trust/v1\n{text}").as_bytes(), &data).unwrap()
}

fn check(
    policy: &Policy,
    artifact: &Artifact,
    reference: &str,
    pinned: bool,
) -> Result<bool, (&'static str, String)> {
    let reference: Reference = reference.parse().unwrap();
    let checked = policy.check(artifact, Some(&reference), pinned);
    checked.map(|signer| signer.is_some()).map_err(|error| (error.reason, error.message))
}

#[test]
fn both_forms_of_cosign_are_verified_over_the_bytes() {
    let artifact = signed();
    let forms = artifact.signatures.iter().map(|one| matches!(one, Signature::Bundle(_)));
    let mut forms: Vec<bool> = forms.collect();
    forms.sort_unstable();
    assert_eq!(forms, [false, true]);
    let keys = [cosign_key()];
    for signature in &artifact.signatures {
        let one = Artifact { signatures: vec![signature.clone()], ..artifact.clone() };
        assert_eq!(signer(&one, &keys), Some(&keys[0]));
        // Another manifest, though it says the same.
        let manifest = [&artifact.manifest[..], b"\n"].concat().into();
        assert_eq!(signer(&Artifact { manifest, ..one.clone() }, &keys), None);
        // Any changed byte of the signature.
        let bytes = match signature {
            Signature::Bundle(bytes) => bytes.clone(),
            Signature::Simple { payload, .. } => payload.clone(),
        };
        for index in (0..bytes.len()).step_by(7) {
            let mut changed = bytes.to_vec();
            changed[index] ^= 1;
            let changed = match signature {
                Signature::Bundle(_) => Signature::Bundle(changed.into()),
                Signature::Simple { signature, .. } => {
                    Signature::Simple { payload: changed.into(), signature: signature.clone() }
                }
            };
            // Not each byte of a bundle is signed; none may make it valid for another pack.
            let other =
                Artifact { manifest: "{}".into(), signatures: vec![changed], ..artifact.clone() };
            assert_eq!(signer(&other, &keys), None);
        }
    }
}

#[test]
fn statements_of_other_kinds_are_no_signatures() {
    let artifact = signed();
    let bundle = artifact.signatures.iter().find_map(|one| match one {
        Signature::Bundle(bytes) => Some(String::from_utf8(bytes.to_vec()).unwrap()),
        Signature::Simple { .. } => None,
    });
    let bundle = bundle.unwrap();
    let keys = [cosign_key()];
    for changed in [
        bundle.replace("application/vnd.in-toto+json", "text/plain"),
        bundle.replace("application/vnd.dev.sigstore.bundle", "application/vnd.other"),
        bundle.replace("dsseEnvelope", "envelope"),
        "{}".to_owned(),
        String::new(),
    ] {
        let other =
            Artifact { signatures: vec![Signature::Bundle(changed.into())], ..artifact.clone() };
        assert_eq!(signer(&other, &keys), None);
    }
}

#[test]
fn keys_of_both_kinds_sign() {
    for algorithm in [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ED25519] {
        let pem = rcgen::KeyPair::generate_for(algorithm).unwrap().serialize_pem();
        let key = PrivateKey::from_pem(&pem).unwrap();
        let mut artifact = signed();
        artifact.signatures = vec![sign(&artifact, &key).unwrap()];
        let keys = [cosign_key(), key.public().clone()];
        assert_eq!(signer(&artifact, &keys), Some(&keys[1]));
        assert_eq!(signer(&artifact, &keys[..1]), None);
        assert!(!format!("{key:?}").contains("PRIVATE"));
    }
    let encrypted = "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\nx\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n";
    assert!(PrivateKey::from_pem(encrypted).unwrap_err().message.contains("cosign sign --key"));
    let other =
        rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap().serialize_pem();
    assert!(
        PrivateKey::from_pem(&other)
            .unwrap_err()
            .message
            .contains("neither ECDSA P-256 nor Ed25519")
    );
    assert!(PublicKey::from_pem("x").unwrap_err().message.contains("is not a public key"));
}

#[test]
fn the_built_in_policy() {
    let policy = Policy::default();
    let declarative = signed();
    assert_eq!(check(&policy, &declarative, "./house", false), Ok(false));
    assert_eq!(check(&policy, &declarative, "oci://h/house:1", true), Ok(false));
    let (reason, message) = check(&policy, &declarative, "oci://h/house:1", false).unwrap_err();
    assert_eq!(reason, "PACK_NOT_TRUSTED");
    assert!(message.contains(&format!("digest: {}", declarative.digest())), "{message}");
    let code = Artifact::from_component(b"\0asm\x0d\0\x01\0".as_slice()).unwrap();
    assert_eq!(check(&policy, &code, "./it.wasm", false), Ok(false));
    let (reason, message) = check(&policy, &code, "oci://h/it:1", true).unwrap_err();
    assert_eq!(reason, "PACK_NOT_TRUSTED");
    assert!(message.contains(&format!("allow: {{digests: [{}]}}", code.digest())), "{message}");
    assert!(policy.check(&declarative, None, true).is_err());
}

#[test]
fn scopes_keys_and_lists_of_digests() {
    let artifact = signed();
    let digest = artifact.digest();
    let keyed = policy(
        "scopes:\n- {prefix: 'oci://h/acme/', kinds: [declarative], require: {key: cosign.pub}}\n- {prefix: 'oci://h/acme/open', kinds: \
         all, require: none}\n- {prefix: 'oci://h/code', kinds: [wasm], require: digest}\n- {prefix: ./, kinds: all, require: \
         {keys: [cosign.pub]}}\n",
    );
    assert_eq!(check(&keyed, &artifact, "oci://h/acme/house:1", false), Ok(true));
    assert_eq!(check(&keyed, &artifact, "./house", false), Ok(true));
    let unsigned = Artifact { signatures: Vec::new(), ..artifact.clone() };
    for reference in ["oci://h/acme/house", "./house"] {
        let (reason, message) = check(&keyed, &unsigned, reference, true).unwrap_err();
        assert_eq!(reason, "PACK_NOT_TRUSTED");
        assert!(message.contains("it has no signature") && message.contains("allow:"), "{message}");
    }
    // The longest prefix, by whole names.
    assert_eq!(check(&keyed, &unsigned, "oci://h/acme/open:1", false), Ok(false));
    assert_eq!(
        check(&keyed, &unsigned, "oci://h/acme/open-not:1", true).unwrap_err().0,
        "PACK_NOT_TRUSTED"
    );
    assert_eq!(
        check(&keyed, &unsigned, "oci://h/acme-evil/x:1", false).unwrap_err().0,
        "PACK_NOT_TRUSTED"
    );
    assert_eq!(
        check(&keyed, &artifact, "oci://h/code/x:1", true).unwrap_err().0,
        "PACK_KIND_DENIED"
    );
    // What a caller sends has no place: a key of the policy, or the list.
    assert!(keyed.check(&artifact, None, false).unwrap().is_some());
    assert_eq!(keyed.check(&unsigned, None, false).unwrap_err().reason, "PACK_NOT_TRUSTED");
    let allowed = policy(&format!("allow: {{digests: [{digest}]}}"));
    assert_eq!(allowed.check(&unsigned, None, false), Ok(None));
    let denied = policy(&format!("allow: {{digests: [{digest}]}}\ndeny: {{digests: [{digest}]}}"));
    assert_eq!(check(&denied, &artifact, "./house", true).unwrap_err().0, "PACK_NOT_TRUSTED");
}

#[test]
fn mirrors_keep_tags_and_digests() {
    let policy = policy(
        "registries: [{prefix: 'oci://ghcr.io/', mirror: 'oci://registry.intern:5000/ghcr/'}]",
    );
    let mirrored = |text: &str| policy.mirrored(&text.parse().unwrap()).unwrap().to_string();
    let digest = signed().digest();
    assert_eq!(
        mirrored(&format!("oci://ghcr.io/acme/house:1@{digest}")),
        format!("oci://registry.intern:5000/ghcr/acme/house:1@{digest}")
    );
    assert_eq!(mirrored("oci://ghcr.io.evil/acme/house:1"), "oci://ghcr.io.evil/acme/house:1");
}

#[test]
fn policies_that_are_wrong() {
    for (text, part) in [
        ("", "unexpected end of input"),
        ("apiVersion: anomal.dev/trust/v2", "must be `anomal.dev/trust/v1`"),
        ("apiVersion: anomal.dev/trust/v1\nscope: []", "scope"),
        ("apiVersion: anomal.dev/trust/v1\nallow: {digests: [sha256:12]}", "is not a digest"),
        (
            "apiVersion: anomal.dev/trust/v1\ndefault: {kinds: all, require: {key: nowhere.pub}}",
            "nowhere.pub",
        ),
        (
            "apiVersion: anomal.dev/trust/v1\ndefault: {kinds: all, require: {key: signed-by-cosign.tar}}",
            "is not a public key",
        ),
        ("apiVersion: anomal.dev/trust/v1\ndefault: {kinds: everything, require: none}", ""),
    ] {
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
        let message = Policy::parse(text.as_bytes(), &data).unwrap_err();
        assert!(message.contains(part), "{text}: {message}");
    }
}
