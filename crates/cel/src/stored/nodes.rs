//! What a plan consists of.

use std::sync::Arc;

use super::bytes::{Reader, Stored, Writer, digest};
use crate::arithmetic::Operator;
use crate::ast::ExprId;
use crate::cost::CostRule;
use crate::dispatch::{Code, Pattern};
use crate::functions::{self, Overload};
use crate::plan::{
    Attribute, Base, Call, Fold, FoldKind, Implementation, InsertEntry, Node, NodeId, Order, Plan, Qualifier,
    QualifierKind, Slot, Target,
};
use crate::profile::Profile;
use crate::program::Program;
use crate::types::{Primitive, Type};
use crate::value::{List, Map, Value};

/// A struct is its fields.
macro_rules! fields {
    ($($type:ident { $($field:ident),* })*) => {$(
        impl Stored for $type {
            fn store(&self, to: &mut Writer) -> Option<()> {
                let Self { $($field),* } = self;
                $($field.store(to)?;)*
                Some(())
            }

            fn restore(from: &mut Reader<'_>) -> Option<Self> {
                $(let $field = Stored::restore(from)?;)*
                Some(Self { $($field),* })
            }
        }
    )*};
}

/// An enum is the number of its variant, and what is in that.
macro_rules! variants {
    ($type:ident { $($number:literal $variant:ident $(($($item:ident),*))? $({$($field:ident),*})?,)* } $($else:pat => $none:expr)?) => {
        impl Stored for $type {
            fn store(&self, to: &mut Writer) -> Option<()> {
                match self {
                    $(Self::$variant $(($($item),*))? $({$($field),*})? => {
                        to.byte($number);
                        $($($item.store(to)?;)*)?
                        $($($field.store(to)?;)*)?
                    })*
                    $($else => return $none,)?
                }
                Some(())
            }

            fn restore(from: &mut Reader<'_>) -> Option<Self> {
                Some(match from.byte()? {
                    $($number => {
                        $($(let $item = Stored::restore(from)?;)*)?
                        $($(let $field = Stored::restore(from)?;)*)?
                        Self::$variant $(($($item),*))? $({$($field),*})?
                    })*
                    _ => return None,
                })
            }
        }
    };
}

macro_rules! ids {
    ($($type:ident)*) => {$(
        impl Stored for $type {
            fn store(&self, to: &mut Writer) -> Option<()> {
                self.0.store(to)
            }

            fn restore(from: &mut Reader<'_>) -> Option<Self> {
                Stored::restore(from).map(Self)
            }
        }
    )*};
}

ids! { NodeId Slot ExprId }

fields! {
    Attribute { base, path, presence, plain }
    Qualifier { step, optional }
    Fold { range, accumulator, init, iter, iter2, kind }
    Plan { nodes, root, sources, globals, locals, depth }
}

variants! { Node {
    0 Const(value),
    1 Attribute(attribute),
    2 Not(a),
    3 Negate(a),
    4 NotStrictlyFalse(a),
    5 And(terms),
    6 Or(terms),
    7 Equal { left, right, negated },
    8 Order { order, left, right, rule },
    9 Arithmetic { operator, left, right, rule },
    10 Append { accumulator, item, folded },
    11 Insert { accumulator, entry },
    12 InSet { item, set },
    13 In { item, container, rule },
    14 OptionalOr { left, right },
    15 OptionalOrValue { left, right },
    16 Call(call),
    17 List { items, optional },
    18 Map(entries),
    19 Struct { type_name, fields },
    20 Fold(fold),
} }

variants! { InsertEntry {
    0 Pair(key, value),
    1 Map(map),
} }

variants! { Order {
    0 Less,
    1 LessEquals,
    2 Greater,
    3 GreaterEquals,
} }

variants! { Operator {
    0 Add,
    1 Subtract,
    2 Multiply,
    3 Divide,
    4 Modulo,
} }

variants! { Base {
    0 Local(slot),
    1 Global(index),
    2 Variables,
    3 Variable(index),
    4 Value(node),
    5 Conditional { condition, then, otherwise },
} }

variants! { QualifierKind {
    0 Field(name),
    1 Member(name),
    2 Index(value),
    3 Computed { index },
} }

variants! { FoldKind {
    0 All(test),
    1 Exists(test),
    2 General { condition, step, result },
    3 Bind { result },
} }

variants! { CostRule {
    0 Fixed(units),
    1 Text(factor),
    2 Join,
    3 Selector,
    4 Tree,
    5 Regex,
    6 Contains,
    7 In,
    8 Smaller,
    9 Equals,
    10 Sum,
    11 Address,
    12 ContainsIp { text },
    13 ContainsCidr { text },
    14 Validate,
    15 Slice,
    16 Range,
    17 Reverse,
    18 Flatten,
    19 SelfCompare(index),
    20 Sets(units),
} }

variants! { Primitive {
    0 Bool,
    1 Int,
    2 Uint,
    3 Double,
    4 String,
    5 Bytes,
} }

variants! { Type {
    0 Error,
    1 Dyn,
    2 Null,
    3 Bool,
    4 Int,
    5 Uint,
    6 Double,
    7 String,
    8 Bytes,
    9 Duration,
    10 Timestamp,
    11 Any,
    12 List(element),
    13 Map(entry),
    14 Optional(value),
    15 Type(value),
    16 Wrapper(primitive),
    17 Opaque(name),
    18 Struct(name),
} Self::Param(_) => None }

/// A constant.
impl Stored for Value<'static> {
    fn store(&self, to: &mut Writer) -> Option<()> {
        match self {
            Self::Null => to.byte(0),
            Self::Bool(value) => {
                to.byte(1);
                value.store(to)?;
            }
            Self::Int(value) => {
                to.byte(2);
                value.store(to)?;
            }
            Self::Uint(value) => {
                to.byte(3);
                value.store(to)?;
            }
            Self::Double(value) => {
                to.byte(4);
                value.store(to)?;
            }
            Self::String(text) => {
                to.byte(5);
                text.store(to)?;
            }
            Self::Bytes(bytes) => {
                to.byte(6);
                bytes.store(to)?;
            }
            Self::List(list) => {
                to.byte(7);
                to.number(list.items().len() as u64);
                list.items().iter().try_for_each(|item| item.store(to))?;
            }
            Self::Map(map) => {
                to.byte(8);
                let entries: Vec<_> = map.entries().to_vec();
                entries.store(to)?;
            }
            Self::Type(name) => {
                to.byte(9);
                name.store(to)?;
            }
            _ => return None,
        }
        Some(())
    }

    fn restore(from: &mut Reader<'_>) -> Option<Self> {
        Some(match from.byte()? {
            0 => Self::Null,
            1 => Self::Bool(Stored::restore(from)?),
            2 => Self::Int(Stored::restore(from)?),
            3 => Self::Uint(Stored::restore(from)?),
            4 => Self::Double(Stored::restore(from)?),
            5 => Self::String(Stored::restore(from)?),
            6 => Self::Bytes(Stored::restore(from)?),
            7 => List::new(Stored::restore(from)?).ok()?.into(),
            8 => {
                let mut map = Map::default();
                for (key, value) in Vec::<(Self, Self)>::restore(from)? {
                    map.insert(key, value).ok()?;
                }
                map.into()
            }
            9 => Self::Type(Stored::restore(from)?),
            _ => return None,
        })
    }
}

/// An overload of a row, or of outside.
impl Stored for Arc<Overload> {
    fn store(&self, to: &mut Writer) -> Option<()> {
        match functions::place_of(self) {
            Some((library, row)) => {
                to.byte(library);
                to.byte(row);
                to.bytes.extend(check(self).to_le_bytes());
            }
            None => {
                to.byte(u8::MAX);
                self.id.to_owned().store(to)?;
            }
        }
        Some(())
    }

    fn restore(from: &mut Reader<'_>) -> Option<Self> {
        let library = from.byte()?;
        if library == u8::MAX {
            let id = from.text()?;
            return (from.outside)(id);
        }
        let overload = functions::at(library, from.byte()?)?;
        let told = u16::from_le_bytes([from.byte()?, from.byte()?]);
        (told == check(overload)).then(|| Self::clone(overload))
    }
}

/// What tells a row from another one at its place.
fn check(overload: &Overload) -> u16 {
    digest(overload.id.as_bytes()) as u16
}

impl Stored for Implementation {
    fn store(&self, to: &mut Writer) -> Option<()> {
        self.overload.store(to)
    }

    fn restore(from: &mut Reader<'_>) -> Option<Self> {
        Some(Self::of(&Arc::<Overload>::restore(from)?))
    }
}

impl Stored for Pattern {
    fn store(&self, to: &mut Writer) -> Option<()> {
        let (translated, literals) = self.0.parts();
        translated.to_owned().store(to)?;
        literals.to_vec().store(to)
    }

    fn restore(from: &mut Reader<'_>) -> Option<Self> {
        let (translated, literals) = Stored::restore(from)?;
        Some(Self::of_parts(translated, literals))
    }
}

impl Stored for Call {
    fn store(&self, to: &mut Writer) -> Option<()> {
        let Self { function, args, target, rule, lazy, regex } = self;
        function.store(to)?;
        args.store(to)?;
        rule.store(to)?;
        lazy.store(to)?;
        regex.store(to)?;
        match target {
            Target::One(implementation) => {
                to.byte(0);
                implementation.store(to)
            }
            Target::Any(_) => {
                to.byte(1);
                functions::untested(function)?.store(to)
            }
            Target::First(several) => {
                to.byte(2);
                several.store(to)
            }
        }
    }

    fn restore(from: &mut Reader<'_>) -> Option<Self> {
        let function = Stored::restore(from)?;
        let args = Stored::restore(from)?;
        let rule = Stored::restore(from)?;
        let lazy = Stored::restore(from)?;
        let regex = Stored::restore(from)?;
        let target = match from.byte()? {
            0 => Target::One(Stored::restore(from)?),
            1 => match Arc::<Overload>::restore(from)?.code {
                Code::Untested(native) => Target::Any(native),
                _ => return None,
            },
            2 => Target::First(Stored::restore(from)?),
            _ => return None,
        };
        Some(Self { function, args, target, rule, lazy, regex })
    }
}

impl Program {
    /// Appends all of it but its text and its CEL.
    pub(super) fn store(&self, to: &mut Writer) -> Option<()> {
        self.output_type().store(to)?;
        self.steps().store(to)
    }

    /// The program of a text.
    pub(super) fn restore(source: &str, profile: Profile, from: &mut Reader<'_>) -> Option<Self> {
        let output_type = Stored::restore(from)?;
        let plan = Plan::restore(from)?;
        from.rest().is_empty().then(|| Self::of_plan(source, output_type, profile, plan))
    }
}
