//! Which kinds the loaded policies look up: exactly these are watched.
//!
//! `requireHeadlessService` needs Services, selectors over namespaces need the Namespaces' labels, `namespaceObject`
//! needs whole Namespaces, and `resources.get` and `resources.list` say in their first two arguments what they need.
//! Where these are not literals nobody can tell beforehand; such a look-up is *unknown*, and the log says so at once.

use std::collections::BTreeMap;

use crate::cel::ast::{Ast, Expr, ExprId, Literal};
use crate::evaluate::{controlled, references};
use crate::matching::Controlled;
use crate::policy::expression::{Expression, Part};
use crate::policy::{Edit, EditValue, Policy, PolicySet, RuleBody};

/// How a kind is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// The version that the policies name.
    pub version: String,
    /// Whether names, labels and annotations will do.
    pub metadata_only: bool,
}

/// The kinds that policies look up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs {
    /// By group and kind.
    pub kinds: BTreeMap<(String, String), Need>,
    /// Policies with a look-up whose kind is computed.
    pub untold: Vec<String>,
    /// Whether a policy asks what users may do, by `authorizer`.
    pub authorizer: bool,
}

impl Needs {
    /// What these policies need.
    #[must_use]
    pub fn of(set: &PolicySet) -> Self {
        let mut needs = Self::default();
        for policy in set.policies() {
            needs.add_policy(policy);
        }
        needs
    }

    /// What both need.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let mut both = self.clone();
        for ((group, kind), need) in &other.kinds {
            both.add(group, &need.version, kind, need.metadata_only);
        }
        both.authorizer |= other.authorizer;
        both
    }

    /// The first version named stays, for a mirror holds each object once.
    fn add(&mut self, group: &str, version: &str, kind: &str, metadata_only: bool) {
        self.kinds
            .entry((group.to_owned(), kind.to_owned()))
            .and_modify(|need| need.metadata_only &= metadata_only)
            .or_insert_with(|| Need { version: version.to_owned(), metadata_only });
    }

    fn add_policy(&mut self, policy: &Policy) {
        let scope = &policy.scope;
        let excluded = scope.exclude.as_ref().and_then(|exclude| exclude.namespace_selector.as_ref());
        if scope.namespace_selector.iter().chain(excluded).any(|selector| !selector.is_everything()) {
            self.add("", "v1", "Namespace", true);
        }
        if policy.reads.namespace_object {
            self.add("", "v1", "Namespace", false);
        }
        if policy.rules.iter().any(|rule| matches!(rule.body, RuleBody::RequireHeadlessService { .. })) {
            self.add("", "v1", "Service", false);
        }
        for rule in &policy.rules {
            if let RuleBody::References(references) = &rule.body {
                for (group, version, kind) in references::looks_up(references.check) {
                    self.add(group, version, kind, false);
                }
            }
        }
        let mut asts: Vec<&Ast> = policy.composition.programs().map(|program| &**program.ast()).collect();
        asts.extend(expressions(policy).into_iter().map(|expression| &**expression.program.ast()));
        let mut untold = false;
        // a mirror of names and labels tells whether a policy without conditions applies to an owner
        if scope.controlled == Controlled::Skip {
            for (group, version, kind) in controlled::owners() {
                self.add(group, version, kind, policy.conditions.is_empty());
            }
        }
        for ast in asts {
            self.authorizer |=
                ast.ids().any(|id| matches!(&ast[id], Expr::Ident(name) if &**name == "authorizer"));
            for looked_up in look_ups(ast) {
                match looked_up {
                    Some((api_version, kind)) => {
                        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
                        self.add(group, version, kind, false);
                    }
                    None => untold = true,
                }
            }
        }
        if untold {
            self.untold.push(policy.id.name.clone());
        }
    }
}

/// All expressions of a policy but its variables.
fn expressions(policy: &Policy) -> Vec<&Expression> {
    let mut found: Vec<&Expression> = policy.conditions.iter().map(|c| &c.expression).collect();
    for rule in &policy.rules {
        match &rule.body {
            RuleBody::Validate(validate) => {
                found.extend(&validate.visit.for_each);
                found.extend(&validate.visit.when);
                found.push(&validate.validate);
                for part in validate.message.iter().flat_map(|message| &message.parts) {
                    if let Part::Expression(expression) = part {
                        found.push(expression);
                    }
                }
                found.extend(validate.fix.iter().filter_map(computed));
            }
            RuleBody::Mutate { visit, edits } => {
                found.extend(&visit.for_each);
                found.extend(&visit.when);
                found.extend(edits.iter().filter_map(computed));
            }
            RuleBody::RequireProbes { .. }
            | RuleBody::RequireHeadlessService { .. }
            | RuleBody::References(_)
            | RuleBody::RewriteImages(_) => {}
        }
    }
    found
}

fn computed(edit: &Edit) -> Option<&Expression> {
    match edit {
        Edit::Set { value: EditValue::Computed(expression), .. }
        | Edit::RawComputed { value: EditValue::Computed(expression), .. } => Some(expression),
        Edit::Set { .. } | Edit::RawComputed { .. } | Edit::Remove { .. } | Edit::Raw(_) => None,
    }
}

/// API version and kind of each look-up, `None` where they are computed.
fn look_ups(ast: &Ast) -> impl Iterator<Item = Option<(&str, &str)>> {
    ast.ids().filter_map(|id| {
        let Expr::Call { target: Some(target), function, args } = &ast[id] else { return None };
        let Expr::Ident(receiver) = &ast[*target] else { return None };
        if receiver.trim_start_matches('.') != "resources" || !matches!(&**function, "get" | "list") {
            return None;
        }
        let literal = |at: usize| literal(ast, *args.get(at)?);
        Some(literal(0).zip(literal(1)))
    })
}

fn literal(ast: &Ast, id: ExprId) -> Option<&str> {
    match &ast[id] {
        Expr::Literal(Literal::String(text)) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::cel::profile::Profile;
    use crate::policy::load::{Loaded, read_text};
    use crate::policy::set::Adjustments;
    use crate::resource::workload::TemplatePaths;

    fn needs(spec: &str) -> (Vec<String>, bool) {
        let text = format!(
            "apiVersion: plimsoll.dev/v1alpha1\nkind: ClusterManifestPolicy\nmetadata: {{name: p}}\nspec:\n{spec}"
        );
        let mut loaded = Loaded::default();
        read_text("p.yaml", &text, false, Profile::NEWEST, &mut loaded);
        assert!(loaded.errors.is_empty(), "{:?}", loaded.errors);
        let needs = Needs::of(&loaded.into_set(&Adjustments::default(), TemplatePaths::default()));
        let kind = |((group, kind), need): (&(String, String), &Need)| {
            format!("{group}/{}/{kind}{}", need.version, if need.metadata_only { " (metadata)" } else { "" })
        };
        (needs.kinds.iter().map(kind).collect(), !needs.untold.is_empty())
    }

    #[test]
    fn exactly_what_policies_look_up() {
        let rows: &[(&str, &[&str], bool)] = &[
            ("  match: {kinds: [Pod]}\n  rules: [{name: a, validate: 'true'}]", &[], false),
            (
                "  match: {kinds: [StatefulSet]}\n  rules: [{name: a, requireHeadlessService: {}}]",
                &["/v1/Service"],
                false,
            ),
            (
                "  match: {kinds: [Pod], namespaceSelector: {matchLabels: {a: b}}}\n  rules: [{name: a, validate: 'true'}]",
                &["/v1/Namespace (metadata)"],
                false,
            ),
            (
                "  match: {kinds: [Pod], namespaceSelector: {matchLabels: {a: b}}}\n  rules: [{name: a, validate: 'namespaceObject.metadata.name != \"x\"'}]",
                &["/v1/Namespace"],
                false,
            ),
            (
                "  match: {kinds: [Pod]}\n  variables: [{name: d, expression: 'resources.get(\"apps/v1\", \"Deployment\", \"a\", \"b\")'}]\n  \
                 rules: [{name: a, validate: 'variables.d != null || [1].all(x, size(resources.list(\"v1\", \"ConfigMap\", \"a\")) > x)'}]",
                &["/v1/ConfigMap", "apps/v1/Deployment"],
                false,
            ),
            (
                "  match: {kinds: [Pod]}\n  rules: [{name: a, validate: 'resources.get(\"v1\", object.kind, \"a\", \"b\") != null'}]",
                &[],
                true,
            ),
        ];
        for (spec, expected, untold) in rows {
            assert_eq!(needs(spec), (expected.iter().map(|k| (*k).to_owned()).collect(), *untold), "{spec}");
        }
    }

    #[test]
    fn two_sets_together() {
        let mut one = Needs::default();
        one.add("", "v1", "Namespace", true);
        let mut other = Needs::default();
        other.add("", "v1", "Namespace", false);
        other.add("x.dev", "v2", "Thing", false);
        let both = one.and(&other);
        assert_eq!(both.kinds.len(), 2);
        assert!(!both.kinds[&(String::new(), "Namespace".to_owned())].metadata_only);
    }
}
