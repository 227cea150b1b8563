//! Normal forms of entries and of values: two that stand for the same have the same.

mod defang;
mod domain;
mod email;
mod hash;
mod ip;
mod url;

pub use self::ip::address;
pub(crate) use self::{
    defang::refang,
    domain::{domain, host},
    email::email,
    hash::hash,
    ip::prefix,
    url::url_forms,
};
