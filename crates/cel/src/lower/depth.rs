//! How deep a tree is: known before anything recurses over it.

use super::*;

/// The longest path through the tree.
pub(super) fn of_expression(ast: &Ast) -> u32 {
    let mut depths = vec![0_u32; ast.len()];
    let mut pending = vec![(ast.root(), false)];
    let mut children = Vec::new();
    while let Some((id, visited)) = pending.pop() {
        if depths[id.index()] != 0 {
            continue;
        }
        children.clear();
        push_children(&ast[id], &mut children);
        if visited {
            depths[id.index()] = 1 + children.iter().map(|child| depths[child.index()]).max().unwrap_or(0);
        } else {
            pending.push((id, true));
            pending.extend(children.iter().map(|child| (*child, false)));
        }
    }
    depths[ast.root().index()]
}

fn push_children(expr: &Expr, children: &mut Vec<ExprId>) {
    match expr {
        Expr::Literal(_) | Expr::Ident(_) => {}
        Expr::Select { operand, .. } => children.push(*operand),
        Expr::Call { target, args, .. } => {
            children.extend(*target);
            children.extend(args);
        }
        Expr::List { elements, .. } => children.extend(elements),
        Expr::Map(entries) => children.extend(entries.iter().flat_map(|entry| [entry.key, entry.value])),
        Expr::Struct { fields, .. } => children.extend(fields.iter().map(|field| field.value)),
        Expr::Comprehension(fold) => children.extend([
            fold.iter_range,
            fold.accu_init,
            fold.loop_condition,
            fold.loop_step,
            fold.result,
        ]),
    }
}

impl Lowering<'_> {
    pub(super) fn depth(&self, id: NodeId) -> u32 {
        self.depths[id.0 as usize]
    }

    fn deepest<'n>(&self, ids: impl IntoIterator<Item = &'n NodeId>) -> u32 {
        ids.into_iter().map(|id| self.depth(*id)).max().unwrap_or(0)
    }

    fn attribute_depth(&self, attribute: &Attribute) -> u32 {
        let base = match &attribute.base {
            Base::Value(node) => self.depth(*node),
            Base::Conditional { condition, then, otherwise } => {
                1 + self
                    .depth(*condition)
                    .max(self.attribute_depth(then))
                    .max(self.attribute_depth(otherwise))
            }
            _ => 0,
        };
        let path = attribute.path.iter().map(|qualifier| match &qualifier.step {
            QualifierKind::Computed { index, .. } => 1 + self.attribute_depth(index),
            _ => 0,
        });
        path.max().unwrap_or(0).max(base) + 1
    }

    pub(super) fn children_depth(&self, node: &Node) -> u32 {
        match node {
            Node::Const(_) => 0,
            Node::Attribute(attribute) => self.attribute_depth(attribute),
            Node::Not(a) | Node::Negate(a) | Node::NotStrictlyFalse(a) => self.depth(*a),
            Node::And(terms) | Node::Or(terms) => self.deepest(terms),
            Node::Equal { left, right, .. }
            | Node::Order { left, right, .. }
            | Node::Arithmetic { left, right, .. }
            | Node::OptionalOr { left, right }
            | Node::OptionalOrValue { left, right } => self.deepest([left, right]),
            Node::Append { item, .. } | Node::InSet { item, .. } => self.depth(*item),
            Node::Insert { entry: InsertEntry::Pair(a, b), .. } => self.deepest([a, b]),
            Node::Insert { entry: InsertEntry::Map(a), .. } => self.depth(*a),
            Node::In { item, container, .. } => self.deepest([item, container]),
            Node::Call(call) => self.deepest(&call.args),
            Node::List { items, .. } => self.deepest(items),
            Node::Map(entries) => self.deepest(entries.iter().flat_map(|(key, value, _)| [key, value])),
            Node::Struct { fields, .. } => self.deepest(fields.iter().map(|(_, value, _)| value)),
            Node::Fold(fold) => {
                let inner = match &fold.kind {
                    FoldKind::All(test) | FoldKind::Exists(test) => self.depth(*test),
                    FoldKind::General { condition, step, result } => {
                        self.deepest(condition.iter().chain([step, result]))
                    }
                    FoldKind::Bind { result } => self.depth(*result),
                };
                // the initial value may be computed where the accumulator is read
                self.depth(fold.range).max(inner + self.depth(fold.init))
            }
        }
    }
}
