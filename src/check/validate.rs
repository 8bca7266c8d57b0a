//! `validate`: an expression holds, of the object or of each element that is visited.

use std::cell::OnceCell;
use std::sync::OnceLock;

use crate::cel::program::Program;
use crate::cel::reads;
use crate::cel::value::Value;
use crate::document::edit::{Editor, PatchOperation};
use crate::document::path::{Path, Pointer, Step};
use crate::document::{NodeId, NodeRef};
use crate::finding::Digest;
use crate::limits::FINDING_RUNES;
use crate::policy::expression::{Expression, Part, Quoted, Template};
use crate::policy::{Edit, Visit};
use crate::resource::container::Container;

use super::alike::Alike;
use super::change::item_document;
use super::decided::{Decides, Deciding};
use super::evaluator::{Evaluator, Next, Visited};
use super::judged::{Element, Judged};
use super::stop::{Stop, boolean};
use super::subject::{PolicyContext, Sink};
use super::trigger::{Trigger, quiet_without};
use super::values::text;
use super::{Check, EDIT_LIMITS, Policy, inspect};

/// A rule with an expression that must hold.
#[derive(Debug)]
pub struct Validate {
    /// What it looks at.
    pub visit: Visit,
    /// CEL giving a boolean.
    pub validate: Expression,
    /// What a finding says.
    pub message: Option<Template>,
    /// Where below the element, or what the rule stands on, a finding points.
    pub at: Option<Path>,
    /// What would mend it.
    pub fix: Vec<Edit>,
    /// See [`Validate::alike`]; told when a list is long enough first.
    alike: OnceLock<Option<Alike>>,
    /// What `validate` reads of the object, by which a finding is told again; told when the rule finds something first.
    reads: OnceLock<reads::Reads>,
}

/// The variables that hold parts of the object.
const OBJECT: [&str; 6] = ["object", "podSpec", "podMetadata", "allContainers", "item", "key"];

impl Validate {
    /// A rule of these parts.
    #[must_use]
    pub fn new(
        visit: Visit,
        validate: Expression,
        message: Option<Template>,
        at: Option<Path>,
        fix: Vec<Edit>,
    ) -> Self {
        Self { visit, validate, message, at, fix, alike: OnceLock::new(), reads: OnceLock::new() }
    }

    /// What of the object, or of the element that is visited, `validate` reads; `policy` is the rule's own.
    pub(super) fn reads(&self, policy: &Policy) -> &reads::Reads {
        self.reads.get_or_init(|| {
            let composed = reads::Composed::of(&policy.composition, &OBJECT);
            reads::reads(&self.validate.program().ast(), &OBJECT, &composed)
        })
    }

    /// What of an element decides both `when` and `validate`, where that can be told.
    fn alike(&self) -> Option<&Alike> {
        let decide = || self.visit.when.iter().chain([&self.validate]).map(|expression| expression.program());
        self.alike.get_or_init(|| Alike::of(decide())).as_ref()
    }
}

impl Check for Validate {
    fn is_about_pods(&self, policy: &Policy) -> bool {
        self.visit.is_about_pods(policy) || policy.reads_pods(&self.validate)
    }

    fn expressions(&self) -> Vec<&Expression> {
        let mut found: Vec<&Expression> = self.visit.expressions().collect();
        found.push(&self.validate);
        found.extend(self.fix.iter().filter_map(Edit::computed));
        found
    }

    fn message(&self) -> Option<&Template> {
        self.message.as_ref()
    }

    fn trigger(&self, policy: &Policy) -> Trigger {
        quiet_without(policy, self).map_or(Trigger::Always, Trigger::Where)
    }

    fn decided_by(&self, of: &Deciding, policy: &Policy) -> Option<Decides> {
        of.expressions(self, policy)
    }

    fn judge<'d>(
        &'d self,
        evaluator: &mut Evaluator<'d, '_>,
        subject: &PolicyContext<'d>,
        sink: &mut Sink<'_>,
    ) {
        validate(evaluator, subject, self, sink);
    }

    fn says(&self) -> Option<String> {
        self.message.as_ref().map(Template::shown)
    }
}

/// What a rule says of what it looks at.
enum Holds<'d> {
    Yes,
    No(Option<NodeRef<'d>>),
}

impl<'d> Evaluator<'d, '_> {
    /// What messages call the container that a node is in, or is; outside of containers it is the Pod's.
    fn holder(&self, node: NodeRef<'d>) -> Option<String> {
        let pod_spec = self.pods?.spec;
        let mut at = Some(node);
        while let Some(node) = at {
            if node.id() == pod_spec.id() {
                return Some("the Pod".to_owned());
            }
            if let Some(role) = self.role(node) {
                return Some(Container { node, role }.label());
            }
            at = node.parent();
        }
        None
    }

    /// Whether what is visited is as it should be; if not, the element of the object that an `all` stopped at.
    fn holds(&mut self, rule: &'d Validate, object: NodeRef<'d>) -> Result<Holds<'d>, Stop> {
        let program = rule.validate.program();
        self.judged += 1;
        let outcome = program.evaluate(&self.activation, &mut self.variables, &mut self.budget);
        // of overlays and versions that are equally near one is meant: no fault while one of them satisfies
        let forms = self.lookups.forms();
        let fault = matches!(&outcome.result, Ok(value) if value.as_bool() == Some(false));
        if fault && (1..forms).any(|form| self.holds_with(program, form)) {
            return Ok(Holds::Yes);
        }
        let culprit = outcome.culprit.filter(|node| std::ptr::eq(node.document(), object.document()));
        let holds = boolean(outcome.result).map_err(|stop| stop.at(&rule.validate))?;
        Ok(if holds { Holds::Yes } else { Holds::No(culprit) })
    }

    /// Whether a rule holds where look-ups give another form of what is there several times.
    fn holds_with(&mut self, program: &'d Program, form: usize) -> bool {
        self.lookups.choose(form);
        let mut variables = self.variables.afresh();
        let outcome = program.evaluate(&self.activation, &mut variables, &mut self.budget);
        self.lookups.choose(0);
        outcome.result.is_ok_and(|value| value.as_bool() == Some(true))
    }

    /// Runs a failing rule once more and notes what its parts come to, where that was asked for.
    fn explanation(
        &mut self,
        rule: &'d Validate,
        subject: &PolicyContext<'d>,
        sensitive: bool,
    ) -> Vec<String> {
        if !subject.budget.explain || sensitive || subject.is_secret() {
            return Vec::new();
        }
        let program = rule.validate.program();
        let (_, trace) = program.explain(&self.activation, &mut self.variables, &mut self.budget);
        let parts = inspect::parts(program, &trace);
        parts.into_iter().map(|p| format!("{}  is {}", p.text, p.value)).collect()
    }

    /// What an expression of a message comes to; `None` where it fails.
    fn quoted(&mut self, quoted: &'d Quoted, of: &'d Template, policy: &'d Policy) -> Option<Value<'d>> {
        let program = quoted.program(&of.env, &policy.composition)?;
        program.evaluate(&self.activation, &mut self.variables, &mut self.budget).result.ok()
    }

    fn message(
        &mut self,
        template: &'d Template,
        subject: &PolicyContext<'d>,
        visited: &Visited<'d>,
    ) -> String {
        if let Some(item) = &visited.item {
            let label = item.node().and_then(|node| self.holder(node)).unwrap_or_default();
            self.activation.bind("container", Value::String(label.into()));
        }
        let mut message = String::with_capacity(96);
        for part in &template.parts {
            match part {
                Part::Text(text) => message.push_str(text),
                Part::Expression(quoted) => match self.quoted(quoted, template, subject.policy) {
                    Some(value) if !may_be_shown(&value, subject) => message.push_str("***"),
                    Some(value) => message.push_str(&text(&value)),
                    None => {
                        message.push('{');
                        message.push_str(&quoted.source);
                        message.push('}');
                    }
                },
            }
        }
        one_line(message)
    }
}

fn validate<'d>(
    evaluator: &mut Evaluator<'d, '_>,
    subject: &PolicyContext<'d>,
    rule: &'d Validate,
    sink: &mut Sink<'_>,
) {
    let judged = OnceCell::new();
    let (mut faults, mut undecided, mut untold) = (0, 0, 0);
    let limit = subject.budget.findings_per_rule;
    let left = evaluator.visit(
        &rule.visit,
        || rule.alike(),
        subject.object,
        |evaluator, visited| {
            let result = visited.and_then(|visited| Ok((evaluator.holds(rule, subject.object)?, visited)));
            match result {
                Ok((Holds::Yes, _)) => return Next::Fine,
                Ok((Holds::No(culprit), visited)) => {
                    let judged = || {
                        let judged = judged.get_or_init(|| Judged::new(subject.policy, rule, subject));
                        let element = visited.item.as_ref().map(|item| Element { item, key: &visited.key });
                        judged.digest(rule, visited.node(subject.object), element)
                    };
                    found(evaluator, subject, rule, (visited, culprit), judged, sink);
                    faults += 1;
                }
                Err(_) if limit == Some(undecided) => untold += 1,
                Err(stop) => {
                    undecided += 1;
                    match stop {
                        Stop::Unknown(what) => sink.needs(subject.object, &what),
                        Stop::Failed(fault) => sink.failed(subject.object, *fault),
                    };
                }
            }
            // only faults end it: behind what could not be told there may be one, which is what a request is denied for
            if limit == Some(faults) { Next::End } else { Next::On }
        },
    );
    sink.leave_out_undecided(untold);
    sink.leave_out(left);
    if let Err(Stop::Failed(fault)) = evaluator.within_budget() {
        sink.failed(subject.object, *fault);
    }
}

fn found<'d>(
    evaluator: &mut Evaluator<'d, '_>,
    subject: &PolicyContext<'d>,
    rule: &'d Validate,
    (visited, culprit): (&Visited<'d>, Option<NodeRef<'d>>),
    judged: impl FnOnce() -> Option<Digest>,
    sink: &mut Sink<'_>,
) {
    let explanation = evaluator.explanation(rule, subject, sink.rule.sensitive);
    let culprit = culprit.filter(|_| rule.visit.for_each.is_none() && rule.at.is_none());
    let base = culprit.unwrap_or_else(|| visited.node(subject.object));
    let node = rule.at.as_ref().map_or(base, |path| nearest(base, path));
    let message = match &rule.message {
        Some(template) => evaluator.message(template, subject, visited),
        None => format!("does not hold: {}", one_line(rule.validate.source().to_owned())),
    };
    let fix = fix(evaluator, subject, rule, base, &sink.rule.info.code);
    let finding = sink.fault_of(node, message, judged);
    finding.fix = fix;
    finding.explanation = explanation;
}

/// Whether a value may be shown: of a Secret only what was written outside of its data and annotations, and the names of
/// its keys.
fn may_be_shown(value: &Value<'_>, subject: &PolicyContext<'_>) -> bool {
    if !subject.is_secret() {
        return true;
    }
    let Some(node) = value.node().filter(|node| node.scalar().is_some()) else {
        let is_key = |key: &str| {
            let data = ["data", "stringData"].into_iter().filter_map(|field| subject.object.get(field));
            data.filter(|data| data.is_object()).any(|data| data.get(key).is_some())
        };
        return value.as_str().is_some_and(is_key);
    };
    let path = node.pointer_from(subject.object.id());
    let inside = std::ptr::eq(node.document(), subject.object.document());
    inside
        && !["/data/", "/stringData/", "/metadata/annotations/"].iter().any(|secret| path.starts_with(secret))
}

fn fix<'d>(
    evaluator: &mut Evaluator<'d, '_>,
    subject: &PolicyContext<'d>,
    rule: &'d Validate,
    base: NodeRef<'d>,
    label: &str,
) -> Vec<PatchOperation> {
    if rule.fix.is_empty() || !subject.budget.fixes || subject.request.object.is_none() {
        return Vec::new();
    }
    let item;
    let document = if subject.object.id() == NodeId::ROOT {
        subject.object.document()
    } else {
        match item_document(subject.object) {
            Ok(document) => {
                item = document;
                &item
            }
            Err(_) => return Vec::new(),
        }
    };
    let mut editor = Editor::new(document, EDIT_LIMITS);
    let place = Pointer::of(base, subject.object.id());
    // a fix that does not apply is none
    match evaluator.edit(&rule.fix, &place, &mut editor, &label.into()) {
        Ok(()) => editor.into_operations().unwrap_or_default(),
        Err(_) => Vec::new(),
    }
}

/// The node at a path, or the nearest above it that is there.
fn nearest<'d>(base: NodeRef<'d>, path: &Path) -> NodeRef<'d> {
    let mut node = base;
    for step in path.steps() {
        let child = match step {
            Step::Key(key) => node.get(key),
            Step::Index(index) => node.item(*index),
        };
        match child {
            Some(child) => node = child,
            None => break,
        }
    }
    node
}

/// Without line breaks, and not longer than a person reads.
fn one_line(text: String) -> String {
    if is_line(&text) {
        return text;
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    if line.chars().count() > FINDING_RUNES {
        line.chars().take(FINDING_RUNES).chain(['…']).collect()
    } else {
        line
    }
}

/// Whether a text is one short line in ASCII, each word one blank from the next, as nearly all messages are.
fn is_line(text: &str) -> bool {
    let bytes = text.as_bytes();
    let are_plain = bytes.iter().fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~'));
    let is_blank = |byte: Option<&u8>| byte == Some(&b' ');
    are_plain
        && bytes.len() <= FINDING_RUNES
        && !is_blank(bytes.first())
        && !is_blank(bytes.last())
        && !bytes.windows(2).any(|pair| pair == b"  ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_one_line() {
        let long = "é".repeat(FINDING_RUNES);
        let cut = format!("{long}…");
        let (ascii, more) = ("x".repeat(FINDING_RUNES), "x".repeat(FINDING_RUNES + 1));
        let cut_ascii = format!("{ascii}…");
        for (text, expected) in [
            ("", ""),
            ("plain words", "plain words"),
            (" plain", "plain"),
            ("plain ", "plain"),
            ("two  blanks", "two blanks"),
            ("a\nb", "a b"),
            ("a\t\r\n b", "a b"),
            ("größer\u{a0}als", "größer als"),
            ("a\u{1b}b", "a\u{1b}b"),
            (&long, &long),
            (&format!("{long}é"), &cut),
            (&ascii, &ascii),
            (&more, &cut_ascii),
        ] {
            assert_eq!(one_line(text.to_owned()), expected, "{text:?}");
        }
    }
}
