//! Literals of lists, maps and messages, and the values of composited variables.

use std::sync::Arc;

use super::Machine;
use crate::ast::Name;
use crate::cost;
use crate::dispatch::{self, message};
use crate::error::{Eval, EvalError, Fault};
use crate::plan::NodeId;
use crate::value::{List, Map, Value, View};

impl<'d> Machine<'_, '_, 'd> {
    #[inline(never)]
    pub(super) fn list(&mut self, items: &'d [NodeId], optional: &[u32]) -> Eval<Value<'d>> {
        let values = self.elements(items, optional);
        self.construct(values, cost::LIST_BASE, |values| Ok(List::new(values)?.into()))
    }

    /// Charges a literal, which costs the same when a part of it failed.
    fn construct<T>(
        &mut self,
        parts: Eval<T>,
        base: u64,
        make: impl FnOnce(T) -> Eval<Value<'d>>,
    ) -> Eval<Value<'d>> {
        if let Err(Fault::Cancelled(error)) = parts {
            return Err(Fault::Cancelled(error));
        }
        let made = parts.and_then(make);
        self.meter.charge(base)?;
        made
    }

    fn elements(&mut self, items: &'d [NodeId], optional: &[u32]) -> Eval<Vec<Value<'d>>> {
        let mut values = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let value = self.eval(*item)?;
            if !optional.is_empty() && optional.binary_search(&(index as u32)).is_ok() {
                match value {
                    Value::Optional(Some(value)) => values.push((*value).clone()),
                    Value::Optional(None) => {}
                    other => {
                        let text = format!(
                            "cannot initialize optional list element from non-optional value {}",
                            dispatch::plain_text(&other)
                        );
                        return Err(EvalError::Library(text).into());
                    }
                }
            } else {
                values.push(value);
            }
        }
        Ok(values)
    }

    #[inline(never)]
    pub(super) fn map(&mut self, entries: &'d [(NodeId, NodeId, bool)]) -> Eval<Value<'d>> {
        let map = self.entries(entries);
        self.construct(map, cost::MAP_BASE, |map| Ok(map.into()))
    }

    fn entries(&mut self, entries: &'d [(NodeId, NodeId, bool)]) -> Eval<Map<'d>> {
        let mut map = Map::default();
        for (key, value, optional) in entries {
            let key = self.eval(*key)?;
            let mut value = self.eval(*value)?;
            if *optional {
                value = match value {
                    Value::Optional(Some(value)) => (*value).clone(),
                    Value::Optional(None) => {
                        // it takes back an entry of that key
                        map.remove(key.view());
                        continue;
                    }
                    other => return Err(not_optional(&dispatch::plain_text(&key), &other)),
                };
            }
            if let View::Bytes(_) = key.view() {
                let text = "runtime error: hash of unhashable type types.Bytes";
                return Err(EvalError::Internal(text.to_owned()).into());
            }
            map.insert(key, value)?;
        }
        Ok(map)
    }

    #[inline(never)]
    pub(super) fn structure(
        &mut self,
        type_name: &Arc<str>,
        fields: &'d [(Name, NodeId, bool)],
    ) -> Eval<Value<'d>> {
        let fields = self.fields(fields);
        self.construct(fields, cost::STRUCT_BASE, |fields| Ok(message::new(type_name, fields)?))
    }

    fn fields(&mut self, fields: &'d [(Name, NodeId, bool)]) -> Eval<Vec<(Arc<str>, Value<'d>)>> {
        let mut values: Vec<(Arc<str>, Value<'d>)> = Vec::with_capacity(fields.len());
        for (name, value, optional) in fields {
            let mut value = self.eval(*value)?;
            if *optional {
                value = match value {
                    Value::Optional(Some(value)) => (*value).clone(),
                    Value::Optional(None) => {
                        values.retain(|(set, _)| **set != **name);
                        continue;
                    }
                    other => return Err(not_optional(name, &other)),
                };
            }
            values.push((Arc::from(&**name), value));
        }
        Ok(values)
    }
}

fn not_optional(entry: &str, value: &Value<'_>) -> Fault {
    let value = dispatch::plain_text(value);
    let text = format!("cannot initialize optional entry '{entry}' from non-optional value {value}");
    EvalError::Library(text).into()
}
