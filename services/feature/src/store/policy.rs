//! Which packs an engine accepts.

use std::fmt;

use anomal_packs::{Kind, PackError, Result};

/// Which packs an engine accepts. Each accepts those of the ones before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum PackPolicy {
    /// The built-in packs alone
    None,
    /// Lists
    Data,
    /// Packs by expressions
    Declarative,
    /// Packs with code that is signed as the trust policy demands
    Signed,
    /// All packs
    #[default]
    Any,
}

impl PackPolicy {
    /// # Errors
    /// `PACK_KIND_DENIED`.
    pub fn check_kind(self, kind: Kind) -> Result<()> {
        let least = match kind {
            Kind::List => Self::Data,
            Kind::Declarative => Self::Declarative,
            Kind::Wasm => Self::Signed,
        };
        if self >= least {
            return Ok(());
        }
        let message = format!(
            "the feature engine accepts no packs of the kind {} (it runs with `--packs {self}`); its administrator can \
             run it with `--packs {least}`",
            kind.name()
        );
        Err(PackError::kind_denied(message))
    }
}

impl fmt::Display for PackPolicy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::None => "none",
            Self::Data => "data",
            Self::Declarative => "declarative",
            Self::Signed => "signed",
            Self::Any => "any",
        })
    }
}
