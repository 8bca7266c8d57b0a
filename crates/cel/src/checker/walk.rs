//! The walk over the tree: cel-go's `checker/checker.go`, in the same order, without recursion.

mod aggregates;
mod folds;

use std::borrow::Cow;
use std::sync::Arc;

use super::super::ast::{Ast, Expr, ExprId, Literal, Name, operator};
use super::super::declarations::{Env, Field, Ident, Overload, VARIABLES};
use super::super::issue::Issue;
use super::super::profile::Profile;
use super::super::types::{Param, Type};
use super::unify::{self, Mapping};
use super::{Known, OverloadId, Reference};

/// What is still to do; the last pushed is done next.
enum Task {
    Visit(ExprId),
    /// The operand of a selection is typed.
    Selected(ExprId),
    /// The operand of `.?` is typed.
    OptSelected(ExprId),
    /// The arguments are typed.
    Arguments(ExprId),
    /// The arguments and the target are typed.
    Target(ExprId),
    /// The elements before `index` are typed and joined.
    Element {
        list: ExprId,
        index: usize,
        joined: Option<Type>,
    },
    /// The key of the entry at `index` is typed.
    Key {
        map: ExprId,
        index: usize,
        joined: Option<(Type, Type)>,
    },
    /// The value of the entry at `index` is typed.
    Value {
        map: ExprId,
        index: usize,
        key: Type,
        value: Option<Type>,
    },
    /// The value of the field at `index` is typed.
    FieldValue {
        message: ExprId,
        index: usize,
        name: Name,
    },
    /// Range and initial value are typed.
    LoopRange(ExprId),
    LoopCondition(ExprId),
    LoopStepped(ExprId),
    LoopResult(ExprId),
}

type Tables = (Vec<Type>, Vec<Reference>);

pub(super) fn walk(ast: &Ast, env: &Env, known: Known<'_>) -> Result<Tables, Vec<Issue>> {
    let mut walk = Walk {
        ast,
        env,
        known,
        mapping: Mapping::new(ast.len()),
        types: vec![Type::Error; ast.len()],
        visited: vec![false; ast.len()],
        references: vec![Reference::None; ast.len()],
        locals: Vec::new(),
        issues: Vec::new(),
        steps: vec![Task::Visit(ast.root())],
        fitting: Vec::new(),
        instance: Instance::default(),
    };
    while let Some(step) = walk.steps.pop() {
        walk.step(step);
        if walk.mapping.exhausted() {
            break;
        }
    }
    let aggregate = |ty: &&mut Type| {
        matches!(ty, Type::Param(_) | Type::List(_) | Type::Map(_) | Type::Optional(_) | Type::Type(_))
    };
    for ty in walk.types.iter_mut().filter(aggregate) {
        walk.mapping.settle(ty);
    }
    if walk.mapping.exhausted() {
        walk.report_size(ast.root());
    }
    if walk.issues.is_empty() { Ok((walk.types, walk.references)) } else { Err(walk.issues) }
}

struct Walk<'a> {
    ast: &'a Ast,
    env: &'a Env,
    known: Known<'a>,
    mapping: Mapping,
    types: Vec<Type>,
    /// A node with two parents (below `optMap`) is checked once.
    visited: Vec<bool>,
    references: Vec<Reference>,
    /// Comprehension variables, innermost last.
    locals: Vec<(&'a Name, Type)>,
    issues: Vec<Issue>,
    steps: Vec<Task>,
    /// The overloads of the call under way that fit.
    fitting: Vec<OverloadId>,
    instance: Instance,
}

/// The overload that is tried, with variables in the place of its type parameters.
#[derive(Default)]
struct Instance {
    variables: Vec<Type>,
    params: Vec<Type>,
}

impl Instance {
    /// What a call of the overload gives where the arguments fit. `arguments` are as many as there are parameters.
    fn of<'t>(
        &mut self,
        mapping: &mut Mapping,
        overload: &Overload,
        arguments: impl Iterator<Item = &'t Type> + Clone,
    ) -> Option<Type> {
        if arguments.clone().zip(&overload.params).any(|(argument, param)| unify::clash(argument, param)) {
            return None;
        }
        if overload.type_params.is_empty() {
            return mapping.all_assignable(arguments, &overload.params).then(|| overload.result.clone());
        }
        let Self { variables, params } = self;
        variables.clear();
        variables.extend(overload.type_params.iter().map(|_| mapping.fresh()));
        let new = |ty: &Type| unify::instantiate(ty, &overload.type_params, variables);
        params.clear();
        params.extend(overload.params.iter().map(new));
        if !mapping.all_assignable(arguments, params) {
            return None;
        }
        let result = new(&overload.result);
        Some(mapping.substitute(&result, false))
    }
}

impl<'a> Walk<'a> {
    fn step(&mut self, step: Task) {
        match step {
            Task::Visit(id) => self.visit(id),
            Task::Selected(id) => self.selected(id),
            Task::OptSelected(id) => self.opt_selected(id),
            Task::Arguments(id) => self.arguments(id),
            Task::Target(id) => self.target(id),
            Task::Element { list, index, joined } => self.element(list, index, joined),
            Task::Key { map, index, joined } => self.key(map, index, joined),
            Task::Value { map, index, key, value } => self.value(map, index, key, value),
            Task::FieldValue { message, index, name } => self.field_value(message, index, name),
            Task::LoopRange(id) => self.loop_range(id),
            Task::LoopCondition(id) => self.loop_condition(id),
            Task::LoopStepped(id) => self.loop_step(id),
            Task::LoopResult(id) => self.loop_result(id),
        }
    }

    fn visit(&mut self, id: ExprId) {
        if std::mem::replace(&mut self.visited[id.index()], true) {
            return;
        }
        match &self.ast[id] {
            Expr::Literal(literal) => self.types[id.index()] = literal_type(literal),
            Expr::Ident(name) => self.ident(id, name),
            Expr::Select { operand, .. } => {
                if !self.qualified_ident(id) {
                    self.steps.extend([Task::Selected(id), Task::Visit(*operand)]);
                }
            }
            Expr::Call { target: None, function, args } if function == operator::OPT_SELECT => {
                self.steps.extend([Task::OptSelected(id), Task::Visit(args[0])]);
            }
            Expr::Call { args, .. } => {
                self.steps.push(Task::Arguments(id));
                self.steps.extend(args.iter().rev().map(|arg| Task::Visit(*arg)));
            }
            Expr::List { elements, .. } => match elements.first() {
                Some(first) => {
                    self.steps
                        .extend([Task::Element { list: id, index: 0, joined: None }, Task::Visit(*first)]);
                }
                None => {
                    let element = self.mapping.fresh();
                    self.set_type(id, Type::list(element));
                }
            },
            Expr::Map(entries) => match entries.first() {
                Some(first) => {
                    self.steps
                        .extend([Task::Key { map: id, index: 0, joined: None }, Task::Visit(first.key)]);
                }
                None => {
                    let (key, value) = (self.mapping.fresh(), self.mapping.fresh());
                    self.set_type(id, Type::map(key, value));
                }
            },
            Expr::Struct { type_name, .. } => self.message(id, type_name),
            Expr::Comprehension(fold) => {
                self.steps.extend([
                    Task::LoopRange(id),
                    Task::Visit(fold.accu_init),
                    Task::Visit(fold.iter_range),
                ]);
            }
        }
    }

    fn ident(&mut self, id: ExprId, name: &'a Name) {
        match self.look_up(name) {
            Some((name, ident)) => self.refer(id, name, ident),
            None => {
                self.report(id, undeclared(name));
            }
        }
    }

    fn refer(&mut self, id: ExprId, name: Name, ident: Ident) {
        self.types[id.index()] = ident.ty;
        self.references[id.index()] = Reference::Ident { name, value: ident.value };
    }

    /// A comprehension variable or a declared name. In 1.37 a leading dot passes over comprehension variables.
    fn look_up(&self, name: &'a Name) -> Option<(Name, Ident)> {
        let global = name.strip_prefix('.');
        let local = match (global, self.env.profile()) {
            (Some(_), Profile::V1_37) => None,
            _ => self.local(global.unwrap_or(name)),
        };
        if let Some(ty) = local {
            let name = global.map_or_else(|| name.clone(), |name| Cow::Owned(name.to_owned()));
            return Some((name, Ident { ty: ty.clone(), value: None }));
        }
        let name = global.unwrap_or(name);
        self.env.named(name)
    }

    fn local(&self, name: &str) -> Option<&Type> {
        self.locals.iter().rev().find(|(local, _)| *local == name).map(|(_, ty)| ty)
    }

    /// Takes a chain of selections as one dotted name if that is declared.
    fn qualified_ident(&mut self, id: ExprId) -> bool {
        let Some((root, segments)) = self.chain_root(id) else { return false };
        if !self.env.may_be_dotted(root.strip_prefix('.').unwrap_or(root), segments) {
            return false;
        }
        if self.env.profile() == Profile::V1_37 && !root.starts_with('.') && self.local(root).is_some() {
            return false;
        }
        let name = self.dotted(id);
        let name = name.strip_prefix('.').unwrap_or(&name);
        match self.env.named(name) {
            Some((name, ident)) => {
                self.refer(id, name, ident);
                true
            }
            None => false,
        }
    }

    /// The variable at the bottom of a chain of plain selections, and the length of the chain with it.
    fn chain_root(&self, mut id: ExprId) -> Option<(&'a Name, usize)> {
        let mut segments = 1;
        loop {
            match &self.ast[id] {
                Expr::Ident(name) => return Some((name, segments)),
                Expr::Select { operand, test_only: false, .. } => id = *operand,
                _ => return None,
            }
            segments += 1;
        }
    }

    /// The names of a chain that has a root.
    fn dotted(&self, mut id: ExprId) -> String {
        let mut parts: Vec<&str> = Vec::new();
        loop {
            match &self.ast[id] {
                Expr::Select { operand, field, .. } => {
                    parts.push(field);
                    id = *operand;
                }
                Expr::Ident(name) => {
                    parts.push(name);
                    parts.reverse();
                    return parts.join(".");
                }
                _ => return String::new(),
            }
        }
    }

    fn selected(&mut self, id: ExprId) {
        let Expr::Select { operand, field, test_only } = &self.ast[id] else { return };
        let ty = self.select_field(id, *operand, field, false);
        let ty = if *test_only { Type::Bool } else { self.mapping.substitute(&ty, false) };
        self.set_type(id, ty);
    }

    fn opt_selected(&mut self, id: ExprId) {
        let Expr::Call { args, .. } = &self.ast[id] else { return };
        let Expr::Literal(Literal::String(field)) = &self.ast[args[1]] else { return };
        let ty = self.select_field(id, args[0], field, true);
        let ty = self.mapping.substitute(&ty, false);
        self.types[args[1].index()] = Type::String;
        self.set_type(id, ty);
        self.references[id.index()] = Reference::Overloads {
            function: Cow::Borrowed(operator::OPT_SELECT),
            overloads: Box::new(["select_optional_field"]),
            namespaced: false,
        };
    }

    /// The type of a field; a selection from an optional is optional.
    fn select_field(&mut self, id: ExprId, operand: ExprId, field: &str, optional: bool) -> Type {
        let operand = self.mapping.substitute(&self.types[operand.index()], false);
        let (target, unwrapped) = match &operand {
            Type::Optional(value) => (&**value, true),
            other => (other, false),
        };
        let ty = match target {
            Type::Map(entry) => entry.1.clone(),
            Type::Struct(name) => {
                self.field_type(self.ast.place(id).offset, name, field).unwrap_or(Type::Error)
            }
            Type::Param(Param::Free(_)) => {
                // or it might be bound to something that has no fields
                self.mapping.assignable(&Type::Dyn, target);
                Type::Dyn
            }
            Type::Dyn | Type::Any | Type::Error => Type::Dyn,
            _ => {
                self.report(id, format!("type '{}' does not support field selection", target.in_errors()));
                Type::Dyn
            }
        };
        if unwrapped || optional { Type::optional(ty) } else { ty }
    }

    fn field_type(&mut self, offset: u32, structure: &str, field: &str) -> Option<Type> {
        let later = self.known.filter(|_| structure == VARIABLES);
        let later = later.and_then(|(variables, before)| variables.type_of(field, before));
        let message = match later.map_or_else(|| self.env.field(structure, field), Field::Typed) {
            Field::Typed(ty) => return Some(ty),
            Field::Untyped => return Some(Type::nameless()),
            Field::Undefined => format!("undefined field '{field}'"),
            Field::NoStructure => format!("unexpected failed resolution of '{structure}'"),
        };
        self.issues.push(Issue { offset: Some(offset), message });
        None
    }

    fn arguments(&mut self, id: ExprId) {
        let Expr::Call { target, function, args } = &self.ast[id] else { return };
        let Some(target) = target else {
            let name = function.strip_prefix('.').unwrap_or(function);
            match self.env.function(name) {
                Some((name, overloads)) => self.resolve(id, name, overloads, None, args, false),
                None => self.report(id, undeclared(function)),
            }
            return;
        };
        if let Some((name, overloads)) = self.namespaced(*target, function) {
            self.resolve(id, name, overloads, None, args, true);
            return;
        }
        self.steps.extend([Task::Target(id), Task::Visit(*target)]);
    }

    /// The function `a.b.f` for the call `a.b.f(...)`, if there is one.
    fn namespaced(&self, target: ExprId, function: &str) -> Option<(Name, &'a [Arc<Overload>])> {
        let (root, _) = self.chain_root(target)?;
        if !self.env.is_function_root(root.strip_prefix('.').unwrap_or(root)) {
            return None;
        }
        let name = format!("{}.{function}", self.dotted(target));
        let name = name.strip_prefix('.').unwrap_or(&name);
        self.env.function(name)
    }

    fn target(&mut self, id: ExprId) {
        let Expr::Call { target: Some(target), function, args } = &self.ast[id] else { return };
        match self.env.function(function) {
            Some((name, overloads)) => self.resolve(id, name, overloads, Some(*target), args, false),
            None => self.report(id, undeclared(function)),
        }
    }

    fn resolve(
        &mut self,
        id: ExprId,
        function: Name,
        declared: &'a [Arc<Overload>],
        target: Option<ExprId>,
        args: &[ExprId],
        namespaced: bool,
    ) {
        let all = || target.iter().chain(args);
        if function == operator::AND || function == operator::OR {
            self.resolve_logic(id, function, args);
            return;
        }
        let count = args.len() + usize::from(target.is_some());
        let Self { types, mapping, instance, fitting, .. } = self;
        let arguments = all().map(|arg| &types[arg.index()]);
        fitting.clear();
        let mut result: Option<Type> = None;
        let candidates = declared.iter().filter(|overload| overload.member == target.is_some());
        for overload in candidates.filter(|overload| overload.params.len() == count) {
            let Some(its_result) = instance.of(mapping, overload, arguments.clone()) else { continue };
            fitting.push(overload.id);
            result = Some(match result {
                None => its_result,
                Some(known) if known.is_dyn() || its_result.is_exactly(&known) => known,
                Some(_) => Type::Dyn,
            });
        }
        match result {
            Some(ty) => {
                let overloads = Box::from(&**fitting);
                self.set_type(id, ty);
                self.references[id.index()] = Reference::Overloads { function, overloads, namespaced };
            }
            None => {
                let arguments: Vec<Type> = arguments.map(|ty| mapping.substitute(ty, true)).collect();
                let signature = signature(&arguments, target.is_some());
                self.report(
                    id,
                    format!("found no matching overload for '{function}' applied to '{signature}'"),
                );
            }
        }
    }

    /// `&&` and `||` report each side that is not bool where it stands.
    fn resolve_logic(&mut self, id: ExprId, function: Name, args: &[ExprId]) {
        let mut fits = true;
        for arg in args {
            let ty = self.types[arg.index()].clone();
            if !self.mapping.assignable(&ty, &Type::Bool) {
                fits = false;
                self.mismatch(*arg, &Type::Bool, &ty);
            }
        }
        if fits {
            let overload = if function == operator::AND { "logical_and" } else { "logical_or" };
            self.types[id.index()] = Type::Bool;
            self.references[id.index()] =
                Reference::Overloads { function, overloads: Box::new([overload]), namespaced: false };
        }
    }

    fn assert_type(&mut self, id: ExprId, expected: &Type) {
        let actual = self.types[id.index()].clone();
        if !self.mapping.assignable(expected, &actual) {
            self.mismatch(id, expected, &actual);
        }
    }

    fn set_type(&mut self, id: ExprId, ty: Type) {
        let aggregate = matches!(ty, Type::List(_) | Type::Map(_) | Type::Optional(_) | Type::Type(_));
        if aggregate && unify::too_large(&ty) {
            self.report_size(id);
            return;
        }
        self.types[id.index()] = ty;
    }

    fn report_size(&mut self, id: ExprId) {
        self.report(id, format!("type has more than {} parts", unify::MAX_TYPE_PARTS));
    }

    fn mismatch(&mut self, id: ExprId, expected: &Type, actual: &Type) {
        self.report(
            id,
            format!("expected type '{}' but found '{}'", expected.in_errors(), actual.in_errors()),
        );
    }

    fn report(&mut self, id: ExprId, message: String) {
        self.issues.push(Issue { offset: Some(self.ast.place(id).offset), message });
    }
}

fn undeclared(name: &str) -> String {
    format!("undeclared reference to '{name}' (in container '')")
}

/// `(int, string)`, or `list(int).(string)` for a member function.
fn signature(arguments: &[Type], member: bool) -> String {
    let shown: Vec<String> = arguments.iter().map(|ty| ty.in_errors().to_string()).collect();
    match &shown[..] {
        [target, rest @ ..] if member => format!("{target}.({})", rest.join(", ")),
        all => format!("({})", all.join(", ")),
    }
}

fn literal_type(literal: &Literal) -> Type {
    match literal {
        Literal::Null => Type::Null,
        Literal::Bool(_) => Type::Bool,
        Literal::Int(_) => Type::Int,
        Literal::Uint(_) => Type::Uint,
        Literal::Double(_) => Type::Double,
        Literal::String(_) => Type::String,
        Literal::Bytes(_) => Type::Bytes,
    }
}
