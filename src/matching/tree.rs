//! Which requests something is about, as a tree: every policy language says so in its own way, and all of them come to
//! this.

use crate::host::{Host, Lookup, ObjectKey};
use crate::request::{Operation, Request};
use crate::resource::selector::LabelSelector;
use crate::resource::workload::TemplatePaths;

use super::{Globs, KindMatch, KindPattern, Kinds, ResourceRule, Target};

/// Which requests something is about.
#[derive(Debug, Clone)]
pub enum Match {
    /// All of these hold. What is cheap to ask comes first.
    All(Vec<Self>),
    /// One of these holds.
    Any(Vec<Self>),
    /// This does not hold.
    Not(Box<Self>),
    /// One of the kinds.
    Kinds(Kinds),
    /// One of these rules over resources; they say at which operations, too.
    Resources(Vec<ResourceRule>),
    /// One of the operations.
    Operations(Vec<Operation>),
    /// In a namespace of one of these names; what is in none only where the globs match everything.
    Namespaces(Globs),
    /// In this very namespace.
    Namespace(String),
    /// In a namespace with these labels; what is in none, always.
    NamespaceLabels(LabelSelector),
    /// The object or, where that does not match, the old one has these labels, as the API server selects.
    Labels(LabelSelector),
    /// The object has these labels as it shall be: one that gives up the label that kept it out is judged.
    LabelsToBe(LabelSelector),
}

/// Whether something is about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applies {
    /// The request is matched.
    Yes,
    /// It is not.
    No,
    /// What is at hand cannot tell; the text says what would be needed.
    Unknown(String),
    /// The question could not be asked.
    Failed(String),
}

impl Applies {
    fn known(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }

    fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            open => open,
        }
    }
}

impl Match {
    /// Whether it is about a request. Of several a certain *no* of all, and a certain *yes* of any, wins over what cannot be
    /// told; else the first that cannot be told says why.
    #[must_use]
    pub fn holds(&self, request: &Request<'_>, templates: &TemplatePaths, host: &dyn Host) -> Applies {
        let each = |parts: &[Self], decides: &Applies| {
            let mut open = None;
            for part in parts {
                match part.holds(request, templates, host) {
                    applies if applies == *decides => return applies,
                    Applies::Yes | Applies::No => {}
                    untold => open = open.or(Some(untold)),
                }
            }
            open.unwrap_or_else(|| decides.clone().not())
        };
        match self {
            Self::All(parts) => each(parts, &Applies::No),
            Self::Any(parts) => each(parts, &Applies::Yes),
            Self::Not(part) => part.holds(request, templates, host).not(),
            Self::Kinds(kinds) => Applies::known(kinds.matches(request, templates)),
            Self::Resources(rules) => Applies::known(rules.iter().any(|rule| rule.matches(request))),
            Self::Operations(operations) => Applies::known(operations.contains(&request.operation)),
            Self::Namespaces(globs) => Applies::known(match request.namespace_name() {
                Some(namespace) => globs.matches(namespace),
                None => globs.matches_everything(),
            }),
            Self::Namespace(own) => Applies::known(request.namespace_name() == Some(own)),
            Self::NamespaceLabels(selector) => namespace_has(selector, request, host),
            Self::Labels(selector) => {
                let objects = [request.object, request.old_object].into_iter().flatten();
                Applies::known(
                    objects.into_iter().any(|object| selector.matches(object.at("/metadata/labels"))),
                )
            }
            Self::LabelsToBe(selector) => Applies::known(
                request.subject().is_some_and(|object| selector.matches(object.at("/metadata/labels"))),
            ),
        }
    }

    /// Whether it is about objects of this kind at an operation, whatever else there is to a request; `None` where that depends.
    #[must_use]
    pub fn by_kind(
        &self,
        target: &Target<'_>,
        operation: Operation,
        templates: &TemplatePaths,
    ) -> Option<bool> {
        let each = |parts: &[Self], decides: bool| {
            let mut all = Some(!decides);
            for part in parts {
                match part.by_kind(target, operation, templates) {
                    Some(told) if told == decides => return Some(decides),
                    Some(_) => {}
                    None => all = None,
                }
            }
            all
        };
        match self {
            Self::All(parts) => each(parts, false),
            Self::Any(parts) => each(parts, true),
            Self::Not(part) => part.by_kind(target, operation, templates).map(|told| !told),
            Self::Kinds(kinds) => Some(kinds.covers(target, templates)),
            Self::Operations(operations) => Some(operations.contains(&operation)),
            _ => None,
        }
    }

    /// The nodes of the tree that are not under a `Not`.
    fn positive(&self) -> Box<dyn Iterator<Item = &Self> + '_> {
        match self {
            Self::All(parts) | Self::Any(parts) => {
                Box::new(std::iter::once(self).chain(parts.iter().flat_map(Self::positive)))
            }
            Self::Not(_) => Box::new(std::iter::empty()),
            leaf => Box::new(std::iter::once(leaf)),
        }
    }

    /// All nodes of the tree.
    fn nodes(&self) -> Box<dyn Iterator<Item = &Self> + '_> {
        let below: Box<dyn Iterator<Item = &Self> + '_> = match self {
            Self::All(parts) | Self::Any(parts) => Box::new(parts.iter().flat_map(Self::nodes)),
            Self::Not(part) => part.nodes(),
            _ => Box::new(std::iter::empty()),
        };
        Box::new(std::iter::once(self).chain(below))
    }

    /// The patterns of the kinds that it is about.
    pub fn patterns(&self) -> impl Iterator<Item = &KindPattern> {
        let kinds = self.positive().filter_map(|part| match part {
            Self::Kinds(kinds) => Some(kinds.patterns()),
            _ => None,
        });
        kinds.flatten()
    }

    /// The rules over resources that it goes by.
    pub fn resources(&self) -> impl Iterator<Item = &ResourceRule> {
        let rules = self.positive().filter_map(|part| match part {
            Self::Resources(rules) => Some(rules),
            _ => None,
        });
        rules.flatten()
    }

    /// Whether it may be about this, at some operation, of some object.
    #[must_use]
    pub fn covers(&self, target: &Target<'_>, templates: &TemplatePaths) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.covers(target, templates)),
            Self::Any(parts) => parts.iter().any(|part| part.covers(target, templates)),
            Self::Kinds(kinds) => kinds.covers(target, templates),
            Self::Resources(rules) => rules.iter().any(|rule| rule.covers(target)),
            // who is left out may be left in for another reason
            _ => true,
        }
    }

    /// Whether it may be about this, by a pattern of kinds that names something: `*` alone does not.
    #[must_use]
    pub fn names(&self, target: &Target<'_>, templates: &TemplatePaths) -> bool {
        match self {
            Self::All(parts) => {
                self.covers(target, templates) && parts.iter().any(|part| part.names(target, templates))
            }
            Self::Any(parts) => parts.iter().any(|part| part.names(target, templates)),
            Self::Kinds(kinds) => kinds.names(target, templates),
            Self::Resources(rules) => rules.iter().any(|rule| rule.names(target)),
            _ => false,
        }
    }

    /// Whether it is about subresources, too.
    #[must_use]
    pub fn has_subresources(&self) -> bool {
        self.positive().any(|part| match part {
            Self::Kinds(kinds) => kinds.has_subresources(),
            Self::Resources(rules) => rules.iter().any(ResourceRule::has_subresources),
            _ => false,
        })
    }

    /// The kinds by which an index finds what is about objects; `declared` says whether custom kinds with Pod templates are.
    #[must_use]
    pub fn index_by(&self, declared: bool) -> KindMatch {
        match self {
            // each part narrows it: the narrowest will do
            Self::All(parts) => {
                let named = parts.iter().filter_map(|part| match part.index_by(declared) {
                    KindMatch::Named(kinds) => Some(kinds),
                    KindMatch::Any => None,
                });
                named.min_by_key(Vec::len).map_or(KindMatch::Any, KindMatch::Named)
            }
            Self::Any(parts) => {
                let mut all = Vec::new();
                for part in parts {
                    match part.index_by(declared) {
                        KindMatch::Named(kinds) => all.extend(kinds),
                        KindMatch::Any => return KindMatch::Any,
                    }
                }
                all.sort();
                all.dedup();
                KindMatch::Named(all)
            }
            Self::Kinds(kinds) => kinds.index_by(declared),
            _ => KindMatch::Any,
        }
    }

    /// The operations that it may be about, in the order of an object's life.
    #[must_use]
    pub fn operations(&self) -> Vec<Operation> {
        let may = |operation: &Operation| self.may_be_at(*operation, None);
        Operation::ALL.into_iter().filter(may).collect()
    }

    /// The operations at which it may be about this.
    #[must_use]
    pub fn operations_on(&self, target: &Target<'_>) -> Vec<Operation> {
        let may = |operation: &Operation| self.may_be_at(*operation, Some(target));
        Operation::ALL.into_iter().filter(may).collect()
    }

    fn may_be_at(&self, operation: Operation, target: Option<&Target<'_>>) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.may_be_at(operation, target)),
            Self::Any(parts) => parts.iter().any(|part| part.may_be_at(operation, target)),
            Self::Operations(operations) => operations.contains(&operation),
            Self::Resources(rules) => rules
                .iter()
                .any(|rule| rule.is_at(operation) && target.is_none_or(|target| rule.covers(target))),
            _ => true,
        }
    }

    /// The only namespace that it is about, where there is one.
    #[must_use]
    pub fn own_namespace(&self) -> Option<&str> {
        match self {
            Self::All(parts) => parts.iter().find_map(Self::own_namespace),
            Self::Namespace(own) => Some(own),
            _ => None,
        }
    }

    /// Whether labels of Namespaces have to be known to tell.
    #[must_use]
    pub fn asks_for_namespaces(&self) -> bool {
        self.nodes().any(|part| matches!(part, Self::NamespaceLabels(selector) if !selector.is_everything()))
    }

    /// Whether labels of the object decide.
    #[must_use]
    pub fn asks_for_labels(&self) -> bool {
        self.nodes().any(|part| matches!(part, Self::Labels(_) | Self::LabelsToBe(_)))
    }
}

/// Cluster-scoped objects other than Namespaces pass every selector; a Namespace is judged by its own
/// labels (apiserver `pkg/admission/plugin/webhook/predicates/namespace/matcher.go`).
fn namespace_has(selector: &LabelSelector, request: &Request<'_>, host: &dyn Host) -> Applies {
    if selector.is_everything() {
        return Applies::Yes;
    }
    if request.is_namespace()
        && let Some(object) = request.object.or(request.old_object)
    {
        return Applies::known(selector.matches(object.at("/metadata/labels")));
    }
    let Some(name) = request.namespace_name() else { return Applies::Yes };
    match host.get(ObjectKey { group: "", kind: "Namespace", namespace: "", name }) {
        Lookup::Known(namespace) => Applies::known(selector.matches(namespace.root.at("/metadata/labels"))),
        Lookup::Absent => Applies::known(selector.matches(None)),
        Lookup::Unknown(what) => Applies::Unknown(what),
        Lookup::Failed(why) => Applies::Failed(why),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::host::{Absent, HostObject, Listing};

    fn kinds(patterns: &[&str]) -> Match {
        Match::Kinds(Kinds::parse(patterns).unwrap())
    }

    fn request(operation: Operation) -> Request<'static> {
        Request {
            name: "web",
            namespace: Some("shop"),
            ..Request::bare(operation, ["apps", "v1", "Deployment", "deployments"])
        }
    }

    #[test]
    fn parts_of_a_tree() {
        use Operation::{Create, Delete, Update};
        let at = |operations: &[Operation]| Match::Operations(operations.to_vec());
        let shop = || Match::Namespace("shop".to_owned());
        let rows: Vec<(Match, bool)> = vec![
            (Match::All(vec![]), true),
            (Match::Any(vec![]), false),
            (Match::All(vec![kinds(&["Deployment"]), at(&[Create]), shop()]), true),
            (Match::All(vec![kinds(&["Pod"]), at(&[Create])]), false),
            (Match::Any(vec![kinds(&["Pod"]), kinds(&["apps/*/Deployment"])]), true),
            (
                Match::Any(vec![
                    Match::All(vec![kinds(&["Deployment"]), at(&[Delete])]),
                    Match::All(vec![kinds(&["Pod"]), at(&[Create])]),
                ]),
                false,
            ),
            (Match::All(vec![kinds(&["*"]), Match::Not(Box::new(shop()))]), false),
            (Match::Not(Box::new(Match::All(vec![kinds(&["Pod"]), shop()]))), true),
        ];
        for (tree, expected) in rows {
            let holds = tree.holds(&request(Create), &TemplatePaths::default(), &Absent);
            assert_eq!(holds, Applies::known(expected), "{tree:?}");
        }
        let both = Match::Any(vec![
            Match::All(vec![kinds(&["Pod"]), at(&[Update])]),
            Match::All(vec![kinds(&["Deployment"]), at(&[Create, Update])]),
        ]);
        assert_eq!(both.operations(), [Create, Update]);
        assert_eq!(both.index_by(false), KindMatch::Named(vec!["Deployment".into(), "Pod".into()]));
        let narrowed = Match::All(vec![kinds(&["*"]), both.clone()]);
        assert_eq!(narrowed.index_by(false), both.index_by(false));
        let not = Match::All(vec![kinds(&["*"]), Match::Not(Box::new(kinds(&["Pod"])))]);
        assert_eq!(not.index_by(false), KindMatch::Any);
        assert_eq!(not.patterns().count(), 1);
    }

    /// What nobody can tell is told as such, unless another part decides.
    #[test]
    fn what_is_certain_wins() {
        struct Nobody;
        impl Host for Nobody {
            fn get(&self, _: ObjectKey<'_>) -> Lookup<HostObject<'_>> {
                Lookup::Unknown("Namespace shop".to_owned())
            }

            fn list(&self, _: &str, _: &str, _: Option<&str>) -> Lookup<Listing<'_>> {
                Lookup::Unknown("Namespaces".to_owned())
            }
        }
        let labelled = || {
            let label =
                crate::document::Document::from_json(r#"{"matchLabels":{"a":"b"}}"#, Default::default());
            Match::NamespaceLabels(LabelSelector::parse(label.unwrap().root()).unwrap())
        };
        let unknown = || Applies::Unknown("Namespace shop".to_owned());
        for (tree, expected) in [
            (Match::All(vec![labelled(), kinds(&["*"])]), unknown()),
            (Match::All(vec![labelled(), kinds(&["Pod"])]), Applies::No),
            (Match::Any(vec![labelled(), kinds(&["*"])]), Applies::Yes),
            (Match::Any(vec![labelled(), kinds(&["Pod"])]), unknown()),
            (Match::Not(Box::new(labelled())), unknown()),
        ] {
            let holds = tree.holds(&request(Operation::Create), &TemplatePaths::default(), &Nobody);
            assert_eq!(holds, expected, "{tree:?}");
        }
        assert!(labelled().asks_for_namespaces() && !kinds(&["*"]).asks_for_namespaces());
    }
}
