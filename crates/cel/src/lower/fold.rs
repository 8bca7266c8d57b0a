//! Constant folding, where cel-go folds and nowhere else: literals of lists and maps whose parts are constants, membership
//! in a constant list, and (in [`super::Lowering::function`]) conversions of constants.

use super::*;
use crate::value::{List, Map};

impl Lowering<'_> {
    pub(super) fn list(&mut self, id: ExprId, elements: &[ExprId], optional: &[u32]) -> Planned<NodeId> {
        let items = elements.iter().map(|element| self.node(*element)).collect::<Planned<Vec<_>>>()?;
        let constants: Option<Vec<_>> = items.iter().map(|item| self.constant(*item).cloned()).collect();
        if let (Some(values), true) = (constants, optional.is_empty()) {
            let list = List::new(values).map_err(EvalError::from)?;
            return Ok(self.push(id, Node::Const(list.into())));
        }
        Ok(self.push(id, Node::List { items: items.into(), optional: optional.into() }))
    }

    pub(super) fn map(&mut self, id: ExprId, entries: &[MapEntry]) -> Planned<NodeId> {
        let mut nodes = Vec::with_capacity(entries.len());
        for entry in entries {
            nodes.push((self.node(entry.key)?, self.node(entry.value)?, entry.optional));
        }
        let mut map = Map::default();
        for (key, value, optional) in &nodes {
            let (Some(key), Some(value), false) = (self.constant(*key), self.constant(*value), *optional)
            else {
                return Ok(self.push(id, Node::Map(nodes.into())));
            };
            if matches!(key.view(), View::Bytes(_) | View::List(_) | View::Map(_)) {
                return Ok(self.push(id, Node::Map(nodes.into())));
            }
            map.insert(key.clone(), value.clone()).map_err(EvalError::from)?;
        }
        Ok(self.push(id, Node::Const(map.into())))
    }

    pub(super) fn membership(
        &mut self,
        id: ExprId,
        item: NodeId,
        container: NodeId,
        known: Option<&Arc<Overload>>,
        rule: CostRule,
    ) -> NodeId {
        let of_list = known.is_some_and(|overload| overload.id == "in_list");
        let node = match self.constant(container).map(Value::view) {
            Some(View::List(list)) if of_list && list.is_empty() => Node::Const(Value::Bool(false)),
            Some(View::List(list)) if of_list => match ConstSet::new(&list.iter().collect::<Vec<_>>()) {
                Some(set) => Node::InSet { item, set: Box::new(set) },
                None => Node::In { item, container, rule },
            },
            _ => Node::In { item, container, rule },
        };
        self.push(id, node)
    }
}
