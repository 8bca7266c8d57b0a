//! Which parts of its variables an expression reads, told from its text.
//!
//! A finding is of what was judged, and what was judged is what the expression reads: `object.spec.containers.all(c,
//! c.image != "")` reads `object.spec.containers[*].image`, and a label elsewhere changes nothing. What cannot be told
//! precisely is told too largely, never too narrowly.

use std::collections::{BTreeMap, BTreeSet};

use super::ast::{Ast, Comprehension, Expr, ExprId, Literal, operator};
use super::program::{Composition, Program};

/// A step below a variable.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The member of this name.
    Key(String),
    /// Every item or member.
    Each,
    /// Of a map the member of this name, of a list all of it: `"x" in it`.
    In(String),
    /// How many there are, and the names of members.
    Shape,
}

/// A variable, and the way to the part of it that is read with all below it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Read {
    /// The variable.
    pub root: String,
    /// The way from there.
    pub parts: Vec<Part>,
}

/// What an expression reads of some variables; `None` where it is too intricate to tell.
pub type Reads = Option<BTreeSet<Read>>;

/// What a policy's variables read, by name.
#[derive(Debug, Default)]
pub struct Composed(BTreeMap<String, (Flow, Reads)>);

/// Steps after which nobody tells any more, and how deep an expression is followed.
const STEPS: u32 = 20_000;
const DEEPEST: u32 = 200;

/// Which parts a value may be, or hold as items (so many lists around them).
type Flow = BTreeSet<(Read, u8)>;

impl Composed {
    /// Of the variables of a policy.
    #[must_use]
    pub fn of(composition: &Composition, roots: &[&str]) -> Self {
        let mut all = Self::default();
        for (name, program) in composition.named() {
            let mut walk = Walk::new(program.ast(), roots, &all);
            let flow = walk.eval(program.ast().root(), 0);
            let reads = walk.finish();
            all.0.insert(name.to_owned(), (flow, reads));
        }
        all
    }
}

/// What a program reads of the variables `roots`, through the policy's own variables too.
#[must_use]
pub fn reads(program: &Program, roots: &[&str], composed: &Composed) -> Reads {
    let mut walk = Walk::new(program.ast(), roots, composed);
    let flow = walk.eval(program.ast().root(), 0);
    walk.consume(flow);
    let reads = walk.finish()?;
    // what is below another part is in it
    let within = |read: &Read| {
        (0..read.parts.len()).any(|length| {
            reads.contains(&Read { root: read.root.clone(), parts: read.parts[..length].to_vec() })
        })
    };
    Some(reads.iter().filter(|read| !within(read)).cloned().collect())
}

struct Walk<'a> {
    ast: &'a Ast,
    roots: &'a [&'a str],
    composed: &'a Composed,
    locals: Vec<(&'a str, Flow)>,
    reads: BTreeSet<Read>,
    /// What was walked through, whatever was read of it.
    ranges: BTreeSet<Read>,
    steps: u32,
    lost: bool,
}

impl<'a> Walk<'a> {
    fn new(ast: &'a Ast, roots: &'a [&'a str], composed: &'a Composed) -> Self {
        let (locals, reads, ranges) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        Self { ast, roots, composed, locals, reads, ranges, steps: 0, lost: false }
    }

    fn finish(self) -> Reads {
        let Self { mut reads, ranges, lost, .. } = self;
        if lost {
            return None;
        }
        for mut range in ranges {
            range.parts.push(Part::Shape);
            reads.insert(range);
        }
        Some(reads)
    }

    fn consume(&mut self, flow: Flow) {
        self.reads.extend(flow.into_iter().map(|(read, _)| read));
    }

    fn eval(&mut self, id: ExprId, depth: u32) -> Flow {
        self.steps += 1;
        if self.steps > STEPS || depth > DEEPEST {
            self.lost = true;
            return Flow::new();
        }
        let ast = self.ast;
        match &ast[id] {
            Expr::Literal(_) => Flow::new(),
            Expr::Ident(name) => self.ident(name),
            Expr::Select { operand, field, test_only } => {
                let flow = self.select(*operand, field, depth);
                self.seen(flow, *test_only)
            }
            Expr::Call { target, function, args } => self.call(*target, function, args, depth),
            Expr::List { elements, .. } => {
                let flows = elements.iter().flat_map(|element| self.eval(*element, depth + 1));
                flows
                    .collect::<Vec<_>>()
                    .into_iter()
                    .map(|(read, lists)| (read, lists.saturating_add(1)))
                    .collect()
            }
            Expr::Map(entries) => {
                for entry in entries {
                    self.use_up(entry.key, depth);
                    self.use_up(entry.value, depth);
                }
                Flow::new()
            }
            Expr::Struct { fields, .. } => {
                fields.iter().for_each(|field| self.use_up(field.value, depth));
                Flow::new()
            }
            Expr::Comprehension(fold) => self.fold(fold, depth),
        }
    }

    fn use_up(&mut self, id: ExprId, depth: u32) {
        let flow = self.eval(id, depth + 1);
        self.consume(flow);
    }

    fn seen(&mut self, flow: Flow, consumed: bool) -> Flow {
        if !consumed {
            return flow;
        }
        self.consume(flow);
        Flow::new()
    }

    fn ident(&self, name: &str) -> Flow {
        if let Some((_, flow)) = self.locals.iter().rev().find(|(local, _)| *local == name) {
            return flow.clone();
        }
        let name = name.trim_start_matches('.');
        let is_root = self.roots.contains(&name);
        let read = || (Read { root: name.to_owned(), parts: Vec::new() }, 0);
        is_root.then(read).into_iter().collect()
    }

    fn select(&mut self, operand: ExprId, field: &str, depth: u32) -> Flow {
        if let Expr::Ident(name) = &self.ast[operand]
            && name.trim_start_matches('.') == "variables"
        {
            let Some((flow, reads)) = self.composed.0.get(field) else { return Flow::new() };
            match reads {
                Some(reads) => self.reads.extend(reads.iter().cloned()),
                None => self.lost = true,
            }
            return flow.clone();
        }
        let flow = self.eval(operand, depth + 1);
        self.below(flow, &Part::Key(field.to_owned()))
    }

    /// A step further; into a list that was made here, one list less.
    fn below(&mut self, flow: Flow, part: &Part) -> Flow {
        let step = |(mut read, lists): (Read, u8)| match lists {
            0 => {
                read.parts.push(part.clone());
                (read, 0)
            }
            lists => (read, lists - 1),
        };
        flow.into_iter().map(step).collect()
    }

    fn text(&self, id: ExprId) -> Option<&'a str> {
        match &self.ast[id] {
            Expr::Literal(Literal::String(text)) => Some(text),
            _ => None,
        }
    }

    fn call(&mut self, target: Option<ExprId>, function: &str, args: &'a [ExprId], depth: u32) -> Flow {
        match (function, target, args) {
            (operator::INDEX | operator::OPT_INDEX | operator::OPT_SELECT, None, [of, at]) => {
                let flow = self.eval(*of, depth + 1);
                match self.text(*at) {
                    Some(key) => self.below(flow, &Part::Key(key.to_owned())),
                    None => {
                        self.use_up(*at, depth);
                        self.below(flow, &Part::Each)
                    }
                }
            }
            (operator::IN, None, [what, of]) if self.text(*what).is_some() => {
                let key = Part::In(self.text(*what).unwrap_or_default().to_owned());
                let flow = self.eval(*of, depth + 1);
                let flow = self.below(flow, &key);
                self.seen(flow, true)
            }
            ("size", of, args) => {
                for id in of.iter().chain(args) {
                    // a list that was made here has what its making has read
                    let flow =
                        self.eval(*id, depth + 1).into_iter().filter(|(_, lists)| *lists == 0).collect();
                    let flow = self.below(flow, &Part::Shape);
                    self.consume(flow);
                }
                Flow::new()
            }
            (operator::CONDITIONAL, None, [condition, yes, no]) => {
                self.use_up(*condition, depth);
                let mut flow = self.eval(*yes, depth + 1);
                flow.extend(self.eval(*no, depth + 1));
                flow
            }
            // the value goes on
            (operator::ADD | "orValue" | "or" | "value" | "of" | "ofNonZeroValue" | "dyn", target, args) => {
                target.iter().chain(args).flat_map(|id| self.eval(*id, depth + 1)).collect()
            }
            (_, target, args) => {
                target.iter().chain(args).for_each(|id| self.use_up(*id, depth));
                Flow::new()
            }
        }
    }

    fn fold(&mut self, fold: &'a Comprehension, depth: u32) -> Flow {
        let range = self.eval(fold.iter_range, depth + 1);
        self.ranges.extend(range.iter().filter(|(_, lists)| *lists == 0).map(|(read, _)| read.clone()));
        let element = self.below(range, &Part::Each);
        let init = self.eval(fold.accu_init, depth + 1);
        let before = self.locals.len();
        self.locals.push((&fold.accu_var, init.clone()));
        self.locals.push((&fold.iter_var, element.clone()));
        self.locals.extend(fold.iter_var2.iter().map(|name| (&**name, element.clone())));
        self.use_up(fold.loop_condition, depth);
        let mut accu = self.eval(fold.loop_step, depth + 1);
        accu.extend(init);
        self.locals.truncate(before);
        self.locals.push((&fold.accu_var, accu));
        let result = self.eval(fold.result, depth + 1);
        self.locals.truncate(before);
        result
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::cel::declarations::{Env, EnvKind};
    use crate::cel::profile::Profile;

    fn shown(reads: &Reads) -> String {
        let Some(reads) = reads else { return "lost".to_owned() };
        let part = |part: &Part| match part {
            Part::Key(key) => format!(".{key}"),
            Part::Each => "[*]".to_owned(),
            Part::In(key) => format!("[{key}?]"),
            Part::Shape => "#".to_owned(),
        };
        let one = |read: &Read| format!("{}{}", read.root, read.parts.iter().map(part).collect::<String>());
        reads.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_expressions_read() {
        let mut env = Env::new(Profile::NEWEST, EnvKind::Validation);
        let mut composition = Composition::default();
        composition.add(&mut env, "spec", "object.spec.template.spec").unwrap();
        composition.add(&mut env, "big", "object.spec.?replicas.orValue(1) > 3").unwrap();
        let composed = Composed::of(&composition, &["object"]);
        for (source, expected) in [
            ("object.spec.replicas <= 5", "object.spec.replicas"),
            ("has(object.spec.hostPath)", "object.spec.hostPath"),
            ("object.metadata.?labels['a/b'].orValue('') != ''", "object.metadata.labels.a/b"),
            ("!('canary' in object.metadata.?labels.orValue({}))", "object.metadata.labels[canary?]"),
            (
                "object.spec.containers.all(c, c.image.startsWith('x'))",
                "object.spec.containers# object.spec.containers[*].image",
            ),
            (
                "object.spec.containers.filter(c, has(c.x)).size() > 0",
                "object.spec.containers# object.spec.containers[*].x",
            ),
            (
                "object.spec.containers.filter(c, has(c.x)).all(c, c.y == 1)",
                "object.spec.containers# object.spec.containers[*].x object.spec.containers[*].y",
            ),
            (
                "object.spec.containers.map(c, c.name).exists(n, n == 'a')",
                "object.spec.containers# object.spec.containers[*].name",
            ),
            ("size(object.spec.containers) > 1", "object.spec.containers#"),
            ("object.spec.containers[0].image == 'x'", "object.spec.containers[*].image"),
            ("object.spec == oldObject.spec && object.spec.replicas > 1", "object.spec"),
            ("object.?spec.?a.optMap(a, a.b).orValue('') == ''", "object.spec.a"),
            ("(object.x ? object.a : object.b).c == 1", "object.a.c object.b.c object.x"),
            ("variables.spec.hostNetwork == true", "object.spec.template.spec.hostNetwork"),
            ("variables.big", "object.spec.replicas"),
            ("request.operation == 'CREATE'", ""),
            ("object.data.all(k, k != 'a')", "object.data# object.data[*]"),
        ] {
            let checked =
                crate::cel::checker::compile(source, &env).unwrap_or_else(|e| panic!("{source}: {e}"));
            let program = Program::plan(checked, &env, &composition).unwrap();
            let got = shown(&reads(&program, &["object"], &composed));
            let sorted = |text: &str| text.split(' ').map(str::to_owned).collect::<BTreeSet<_>>();
            assert_eq!(sorted(&got), sorted(expected), "{source}");
        }
    }
}
