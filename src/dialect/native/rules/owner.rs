//! `requireOwner`: a type of rule that only tests know. It shows what another one takes: this file, and its line in
//! [`written`](crate::dialect::native::written).

use schemars::JsonSchema;
use serde::Deserialize;

use super::RuleType;
use crate::check::{Check, Evaluator, Policy, PolicyContext, Sink};
use crate::dialect::native::lower::Lowering;

/// Every object has a label that says whose it is.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequireOwner {
    /// The label that names the owner.
    pub label: String,
}

impl RuleType for RequireOwner {
    fn lower(&self, at: &str, lowering: &mut Lowering<'_>) -> Option<Box<dyn Check>> {
        if self.label.is_empty() {
            lowering.issue(&format!("{at}/label"), "the label has no name");
            return None;
        }
        Some(Box::new(self.clone()))
    }
}

impl Check for RequireOwner {
    fn is_about_pods(&self, _: &Policy) -> bool {
        false
    }

    fn judge<'d>(&'d self, _: &mut Evaluator<'d, '_>, subject: &PolicyContext<'d>, sink: &mut Sink<'_>) {
        let labels = subject.object.at("/metadata/labels");
        if labels.and_then(|labels| labels.get_str(&self.label)).is_none() {
            let node = labels.unwrap_or(subject.object);
            sink.fault(node, format!("label {} does not say whose it is", self.label));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::cel::profile::Profile;
    use crate::manifest::source::{Content, SourceFile};
    use crate::manifest::{Inventory, Sources};
    use crate::offline::{Asking, Offline};
    use crate::store::load::{Loaded, read_text};

    #[test]
    fn a_new_type_of_rule_is_read_and_judges() {
        let policy = |rule: &str| {
            let mut loaded = Loaded::default();
            let text = format!(
                "apiVersion: plimsoll.dev/v1alpha1\nkind: ClusterManifestPolicy\nmetadata: {{name: own}}\n\
                 spec:\n  match: {{kinds: [ConfigMap]}}\n  rules: [{{name: r, {rule}}}]\n"
            );
            read_text("p.yaml", &text, false, Profile::NEWEST, &mut loaded);
            loaded
        };
        let set = policy("requireOwner: {label: team}").into_set(&Default::default(), Default::default());
        let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: {app: x}}\n---\n\
                    apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b, labels: {team: x}}\n";
        let sources = Sources::new(vec![SourceFile::new("m.yaml", Content::Text(text.to_owned()))]);
        let (inventory, asking) = (Inventory::load(&sources), Asking::default());
        let found = Offline::new(&inventory, None, &asking).judge_all(&set);
        let said: Vec<String> = found
            .iter()
            .map(|(id, f)| format!("{} {} {} {}", id.0, f.code(), f.place.path, f.message))
            .collect();
        assert_eq!(said, ["0 own/r metadata.labels label team does not say whose it is"]);

        let refused = policy("requireOwner: {label: ''}").errors;
        assert_eq!(refused.iter().map(|e| e.message.as_str()).collect::<Vec<_>>(), ["the label has no name"]);
        let both = policy("requireOwner: {label: a}, validate: 'true'").errors;
        assert_eq!(both[0].message, "a rule does exactly one thing");
        assert!(both[0].help.as_deref().unwrap().ends_with("rewriteImages, requireOwner"));
    }
}
