//! From the format as written to the compiled form: every name, glob, path and value is checked here.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use super::edits::Start;
use super::expressions::{Declarations, Expressions, Wanted};
use super::written::{self, PolicyFile};
use super::{API_VERSION, CLUSTER_KIND, EXCEPTION_KIND, NAMESPACED_KIND};
use crate::cel::profile::Profile;
use crate::check::{Check, Mutate, Policy, Rule, Validate};
use crate::dialect::{Issue, Written};
use crate::document::few::SortFew as _;
use crate::document::{DecodeError, Document, Limits, NodeRef};
use crate::finding::{PolicyRef, RuleInfo};
use crate::matching::{self, Globs, KindPattern, KindPatternError, Kinds, Match};
use crate::nearest::{meant, nearest};
use crate::policy::{About, Condition, FailurePolicy, Reads, Visit};
use crate::resource::selector::LabelSelector;
use crate::resource::workload::TemplatePaths;

/// Reads one policy.
///
/// # Errors
/// Everything that is wrong with it, in the order of the text; a policy with an issue is refused whole.
pub(super) fn lower(root: NodeRef<'_>, profile: Profile, written: &Written) -> Result<Policy, Vec<Issue>> {
    lowered(root, profile, written, |lowering, file: &PolicyFile| lowering.policy(file))
}

/// Reads an object of the format and lowers it; all that is wrong with it, in the order of the text.
pub(super) fn lowered<'d, F: DeserializeOwned, T>(
    root: NodeRef<'d>,
    profile: Profile,
    written: &Written,
    lower: impl FnOnce(&mut Lowering<'d>, &F) -> Option<T>,
) -> Result<T, Vec<Issue>> {
    let mut lowering = Lowering { root, profile, written: written.clone(), issues: Vec::new() };
    lowering.duplicate_keys();
    if !lowering.is_of_the_format() {
        return Err(lowering.issues);
    }
    match root.decode::<F>() {
        Ok(file) => match lower(&mut lowering, &file) {
            Some(lowered) if lowering.issues.is_empty() => Ok(lowered),
            _ => {
                lowering.issues.sort_few_by_key(|issue| issue.node);
                Err(lowering.issues)
            }
        },
        Err(error) => {
            lowering.issues.push(decode_issue(root, error));
            Err(lowering.issues)
        }
    }
}

/// What serde says, in the words of this format.
fn decode_issue(root: NodeRef<'_>, error: DecodeError) -> Issue {
    let help = meant(&error, root.document().node(error.node));
    let DecodeError { message, node, at_key, .. } = error;
    Issue { at_key, help, ..Issue::new(node, message) }
}

pub(super) struct Lowering<'d> {
    root: NodeRef<'d>,
    profile: Profile,
    written: Written,
    issues: Vec<Issue>,
}

impl<'d> Lowering<'d> {
    /// The node at a pointer; where that is not written, its nearest ancestor that is.
    pub(super) fn node(&self, pointer: &str) -> NodeRef<'d> {
        let mut pointer = pointer;
        loop {
            if let Some(node) = self.root.at(pointer) {
                return node;
            }
            pointer = pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
        }
    }

    pub(super) fn issue(&mut self, pointer: &str, message: impl Into<String>) -> &mut Issue {
        let node = self.node(pointer).id();
        self.issues.push(Issue::new(node, message));
        self.issues.last_mut().expect("just pushed")
    }

    pub(super) fn help(&mut self, pointer: &str, message: impl Into<String>, help: impl Into<String>) {
        self.issue(pointer, message).help = Some(help.into());
    }

    /// Whether version and kind are those of this format. What is wrong with the rest of an object of another one would
    /// only lead astray.
    fn is_of_the_format(&mut self) -> bool {
        let (version, kind) = (self.root.get_str("apiVersion"), self.root.get_str("kind"));
        let version = version.filter(|version| *version != API_VERSION);
        if let Some(version) = version {
            self.help("/apiVersion", format!("unknown version {version}"), format!("write {API_VERSION}"));
        }
        let kinds = [CLUSTER_KIND, NAMESPACED_KIND, EXCEPTION_KIND];
        let kind = kind.filter(|kind| !kinds.contains(kind));
        if let Some(kind) = kind {
            let help = match nearest(kind, kinds.into_iter()) {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => format!("write {CLUSTER_KIND}, {NAMESPACED_KIND} or {EXCEPTION_KIND}"),
            };
            self.help("/kind", format!("unknown kind {kind}"), help);
        }
        version.is_none() && kind.is_none()
    }

    fn duplicate_keys(&mut self) {
        // the library has none
        let root = Some(self.root).filter(|_| self.written.when_run.is_none());
        for node in root.into_iter().flat_map(NodeRef::descendants).filter(|n| n.is_object()) {
            for (key, hidden) in node.shadowed_members() {
                self.issues.push(Issue::new(hidden.id(), format!("key `{key}` is written twice")).at_key());
            }
        }
    }

    fn policy(&mut self, written: &PolicyFile) -> Option<Policy> {
        let PolicyFile { api_version: _, kind, metadata, spec, status: _ } = written;
        let (kind, namespace) = match (kind.as_str(), &metadata.namespace) {
            (CLUSTER_KIND, None) => (CLUSTER_KIND, None),
            (CLUSTER_KIND, Some(_)) => {
                let help = format!("leave the namespace out, or make it a {NAMESPACED_KIND}");
                self.help("/metadata/namespace", format!("a {CLUSTER_KIND} has no namespace"), help);
                (CLUSTER_KIND, None)
            }
            (NAMESPACED_KIND, Some(namespace)) => (NAMESPACED_KIND, Some(namespace.clone())),
            (NAMESPACED_KIND, None) => (NAMESPACED_KIND, Some("default".to_owned())),
            // told before anything else was read
            (_, _) => return None,
        };
        if !is_name(&metadata.name, true) {
            self.name_issue("/metadata/name", &metadata.name);
        }
        let id = PolicyRef { kind, namespace, name: metadata.name.clone() };
        let matches = self.matches(&spec.matches, spec.exclude.as_ref(), id.namespace.clone());
        let templates = self.templates(&spec.pod_templates);
        let parameters = spec.parameters.keys().cloned();
        let mut declarations =
            Declarations::new(self.profile, id.namespace.is_none(), parameters, self.written.clone());
        let conditions = self.conditions(&spec.match_conditions, &declarations);
        self.variables(&spec.variables, &mut declarations);
        let expressions = declarations.finish();
        let rules = self.rules(written, &id, &expressions);
        let parameters = match self.root.at("/spec/parameters") {
            Some(parameters) => parameters.sorted().ok(),
            None => Document::from_json("{}", Limits::default()).ok(),
        };
        Some(Policy {
            id,
            about: about(written),
            failure_policy: spec.failure_policy,
            matches: matches?,
            controlled: spec.matches.controlled,
            existing: spec.matches.existing,
            templates: templates?,
            parameters: Arc::new(parameters?),
            conditions,
            composition: Arc::clone(expressions.variables()),
            reads: reads(self.root),
            rules,
        })
    }

    /// Keeps what is good, and notes what is wrong.
    pub(super) fn keep<T>(&mut self, result: Result<T, Vec<Issue>>) -> Option<T> {
        result.map_err(|issues| self.issues.extend(issues)).ok()
    }

    fn conditions(
        &mut self,
        written: &[written::NamedExpression],
        declarations: &Declarations,
    ) -> Vec<Condition> {
        let mut conditions = Vec::new();
        for (index, condition) in written.iter().enumerate() {
            let node = self.node(&format!("/spec/matchConditions/{index}/expression"));
            if let Some(expression) = self.keep(declarations.condition(node)) {
                conditions.push(Condition { name: condition.name.clone(), expression });
            }
        }
        conditions
    }

    fn variables(&mut self, written: &[written::NamedExpression], declarations: &mut Declarations) {
        let mut names = BTreeSet::new();
        for (index, variable) in written.iter().enumerate() {
            let pointer = format!("/spec/variables/{index}");
            let name = &variable.name;
            let identifier = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if !name.chars().all(identifier)
                || !name.starts_with(|c: char| identifier(c) && !c.is_ascii_digit())
            {
                let help = "letters, digits and '_', not beginning with a digit";
                self.help(
                    &format!("{pointer}/name"),
                    format!("{name:?} is not a valid name of a variable"),
                    help,
                );
                continue;
            }
            if !names.insert(name.as_str()) {
                self.issue(&format!("{pointer}/name"), format!("variable {name} is defined twice"));
            }
            let node = self.node(&format!("{pointer}/expression"));
            let added = declarations.add_variable(name, node);
            self.keep(added);
        }
    }

    pub(super) fn name_issue(&mut self, pointer: &str, name: &str) {
        let help = "lower-case letters, digits and '-', beginning and ending with a letter or digit";
        self.help(pointer, format!("{name:?} is not a valid name"), help);
    }

    pub(super) fn matches(
        &mut self,
        matches: &written::Match,
        exclude: Option<&written::Exclude>,
        own_namespace: Option<String>,
    ) -> Option<Match> {
        let written::Match {
            kinds,
            operations,
            namespaces,
            namespace_selector,
            object_selector,
            controlled: _,
            existing: _,
        } = matches;
        if kinds.is_empty() {
            self.help("/spec/match/kinds", "matches nothing", "name kinds, `workloads`, or \"*\"");
        }
        if operations.as_ref().is_some_and(Vec::is_empty) {
            self.help("/spec/match/operations", "matches nothing", "leave it out for CREATE and UPDATE");
        }
        let kinds = self.kinds("/spec/match/kinds", kinds);
        let namespaces = namespaces.as_ref().map(|n| self.globs("/spec/match/namespaces", n));
        let namespace_selector =
            namespace_selector.as_ref().map(|s| self.selector("/spec/match/namespaceSelector", s));
        let object_selector =
            object_selector.as_ref().map(|s| self.selector("/spec/match/objectSelector", s));
        let exclude = exclude.map(|exclude| self.exclusion(exclude));
        let kinds = kinds?;
        let operations = operations.clone().unwrap_or_else(|| default_operations(&kinds));
        let parts = [
            Some(Match::Operations(operations)),
            Some(Match::Kinds(kinds)),
            own_namespace.map(Match::Namespace),
            transpose(namespaces)?.map(Match::Namespaces),
            transpose(object_selector)?.map(Match::Labels),
            transpose(namespace_selector)?.map(Match::NamespaceLabels),
            transpose(exclude)?.map(|exclude| Match::Not(Box::new(exclude))),
        ];
        Some(Match::All(parts.into_iter().flatten().collect()))
    }

    fn exclusion(&mut self, written: &written::Exclude) -> Option<Match> {
        let written::Exclude { kinds, namespaces, namespace_selector, object_selector } = written;
        if kinds.is_none()
            && namespaces.is_none()
            && namespace_selector.is_none()
            && object_selector.is_none()
        {
            self.help("/spec/exclude", "excludes everything", "name kinds, namespaces or a selector");
        }
        let kinds = kinds.as_ref().map(|k| self.kinds("/spec/exclude/kinds", k));
        let namespaces = namespaces.as_ref().map(|n| self.globs("/spec/exclude/namespaces", n));
        let namespace_selector =
            namespace_selector.as_ref().map(|s| self.selector("/spec/exclude/namespaceSelector", s));
        let object_selector =
            object_selector.as_ref().map(|s| self.selector("/spec/exclude/objectSelector", s));
        let parts = [
            transpose(kinds)?.map(Match::Kinds),
            transpose(namespaces)?.map(Match::Namespaces),
            transpose(object_selector)?.map(Match::LabelsToBe),
            transpose(namespace_selector)?.map(Match::NamespaceLabels),
        ];
        Some(Match::All(parts.into_iter().flatten().collect()))
    }

    fn kinds(&mut self, pointer: &str, patterns: &[String]) -> Option<Kinds> {
        match Kinds::parse(patterns) {
            Ok(kinds) => Some(kinds),
            Err((index, error)) => {
                let help = match &error {
                    KindPatternError::NotBuiltIn { nearest: Some(nearest), .. } => {
                        format!("did you mean `{nearest}`? A custom kind is written group/Kind")
                    }
                    KindPatternError::NotBuiltIn { nearest: None, .. } => {
                        "a custom kind is written group/Kind".to_owned()
                    }
                    _ => "as in `Deployment`, `apps/Deployment`, `cache.example.com/*/Memcached`, `Pod/exec`"
                        .to_owned(),
                };
                self.help(&format!("{pointer}/{index}"), error.to_string(), help);
                None
            }
        }
    }

    fn globs(&mut self, pointer: &str, globs: &[String]) -> Option<Globs> {
        if globs.is_empty() {
            self.help(pointer, "matches nothing", "leave it out for every namespace");
            return None;
        }
        Globs::new(globs)
            .map_err(|e| self.issue(&format!("{pointer}/{}", e.index), e.message).at_key = false)
            .ok()
    }

    fn selector(&mut self, pointer: &str, written: &written::LabelSelector) -> Option<LabelSelector> {
        let node = self.node(pointer);
        match LabelSelector::parse(node) {
            Ok(selector) => Some(selector),
            Err(error) => {
                debug_assert!(!written.match_expressions.is_empty() || !written.match_labels.is_empty());
                self.issues.push(Issue::new(error.node, error.to_string()));
                None
            }
        }
    }

    fn templates(&mut self, written: &[written::PodTemplate]) -> Option<TemplatePaths> {
        let mut paths = TemplatePaths::default();
        let mut good = true;
        for (index, template) in written.iter().enumerate() {
            if let Err(error) = paths.declare(&template.kind, &template.path) {
                self.issue(&format!("/spec/podTemplates/{index}"), error.to_string());
                good = false;
            }
        }
        good.then_some(paths)
    }

    fn rules(&mut self, policy: &PolicyFile, id: &PolicyRef, expressions: &Expressions) -> Vec<Rule> {
        let spec = &policy.spec;
        if spec.rules.is_empty() {
            self.issue("/spec/rules", "no rules");
        }
        let mut names = BTreeSet::new();
        let mut rules = Vec::new();
        let nodes = self.node("/spec/rules").items();
        for ((index, rule), node) in spec.rules.iter().enumerate().zip(nodes) {
            let pointer = format!("/spec/rules/{index}");
            if !is_name(&rule.name, false) {
                self.name_issue(&format!("{pointer}/name"), &rule.name);
            }
            if !names.insert(rule.name.as_str()) {
                self.help(
                    &format!("{pointer}/name"),
                    format!("rule {} is defined twice", rule.name),
                    "findings are told apart by the rule's name",
                );
            }
            for (at, pack) in rule.packs.iter().enumerate().filter(|(_, pack)| !spec.packs.contains(pack)) {
                let message = format!("the policy is not in the pack {pack}");
                self.help(&format!("{pointer}/packs/{at}"), message, "add it to `packs` of the policy");
            }
            self.includes(&pointer, rule);
            let Some(check) = self.check((&pointer, node), rule, expressions) else { continue };
            let info = RuleInfo {
                code: format!("{}/{}", id.name, rule.name),
                policy: Some(id.clone()),
                remediation: spec.remediation.clone(),
                references: spec.references.clone(),
                includes: rule.includes.clone(),
                fail_closed: spec.failure_policy == FailurePolicy::Fail,
                written: self.written.place(node.get("name").unwrap_or(node)),
            };
            rules.push(Rule {
                name: rule.name.clone(),
                info: Arc::new(info),
                severity: rule.severity.unwrap_or(spec.severity),
                actions: rule.action.unwrap_or(spec.action).into(),
                sensitive: rule.sensitive,
                packs: rule.packs.clone(),
                mutates: check.change().is_some(),
                check,
            });
        }
        rules
    }

    /// Names that no rule can have. Whether a rule of that name is loaded is no matter: packs are chosen.
    fn includes(&mut self, pointer: &str, rule: &written::RuleSpec) {
        for (at, name) in rule.includes.iter().enumerate() {
            let (policy, rule) = name.split_once('/').map_or((name.as_str(), None), |(p, r)| (p, Some(r)));
            if !is_name(policy, true) || rule.is_some_and(|rule| !is_name(rule, false)) {
                let message = format!("{name:?} cannot be the name of a rule");
                self.help(
                    &format!("{pointer}/includes/{at}"),
                    message,
                    "write `policy/rule`, or `policy` for all its rules",
                );
            }
        }
    }

    fn check(
        &mut self,
        (pointer, node): (&str, NodeRef<'d>),
        rule: &written::RuleSpec,
        expressions: &Expressions,
    ) -> Option<Box<dyn Check>> {
        let written::RuleSpec { on, for_each, when, validate, message, at, fix, mutate, .. } = rule;
        let typed = rule.typed();
        if typed.len() + usize::from(validate.is_some()) + usize::from(!mutate.is_empty()) != 1 {
            let types = format!("one of {}", written::RuleSpec::TYPES.join(", "));
            self.help(pointer, "a rule does exactly one thing", types);
            return None;
        }
        let each = for_each.is_some();
        let start = Start { on: on.unwrap_or_default(), each };
        if validate.is_some() {
            let visit = self.visit((pointer, node), start, when.is_some(), expressions);
            let written = node.get("validate").unwrap_or(node);
            let validate = self.keep(expressions.expression(written, each, Wanted::Bool));
            let message = message.as_ref().map(|_| {
                let written = node.get("message").unwrap_or(node);
                self.keep(expressions.template(written, each))
            });
            let at = at.as_ref().map(|at| self.field_path(&format!("{pointer}/at"), at, start));
            let fix = match fix.is_empty() {
                true => Some(Vec::new()),
                false => self.edits(&format!("{pointer}/fix"), fix, start, expressions),
            };
            let (message, at) = (transpose(message)?, transpose(at)?);
            return Some(Box::new(Validate::new(visit?, validate?, message, at, fix?)));
        }
        for (written, field) in
            [(message.is_some(), "message"), (at.is_some(), "at"), (!fix.is_empty(), "fix")]
        {
            if written {
                self.help(
                    &format!("{pointer}/{field}"),
                    format!("`{field}` goes with `validate`"),
                    "remove it",
                );
            }
        }
        if !mutate.is_empty() {
            let visit = self.visit((pointer, node), start, when.is_some(), expressions);
            let edits = self.edits(&format!("{pointer}/mutate"), mutate, start, expressions);
            return Some(Box::new(Mutate { visit: visit?, edits: edits? }));
        }
        for (written, field) in [(on.is_some(), "on"), (each, "forEach"), (when.is_some(), "when")] {
            if written {
                let message = format!("`{field}` goes with `validate` or `mutate`");
                self.help(&format!("{pointer}/{field}"), message, "remove it");
            }
        }
        let (field, written) = typed.first()?;
        written.lower(&format!("{pointer}/{field}"), self)
    }

    fn visit(
        &mut self,
        (pointer, node): (&str, NodeRef<'d>),
        start: Start,
        when: bool,
        expressions: &Expressions,
    ) -> Option<Visit> {
        let Start { on, each } = start;
        let for_each = each.then(|| {
            let written = node.get("forEach").unwrap_or(node);
            if let Some(field) = written.as_str().and_then(single_value) {
                let message = format!("expected a list or a map, found the single value of `{field}`");
                let help = "name the list that is gone through, such as `allContainers`";
                self.help(&format!("{pointer}/forEach"), message, help);
            }
            self.keep(expressions.expression(written, false, Wanted::Many))
        });
        let when = when.then(|| {
            let written = node.get("when").unwrap_or(node);
            self.keep(expressions.expression(written, each, Wanted::Bool))
        });
        Some(Visit { on, for_each: transpose(for_each)?, when: transpose(when)? })
    }
}

/// Which costly variables any text below `spec` mentions that an expression may stand in.
fn reads(root: NodeRef<'_>) -> Reads {
    let mut reads = Reads::default();
    let written = ["matchConditions", "variables", "rules"]
        .into_iter()
        .filter_map(|field| root.get("spec")?.get(field));
    written.flat_map(NodeRef::descendants).filter_map(NodeRef::as_str).for_each(|text| reads.add(text));
    reads
}

/// What is there must be good: `None` inside is a fault that has been reported.
#[expect(clippy::option_option, reason = "absent, good, or faulty")]
fn transpose<T>(value: Option<Option<T>>) -> Option<Option<T>> {
    match value {
        None => Some(None),
        Some(None) => None,
        Some(value) => Some(value),
    }
}

/// What is connected to is neither created nor updated: a policy about `Pod/exec` means CONNECT.
fn default_operations(kinds: &Kinds) -> Vec<matching::Operation> {
    let mut operations = vec![matching::Operation::Create, matching::Operation::Update];
    if kinds.patterns().iter().any(KindPattern::may_connect) {
        operations.push(matching::Operation::Connect);
    }
    operations
}

fn about(written: &PolicyFile) -> About {
    let spec = &written.spec;
    About {
        title: spec.title.clone(),
        description: spec.description.clone(),
        rationale: spec.rationale.clone(),
        remediation: spec.remediation.clone(),
        references: spec.references.clone(),
        packs: spec.packs.clone(),
        category: written.metadata.labels.get("plimsoll.dev/category").cloned(),
        annotations: written.metadata.annotations.clone(),
    }
}

/// An RFC 1123 label, or with `dots` a subdomain.
pub(super) fn is_name(name: &str, dots: bool) -> bool {
    let label = |l: &str| {
        !l.is_empty()
            && l.len() <= 63
            && l.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    if dots { name.len() <= 253 && name.split('.').all(label) } else { label(name) }
}

/// Fields that hold one value in every kind of Kubernetes that has them.
const SINGLE: [&str; 22] = [
    "apiVersion",
    "automountServiceAccountToken",
    "clusterIP",
    "generateName",
    "hostNetwork",
    "image",
    "imagePullPolicy",
    "kind",
    "name",
    "namespace",
    "nodeName",
    "privileged",
    "readOnlyRootFilesystem",
    "replicas",
    "restartPolicy",
    "runAsNonRoot",
    "runAsUser",
    "schedule",
    "serviceAccountName",
    "serviceName",
    "uid",
    "workingDir",
];

/// The field that a path such as `object.spec.containers[0].name` ends with, where that holds one value: the types of
/// fields are not known when a policy is read, and `forEach` over such a one never goes through anything.
fn single_value(expression: &str) -> Option<&'static str> {
    let path = expression.trim();
    let of_path = |c: char| c.is_ascii_alphanumeric() || "._?[]".contains(c);
    let (base, last) = path.rsplit_once('.')?;
    let begins = |root: &str| {
        base.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    let rooted = ["object", "oldObject", "podSpec", "podMetadata"].iter().any(|root| begins(root));
    let last = last.trim_start_matches('?');
    SINGLE.into_iter().find(|field| rooted && path.chars().all(of_path) && *field == last)
}
