//! Events of both groups (pkg/apis/core/validation/events.go). A field is told by the name that the internal type's
//! rules know it by, which is that of the core group.

use crate::field::{At, Causes};
use crate::go_value::{Field, Shape, value};
use crate::validate::Submitted;
use crate::validate::storage::diff::OBJECT;
use crate::{meta, names};

const MOST_CHARACTERS: usize = 128;
const MOST_NOTE_CHARACTERS: usize = 1024;

/// An event as both versions have it.
struct Event<'d> {
    at: At<'d>,
    core: bool,
}

impl<'d> Event<'d> {
    fn new(at: At<'d>, group: &str) -> Self {
        Self { at, core: group.is_empty() }
    }

    /// A field, told as `name` in both groups; `events` is what events.k8s.io calls it.
    fn field(&self, name: &'static str, events: &'static str) -> At<'d> {
        if self.core { self.at.field(name) } else { self.at.said(name).reading(self.at.field(events)) }
    }

    fn involved(&self) -> At<'d> {
        self.field("involvedObject", "regarding")
    }

    fn message(&self) -> At<'d> {
        self.field("message", "note")
    }

    fn controller(&self) -> At<'d> {
        if self.core { self.at.field("reportingComponent") } else { self.at.field("reportingController") }
    }

    fn source(&self) -> At<'d> {
        self.field("source", "deprecatedSource")
    }
}

pub(crate) fn event(subject: &Submitted<'_>, causes: &mut Causes) {
    let event = Event::new(subject.at, subject.kind.group);
    of_both_groups(&event, causes);
    if event.core || subject.kind.version == "v1beta1" {
        return;
    }
    match subject.old {
        None => created(&event, causes),
        Some(old) => updated(&event, &Event::new(old, subject.kind.group), causes),
    }
}

fn of_both_groups(event: &Event<'_>, causes: &mut Causes) {
    let namespace = event.at.fields("metadata.namespace");
    let involved = event.involved();
    let theirs = involved.said("namespace").reading(involved.field("namespace"));
    let mismatch = |causes: &mut Causes| {
        causes.invalid_value(theirs, theirs.str(), "does not match event.namespace");
    };
    if event.at.has("eventTime") {
        if theirs.is_empty() && !matches!(namespace.str(), "default" | "kube-system") {
            mismatch(causes);
        }
        of_new_style(event, causes);
    } else if theirs.is_empty() {
        if !matches!(namespace.str(), "" | "default") {
            mismatch(causes);
        }
    } else if namespace.str() != theirs.str() {
        mismatch(causes);
    }
    let told = event.at.said("namespace").reading(namespace);
    for fault in names::dns1123_subdomain(namespace.str()) {
        causes.invalid_value(told, namespace.str(), &fault);
    }
}

fn of_new_style(event: &Event<'_>, causes: &mut Causes) {
    let controller = event.controller();
    if controller.is_empty() {
        causes.required(controller, "");
    }
    for fault in names::qualified_name(controller.str()) {
        causes.invalid_value(controller, controller.str(), &fault);
    }
    for name in ["reportingInstance", "action", "reason"] {
        let field = event.at.field(name);
        if field.is_empty() {
            causes.required(field, "");
        }
        at_most(field, MOST_CHARACTERS, causes);
    }
    at_most(event.message(), MOST_NOTE_CHARACTERS, causes);
}

fn at_most(at: At<'_>, most: usize, causes: &mut Causes) {
    if at.len() > most {
        causes.invalid_value(at, "", &format!("can have at most {most} characters"));
    }
}

fn created(event: &Event<'_>, causes: &mut Causes) {
    meta::core_object_meta(event.at.field("metadata"), meta::name_is_subdomain, causes);
    series(event, causes);
    let time = event.at.field("eventTime");
    if !time.is_set() {
        causes.required(time, "");
    }
    let kind = event.at.field("type");
    if !matches!(kind.str(), "Normal" | "Warning") {
        causes.invalid_value(kind, "", &format!("has invalid value: {}", kind.str()));
    }
    let unset = "needs to be unset";
    for (name, events) in
        [("firstTimestamp", "deprecatedFirstTimestamp"), ("lastTimestamp", "deprecatedLastTimestamp")]
    {
        let field = event.field(name, events);
        if field.is_set() {
            causes.invalid_value(field, "", unset);
        }
    }
    let count = event.field("count", "deprecatedCount");
    if count.int() != 0 {
        causes.invalid_value(count, "", unset);
    }
    let source = event.source();
    if !source.is_empty_at("component") || !source.is_empty_at("host") {
        causes.invalid_value(source, "", unset);
    }
}

fn series(event: &Event<'_>, causes: &mut Causes) {
    let series = event.at.field("series");
    if !series.is_set() {
        return;
    }
    let (count, time) = (series.field("count"), series.field("lastObservedTime"));
    if count.int() < 2 {
        causes.invalid_value(count, "", "should be at least 2");
    }
    if !time.is_set() {
        causes.required(time, "");
    }
}

fn updated(event: &Event<'_>, old: &Event<'_>, causes: &mut Causes) {
    meta::core_object_meta_update(event.at.field("metadata"), old.at.field("metadata"), causes);
    if !event.at.field("series").same(old.at.field("series")) {
        series(event, causes);
    }
    let pairs = [
        ("involvedObject", "regarding", Shape::Struct(OBJECT)),
        ("reason", "reason", Shape::Text),
        ("message", "note", Shape::Text),
        ("source", "deprecatedSource", Shape::Struct(SOURCE)),
        ("firstTimestamp", "deprecatedFirstTimestamp", Shape::Plain),
        ("lastTimestamp", "deprecatedLastTimestamp", Shape::Plain),
        ("count", "deprecatedCount", Shape::Int),
        ("reason", "reason", Shape::Text),
        ("type", "type", Shape::Text),
        ("eventTime", "eventTime", Shape::Plain),
        ("action", "action", Shape::Text),
        ("related", "related", Shape::Pointer(OBJECT)),
        ("reportingController", "reportingController", Shape::Text),
        ("reportingInstance", "reportingInstance", Shape::Text),
    ];
    for (name, events, shape) in pairs {
        let (new, old) = (event.field(name, events), old.field(name, events));
        if !new.same(old) {
            causes.invalid_value(new, value(new, &shape).shown(), meta::IMMUTABLE);
        }
    }
}

const SOURCE: &[Field] = &[Field("Component", "component", Shape::Text), Field("Host", "host", Shape::Text)];
