//! Which kinds the loaded policies look up, and what they read of the objects: exactly this is watched and kept.
//!
//! `requireHeadlessService` needs Services, selectors over namespaces need the Namespaces' labels, `namespaceObject`
//! needs of Namespaces what is read of it, and `resources.get` and `resources.list` say in their first two arguments what
//! they need, and the expression around them which fields. Where these are not literals nobody can tell beforehand; such
//! a look-up is *unknown*, and the log says so at once. It may still come upon a kind that is watched for others, so that
//! of no kind anything is left out then.

use std::collections::{BTreeMap, BTreeSet};

use crate::cel::ast::{Ast, Expr, ExprId, Literal};
use crate::cel::program::Program;
use crate::cel::reads::{Composed, LOOKED_UP, Part, Read, Reads, Root, reads};
use crate::check::{Policy, Whole, whole};
use crate::host::fields::Fields;
use crate::policy::Controlled;
use crate::policy::expression::Template;
use crate::resource::workload;
use crate::store::PolicySet;

use super::controlled;

/// How a kind is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// The version that the policies name.
    pub version: String,
    /// What of the objects is read. Where that is metadata, only metadata is asked for.
    pub fields: Fields,
}

impl Need {
    /// Whether who has this has the other as well.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self.version == other.version && self.fields.covers(&other.fields)
    }

    /// Whether both are the same, however they are written.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.covers(other) && other.covers(self)
    }
}

/// Where expressions begin to read of other objects.
const ROOTS: [&str; 2] = [NAMESPACE, LOOKED_UP];
const NAMESPACE: &str = "namespaceObject";
/// Where conditions begin to read of the owner, which takes the place of the object.
const OWNER: [&str; 4] = ["object", "podSpec", "podMetadata", "allContainers"];

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
    /// What these policies look up where everything is at hand: also what nobody has watched.
    #[must_use]
    pub fn at_hand(set: &PolicySet) -> Self {
        let mut needs = Self::of(set);
        let checks = set.policies().iter().flat_map(|policy| &policy.rules);
        for found in checks.flat_map(|rule| rule.check.needs()) {
            needs.add(found.group, found.version, found.kind, &found.fields);
        }
        needs
    }

    /// What these policies need.
    #[must_use]
    pub fn of(set: &PolicySet) -> Self {
        let mut needs = Self::default();
        let mut besides = Vec::new();
        for policy in set.policies() {
            needs.add_policy(policy);
            for rule in &policy.rules {
                besides.extend(rule.check.needs());
            }
        }
        if set.exceptions().iter().any(|exception| exception.matches.asks_for_namespaces()) {
            needs.add("", "v1", "Namespace", &Fields::of(&["/metadata/labels"]));
        }
        for looked_up in besides {
            let of = (looked_up.group.to_owned(), looked_up.kind.to_owned());
            if let Some(need) = needs.kinds.get_mut(&of) {
                need.fields.extend(&looked_up.fields);
            }
        }
        if !needs.untold.is_empty() {
            needs.kinds.values_mut().for_each(|need| need.fields = Fields::whole());
        }
        needs
    }

    /// What both need.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        let mut both = self.clone();
        for ((group, kind), need) in &other.kinds {
            both.add(group, &need.version, kind, &need.fields);
        }
        both.authorizer |= other.authorizer;
        both
    }

    /// The first version named stays, for a mirror holds each object once.
    fn add(&mut self, group: &str, version: &str, kind: &str, fields: &Fields) {
        let need = || Need { version: version.to_owned(), fields: Fields::default() };
        let of = (group.to_owned(), kind.to_owned());
        self.kinds.entry(of).or_insert_with(need).fields.extend(fields);
    }

    fn add_policy(&mut self, policy: &Policy) {
        if policy.matches.asks_for_namespaces() {
            self.add("", "v1", "Namespace", &Fields::of(&["/metadata/labels"]));
        }
        for found in policy.rules.iter().flat_map(|rule| rule.check.needs()).filter(|found| found.watched) {
            self.add(found.group, found.version, found.kind, &found.fields);
        }
        if let Some(own) = whole(policy).map(Whole::needs) {
            self.authorizer |= own.authorizer;
            for (group, version, kind, fields) in &own.kinds {
                self.add(group, version, kind, fields);
            }
        }
        let quoted = messages(policy).filter_map(Template::asts).flatten();
        let mut asts: Vec<Ast> = expressions(policy).chain(quoted).collect();
        let read = read_by(policy, &asts, &ROOTS);
        if policy.reads.namespace_object {
            let of = |root: &Root| root.name() == NAMESPACE;
            self.add("", "v1", "Namespace", &fields(&read, of));
        }
        asts.extend(policy.composition.programs().map(Program::ast));
        let mut untold = false;
        if policy.controlled == Controlled::Skip {
            for (group, version, kind) in controlled::owners() {
                self.add(group, version, kind, &of_owner(policy, group, kind));
            }
        }
        for ast in &asts {
            self.authorizer |=
                ast.ids().any(|id| matches!(&ast[id], Expr::Ident(name) if &**name == "authorizer"));
            for looked_up in look_ups(ast) {
                match looked_up {
                    Some((api_version, kind)) => {
                        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
                        let is = |root: &Root| matches!(root, Root::Objects { api_version: a, kind: k } if **a == *api_version && **k == *kind);
                        self.add(group, version, kind, &fields(&read, is));
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

/// What expressions of a policy read.
fn read_by(policy: &Policy, of: &[Ast], roots: &[&str]) -> Reads {
    let composed = Composed::of(&policy.composition, roots);
    let mut all = BTreeSet::new();
    for ast in of {
        all.extend(reads(ast, roots, &composed)?);
    }
    Some(all)
}

/// What is read of one root; of what cannot be told, all.
fn fields(read: &Reads, is: impl Fn(&Root) -> bool) -> Fields {
    let Some(read) = read else { return Fields::whole() };
    let mut fields = Fields::default();
    for Read { parts, .. } in read.iter().filter(|read| is(&read.root)) {
        fields.add(parts);
    }
    fields
}

/// What tells whether a policy applies to an owner: its uid, which is always kept, its labels where they are asked for,
/// and what conditions read of it in place of the object.
fn of_owner(policy: &Policy, group: &str, kind: &str) -> Fields {
    let mut fields = Fields::default();
    if policy.matches.asks_for_labels() {
        fields.add_pointer("/metadata/labels");
    }
    let conditions: Vec<Ast> =
        policy.conditions.iter().map(|condition| condition.expression.program().ast()).collect();
    let Some(read) = read_by(policy, &conditions, &OWNER) else { return Fields::whole() };
    // the kinds that own have one
    let template = workload::built_in(group, kind).first().copied().unwrap_or_default();
    let way = |pointer: &str| -> Vec<Part> {
        let steps = template.split('/').chain(pointer.split('/')).filter(|step| !step.is_empty());
        steps.map(|step| Part::Key(step.into())).collect()
    };
    for Read { root, parts } in read {
        let pointers: &[&str] = match root.name() {
            "object" => {
                fields.add(&parts);
                continue;
            }
            "podSpec" => &["spec"],
            "podMetadata" => &["metadata"],
            _ => &["spec/containers", "spec/initContainers", "spec/ephemeralContainers"],
        };
        for pointer in pointers {
            fields.add(&[way(pointer), parts.clone()].concat());
        }
        // without a spec there are no Pods
        fields.add_pointer(&format!("{template}/spec/"));
    }
    fields
}

/// All expressions of a policy but its variables and what its messages quote.
fn expressions(policy: &Policy) -> impl Iterator<Item = Ast> {
    let conditions = policy.conditions.iter().map(|condition| &condition.expression);
    let all = conditions.chain(policy.rules.iter().flat_map(|rule| rule.check.expressions()));
    all.map(|expression| expression.program().ast())
}

/// What its findings say.
fn messages(policy: &Policy) -> impl Iterator<Item = &Template> {
    policy.rules.iter().filter_map(|rule| rule.check.message())
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
    /// What `requireHeadlessService` reads.
    const HEADLESS: [&str; 4] = ["/spec/type", "/spec/clusterIP", "/spec/clusterIPs", "/spec/selector"];
    use crate::cel::profile::Profile;
    use crate::resource::workload::TemplatePaths;
    use crate::store::load::{Loaded, read_text};
    use crate::store::set::Adjustments;

    fn of(spec: &str) -> Needs {
        let text = format!(
            "apiVersion: plimsoll.dev/v1alpha1\nkind: ClusterManifestPolicy\nmetadata: {{name: p}}\nspec:\n{spec}"
        );
        let mut loaded = Loaded::default();
        read_text("p.yaml", &text, false, Profile::NEWEST, &mut loaded);
        assert!(loaded.errors.is_empty(), "{:?}", loaded.errors);
        Needs::of(&loaded.into_set(&Adjustments::default(), TemplatePaths::default()))
    }

    fn needs(spec: &str) -> (Vec<String>, bool) {
        let needs = of(spec);
        let kind = |((group, kind), need): (&(String, String), &Need)| {
            format!(
                "{group}/{}/{kind}{}",
                need.version,
                if need.fields.is_metadata() { " (metadata)" } else { "" }
            )
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
                &["/v1/Namespace (metadata)"],
                false,
            ),
            (
                "  match: {kinds: [Pod]}\n  rules: [{name: a, validate: 'namespaceObject.spec.finalizers == []'}]",
                &["/v1/Namespace"],
                false,
            ),
            (
                "  match: {kinds: [Pod]}\n  variables: [{name: d, expression: 'resources.get(\"apps/v1\", \"Deployment\", \"a\", \"b\")'}]\n  \
                 rules: [{name: a, validate: 'variables.d != null || [1].all(x, size(resources.list(\"v1\", \"ConfigMap\", \"a\")) > x)'}]",
                &["/v1/ConfigMap (metadata)", "apps/v1/Deployment (metadata)"],
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

    /// Of one kind, all that is read and nothing else.
    #[test]
    fn exactly_the_fields_that_policies_read() {
        let rows: &[(&str, (&str, &str), &[&str])] = &[
            (
                "  match: {kinds: [StatefulSet]}\n  rules: [{name: a, requireHeadlessService: {}}]",
                ("", "Service"),
                &HEADLESS,
            ),
            (
                "  match: {kinds: [Pod], namespaceSelector: {matchLabels: {a: b}}}\n  \
                 rules: [{name: a, validate: 'namespaceObject.status.phase != \"x\"'}]",
                ("", "Namespace"),
                &["/metadata/labels", "/status/phase"],
            ),
            // what the message and a variable read is read
            (
                "  match: {kinds: [Pod]}\n  variables: [{name: s, expression: 'resources.get(\"v1\", \"Service\", \"a\", \"b\")'}]\n  \
                 rules: [{name: a, when: 'variables.s != null', validate: 'variables.s.spec.type == \"x\"', message: '{variables.s.metadata.labels.a}'}]",
                ("", "Service"),
                &["/spec/type", "/metadata/labels/a"],
            ),
            (
                "  match: {kinds: [Pod]}\n  rules: [{name: a, validate: 'resources.list(\"v1\", \"Pod\", \"\", {\"matchLabels\": {\"a\": \"b\"}}).all(p, p.spec.containers.all(c, c.image != \"x\"))'}]",
                ("", "Pod"),
                &["/metadata/labels", "/spec/containers/#", "/spec/containers/*/image"],
            ),
            // what another look-up comes upon must be whole
            (
                "  match: {kinds: [Pod]}\n  rules: [{name: a, validate: 'resources.get(\"v1\", \"Service\", \"a\", \"b\") != null && resources.get(\"v1\", object.kind, \"a\", \"b\") != null'}]",
                ("", "Service"),
                &["whole"],
            ),
            // the owner takes the place of the object, of whatever kind it is
            (
                "  match: {kinds: [Pod], controlled: Skip, objectSelector: {matchLabels: {a: b}}}\n  \
                 matchConditions: [{name: c, expression: 'podSpec.hostNetwork == true || object.spec.x == 1'}]\n  rules: [{name: a, validate: 'object.y == 1'}]",
                ("batch", "CronJob"),
                &["/metadata/labels", "/spec/jobTemplate/spec/template/spec/hostNetwork", "/spec/x"],
            ),
            // a check looks at what another policy has watched
            (
                "  match: {kinds: [Service]}\n  rules: [{name: a, validate: 'resources.get(\"autoscaling/v2\", \"HorizontalPodAutoscaler\", \"a\", \"b\").spec.behavior == null'}, \
                 {name: b, references: {check: serviceSelectsPods}}]",
                ("autoscaling", "HorizontalPodAutoscaler"),
                &["/spec/behavior", "/spec/minReplicas", "/spec/maxReplicas", "/spec/scaleTargetRef"],
            ),
        ];
        for (spec, (group, kind), expected) in rows {
            let needs = of(spec);
            let got = &needs.kinds[&((*group).to_owned(), (*kind).to_owned())].fields;
            let expected = if *expected == ["whole"] { Fields::whole() } else { Fields::of(expected) };
            assert!(got.covers(&expected) && expected.covers(got), "{spec}\n{got:#?}");
        }
    }

    /// What policies of the API server's own language look up, where a binding names them.
    #[test]
    fn of_admission_policies() {
        let needs = |policy: &str, binding: &str| {
            let text = format!(
                "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\nmetadata: {{name: p}}\n\
                 spec:\n  {policy}\n---\napiVersion: admissionregistration.k8s.io/v1\n\
                 kind: ValidatingAdmissionPolicyBinding\nmetadata: {{name: b}}\nspec: {{{binding}}}\n"
            );
            let mut loaded = Loaded::default();
            read_text("p.yaml", &text, false, Profile::NEWEST, &mut loaded);
            assert!(loaded.errors.is_empty(), "{:?}", loaded.errors);
            let needs = Needs::of(&loaded.into_set(&Adjustments::default(), TemplatePaths::default()));
            let kinds = needs.kinds.iter().map(|((group, kind), need)| {
                let metadata = if need.fields.is_metadata() { " (metadata)" } else { "" };
                format!("{group}/{}/{kind}{metadata}", need.version)
            });
            (kinds.collect::<Vec<_>>(), needs.authorizer)
        };
        let about = |group: &str, validation: &str| {
            format!(
                "matchConstraints: {{resourceRules: [{{apiGroups: [{group}], apiVersions: [v1], operations: [CREATE], \
                 resources: [x]}}]}}\n  validations: [{{expression: '{validation}'}}]"
            )
        };
        let (bound, params) = (
            "policyName: p, validationActions: [Deny]",
            "paramRef: {name: a, parameterNotFoundAction: Deny}",
        );
        let with_params = |api_version: &str, kind: &str| {
            format!("paramKind: {{apiVersion: {api_version}, kind: {kind}}}\n  {}", about("apps", "true"))
        };
        for (policy, binding, expected, authorizer) in [
            (about("apps", "true"), bound.to_owned(), &[][..], false),
            (
                about("apps", "namespaceObject != null"),
                "policyName: q, validationActions: [Deny]".to_owned(),
                &[],
                false,
            ),
            (about("apps", "namespaceObject != null"), bound.to_owned(), &["/v1/Namespace"], false),
            (
                about("apps", "authorizer.group(\"\").resource(\"pods\").check(\"get\").allowed()"),
                format!("{bound}, matchResources: {{namespaceSelector: {{matchLabels: {{a: b}}}}}}"),
                &["/v1/Namespace (metadata)"],
                true,
            ),
            (
                about("example.com", "true"),
                bound.to_owned(),
                &["apiextensions.k8s.io/v1/CustomResourceDefinition"],
                false,
            ),
            (with_params("v1", "ConfigMap"), bound.to_owned(), &[], false),
            (with_params("v1", "ConfigMap"), format!("{bound}, {params}"), &["/v1/ConfigMap"], false),
            // no mirror holds what Secrets hold
            (with_params("v1", "Secret"), format!("{bound}, {params}"), &[], false),
            (
                with_params("x.dev/v2", "Limit"),
                format!("{bound}, {params}"),
                &["apiextensions.k8s.io/v1/CustomResourceDefinition", "x.dev/v2/Limit"],
                false,
            ),
        ] {
            let expected: Vec<String> = expected.iter().map(|kind| (*kind).to_owned()).collect();
            assert_eq!(needs(&policy, &binding), (expected, authorizer), "{policy}\n{binding}");
        }
    }

    #[test]
    fn two_sets_together() {
        let labels = Fields::of(&["/metadata/labels"]);
        let mut one = Needs::default();
        one.add("", "v1", "Namespace", &labels);
        let mut other = Needs::default();
        other.add("", "v1", "Namespace", &Fields::of(&["/spec"]));
        other.add("x.dev", "v2", "Thing", &Fields::whole());
        let both = one.and(&other);
        assert_eq!(both.kinds.len(), 2);
        let namespaces = &both.kinds[&(String::new(), "Namespace".to_owned())].fields;
        assert!(namespaces.covers(&labels) && namespaces.covers(&Fields::of(&["/spec"])));
        assert!(!namespaces.covers(&Fields::whole()));
    }
}
