//! Lists, maps and messages.

use std::borrow::Cow;

use super::super::super::ast::{Expr, ExprId, Name};
use super::super::super::issue::Issue;
use super::super::super::types::{Primitive, Type};
use super::super::{Reference, unify};
use super::{Task, Walk, undeclared};

impl<'a> Walk<'a> {
    pub(super) fn element(&mut self, list: ExprId, index: usize, joined: Option<Type>) {
        let Expr::List { elements, optional } = &self.ast[list] else { return };
        let id = elements[index];
        let is_optional = optional.binary_search(&(index as u32)).is_ok();
        let ty = self.element_type(id, is_optional);
        let joined = self.join(joined, ty);
        match elements.get(index + 1) {
            Some(next) => self
                .steps
                .extend([Task::Element { list, index: index + 1, joined: Some(joined) }, Task::Visit(*next)]),
            None => self.set_type(list, Type::list(joined.or_dyn())),
        }
    }

    /// What an element, entry or field contributes: with `?` what is in the optional.
    pub(super) fn element_type(&mut self, id: ExprId, optional: bool) -> Type {
        let ty = self.types[id.index()].clone();
        match &ty {
            Type::Optional(value) if optional => (**value).clone(),
            _ => {
                if optional && !ty.is_dyn() {
                    self.mismatch(id, &Type::optional(ty.clone()), &ty);
                }
                ty
            }
        }
    }

    pub(super) fn key(&mut self, map: ExprId, index: usize, joined: Option<(Type, Type)>) {
        let Expr::Map(entries) = &self.ast[map] else { return };
        let entry = &entries[index];
        let (key, value) = joined.unzip();
        let ty = self.types[entry.key.index()].clone();
        let key = self.join(key, ty);
        self.steps.extend([Task::Value { map, index, key, value }, Task::Visit(entry.value)]);
    }

    pub(super) fn value(&mut self, map: ExprId, index: usize, key: Type, value: Option<Type>) {
        let Expr::Map(entries) = &self.ast[map] else { return };
        let entry = &entries[index];
        let ty = self.element_type(entry.value, entry.optional);
        let value = self.join(value, ty);
        match entries.get(index + 1) {
            Some(next) => self.steps.extend([
                Task::Key { map, index: index + 1, joined: Some((key, value)) },
                Task::Visit(next.key),
            ]),
            None => self.set_type(map, Type::map(key.or_dyn(), value.or_dyn())),
        }
    }

    /// The type of an aggregate's elements so far. That they must be alike is for the validators to say, which make an
    /// exception of the arguments of `format`.
    pub(super) fn join(&mut self, previous: Option<Type>, current: Type) -> Type {
        match previous {
            None => current,
            Some(previous) if previous.is_nameless() => current,
            Some(previous) if self.mapping.assignable(&previous, &current) => {
                unify::most_general(&previous, &current)
            }
            Some(_) => Type::Dyn,
        }
    }

    pub(super) fn message(&mut self, id: ExprId, type_name: &'a Name) {
        let Some((name, ident)) = self.look_up(type_name) else {
            self.report(id, undeclared(type_name));
            return;
        };
        let ty = match &ident.ty {
            Type::Error => Type::Error,
            Type::Type(Some(ty)) => match &**ty {
                constructible if message_name(constructible).is_some() => constructible.clone(),
                other => {
                    self.report(id, format!("'{}' is not a message type", other.name()));
                    Type::Error
                }
            },
            other => {
                self.report(id, format!("'{}' is not a type", other.name()));
                Type::Error
            }
        };
        let fields_of = message_name(&ty).map_or_else(|| name.clone(), Cow::Owned);
        self.types[id.index()] = ty;
        self.references[id.index()] = Reference::Ident { name, value: None };
        self.next_field(id, 0, fields_of);
    }

    pub(super) fn next_field(&mut self, message: ExprId, index: usize, name: Name) {
        let Expr::Struct { fields, .. } = &self.ast[message] else { return };
        if let Some(field) = fields.get(index) {
            self.steps.extend([Task::FieldValue { message, index, name }, Task::Visit(field.value)]);
        }
    }

    pub(super) fn field_value(&mut self, message: ExprId, index: usize, name: Name) {
        let Expr::Struct { fields, .. } = &self.ast[message] else { return };
        let field = &fields[index];
        let expected = self.field_type(field.offset, &name, &field.name);
        let ty = self.element_type(field.value, field.optional);
        if let Some(expected) = expected
            && !self.mapping.assignable(&expected, &ty)
        {
            let message = format!(
                "expected type of field '{}' is '{}' but provided type is '{}'",
                field.name,
                expected.in_errors(),
                ty.in_errors()
            );
            self.issues.push(Issue { offset: Some(field.offset), message });
        }
        self.next_field(message, index + 1, name);
    }
}

/// The message whose fields a type has when it is written as one; protobuf's well-known types are messages too.
fn message_name(ty: &Type) -> Option<String> {
    let known = match ty {
        Type::Struct(name) => return Some(name.to_string()),
        Type::Any => "Any",
        Type::Duration => "Duration",
        Type::Timestamp => "Timestamp",
        Type::Dyn => "Value",
        Type::Null => "NullValue",
        Type::List(element) if **element == Type::Dyn => "ListValue",
        Type::Map(entry) if entry.0 == Type::String && entry.1 == Type::Dyn => "Struct",
        Type::Wrapper(Primitive::Bool) => "BoolValue",
        Type::Wrapper(Primitive::Bytes) => "BytesValue",
        Type::Wrapper(Primitive::Double) => "DoubleValue",
        Type::Wrapper(Primitive::Int) => "Int64Value",
        Type::Wrapper(Primitive::String) => "StringValue",
        Type::Wrapper(Primitive::Uint) => "UInt64Value",
        _ => return None,
    };
    Some(format!("google.protobuf.{known}"))
}
