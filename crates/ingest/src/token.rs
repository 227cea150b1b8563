//! What senders have to know.

use subtle::ConstantTimeEq;

/// A token, a user with a password, or both.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    pub token: Option<String>,
    pub user: Option<(String, String)>,
}

impl Credentials {
    /// Whether it is the token.
    pub fn is_token(&self, token: &str) -> bool {
        self.token.as_deref().is_some_and(|known| same(known, token))
    }

    /// Whether it is the user's password.
    pub fn is_user(&self, name: &str, password: &str) -> bool {
        self.user.as_ref().is_some_and(|(known, secret)| same(known, name) & same(secret, password))
    }
}

fn same(known: &str, given: &str) -> bool {
    known.as_bytes().ct_eq(given.as_bytes()).into()
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials")
    }
}
