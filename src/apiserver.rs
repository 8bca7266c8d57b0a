//! What the API server makes of an object before and after admission, as findings: is its kind served, can it be decoded,
//! what is defaulted, is it valid.
//!
//! ```text
//! written ─ receive ─▶ Received { as a mutating webhook sees it, findings } ─ (mutate) ─ validate ─▶ findings
//! ```
//!
//! What the server does stands in the crate `objects`; here it gets codes, places and help.

pub mod documented;
mod versions;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock};

use crate::document::edit::{Literal, PatchOperation};
use crate::document::path::Pointer;
use crate::document::{Document, Limits, NodeRef, Scalar};
use crate::finding::{Certainty, Finding, Place, RuleInfo, Severity};
use crate::manifest::codes::{self, Reserved};
use crate::manifest::placeholder;
use crate::nearest::nearest;
use crate::objects::admit::{Mode, Options, Refusal, Request, Served, admit_request, kind_of};
use crate::objects::custom::Definitions;
use crate::objects::decode::{Problem, ProblemKind};
use crate::objects::field::{Cause, Reason};
use crate::objects::plugins::{Cluster, Known, Plugins};
use crate::objects::schema::is_struct;

/// An API server, as far as its answers do not depend on what it holds.
#[derive(Debug, Default)]
pub struct ApiServer {
    minor: u8,
    definitions: Definitions,
}

/// What is asked of it, and what it holds.
#[derive(Clone, Copy)]
pub struct Serving<'s, 'c> {
    /// The server.
    pub server: &'s ApiServer,
    /// What it holds.
    pub cluster: &'c (dyn Cluster + Sync),
    /// The namespace of requests about objects that name none.
    pub namespace: &'c str,
}

/// What has become of a written object on its way to admission.
#[derive(Debug)]
pub struct Received<'d, 's> {
    /// What it is; none where its kind is not served.
    pub served: Option<Served<'s>>,
    /// As a mutating webhook would see it; none where the server would not come so far.
    pub object: Option<Document<'d>>,
    /// What is wrong with what was written.
    pub findings: Vec<Finding>,
}

static RULES: LazyLock<HashMap<&'static str, Arc<RuleInfo>>> =
    LazyLock::new(|| codes::SERVER.iter().map(|row| (row.code, Arc::new(row.rule()))).collect());

fn finding(row: &'static Reserved, message: String, place: Place) -> Finding {
    let rule = Arc::clone(&RULES[row.code]);
    let mut finding = Finding::at(rule, row.severity, message, place);
    finding.fingerprint.place.clone_from(&finding.place.pointer);
    finding
}

impl ApiServer {
    /// The server of release `1.minor`, which knows no custom kinds yet.
    #[must_use]
    pub fn new(minor: u8) -> Self {
        Self { minor, definitions: Definitions::new() }
    }

    /// Its minor release.
    #[must_use]
    pub fn minor(&self) -> u8 {
        self.minor
    }

    /// The custom kinds that it knows.
    #[must_use]
    pub fn definitions(&self) -> &Definitions {
        &self.definitions
    }

    /// Learns the kinds of a CustomResourceDefinition; other objects teach it nothing.
    pub fn learn(&mut self, object: NodeRef<'_>) {
        self.definitions.add(object);
    }

    /// Learns of all these objects the custom kinds that are asked for, by group and kind: of the others nobody wants the
    /// schema, which takes more time and room than most objects.
    pub fn learn_kinds<'o>(
        &mut self,
        objects: impl Iterator<Item = NodeRef<'o>>,
        kinds: &HashSet<(&str, &str)>,
    ) {
        let is_asked_for = |object: NodeRef<'_>| {
            Definitions::defined(object).is_some_and(|(group, kind)| kinds.contains(&(group, kind)))
        };
        objects.filter(|object| is_asked_for(*object)).for_each(|object| self.learn(object));
    }
}

impl<'s> Serving<'s, '_> {
    /// Decodes an object, sets its defaults, and lets the server's own plugins at it; on an UPDATE it replaces what is `stored`.
    #[must_use]
    pub fn receive<'d>(&self, written: NodeRef<'d>, stored: Option<NodeRef<'_>>) -> Received<'d, 's> {
        let ApiServer { minor, definitions } = self.server;
        let served = match kind_of(written, *minor, definitions) {
            Ok(served) => served,
            Err(refusal) => {
                let findings = match refusal.reason {
                    "NoKindMatch" => versions::not_served(self.server, written).into_iter().collect(),
                    // said by who reads documents
                    _ => Vec::new(),
                };
                return Received { served: None, object: None, findings };
            }
        };
        // an unknown field is found all the same, and what is left can be judged
        let options = Options {
            minor: *minor,
            mode: Mode::Warn,
            plugins: Plugins::default(),
            cluster: self.cluster,
            namespace: self.namespace,
        };
        let mut findings: Vec<Finding> = versions::deprecated(*minor, served, written).into_iter().collect();
        let problem = |problem: &Problem| {
            let node = written.document().node(problem.node);
            let reference = documented::of(served, node, written, *minor);
            Finding { reference, ..decoding(problem, node, written, *minor) }
        };
        let request = Request { stored, posted: false };
        let object = match admit_request(written, served, &options, request) {
            Ok(admitted) => {
                let namespace =
                    written.at("/metadata/namespace").filter(|_| served.namespaced() == Some(true));
                if let Some(namespace) = namespace
                    && let Some(name) = namespace.as_str()
                    && self.cluster.namespace(name) == Known::Unknown
                    && nearly_a_namespace(name).is_some()
                {
                    findings.push(no_namespace(namespace, written, false));
                }
                match served {
                    Served::BuiltIn(_) => findings.extend(told(&admitted.problems).map(problem)),
                    Served::Custom(..) => {
                        let unknown =
                            admitted.warnings.iter().filter(|text| text.starts_with("unknown field "));
                        findings.extend(unknown.map(|text| unknown_field_of(text, written)));
                    }
                }
                Some(admitted.object)
            }
            Err(refusal) if !refusal.problems.is_empty() => {
                findings.extend(told(&refusal.problems).map(problem));
                None
            }
            Err(refusal) => {
                findings.push(refused(&refusal, written));
                None
            }
        };
        Received { served: Some(served), object, findings }
    }

    /// What the server finds when it validates an object that it has [received](Self::receive), on an UPDATE beside the old one.
    #[must_use]
    pub fn validate(
        &self,
        served: Served<'_>,
        object: NodeRef<'_>,
        old: Option<NodeRef<'_>>,
    ) -> Vec<Finding> {
        let at = |row: &'static Reserved, message: String, node: NodeRef<'_>| {
            let reference = documented::of(served, node, object, self.server.minor);
            Finding { reference, ..finding(row, message, Place::of(node, object.id())) }
        };
        let causes = match served.judge(object, old) {
            Ok((causes, warnings)) if causes.is_empty() => {
                let warning = |text: String| {
                    let node = named_at_the_beginning(&text, object);
                    at(&codes::WARNING, text, node)
                };
                return warnings.into_iter().map(warning).collect();
            }
            Ok((causes, _)) => causes,
            Err(refusal) => return vec![at(&codes::INVALID, refusal.message, object)],
        };
        let some_unknown = object.descendants().any(NodeRef::is_unknown);
        let told = causes.into_iter().filter_map(|cause| {
            let Cause { field, reason, message, node } = cause;
            let node = node.map_or_else(|| nearest_on(&field, object), |id| object.document().node(id));
            if some_unknown && rests_on_unknown(node, reason, &message) {
                return None;
            }
            let row = match served {
                Served::Custom(..) if !field.starts_with("metadata") => &codes::SCHEMA,
                _ => &codes::INVALID,
            };
            // the server names the map where we know which of its values is meant
            let path = node.path_from(object.id());
            let field = if path.starts_with(&field) { path } else { field };
            let message = if field.is_empty() { message } else { format!("{field}: {message}") };
            Some(at(row, message, node))
        });
        told.collect()
    }
}

/// Who reads documents says what stands there twice.
fn told(problems: &[Problem]) -> impl Iterator<Item = &Problem> {
    problems.iter().filter(|problem| problem.kind != ProblemKind::Duplicate)
}

/// Whether a fault may be none when what stands for other texts is filled in.
fn rests_on_unknown(node: NodeRef<'_>, reason: Reason, message: &str) -> bool {
    node.is_unknown()
        || message.split('"').any(placeholder::is_filled_in)
        || (reason != Reason::Required && node.descendants().any(NodeRef::is_unknown))
}

/// Where a value of another type or a field that there is not stands, and how it is mended.
fn decoding(problem: &Problem, node: NodeRef<'_>, written: NodeRef<'_>, minor: u8) -> Finding {
    let place = Place::of(node, written.id());
    if problem.kind != ProblemKind::Unknown {
        return mistyped(problem, node, written, place);
    }
    let key = node.key().unwrap_or_default();
    let fields = problem.of.into_iter().flat_map(|of| of.fields(minor)).map(|field| field.name);
    let meant = nearest(key, fields);
    let message = match meant {
        Some(meant) => format!("{}; did you mean \"{meant}\"?", problem.message),
        None => problem.message.clone(),
    };
    let mut found = finding(&codes::UNKNOWN_FIELD, message, at_key(place, node));
    let taken = |name| node.parent().is_some_and(|object| object.get(name).is_some());
    if let Some(meant) = meant.filter(|meant| !taken(meant))
        && let Some(object) = node.parent()
    {
        let object = Pointer::of(object, written.id());
        found.fix.push(PatchOperation::Move { from: object.child(key), path: object.child(meant) });
    }
    found
}

/// A value of another type, in words for people beside those of Go.
fn mistyped(problem: &Problem, node: NodeRef<'_>, written: NodeRef<'_>, place: Place) -> Finding {
    let shown = Some(node.to_json()).filter(|json| node.scalar().is_some() && json.chars().count() <= SHOWN);
    let of_type =
        problem.message.strip_prefix("json: cannot unmarshal ").and_then(|m| m.rsplit_once(" of type "));
    let Some((cannot, go)) = of_type else {
        let message = shown.map_or_else(String::new, |shown| format!("{shown}: ")) + &problem.message;
        return finding(&codes::TYPE, message, place);
    };
    let (is, wanted) = (described(node), wanted(go));
    let what = shown.map_or_else(|| format!("{is} stands"), |shown| format!("{shown} is {is}"));
    let server = if go.starts_with("map[") { String::new() } else { format!(" of type {go}") };
    let message = format!("{what} where {wanted} belongs (json: cannot unmarshal {cannot}{server})");
    let mut found = finding(&codes::TYPE, message, place);
    if let Some(value) = retyped(node, go) {
        found.fix.push(PatchOperation::Replace { path: Pointer::of(node, written.id()), value });
    }
    found
}

/// Values longer than this are not said again.
const SHOWN: usize = 60;

fn described(node: NodeRef<'_>) -> &'static str {
    match node.scalar() {
        Some(Scalar::Null) => "null",
        Some(Scalar::Bool(_)) => "a boolean",
        Some(Scalar::Int(_) | Scalar::Float(_)) => "a number",
        Some(Scalar::String(_)) => "a string",
        None if node.is_array() => "a list",
        None => "an object",
    }
}

/// What a Go type takes.
fn wanted(go: &str) -> &'static str {
    match go {
        "string" => "a string",
        "bool" => "a boolean",
        "float64" | "float32" => "a number",
        _ if go.starts_with("int") || go.starts_with("uint") => "a whole number",
        _ if go.starts_with("[]") => "a list",
        _ if go.starts_with("map[") || is_struct(go) => "an object",
        // lists of resources are maps with a name
        _ if go.ends_with("List") => "an object",
        _ => "a string",
    }
}

/// The same value of the type that belongs there, where there is no doubt about it.
fn retyped(node: NodeRef<'_>, go: &str) -> Option<Literal> {
    let text = node.as_str();
    let json = match go {
        "string" if !node.is_null() && text.is_none() && node.scalar().is_some() => {
            let span = node.span()?;
            let written = node.document().source_text().get(span.start as usize..span.end as usize)?;
            serde_json::to_string(written).ok()?
        }
        "bool" => text.filter(|text| matches!(*text, "true" | "false"))?.to_owned(),
        _ if go.starts_with("int") => text?.parse::<i64>().ok()?.to_string(),
        _ => return None,
    };
    Document::from_json_owned(json, Limits::default()).ok().map(Arc::new)
}

/// The place of a member as that of its key.
fn at_key(place: Place, node: NodeRef<'_>) -> Place {
    Place { span: node.key_span().or(place.span), ..place }
}

/// `unknown field "spec.x"`, of a custom resource.
fn unknown_field_of(text: &str, written: NodeRef<'_>) -> Finding {
    let path = text.split('"').nth(1).unwrap_or_default();
    let node = nearest_on(path, written);
    let place = at_key(Place::of(node, written.id()), node);
    finding(&codes::UNKNOWN_FIELD, text.to_owned(), place)
}

/// A refusal that is not about one field: of a plugin, or of the whole.
fn refused(refusal: &Refusal, written: NodeRef<'_>) -> Finding {
    let node = refusal.nodes.first().map_or(written, |id| written.document().node(*id));
    if refusal.code == Some(404) && refusal.message.starts_with("namespaces ") {
        return no_namespace(node, written, true);
    }
    let row = match refusal.code {
        Some(403 | 404) => &codes::ADMISSION,
        Some(400) => &codes::TYPE,
        _ => &codes::INVALID,
    };
    finding(row, refusal.message.clone(), Place::of(node, written.id()))
}

/// A namespace that is not in the input, which is said to be `complete` or not. Others make namespaces, so that this is no
/// error unless the name is nearly one that every cluster has.
fn no_namespace(node: NodeRef<'_>, written: NodeRef<'_>, complete: bool) -> Finding {
    let name = node.as_str().unwrap_or_default();
    let meant = nearly_a_namespace(name);
    let hint = meant.map_or_else(String::new, |meant| format!("; did you mean \"{meant}\"?"));
    let certainty = if complete { Certainty::Known } else { Certainty::Unknown };
    let said = match certainty {
        Certainty::Known => format!("namespaces \"{name}\" not found{hint}"),
        _ => format!("cannot be decided: Namespace {name} is not part of the input{hint}"),
    };
    let mut found = finding(&codes::ADMISSION, said, Place::of(node, written.id()));
    found.certainty = certainty;
    if !complete || meant.is_none() {
        found.severity = Severity::Warning;
    }
    found
}

/// Namespaces that every cluster has.
pub const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

/// The namespace of every cluster that a name is nearly.
fn nearly_a_namespace(name: &str) -> Option<&'static str> {
    nearest(name, NAMESPACES.into_iter()).filter(|meant| *meant != name)
}

/// The node at a path with which a text begins (`spec.containers[0].image: …`); else the object.
fn named_at_the_beginning<'d>(text: &str, object: NodeRef<'d>) -> NodeRef<'d> {
    text.split_once(": ").map_or(object, |(path, _)| nearest_on(path, object))
}

/// The last node that there is on a path as Kubernetes writes it (`metadata.labels[key]`, `spec.ports[0].port`).
#[must_use]
pub fn nearest_on<'d>(path: &str, object: NodeRef<'d>) -> NodeRef<'d> {
    let mut at = object;
    let mut rest = path;
    while !rest.is_empty() {
        let next = if let Some(inside) = rest.strip_prefix('[') {
            let Some((key, after)) = inside.split_once(']') else { break };
            rest = after.strip_prefix('.').unwrap_or(after);
            match key.parse() {
                Ok(index) if at.is_array() => at.item(index),
                _ => at.get(key),
            }
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            let (key, after) = rest.split_at(end);
            rest = after.strip_prefix('.').unwrap_or(after);
            at.get(key)
        };
        match next {
            Some(next) => at = next,
            None => break,
        }
    }
    at
}

#[cfg(test)]
mod tests;
