//! Keys that sign and verify: ECDSA P-256 and Ed25519, as cosign and OpenSSL write them.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use ring::{
    rand::SystemRandom,
    signature::{
        ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ED25519, EcdsaKeyPair,
        Ed25519KeyPair, KeyPair, UnparsedPublicKey, VerificationAlgorithm,
    },
};

use crate::{Digest, PackError, Result};

/// What comes before the point of a key of P-256 in its DER form (RFC 5480).
const P256_PREFIX: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// What comes before the bytes of a key of Ed25519 (RFC 8410).
const ED25519_PREFIX: &[u8] =
    &[0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// A public key.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    algorithm: Algorithm,
    /// The DER form (`SubjectPublicKeyInfo`).
    der: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Algorithm {
    P256,
    Ed25519,
}

impl Algorithm {
    fn prefix(self) -> &'static [u8] {
        match self {
            Self::P256 => P256_PREFIX,
            Self::Ed25519 => ED25519_PREFIX,
        }
    }

    fn verification(self) -> &'static dyn VerificationAlgorithm {
        match self {
            Self::P256 => &ECDSA_P256_SHA256_ASN1,
            Self::Ed25519 => &ED25519,
        }
    }

    fn key_length(self) -> usize {
        match self {
            Self::P256 => 65,
            Self::Ed25519 => 32,
        }
    }
}

impl PublicKey {
    /// # Errors
    /// It is not the PEM form of a key of P-256 or Ed25519.
    pub fn from_pem(text: &str) -> Result<Self> {
        let der = decode_pem(text, "PUBLIC KEY").ok_or_else(|| {
            PackError::invalid("it is not a public key in PEM (BEGIN PUBLIC KEY), as `cosign generate-key-pair` writes it")
        })?;
        let algorithm = [Algorithm::P256, Algorithm::Ed25519].into_iter().find(|algorithm| {
            der.starts_with(algorithm.prefix())
                && der.len() == algorithm.prefix().len() + algorithm.key_length()
        });
        let algorithm = algorithm
            .ok_or_else(|| PackError::invalid("the key is neither ECDSA P-256 nor Ed25519"))?;
        Ok(Self { algorithm, der })
    }

    fn new(algorithm: Algorithm, key: &[u8]) -> Self {
        Self { algorithm, der: [algorithm.prefix(), key].concat() }
    }

    /// The digest of its DER form.
    pub fn fingerprint(&self) -> Digest {
        Digest::from_content(&self.der)
    }

    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let key = &self.der[self.algorithm.prefix().len()..];
        UnparsedPublicKey::new(self.algorithm.verification(), key)
            .verify(message, signature)
            .is_ok()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.fingerprint())
    }
}

/// A private key.
pub struct PrivateKey {
    pair: Pair,
    public: PublicKey,
}

enum Pair {
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey of {:?}", self.public)
    }
}

impl PrivateKey {
    /// # Errors
    /// It is not an unencrypted PKCS#8 key of P-256 or Ed25519 in PEM.
    pub fn from_pem(text: &str) -> Result<Self> {
        if text.contains("ENCRYPTED") {
            return Err(PackError::invalid(
                "the key is encrypted; sign with `cosign sign --key`, or make a key by `openssl genpkey -algorithm EC \
                 -pkeyopt ec_paramgen_curve:P-256`",
            ));
        }
        let der = decode_pem(text, "PRIVATE KEY").ok_or_else(|| {
            PackError::invalid("it is not a private key in PKCS#8 PEM (BEGIN PRIVATE KEY), as `openssl genpkey` writes it")
        })?;
        if let Ok(pair) =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &der, &SystemRandom::new())
        {
            let public = PublicKey::new(Algorithm::P256, pair.public_key().as_ref());
            return Ok(Self { pair: Pair::P256(pair), public });
        }
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der)
            .map_err(|_| PackError::invalid("the key is neither ECDSA P-256 nor Ed25519"))?;
        let public = PublicKey::new(Algorithm::Ed25519, pair.public_key().as_ref());
        Ok(Self { pair: Pair::Ed25519(pair), public })
    }

    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// # Errors
    /// The system has no random numbers.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>> {
        match &self.pair {
            Pair::P256(pair) => pair
                .sign(&SystemRandom::new(), message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|_| {
                    PackError::invalid("the key can't sign: the system has no random numbers")
                }),
            Pair::Ed25519(pair) => Ok(pair.sign(message).as_ref().to_vec()),
        }
    }
}

/// The bytes of the first block with this label.
fn decode_pem(text: &str, label: &str) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once(&format!("-----BEGIN {label}-----"))?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let body: String = body.chars().filter(|character| !character.is_ascii_whitespace()).collect();
    STANDARD.decode(body).ok()
}
