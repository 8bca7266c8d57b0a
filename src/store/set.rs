//! The policies of a run, indexed by kind.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use crate::admission_policy::Hook;
use crate::finding::terms::is_waivable;
use crate::finding::{Action, CodePattern, Severity};
use crate::manifest::codes::{self, Reserved};
use crate::matching::KindMatch;
use crate::nearest::nearest;
use crate::request::Request;
use crate::resource::workload::TemplatePaths;

use super::memory::Memory;
use super::placement;
use super::plan::{Plan, RulesTold};
use crate::check::{Policy, Rule, whole};
use crate::policy::FailurePolicy;
use crate::policy::exception::Exception;

/// The policies of a run, in the order of their names.
#[derive(Debug, Default)]
pub struct PolicySet {
    policies: Vec<Arc<Policy>>,
    /// Kind → the policies that may be about it, those about any kind included.
    by_kind: HashMap<String, OfKind>,
    /// The policies that may be about any kind.
    any: OfKind,
    /// The policies that may be about subresources.
    with_subresources: Vec<usize>,
    templates: TemplatePaths,
    /// The entry that this is for; `None`: both.
    half: Option<FailurePolicy>,
    /// In the order of their names.
    exceptions: Vec<Arc<Exception>>,
    /// Every rule runs over every object.
    unplanned: bool,
    /// In what policies found nothing.
    memory: Option<Memory>,
    /// What the texts of each policy's rules tell, once a plan asked for it.
    told: Vec<OnceLock<RulesTold>>,
    /// The MutatingAdmissionPolicies among the policies that something binds, in the order in which they are invoked.
    mutating: Vec<Hook>,
}

/// The policies that may be about a kind.
#[derive(Debug, Default)]
struct OfKind {
    /// In the order of their names.
    policies: Vec<usize>,
    /// How often the kind was met, up to [`OFTEN`].
    met: AtomicU32,
    plan: OnceLock<Plan>,
}

/// After so many objects of a kind it is told which of its rules need what: for a few that would take longer than it spares.
const OFTEN: u32 = 8;

impl From<Vec<usize>> for OfKind {
    fn from(policies: Vec<usize>) -> Self {
        Self { policies, ..Self::default() }
    }
}

impl PolicySet {
    /// The same set without policies that are judged as a whole: those of the API server's own language, which it judges itself
    /// where it has them.
    #[must_use]
    pub fn without_servers_own(self) -> Self {
        self.without(|policy| whole(policy).is_some())
    }

    /// The same set without those of them that change objects, where nothing makes objects canonical before they are asked.
    #[must_use]
    pub fn without_servers_mutations(self) -> Self {
        self.without(|policy| whole(policy).is_some() && policy.rules.iter().any(|rule| rule.mutates))
    }

    fn without(mut self, is_out: impl Fn(&Policy) -> bool) -> Self {
        if !self.policies.iter().any(|policy| is_out(policy)) {
            return self;
        }
        let exceptions = std::mem::take(&mut self.exceptions);
        let policies = self.policies.iter().filter(|policy| !is_out(policy)).cloned().collect();
        Self::new(policies, self.templates).with_exceptions(exceptions)
    }

    /// A set of these policies; `templates` are declared by the configuration.
    #[must_use]
    pub fn new(mut policies: Vec<Arc<Policy>>, mut templates: TemplatePaths) -> Self {
        policies.sort_by(|a, b| {
            (&a.id.name, &a.id.namespace, a.id.kind).cmp(&(&b.id.name, &b.id.namespace, b.id.kind))
        });
        for policy in &policies {
            templates.extend(&policy.templates);
        }
        let custom = !templates.is_empty();
        let mut named: Vec<(usize, Vec<String>)> = Vec::new();
        let mut any = Vec::new();
        for (index, policy) in policies.iter().enumerate() {
            match policy.matches.index_by(custom) {
                KindMatch::Any => any.push(index),
                KindMatch::Named(kinds) => named.push((index, kinds)),
            }
        }
        let mut by_kind: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, kinds) in named {
            for kind in kinds {
                by_kind.entry(kind).or_default().push(index);
            }
        }
        for indexes in by_kind.values_mut() {
            indexes.extend(&any);
            indexes.sort_unstable();
        }
        let about_subresources = |(_, policy): &(usize, &Arc<Policy>)| policy.matches.has_subresources();
        let with_subresources =
            policies.iter().enumerate().filter(about_subresources).map(|(index, _)| index).collect();
        let by_kind = by_kind.into_iter().map(|(kind, indexes)| (kind, indexes.into())).collect();
        let told = policies.iter().map(|_| OnceLock::new()).collect();
        let any = any.into();
        let mutating = policies.iter().filter_map(|policy| whole(policy)?.mutating().cloned()).collect();
        Self {
            mutating,
            policies,
            by_kind,
            any,
            with_subresources,
            templates,
            half: None,
            exceptions: Vec::new(),
            unplanned: false,
            memory: Memory::new(),
            told,
        }
    }

    /// The same set that runs every rule over every object, to compare with.
    #[must_use]
    pub fn unplanned(mut self) -> Self {
        self.unplanned = true;
        self
    }

    /// In which objects policies of the set found nothing.
    #[must_use]
    pub fn memory(&self) -> Option<&Memory> {
        self.memory.as_ref()
    }

    /// The policies, in the order of their names.
    #[must_use]
    pub fn policies(&self) -> &[Arc<Policy>] {
        &self.policies
    }

    /// The MutatingAdmissionPolicies among them that something binds, in the order in which they are invoked.
    #[must_use]
    pub fn mutating(&self) -> &[Hook] {
        &self.mutating
    }

    /// The same set with these exceptions, and no others.
    #[must_use]
    pub fn with_exceptions(mut self, mut exceptions: Vec<Arc<Exception>>) -> Self {
        exceptions.sort_by(|a, b| a.info.id.cmp(&b.info.id));
        self.exceptions = exceptions;
        self
    }

    /// What lifts findings of the policies, in the order of the names.
    #[must_use]
    pub fn exceptions(&self) -> &[Arc<Exception>] {
        &self.exceptions
    }

    /// What is judged behind the entry that fails closed, or behind the one that fails open.
    #[must_use]
    pub fn half(&self, half: FailurePolicy) -> Self {
        let whole = Self::new(self.policies.clone(), self.templates.clone());
        Self { half: Some(half), ..whole.with_exceptions(self.exceptions.clone()) }
    }

    /// The entry that this is for; `None`: both.
    #[must_use]
    pub fn is_half(&self) -> Option<FailurePolicy> {
        self.half
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.policies.is_empty()
    }

    /// The custom kinds with Pod templates that policies and configuration declare.
    #[must_use]
    pub fn templates(&self) -> &TemplatePaths {
        &self.templates
    }

    /// The policies that may be about a request for this kind or a subresource, in the order of their names. What is
    /// sent to a subresource may be of another kind than its resource.
    pub fn for_request(&self, kind: &str, subresource: &str) -> impl Iterator<Item = &Policy> {
        self.numbered(kind, subresource).map(|(_, policy)| policy)
    }

    fn numbered(&self, kind: &str, subresource: &str) -> impl Iterator<Item = (usize, &Policy)> {
        let indexes = match subresource {
            "" => &self.of_kind(kind).policies,
            _ => &self.with_subresources,
        };
        indexes.iter().map(|index| (*index, &*self.policies[*index]))
    }

    fn of_kind(&self, kind: &str) -> &OfKind {
        self.by_kind.get(kind).unwrap_or(&self.any)
    }

    /// Which rules about a kind can find something, once the kind has been met often enough.
    pub fn plan(&self, kind: &str, subresource: &str) -> Option<&Plan> {
        if self.unplanned || !subresource.is_empty() {
            return None;
        }
        let of = self.of_kind(kind);
        if of.met.load(Relaxed) < OFTEN && of.met.fetch_add(1, Relaxed) < OFTEN - 1 {
            return None;
        }
        let told =
            |(number, policy): (usize, _)| (number, self.told[number].get_or_init(|| RulesTold::of(policy)));
        Some(of.plan.get_or_init(|| Plan::of(self.numbered(kind, "").map(told))))
    }

    /// Those of them that judge the request here, or change its object, with their numbers in the set.
    pub fn asked<'s>(
        &'s self,
        request: &Request<'_>,
        mutates: bool,
    ) -> impl Iterator<Item = (usize, &'s Policy)> {
        self.numbered(request.kind.kind, request.subresource).filter(move |(_, policy)| {
            self.half
                .is_none_or(|half| placement::of_request(policy, mutates, request, &self.templates) == half)
        })
    }

    /// The policies that may be about objects of a kind, in the order of their names.
    pub fn for_kind(&self, kind: &str) -> impl Iterator<Item = &Policy> {
        self.of_kind(kind).policies.iter().map(|index| &*self.policies[*index])
    }
}

/// What a run makes of the policies it has loaded: which rules it wants, and how strict they are.
#[derive(Debug, Clone, Default)]
pub struct Adjustments {
    /// Only policies of these packs, and policies without packs; `None`: all.
    pub packs: Option<BTreeSet<String>>,
    /// Only these policies, rules (`policy/rule`) or reserved codes.
    pub only: Vec<String>,
    /// The policies and rules that are left out.
    pub skip: Vec<String>,
    /// Actions by policy or `policy/rule`.
    pub actions: BTreeMap<String, Action>,
    /// Severities by policy, `policy/rule` or reserved code.
    pub severities: BTreeMap<String, Level>,
    /// Lowers every action to at most this.
    pub action_override: Option<Action>,
}

/// What a configuration makes of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// It does not run.
    Off,
    /// It runs, and reports this.
    At(Severity),
}

/// A name that nothing has, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownName {
    /// What is wrong, in one line.
    pub message: String,
    /// What to do.
    pub help: String,
}

impl Adjustments {
    /// Applies the adjustments; `None` when nothing of the policy is left.
    #[must_use]
    pub fn apply(&self, mut policy: Policy, embedded: bool) -> Option<Policy> {
        let Self { packs, only, skip, actions, severities, action_override } = self;
        if let Some(packs) = packs.as_ref().filter(|_| embedded) {
            let chosen = |own: &[String]| {
                own.is_empty() || own.iter().any(|pack| packs.contains(pack) || packs.contains("all"))
            };
            if !chosen(&policy.about.packs) {
                return None;
            }
            policy.rules.retain(|rule| chosen(&rule.packs));
        }
        let name = policy.id.name.clone();
        let names =
            |wanted: &[String], rule: &Rule| wanted.iter().any(|w| *w == name || *w == rule.info.code);
        let level = |rule: &Rule| severities.get(&rule.info.code).or_else(|| severities.get(&name)).copied();
        policy.rules.retain(|rule| {
            (only.is_empty() || names(only, rule)) && !names(skip, rule) && level(rule) != Some(Level::Off)
        });
        for rule in &mut policy.rules {
            if let Some(action) = actions.get(&rule.info.code).or_else(|| actions.get(&name)) {
                rule.actions = (*action).into();
            }
            if let Some(Level::At(severity)) = level(rule) {
                rule.severity = severity;
            }
            if let Some(highest) = action_override {
                rule.actions = rule.actions.at_most(*highest);
            }
        }
        (!policy.rules.is_empty()).then_some(policy)
    }

    /// The severity of a reserved code; `None` when the run does not want it.
    #[must_use]
    pub fn reserved(&self, row: &Reserved) -> Option<Severity> {
        let Self { only, skip, severities, .. } = self;
        let named = |names: &[String]| names.iter().any(|name| codes::means(name, row.code));
        // what is wrong with the reading of a file is said beside any policy, unless some codes are asked for alone
        let some_asked = only.iter().any(|name| codes::all().any(|row| codes::means(name, row.code)));
        let is_said = only.is_empty() || named(only) || (row.always && !some_asked);
        if !is_said || named(skip) {
            return None;
        }
        let kind = row.code.split_once('/').map_or(row.code, |(kind, _)| kind);
        match severities.get(row.code).or_else(|| severities.get(kind)) {
            Some(Level::Off) => None,
            Some(Level::At(severity)) => Some(*severity),
            None => Some(row.severity),
        }
    }

    /// Whether `only` names nothing but reserved codes, so that a run needs no policy.
    #[must_use]
    pub fn only_reserved(&self) -> bool {
        let reserved = |name: &String| codes::all().any(|row| codes::means(name, row.code));
        !self.only.is_empty() && self.only.iter().all(reserved)
    }
}

/// The names that a run can speak of.
#[derive(Debug, Clone, Default)]
pub struct Names {
    policies: BTreeSet<String>,
    rules: BTreeSet<String>,
    categories: BTreeSet<String>,
}

impl Names {
    /// Those of some policies.
    #[must_use]
    pub fn of<'p>(policies: impl Iterator<Item = &'p Policy>) -> Self {
        let mut names = Self::default();
        for policy in policies {
            names.policies.insert(policy.id.name.clone());
            names.categories.extend(policy.about.category.clone());
            names.rules.extend(policy.rules.iter().map(|rule| rule.info.code.clone()));
        }
        names
    }

    /// What is wrong with a name of a policy or rule, or, where these may be meant, of a reserved code.
    #[must_use]
    pub fn check(&self, name: &str, reserved: bool) -> Option<UnknownName> {
        let Self { policies, rules, categories } = self;
        let is_reserved = codes::all().any(|row| codes::means(name, row.code));
        if policies.contains(name) || rules.contains(name) || (reserved && is_reserved) {
            return None;
        }
        if is_reserved {
            let message = format!("{name} has no action: the webhook is asked about no text");
            return Some(UnknownName { message, help: "give it a severity, or skip it".to_owned() });
        }
        if categories.contains(name) {
            let message = format!("{name} is a category; policies are chosen by name or by pack");
            return Some(UnknownName {
                message,
                help: "`--pack NAME`, or `packs:` in plimsoll.yaml".to_owned(),
            });
        }
        let codes: Vec<&str> = codes::all().map(|row| row.code).filter(|_| reserved).collect();
        let all = policies.iter().chain(rules).map(String::as_str).chain(codes);
        let help = match nearest(name, all) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => "`plimsoll policies list` shows the names".to_owned(),
        };
        let what = if reserved { "policy, rule or code" } else { "policy or rule" };
        Some(UnknownName { message: format!("no {what} is named {name}"), help })
    }

    /// The codes of all rules, and the reserved ones that may be waived.
    pub fn codes(&self) -> impl Iterator<Item = &str> {
        let reserved = codes::all().map(|row| row.code).filter(|code| is_waivable(code));
        self.rules.iter().map(String::as_str).chain(reserved)
    }

    /// Adds those of other policies.
    pub fn extend(&mut self, others: Self) {
        let Self { policies, rules, categories } = others;
        self.policies.extend(policies);
        self.rules.extend(rules);
        self.categories.extend(categories);
    }

    /// What is wrong with the codes that a waiver names.
    #[must_use]
    pub fn check_pattern(&self, pattern: &CodePattern) -> Option<UnknownName> {
        if self.codes().any(|code| pattern.matches(code)) {
            return None;
        }
        let text = pattern.as_str();
        if text.contains(['*', '?', '[', '{']) {
            let help = "`plimsoll policies list` shows the names".to_owned();
            return Some(UnknownName { message: format!("no policy, rule or code matches {text}"), help });
        }
        self.check(text, true)
    }

    /// What is wrong with the name of a policy.
    #[must_use]
    pub fn check_policy(&self, name: &str) -> Option<UnknownName> {
        if self.policies.contains(name) {
            return None;
        }
        // a rule's code, where its policy is asked for
        let policy = name.split_once('/').map_or(name, |(policy, _)| policy);
        let help = match nearest(policy, self.policies.iter().map(String::as_str)) {
            Some(nearest) => format!("did you mean `{nearest}`?"),
            None => "`plimsoll policies list` shows the names".to_owned(),
        };
        Some(UnknownName { message: format!("no policy is named {name}"), help })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Names {
            policies: set(&["image-tag", "required-probes"]),
            rules: set(&["image-tag/mutable"]),
            categories: set(&["images"]),
        }
    }

    #[test]
    fn names_are_known_or_explained() {
        for (name, reserved, expected) in [
            ("image-tag", true, None),
            ("image-tag/mutable", true, None),
            ("yaml/octal", true, None),
            ("yaml", true, None),
            (
                "yaml/octl",
                true,
                Some(("no policy, rule or code is named yaml/octl", "did you mean `yaml/octal`?")),
            ),
            (
                "imagetag",
                true,
                Some(("no policy, rule or code is named imagetag", "did you mean `image-tag`?")),
            ),
            (
                "images",
                true,
                Some((
                    "images is a category; policies are chosen by name or by pack",
                    "`--pack NAME`, or `packs:` in plimsoll.yaml",
                )),
            ),
            (
                "yaml/octal",
                false,
                Some((
                    "yaml/octal has no action: the webhook is asked about no text",
                    "give it a severity, or skip it",
                )),
            ),
            (
                "something-else",
                false,
                Some((
                    "no policy or rule is named something-else",
                    "`plimsoll policies list` shows the names",
                )),
            ),
        ] {
            let got = names().check(name, reserved);
            let got = got.as_ref().map(|unknown| (unknown.message.as_str(), unknown.help.as_str()));
            assert_eq!(got, expected, "{name}");
        }
        assert_eq!(
            names().check_policy("image-tag/mutable").map(|u| u.help),
            Some("did you mean `image-tag`?".into())
        );
    }

    #[test]
    fn reserved_codes_are_weighted_and_skipped() {
        let row = codes::named("yaml/octal").expect("there is one");
        let adjusted = |only: &[&str], skip: &[&str], severities: &[(&str, Level)]| {
            let all = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
            let severities = severities.iter().map(|(name, level)| ((*name).to_owned(), *level)).collect();
            Adjustments { only: all(only), skip: all(skip), severities, ..Adjustments::default() }
                .reserved(row)
        };
        assert_eq!(adjusted(&[], &[], &[]), Some(Severity::Warning));
        assert_eq!(adjusted(&["yaml/octal"], &[], &[]), Some(Severity::Warning));
        assert_eq!(adjusted(&["yaml"], &[], &[]), Some(Severity::Warning));
        assert_eq!(adjusted(&["image-tag"], &[], &[]), Some(Severity::Warning));
        assert_eq!(adjusted(&["yaml/float-version"], &[], &[]), None);
        assert_eq!(adjusted(&[], &["yaml/octal"], &[]), None);
        assert_eq!(adjusted(&[], &["yaml"], &[]), None);
        assert_eq!(adjusted(&[], &["yaml/float-version"], &[]), Some(Severity::Warning));
        assert_eq!(adjusted(&[], &[], &[("yaml/octal", Level::Off)]), None);
        assert_eq!(adjusted(&[], &[], &[("yaml/octal", Level::At(Severity::Error))]), Some(Severity::Error));
        let both = [("yaml", Level::Off), ("yaml/octal", Level::At(Severity::Info))];
        assert_eq!(adjusted(&[], &[], &both), Some(Severity::Info));
    }
}
