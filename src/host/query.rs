//! Questions about many objects: which Pods carry these labels, which selectors could select them.
//!
//! An index answers them in the time of its answer, so that asking for every object of a folder stays linear.

use std::ops::ControlFlow;

use super::{Host, HostObject, Lookup};
use crate::api;
use crate::document::NodeRef;
use crate::resource::identity::GroupVersionKind;
use crate::resource::workload::{PodTemplate, TemplatePaths, holds_pods};
use crate::resource::{made, pod_labels};

/// What is looked through.
#[derive(Debug, Clone, Copy)]
pub enum Pool<'q> {
    /// Objects with a Pod template, by the labels of the template.
    Pods(&'q TemplatePaths),
    /// Objects of a group and kind, by their labels.
    Labelled(&'q str, &'q str),
    /// Objects of a group and kind with a label selector, by the labels that they may select. Of those with the same `spec` one
    /// may be shown for all.
    Selecting(&'q str, &'q str),
    /// The same, and each is shown.
    AllSelecting(&'q str, &'q str),
    /// HorizontalPodAutoscalers and ScaledObjects, by their target: one pair of `group/Kind` and name.
    Scaling,
    /// Objects of which a controller makes one of this kind (`Secret`, `ConfigMap`), by its name: one pair, whose value
    /// it is; in whatever namespace.
    Making(&'q str),
    /// Objects of custom kinds, of which a controller may make anything.
    Custom,
    /// PersistentVolumes of a class.
    Volumes(&'q str),
}

/// What is looked for, and among which objects.
#[derive(Debug, Clone, Copy)]
pub struct Query<'q> {
    /// What is looked through.
    pub pool: Pool<'q>,
    /// `None`: everywhere.
    pub namespace: Option<&'q str>,
    /// [`Pool::Selecting`], [`Pool::AllSelecting`]: the labels that are to be selected; else: the labels that all must be there.
    pub pairs: &'q [(&'q str, &'q str)],
}

/// By what objects of one kind are found.
#[derive(Debug, Clone, Copy)]
pub enum By<'q> {
    /// All of them are wanted.
    Nothing,
    /// All of these labels.
    Labels(&'q [(&'q str, &'q str)]),
    /// All of these labels of the Pod template, as [`Axis::Pods`] has them.
    Pods(&'q [(&'q str, &'q str)]),
    /// Kind and name of what is scaled.
    Target(&'q str, &'q str),
    /// The class of a volume.
    Class(&'q str),
}

/// The ways to find an object beside its name, in files and in mirrors alike. On each of them an object stands under
/// pairs, and is found by any of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Axis {
    /// The labels of the object.
    Labels,
    /// The labels of the Pods that it is or makes, as far as they find anything ([`pod_labels::indexed`]).
    Pods,
    /// The kind and the name of what it scales.
    Target,
    /// The class of a volume, with nothing.
    Class,
}

impl Axis {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Labels, Self::Pods, Self::Target, Self::Class];

    /// The pairs under which an object stands; `None`: it has no place there.
    #[must_use]
    pub fn pairs<'d>(self, object: NodeRef<'d>, declared: &TemplatePaths) -> Option<Vec<(&'d str, &'d str)>> {
        match self {
            Self::Labels => Some(label_pairs(object.at("/metadata/labels")).collect()),
            Self::Pods => pod_pairs(object, declared),
            Self::Target => target(object).map(|(_, kind, name)| vec![(kind, name)]),
            Self::Class => class(object).map(|class| vec![(class, "")]),
        }
    }
}

impl<'q> By<'q> {
    fn of(query: &Query<'q>) -> Self {
        match query.pool {
            Pool::Pods(_) => Self::Pods(query.pairs),
            Pool::Labelled(..) => Self::Labels(query.pairs),
            Pool::Volumes(class) => Self::Class(class),
            Pool::Scaling => {
                let target =
                    query.pairs.first().and_then(|(kind, name)| Some((kind.split_once('/')?.1, *name)));
                target.map_or(Self::Nothing, |(kind, name)| Self::Target(kind, name))
            }
            // a namespace has few of them
            Pool::Selecting(..) | Pool::AllSelecting(..) | Pool::Making(_) | Pool::Custom => Self::Nothing,
        }
    }
}

/// The labels of an object, as pairs.
pub(super) fn label_pairs<'d>(labels: Option<NodeRef<'d>>) -> impl Iterator<Item = (&'d str, &'d str)> {
    labels.into_iter().flat_map(NodeRef::members).filter_map(|(k, v)| Some((k, v.as_str()?)))
}

fn pod_pairs<'d>(object: NodeRef<'d>, declared: &TemplatePaths) -> Option<Vec<(&'d str, &'d str)>> {
    let templates = templates(object, declared);
    if templates.is_empty() {
        return None;
    }
    let labels = templates.iter().filter_map(|pods| pods.metadata?.get("labels"));
    let pairs = labels.flat_map(|labels| label_pairs(Some(labels)));
    let pairs = pairs.filter_map(|(key, value)| pod_labels::indexed(key, value));
    let mut pairs: Vec<_> = pairs.chain(pod_labels::indexed_of(object)).collect();
    if templates.len() > 1 {
        pairs.sort_unstable();
        pairs.dedup();
    }
    Some(pairs)
}

fn class(volume: NodeRef<'_>) -> Option<&str> {
    volume.at("/spec/storageClassName").and_then(NodeRef::as_str)
}

/// How much was looked through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Coverage {
    /// All there is, or the visitor has seen enough.
    Complete,
    /// There may be more; the text says what would be needed.
    Unknown(String),
    /// The question could not be asked.
    Failed(String),
}

/// An object that may fit a query.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'v, 'h> {
    /// Its effective namespace.
    pub namespace: &'v str,
    /// The object, as far as it is kept.
    pub object: HostObject<'h>,
    /// How many such objects there are: more than one where the server makes the names of objects that are otherwise
    /// the same.
    pub copies: u32,
    /// How far away it is: 0 is nearest, and nearer objects are shown first. What fits at the nearest level that has
    /// something is the answer; what lies farther away is of other installations.
    pub level: u32,
}

/// Is shown each object, and may stop.
pub type Visitor<'v, 'h> = dyn FnMut(Seen<'_, 'h>) -> ControlFlow<()> + 'v;

const VOLUME: (&str, &str) = ("", "PersistentVolume");
const AUTOSCALER: (&str, &str) = ("autoscaling", "HorizontalPodAutoscaler");
const KEDA: (&str, &str) = ("keda.sh", "ScaledObject");

/// The Pod templates of an object: of a built-in or declared kind, or of a custom kind that looks like one, with
/// containers at `spec.template.spec`.
#[must_use]
pub fn templates<'d>(object: NodeRef<'d>, declared: &TemplatePaths) -> Vec<PodTemplate<'d>> {
    let (Some(version), Some(kind)) = (object.get_str("apiVersion"), object.get_str("kind")) else {
        return Vec::new();
    };
    let kind = GroupVersionKind::new(version, kind);
    let known = PodTemplate::all(object, kind.group, kind.version, kind.kind, declared);
    if !known.is_empty() {
        return known;
    }
    looks_like_one(object, &kind).into_iter().collect()
}

fn looks_like_one<'d>(object: NodeRef<'d>, kind: &GroupVersionKind<'_>) -> Option<PodTemplate<'d>> {
    let template = object.at("/spec/template")?;
    let spec = template.get("spec");
    if holds_pods(kind.group, kind.kind) {
        // without a spec it is faulty, and has its labels all the same
        return Some(PodTemplate { metadata: template.get("metadata"), spec: spec.unwrap_or(template) });
    }
    let spec = spec.filter(|s| s.get("containers").is_some_and(NodeRef::is_array))?;
    Some(PodTemplate { metadata: template.get("metadata"), spec })
}

/// What an autoscaler scales: group, kind and name. KEDA means a Deployment where a ScaledObject does not say.
#[must_use]
pub fn target(autoscaler: NodeRef<'_>) -> Option<(&str, &str, &str)> {
    let target = autoscaler.at("/spec/scaleTargetRef")?;
    let keda = autoscaler.get_str("kind") == Some("ScaledObject");
    let written = |field| target.get_str(field).filter(|text| !text.is_empty());
    let (by_default, kind) = if keda { ("apps/v1", Some("Deployment")) } else { ("", None) };
    let version = written("apiVersion").unwrap_or(by_default);
    let group = version.split_once('/').map_or("", |(group, _)| group);
    Some((group, written("kind").or(kind)?, written("name")?))
}

/// What a query falls back to: lists.
pub(super) fn by_listing<'h, H: Host + ?Sized>(
    host: &'h H,
    query: &Query<'_>,
    visitor: &mut Visitor<'_, 'h>,
) -> Coverage {
    let kinds: Vec<(&str, &str)> = match query.pool {
        Pool::Pods(_) => api::workloads().map(|known| (known.group, known.kind)).collect(),
        Pool::Labelled(group, kind) | Pool::Selecting(group, kind) | Pool::AllSelecting(group, kind) => {
            vec![(group, kind)]
        }
        Pool::Scaling => vec![AUTOSCALER],
        Pool::Volumes(_) => vec![VOLUME],
        // of any kind, most of them custom
        Pool::Making(_) | Pool::Custom => Vec::new(),
    };
    let mut coverage = Coverage::Complete;
    // most clusters do not have these, and none is asked for them: KEDA has a HorizontalPodAutoscaler made
    let perhaps: Vec<(&str, &str)> = match query.pool {
        Pool::Scaling => vec![KEDA],
        Pool::Making(_) => made::kinds().collect(),
        _ => Vec::new(),
    };
    for (group, kind) in perhaps {
        let Lookup::Known(listing) = host.list_by(group, kind, query.namespace, By::of(query)) else {
            continue;
        };
        if show(query, listing.objects, visitor).is_break() {
            return Coverage::Complete;
        }
    }
    for (group, kind) in kinds {
        let listing = match host.list_by(group, kind, query.namespace, By::of(query)) {
            Lookup::Known(listing) => listing,
            Lookup::Absent => continue,
            Lookup::Unknown(what) => {
                coverage = Coverage::Unknown(what);
                continue;
            }
            Lookup::Failed(why) => return Coverage::Failed(why),
        };
        if show(query, listing.objects, visitor).is_break() {
            return Coverage::Complete;
        }
        if !listing.complete {
            coverage = Coverage::Unknown(missing(query, kind));
        }
    }
    coverage
}

fn show<'h>(
    query: &Query<'_>,
    objects: Vec<HostObject<'h>>,
    visitor: &mut Visitor<'_, 'h>,
) -> ControlFlow<()> {
    for object in objects {
        let own = object.root.at("/metadata/namespace").and_then(NodeRef::as_str);
        let namespace = query.namespace.or(own).unwrap_or_default();
        visitor(Seen { namespace, object, copies: 1, level: 0 })?;
    }
    ControlFlow::Continue(())
}

/// `all Services of namespace web`, for what is not in the input.
pub(super) fn missing(query: &Query<'_>, kind: &str) -> String {
    let what = match query.pool {
        Pool::Pods(_) => "workload",
        _ => kind,
    };
    match query.namespace {
        Some(namespace) if !namespace.is_empty() => format!("every {what} of namespace {namespace}"),
        _ => format!("every {what}"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::document::{Document, Limits};

    #[test]
    fn pod_templates() {
        let rows = [
            (
                r#"{"apiVersion":"apps/v1","kind":"Deployment","spec":{"template":{"metadata":{},"spec":{}}}}"#,
                true,
            ),
            (r#"{"apiVersion":"apps/v1","kind":"Deployment","spec":{"template":{"metadata":{}}}}"#, true),
            (r#"{"apiVersion":"apps/v1","kind":"Deployment","spec":{}}"#, false),
            (
                r#"{"apiVersion":"argoproj.io/v1alpha1","kind":"Rollout","spec":{"template":{"spec":{"containers":[]}}}}"#,
                true,
            ),
            (
                r#"{"apiVersion":"example.com/v1","kind":"Letter","spec":{"template":{"spec":{"text":"a"}}}}"#,
                false,
            ),
            (r#"{"apiVersion":"v1","kind":"Service","spec":{}}"#, false),
        ];
        for (text, expected) in rows {
            let document = Document::from_json(text, Limits::default()).unwrap();
            assert_eq!(!templates(document.root(), &TemplatePaths::default()).is_empty(), expected, "{text}");
        }
    }
}
