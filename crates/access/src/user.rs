//! A user of the Kubernetes API server.

use std::collections::BTreeMap;

use k8s_openapi::api::authentication::v1::UserInfo;
use serde::{Deserialize, Serialize};

const SERVICE_ACCOUNT: &str = "system:serviceaccount:";
const SERVICE_ACCOUNTS: &str = "system:serviceaccounts:";

/// The owner of a token, with all that the API server needs to check their rights.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct User {
    pub name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub uid: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Data from authenticators for authorizers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<String, Vec<String>>,
}

impl User {
    /// The namespace of a service account. The group is checked as well: an external identity provider may set such a
    /// name, but only the API server's own authenticator sets both.
    pub fn namespace(&self) -> Option<&str> {
        let (namespace, name) = self.name.strip_prefix(SERVICE_ACCOUNT)?.split_once(':')?;
        let plain = !namespace.is_empty() && !name.is_empty() && !name.contains(':');
        let is_namespace_group =
            |group: &String| group.strip_prefix(SERVICE_ACCOUNTS) == Some(namespace);
        (plain && self.groups.iter().any(is_namespace_group)).then_some(namespace)
    }
}

impl From<UserInfo> for User {
    fn from(info: UserInfo) -> Self {
        Self {
            name: info.username.unwrap_or_default(),
            uid: info.uid.unwrap_or_default(),
            groups: info.groups.unwrap_or_default(),
            extra: info.extra.unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str, groups: &[&str]) -> User {
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        User { name: name.to_owned(), groups, ..User::default() }
    }

    #[test]
    fn service_accounts_have_a_namespace() {
        let groups =
            ["system:serviceaccounts", "system:serviceaccounts:web", "system:authenticated"];
        assert_eq!(user("system:serviceaccount:web:runner", &groups).namespace(), Some("web"));
    }

    #[test]
    fn other_users_have_no_namespace() {
        let groups = ["system:serviceaccounts:web"];
        for name in [
            "jane",
            "system:serviceaccount:web",
            "system:serviceaccount:web:",
            "system:serviceaccount::x",
        ] {
            assert_eq!(user(name, &groups).namespace(), None, "{name}");
        }
        assert_eq!(user("system:serviceaccount:web:a:b", &groups).namespace(), None);
        assert_eq!(user("system:serviceaccount:bank:runner", &groups).namespace(), None);
        assert_eq!(user("system:serviceaccount:web:runner", &[]).namespace(), None);
    }
}
