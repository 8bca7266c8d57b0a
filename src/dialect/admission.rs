//! Kubernetes' own admission policies and their bindings: `admissionregistration.k8s.io`.
//!
//! They are taken as the API server takes a write: decoded strictly, defaulted, validated. A ValidatingAdmissionPolicy has a
//! rule for each of its validations, called by its number; a MutatingAdmissionPolicy has one, `mutations`.

use std::sync::Arc;

use super::{Dialect, Issue, Lowered, Written};
use crate::admission_policy::scope::MatchConstraints;
use crate::admission_policy::written::{self, WrittenKind, read};
use crate::admission_policy::{AdmissionPolicy, Body};
use crate::apiserver::nearest_on;
use crate::cel::profile::Profile;
use crate::check::{Policy, Rule, ServerPolicy};
use crate::document::{Document, NodeRef};
use crate::finding::{Action, PolicyRef, RuleInfo, Severity};
use crate::matching::Match;
use crate::objects::admit::{Admitted, Mode, Options, Refusal, admit, kind_of};
use crate::objects::custom::Definitions;
use crate::objects::plugins::{Plugins, UnknownCluster};
use crate::objects::type_checking::{Kinds as TypeKinds, type_check};
use crate::policy::{self, About, Controlled, Existing, FailurePolicy, Reads};

pub(super) struct Admission;

/// The API group of the language.
pub(super) const GROUP: &str = "admissionregistration.k8s.io";

const VALIDATING: &str = "ValidatingAdmissionPolicy";
const MUTATING: &str = "MutatingAdmissionPolicy";

/// The rule that all mutations of a policy are: they are applied together.
const MUTATIONS: &str = "mutations";

/// Releases that serve these kinds, in v1, v1beta1 and v1alpha1: what an older one serves reads as v1.
const RELEASES: [u8; 3] = [36, 33, 31];

impl Dialect for Admission {
    fn reads(&self, root: NodeRef<'_>) -> bool {
        WrittenKind::of(root).is_some()
    }

    fn reference(&self, root: NodeRef<'_>) -> Option<PolicyRef> {
        let kind = match WrittenKind::of(root)? {
            WrittenKind::Validating => VALIDATING,
            WrittenKind::ValidatingBinding => "ValidatingAdmissionPolicyBinding",
            WrittenKind::Mutating => MUTATING,
            WrittenKind::MutatingBinding => "MutatingAdmissionPolicyBinding",
        };
        Some(PolicyRef { kind, namespace: None, name: root.get("metadata")?.get_str("name")?.to_owned() })
    }

    fn lower(&self, root: NodeRef<'_>, profile: Profile, written: &Written) -> Result<Lowered, Vec<Issue>> {
        let whole = |message: &str| vec![Issue::new(root.id(), message)];
        let custom = Definitions::new();
        let admitted = received(root, &custom).map_err(|refusal| unreadable(root, &refusal))?;
        if let Err(refusal) = admitted.validate(None) {
            let mut issues = invalid(root, &admitted, &refusal);
            if compiles(admitted.object.root(), Profile::V1_37)
                && !compiles(admitted.object.root(), Profile::V1_36)
                && let Some(issue) = issues.first_mut()
            {
                issue.help = Some("Kubernetes 1.37 accepts the expressions, 1.36 does not".to_owned());
            }
            return Err(issues);
        }
        let id = self.reference(root).ok_or_else(|| whole("no name"))?;
        match read(admitted.object.root(), profile) {
            Some(written::Written::Policy(policy)) => Ok(lowered(id, policy, profile, (root, written))),
            Some(written::Written::ValidatingBinding(binding)) => {
                Ok(Lowered::ValidatingBinding(Box::new(binding)))
            }
            Some(written::Written::MutatingBinding(binding)) => {
                Ok(Lowered::MutatingBinding(Box::new(binding)))
            }
            None => Err(whole("no admission policy")),
        }
    }

    fn binds(&self, root: NodeRef<'_>) -> Option<PolicyRef> {
        let kind = match WrittenKind::of(root)? {
            WrittenKind::ValidatingBinding => VALIDATING,
            WrittenKind::MutatingBinding => MUTATING,
            WrittenKind::Validating | WrittenKind::Mutating => return None,
        };
        Some(PolicyRef { kind, namespace: None, name: root.get("spec")?.get_str("policyName")?.to_owned() })
    }

    fn remarks(&self, root: NodeRef<'_>) -> Vec<Issue> {
        match WrittenKind::of(root) {
            Some(WrittenKind::Validating) => remarks(root),
            _ => Vec::new(),
        }
    }
}

/// What `status.typeChecking` of a ValidatingAdmissionPolicy would say, and what another release thinks of its expressions.
fn remarks(root: NodeRef<'_>) -> Vec<Issue> {
    let custom = Definitions::new();
    let Ok(admitted) = received(root, &custom) else { return Vec::new() };
    let canonical = admitted.object.root();
    let checked = type_check(canonical, TypeKinds { minor: RELEASES[0], custom: &custom });
    let mut issues: Vec<Issue> = checked
        .into_iter()
        .map(|warning| {
            let message = format!("type checking of {}: {}", warning.field, line(&warning.warning));
            Issue::new(nearest_on(&warning.field, root).id(), message)
        })
        .collect();
    if !compiles(canonical, Profile::V1_37) && compiles(canonical, Profile::V1_36) {
        let message = "accepted by Kubernetes 1.36, refused by 1.37: an expression does not compile there";
        issues.push(Issue::new(root.id(), message));
    }
    issues
}

/// Whether all expressions compile as a release's CEL.
fn compiles(root: NodeRef<'_>, profile: Profile) -> bool {
    match read(root, profile) {
        Some(written::Written::Policy(policy)) => policy.expressions().all(|one| one.program.is_ok()),
        _ => true,
    }
}

/// As the first release takes it that serves it.
fn received<'d, 'c>(root: NodeRef<'d>, custom: &'c Definitions) -> Result<Admitted<'d, 'c>, Refusal> {
    let at = |minor: u8| {
        let options = Options {
            minor,
            mode: Mode::Strict,
            plugins: Plugins::default(),
            cluster: &UnknownCluster,
            namespace: "default",
        };
        kind_of(root, minor, custom).map(|served| admit(root, served, &options))
    };
    let [newest, older @ ..] = RELEASES;
    match at(newest) {
        Ok(admitted) => admitted,
        Err(refusal) => older.into_iter().find_map(|minor| at(minor).ok()).unwrap_or(Err(refusal)),
    }
}

/// The server's words, without the excerpts that it draws.
fn line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// What cannot be decoded: the nodes are of the document as written.
fn unreadable(root: NodeRef<'_>, refusal: &Refusal) -> Vec<Issue> {
    let node = refusal.nodes.first().copied().unwrap_or(root.id());
    vec![Issue::new(node, line(&refusal.message))]
}

/// What is invalid: the nodes are of the object as the server has it, and are found in the text by their ways.
fn invalid(root: NodeRef<'_>, admitted: &Admitted<'_, '_>, refusal: &Refusal) -> Vec<Issue> {
    let issues = refusal.causes.iter().map(|cause| {
        let at = cause.node.map(|node| admitted.object.node(node).pointer()).unwrap_or_default();
        Issue::new(nearest(root, &at).id(), line(&format!("{}: {}", cause.field, cause.message)))
    });
    issues.collect()
}

/// The node at a pointer, or the nearest above it that is written.
fn nearest<'d>(root: NodeRef<'d>, pointer: &str) -> NodeRef<'d> {
    let mut at = pointer;
    loop {
        match (root.at(at), at.rfind('/')) {
            (Some(node), _) => return node,
            (None, Some(end)) => at = &at[..end],
            (None, None) => return root,
        }
    }
}

fn lowered(
    id: PolicyRef,
    policy: AdmissionPolicy,
    profile: Profile,
    (root, written): (NodeRef<'_>, &Written),
) -> Lowered {
    // a rule's name, and where it is written
    let (names, mutates) = match &policy.body {
        Body::Validating { validations, .. } => {
            let numbered = |number| (format!("{number}"), format!("/spec/validations/{number}"));
            ((0..validations.len()).map(numbered).collect::<Vec<_>>(), false)
        }
        Body::Mutating { .. } => (vec![(MUTATIONS.to_owned(), "/spec/mutations".to_owned())], true),
    };
    let failure_policy = policy.failure_policy;
    let minor = match profile {
        Profile::V1_36 => 36,
        Profile::V1_37 => 37,
    };
    let about = policy.scope.as_ref().map(MatchConstraints::asked_about).unwrap_or_default();
    let check = ServerPolicy::new(policy, minor);
    let rule = |(name, at): (String, String)| {
        let at = root.at(&at).unwrap_or(root);
        Rule {
            info: Arc::new(RuleInfo {
                code: format!("{}/{name}", id.name),
                policy: Some(id.clone()),
                remediation: None,
                references: Vec::new(),
                includes: Vec::new(),
                fail_closed: failure_policy == FailurePolicy::Fail,
                written: written.place(at),
            }),
            name,
            severity: Severity::Error,
            actions: Action::Deny.into(),
            sensitive: false,
            packs: Vec::new(),
            mutates,
            check: Box::new(check.clone()),
        }
    };
    let rules = names.into_iter().map(rule).collect();
    let policy: Policy = policy::Policy {
        about: About::default(),
        failure_policy,
        matches: Match::Resources(about),
        controlled: Controlled::Include,
        existing: Existing::Deny,
        templates: Default::default(),
        parameters: Arc::new(Document::null()),
        conditions: Vec::new(),
        composition: Default::default(),
        reads: Reads::default(),
        rules,
        id,
    };
    Lowered::Policy(Box::new(policy))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::manifest::source::{Content, SourceFile};
    use crate::manifest::{Inventory, Sources};
    use crate::offline::{Asking, Offline};
    use crate::store::load::{Loaded, read_text};

    const POLICY: &str = "
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: images}
spec:
  matchConstraints:
    resourceRules:
      - {apiGroups: [''], apiVersions: [v1], resources: [pods], operations: [CREATE]}
  validations:
    - {expression: object.spec.replicas > 0 || true, message: never}
    - expression: object.spec.containers.all(c, c.image.startsWith('registry.example.com/'))
      message: images come from our registry
";
    const BINDING: &str = "---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: images}
spec: {policyName: images, validationActions: [ACTION]}
";
    const POD: &str = "
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: shop}
spec:
  containers:
    - {name: good, image: 'registry.example.com/a'}
    - {name: bad, image: 'docker.io/b'}
";

    fn loaded(text: &str) -> Loaded {
        let mut loaded = Loaded::default();
        read_text("policies.yaml", text, false, Profile::V1_36, &mut loaded);
        loaded
    }

    fn found(policies: &str, manifests: &str) -> Vec<String> {
        let read = loaded(policies);
        assert!(read.errors.is_empty(), "{:?}", read.errors);
        let set = read.into_set(&Default::default(), Default::default());
        let sources = Sources::new(vec![SourceFile::new("m.yaml", Content::Text(manifests.to_owned()))]);
        let (inventory, asking) = (Inventory::load(&sources), Asking::default());
        let found = Offline::new(&inventory, None, &asking).judge_all(&set);
        let said = |f: &crate::finding::Finding| {
            format!("{} {} {} {}", f.severity.name(), f.code(), f.place.path, f.message)
        };
        found.iter().map(|(_, finding)| said(finding)).collect()
    }

    /// What fails is told at the element at which it does; a binding's actions say how much it matters
    /// (apiserver `policy/validating/dispatcher.go`).
    #[test]
    fn a_policy_judges_as_its_binding_says() {
        let said = "images/1 spec.containers[1] images come from our registry";
        for (action, severity) in [("Deny", "error"), ("Warn", "warning"), ("Audit", "info")] {
            let policies = format!("{POLICY}{}", BINDING.replace("ACTION", action));
            assert_eq!(found(&policies, POD), [format!("{severity} {said}")]);
        }
    }

    /// A policy without a binding is not asked (apiserver `policy/generic/policy_source.go`).
    #[test]
    fn nothing_is_asked_without_a_binding() {
        assert_eq!(found(POLICY, POD), [""; 0]);
    }

    /// What only a cluster knows is not decided: which labels the namespace has.
    #[test]
    fn a_namespace_that_is_not_in_the_input_is_unknown() {
        let selector = "matchConstraints:\n    namespaceSelector: {matchLabels: {tier: web}}";
        let policy = POLICY.replace("matchConstraints:", selector);
        let policies = format!("{policy}{}", BINDING.replace("ACTION", "Deny"));
        let said = found(&policies, POD);
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].starts_with("warning images/0") && said[0].contains("Namespace shop"), "{said:?}");
        let namespace = |labels: &str| {
            format!("{POD}---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: shop, labels: {labels}}}\n")
        };
        assert_eq!(found(&policies, &namespace("{}")), [""; 0]);
        assert_eq!(found(&policies, &namespace("{tier: web}")).len(), 1);
    }

    /// `status.typeChecking` of what the server takes (apiserver `policy/validating/typechecking.go`); of a policy that it
    /// refuses there is none.
    #[test]
    fn what_the_server_would_remark() {
        let remarks = loaded(POLICY).remarks();
        assert_eq!(remarks.len(), 1, "{remarks:?}");
        assert!(remarks[0].message.contains("undefined field 'replicas'"), "{remarks:?}");
        assert_eq!(loaded(&POLICY.replace("replicas > 0", "replicas ===")).remarks(), []);
    }

    /// Fields and expressions that the server refuses are told at their place.
    #[test]
    fn what_the_server_refuses_is_refused() {
        for (from, to, message, place) in [
            ("operations: [CREATE]", "operations: []", "Required value", "[]"),
            ("replicas > 0 || true", "replicas ===", "Syntax error", "object.spec.replicas ==="),
            ("message: never", "reason: Never", "Unsupported value: \"Never\"", "Never"),
            ("message: never", "mesage: never", "unknown field", "mesage"),
        ] {
            let errors = loaded(&POLICY.replace(from, to)).errors;
            assert!(errors.iter().any(|error| error.message.contains(message)), "{place}: {errors:?}");
        }
    }
}
