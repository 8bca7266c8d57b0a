//! Which parts of its variables an expression reads, told from its text.
//!
//! A finding is of what was judged, and what was judged is what the expression reads: `object.spec.containers.all(c,
//! c.image != "")` reads `object.spec.containers[*].image`, and a label elsewhere changes nothing. What cannot be told
//! precisely is told too largely, never too narrowly.
//!
//! Where [`LOOKED_UP`] is among the variables, what `resources.get` and `resources.list` give is followed as well:
//! `resources.get("v1", "Service", …).spec.type` reads `spec.type` of Services.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::ast::{Ast, Comprehension, Expr, ExprId, Literal, operator};
use super::program::Composition;

/// A step below a variable.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The member of this name.
    Key(Arc<str>),
    /// Every item or member.
    Each,
    /// Of a map the member of this name, of a list all of it: `"x" in it`.
    In(Arc<str>),
    /// How many there are, and the names of members.
    Shape,
    /// Of what type it is; of what holds others also how many there are, and the names of members.
    Kind,
}

/// The variable whose functions look up other objects.
pub const LOOKED_UP: &str = "resources";

/// Of what something is read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Root {
    /// A variable.
    Variable(Arc<str>),
    /// The objects that a look-up gives.
    Objects {
        /// Its first argument.
        api_version: Arc<str>,
        /// Its second argument.
        kind: Arc<str>,
    },
}

impl Root {
    /// The name of the variable; empty of what was looked up.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Variable(name) => name,
            Self::Objects { .. } => "",
        }
    }
}

/// Where an expression begins to read, and the way to the part that is read with all below it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Read {
    /// Of what.
    pub root: Root,
    /// The way from there.
    pub parts: Vec<Part>,
}

/// What an expression reads of some variables; `None` where it is too intricate to tell.
pub type Reads = Option<BTreeSet<Read>>;

/// What a policy's variables read, by name.
#[derive(Debug, Default)]
pub struct Composed {
    variables: BTreeMap<String, (Flow, Reads)>,
    /// See [`Composed::deciding`].
    deciding: bool,
}

/// Steps after which nobody tells any more, and how deep an expression is followed.
const STEPS: u32 = 20_000;
const DEEPEST: u32 = 200;

/// The map of a policy's own variables.
const VARIABLES: &str = "variables";

/// Which parts a value may be, or hold as items (so many lists around them).
type Flow = BTreeSet<(Read, u8)>;

impl Composed {
    /// Of the variables of a policy.
    #[must_use]
    pub fn of(composition: &Composition, roots: &[&str]) -> Self {
        Self::default().with(composition, roots)
    }

    /// The same, to tell what decides an expression: of what is only asked whether it is there, whether it is null or of what
    /// type, [that](Part::Kind) is read and not what it holds; and of what looks other objects up nothing is told.
    #[must_use]
    pub fn deciding(composition: &Composition, roots: &[&str]) -> Self {
        Self { deciding: true, ..Self::default() }.with(composition, roots)
    }

    fn with(self, composition: &Composition, roots: &[&str]) -> Self {
        let mut all = self;
        for (name, program) in composition.named() {
            let ast = program.ast();
            let mut walk = Walk::new(&ast, roots, &all);
            let flow = walk.eval(ast.root(), 0);
            let reads = walk.finish();
            all.variables.insert(name.to_owned(), (flow, reads));
        }
        all
    }
}

/// What an expression reads of the variables `roots`, through the policy's own variables too.
#[must_use]
pub fn reads(expression: &Ast, roots: &[&str], composed: &Composed) -> Reads {
    let mut walk = Walk::new(expression, roots, composed);
    let flow = walk.eval(expression.root(), 0);
    walk.consume(flow);
    walk.finish().map(without_parts)
}

/// What the rules of a list read of the variables `roots`: the list, and what `expressions` read of `item`, which stands for each of
/// its elements. Their `index` and `key` tell no more than how many there are and their names, and `role` is told by where an
/// element is and by its member `role_member`. Beside what these read, `further` is read of each element: ways from it.
#[must_use]
pub fn reads_of_elements<'p>(
    list: &'p Ast,
    expressions: impl IntoIterator<Item = &'p Ast>,
    roots: &[&str],
    composed: &Composed,
    role_member: &str,
    further: &[Vec<Part>],
) -> Reads {
    let mut walk = Walk::new(list, roots, composed);
    let list = walk.eval(list.root(), 0);
    walk.ranges.extend(list.iter().filter(|(_, lists)| *lists == 0).map(|(read, _)| read.clone()));
    let element = walk.below(list, &Part::Each);
    for way in further {
        let end = way.iter().fold(element.clone(), |flow, part| walk.below(flow, part));
        walk.consume(end);
    }
    let mut all = walk.finish()?;
    for expression in expressions {
        let mut walk = Walk::new(expression, roots, composed);
        let role = walk.below(element.clone(), &Part::Key(role_member.into()));
        let outer = [("item", element.clone()), ("role", role), ("index", Flow::new()), ("key", Flow::new())];
        walk.locals.extend(outer);
        let flow = walk.eval(expression.root(), 0);
        walk.consume(flow);
        all.extend(walk.finish()?);
    }
    Some(without_parts(all))
}

/// The same without what is below another part, and so in it.
fn without_parts(mut reads: BTreeSet<Read>) -> BTreeSet<Read> {
    // what is below a part comes directly after it
    let mut above: Option<Read> = None;
    reads.retain(|read| {
        let is_below = |above: &Read| above.root == read.root && read.parts.starts_with(&above.parts);
        let is_within = above.as_ref().is_some_and(is_below);
        if !is_within {
            above = Some(read.clone());
        }
        !is_within
    });
    reads
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
        let Self { mut reads, ranges, lost, composed, .. } = self;
        if lost {
            return None;
        }
        for mut range in ranges {
            range.parts.push(if composed.deciding { Part::Kind } else { Part::Shape });
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
                if *test_only { self.told(flow) } else { flow }
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

    /// What is only asked whether it is there, or of what type.
    fn told(&mut self, flow: Flow) -> Flow {
        let flow = if self.composed.deciding { self.shape(flow, &Part::Kind) } else { flow };
        self.seen(flow, true)
    }

    /// How many there are of it, and their names; a list that was made here has what its making has read.
    fn shape(&mut self, flow: Flow, part: &Part) -> Flow {
        let flow = flow.into_iter().filter(|(_, lists)| *lists == 0).collect();
        self.below(flow, part)
    }

    fn ident(&mut self, name: &str) -> Flow {
        if let Some((_, flow)) = self.locals.iter().rev().find(|(local, _)| *local == name) {
            return flow.clone();
        }
        let name = name.trim_start_matches('.');
        // any of them may be read
        self.lost |= name == VARIABLES || self.composed.deciding && name == LOOKED_UP;
        let is_root = self.roots.contains(&name) && name != LOOKED_UP;
        let read = || (Read { root: Root::Variable(name.into()), parts: Vec::new() }, 0);
        is_root.then(read).into_iter().collect()
    }

    fn select(&mut self, operand: ExprId, field: &str, depth: u32) -> Flow {
        if self.is_variables(operand) {
            return self.variable(field);
        }
        let flow = self.eval(operand, depth + 1);
        self.below(flow, &Part::Key(field.into()))
    }

    /// Whether this is the map of the policy's own variables.
    fn is_variables(&self, id: ExprId) -> bool {
        let Expr::Ident(name) = &self.ast[id] else { return false };
        let is_local = || self.locals.iter().any(|(local, _)| *local == name.as_ref());
        name.trim_start_matches('.') == VARIABLES && (name.starts_with('.') || !is_local())
    }

    fn variable(&mut self, name: &str) -> Flow {
        let composed: &'a Composed = self.composed;
        let Some((flow, reads)) = composed.variables.get(name) else { return Flow::new() };
        match reads {
            Some(reads) => self.reads.extend(reads.iter().cloned()),
            None => self.lost = true,
        }
        flow.clone()
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

    /// The objects that a call looks up; `None` where it does not, or it cannot be told which.
    fn objects(&self, target: Option<ExprId>, function: &str, args: &[ExprId]) -> Option<(Read, u8)> {
        let lists = match function {
            "get" => 0,
            "list" => 1,
            _ => return None,
        };
        let Expr::Ident(receiver) = &self.ast[target?] else { return None };
        let is_local = self.locals.iter().any(|(local, _)| *local == LOOKED_UP);
        if receiver.trim_start_matches('.') != LOOKED_UP || !self.roots.contains(&LOOKED_UP) || is_local {
            return None;
        }
        let [api_version, kind, ..] = args else { return None };
        let (api_version, kind) = (self.text(*api_version)?, self.text(*kind)?);
        Some((
            Read {
                root: Root::Objects { api_version: api_version.into(), kind: kind.into() },
                parts: Vec::new(),
            },
            lists,
        ))
    }

    /// What is asked whether it is there at all: that an object was found is no part of it.
    fn whether_found(&mut self, args: &[ExprId], depth: u32) {
        for id in args {
            let flow = self.eval(*id, depth + 1);
            let found =
                |(read, _): &(Read, u8)| read.parts.is_empty() && matches!(read.root, Root::Objects { .. });
            self.told(flow.into_iter().filter(|part| !found(part)).collect());
        }
    }

    fn call(&mut self, target: Option<ExprId>, function: &str, args: &'a [ExprId], depth: u32) -> Flow {
        if let Some((read, lists)) = self.objects(target, function, args) {
            args.iter().for_each(|id| self.use_up(*id, depth));
            // the fourth argument of a list is a label selector
            if lists > 0 && args.len() > 3 {
                let labels = ["metadata", "labels"].map(|key| Part::Key(key.into()));
                self.reads.insert(Read { parts: labels.to_vec(), ..read.clone() });
            }
            return Flow::from([(read, lists)]);
        }
        let is_null = |id: &ExprId| matches!(&self.ast[*id], Expr::Literal(Literal::Null));
        match (function, target, args) {
            (operator::EQUALS | operator::NOT_EQUALS, None, args) if args.iter().any(is_null) => {
                self.whether_found(args, depth);
                Flow::new()
            }
            (operator::INDEX | operator::OPT_INDEX | operator::OPT_SELECT, None, [of, at])
                if self.is_variables(*of) && self.text(*at).is_some() =>
            {
                self.variable(self.text(*at).unwrap_or_default())
            }
            (operator::INDEX | operator::OPT_INDEX | operator::OPT_SELECT, None, [of, at]) => {
                let flow = self.eval(*of, depth + 1);
                match self.text(*at) {
                    Some(key) => self.below(flow, &Part::Key(key.into())),
                    None => {
                        self.use_up(*at, depth);
                        self.below(flow, &Part::Each)
                    }
                }
            }
            ("hasValue", Some(of), []) => {
                self.whether_found(&[of], depth);
                Flow::new()
            }
            (operator::IN, None, [what, of]) if self.text(*what).is_some() => {
                let key = Part::In(self.text(*what).unwrap_or_default().into());
                let flow = self.eval(*of, depth + 1);
                let flow = self.below(flow, &key);
                self.seen(flow, true)
            }
            ("type", None, [of]) => {
                let flow = self.eval(*of, depth + 1);
                self.told(flow)
            }
            ("size", of, args) => {
                for id in of.iter().chain(args) {
                    let flow = self.eval(*id, depth + 1);
                    let flow = self.shape(flow, &Part::Shape);
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
            ("flatten", Some(of), []) if self.composed.deciding => {
                let flow = self.eval(of, depth + 1);
                self.flattened(flow)
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

    /// What the items of a list hold in turn, as far as they are lists; whether they are is read.
    fn flattened(&mut self, flow: Flow) -> Flow {
        let mut items = Flow::new();
        for (read, lists) in flow {
            let each =
                |read: &Read| Read { parts: [&read.parts[..], &[Part::Each]].concat(), ..read.clone() };
            match lists {
                0 => {
                    let item = each(&read);
                    items.insert((each(&item), 1));
                    items.insert((item.clone(), 1));
                    self.ranges.extend([read, item]);
                }
                1 => {
                    items.insert((each(&read), 1));
                    items.insert((read.clone(), 1));
                    self.ranges.insert(read);
                }
                lists => {
                    items.insert((read, lists - 1));
                }
            }
        }
        items
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
mod tests;
