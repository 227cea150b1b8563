//! How hints name the commands of a job.

use anomal_connectors::terminal::harmless;

use crate::args::ClusterArgs;

/// The longest option that is quoted in a hint.
const MAX_CHARS: usize = 2_100;

/// The program and the options for the cluster with which the user called it, for hints that can be copied.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// `anomal job` or `kubectl anomal`.
    pub program: &'static str,
    /// The options with a space before each, such as ` -n blue`; empty for the defaults.
    pub options: String,
}

impl Invocation {
    pub fn new(program: &'static str, args: &ClusterArgs) -> Self {
        let file = args.kubeconfig.as_ref().map(|file| file.to_string_lossy());
        let options = [
            ("--kubeconfig", file.as_deref()),
            ("--context", args.context.as_deref()),
            ("-n", args.namespace.as_deref()),
        ];
        let given = options.iter().filter_map(|(name, value)| Some((*name, shell_word((*value)?))));
        let options =
            given.fold(String::new(), |text, (name, value)| text + " " + name + " " + &value);
        Self { program, options }
    }

    /// Such as `anomal job logs dns -n blue`.
    pub fn command(&self, verb: &str, name: &str) -> String {
        format!("{} {verb} {name}{}", self.program, self.options)
    }

    /// Such as `kubectl edit -n blue aj/dns`.
    pub fn kubectl(&self, verb: &str, rest: &str) -> String {
        format!("kubectl {verb}{} {rest}", self.options)
    }
}

/// Quotes a word for a shell if needed.
fn shell_word(text: &str) -> String {
    let text = harmless(text, MAX_CHARS);
    let plain = |character: char| character.is_alphanumeric() || "-_./:@".contains(character);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_name_the_same_cluster_and_namespace() {
        let options = |kubeconfig: Option<&str>, context: Option<&str>, namespace: Option<&str>| {
            let args = ClusterArgs {
                kubeconfig: kubeconfig.map(Into::into),
                context: context.map(Into::into),
                namespace: namespace.map(Into::into),
            };
            Invocation::new("anomal job", &args).options
        };
        assert_eq!(options(None, None, None), "");
        assert_eq!(
            options(Some("my files/it's"), Some("a@b"), Some("blue")),
            r" --kubeconfig 'my files/it'\''s' --context a@b -n blue"
        );
    }
}
