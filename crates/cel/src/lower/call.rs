//! Calls: operators become steps of their own, functions are bound to their overloads.

use super::*;

/// What is added to an accumulator.
enum Added {
    Item(NodeId),
    /// Of a list that was folded.
    Constant(Value<'static>),
}

impl Lowering<'_> {
    pub(super) fn call(
        &mut self,
        id: ExprId,
        target: Option<ExprId>,
        written: &Name,
        args: &[ExprId],
    ) -> Planned<NodeId> {
        let (function, overloads, namespaced) = match self.checked.reference(id) {
            Reference::Overloads { function, overloads, namespaced } => {
                (function.clone(), &overloads[..], *namespaced)
            }
            _ => (written.clone(), &[][..], false),
        };
        if let (operator::AND | operator::OR, None) = (&*function, target) {
            return self.logic(id, &function, args);
        }
        let mut nodes = Vec::with_capacity(args.len() + 1);
        if let (Some(target), false) = (target, namespaced) {
            nodes.push(self.node(target)?);
        }
        for arg in args {
            nodes.push(self.node(*arg)?);
        }
        let declared = self.env.overloads(&function).unwrap_or_default();
        let known = match overloads {
            [one] => {
                let found = declared.iter().find(|overload| overload.id == *one);
                Some(found.ok_or_else(|| PlanError::NoImplementation(function.as_ref().into()))?)
            }
            _ => None,
        };
        if let Some(node) = self.operator(id, &function, declared, known, &nodes)? {
            return Ok(node);
        }
        self.function(id, function, declared, known, nodes)
    }

    /// `a && b && c` is one step over all its terms.
    fn logic(&mut self, id: ExprId, function: &Name, args: &[ExprId]) -> Planned<NodeId> {
        let mut terms = Vec::new();
        let mut pending: Vec<ExprId> = args.iter().rev().copied().collect();
        while let Some(term) = pending.pop() {
            match &self.ast[term] {
                Expr::Call { target: None, function: inner, args } if inner == function => {
                    pending.extend(args.iter().rev());
                }
                _ => terms.push(self.node(term)?),
            }
        }
        let terms = terms.into();
        Ok(self.push(id, if &**function == operator::AND { Node::And(terms) } else { Node::Or(terms) }))
    }

    fn operator(
        &mut self,
        id: ExprId,
        function: &str,
        declared: &[Arc<Overload>],
        known: Option<&Arc<Overload>>,
        nodes: &[NodeId],
    ) -> Planned<Option<NodeId>> {
        let rule = cost_rule(declared, known);
        let node = match (function, nodes) {
            (operator::CONDITIONAL, [condition, then, otherwise]) => {
                let branch = |node: &NodeId| Box::new(self.as_attribute(*node));
                let base = Base::Conditional {
                    condition: *condition,
                    then: branch(then),
                    otherwise: branch(otherwise),
                };
                Node::Attribute(Attribute::new(base))
            }
            (operator::INDEX, [operand, index]) => return self.index(id, *operand, *index, false).map(Some),
            (operator::OPT_INDEX | operator::OPT_SELECT, [operand, index]) => {
                return self.index(id, *operand, *index, true).map(Some);
            }
            (operator::NOT, [a]) => Node::Not(*a),
            (operator::NEGATE, [a]) => Node::Negate(*a),
            (operator::NOT_STRICTLY_FALSE, [a]) => Node::NotStrictlyFalse(*a),
            (operator::EQUALS, [left, right]) => Node::Equal { left: *left, right: *right, negated: false },
            (operator::NOT_EQUALS, [left, right]) => {
                Node::Equal { left: *left, right: *right, negated: true }
            }
            (operator::IN, [item, container]) => {
                return Ok(Some(self.membership(id, *item, *container, known, rule)));
            }
            ("or", [left, right]) => Node::OptionalOr { left: *left, right: *right },
            ("orValue", [left, right]) => Node::OptionalOrValue { left: *left, right: *right },
            (operator::MAP_INSERT, [accumulator, rest @ ..]) if self.accumulator(*accumulator).is_some() => {
                let Some(accumulator) = self.accumulator(*accumulator) else { return Ok(None) };
                match rest {
                    [key, value] => Node::Insert { accumulator, entry: InsertEntry::Pair(*key, *value) },
                    [map] => Node::Insert { accumulator, entry: InsertEntry::Map(*map) },
                    _ => return Ok(None),
                }
            }
            (operator::ADD, [accumulator, list]) if self.appends(*accumulator, *list).is_some() => {
                let Some((accumulator, item)) = self.appends(*accumulator, *list) else { return Ok(None) };
                match item {
                    Added::Item(item) => Node::Append { accumulator, item, folded: false },
                    Added::Constant(item) => {
                        let item = self.push(id, Node::Const(item));
                        Node::Append { accumulator, item, folded: true }
                    }
                }
            }
            (name, [left, right]) => match (order_of(name), arithmetic_of(name)) {
                (Some(order), _) => Node::Order { order, left: *left, right: *right, rule },
                (_, Some(operator)) => Node::Arithmetic { operator, left: *left, right: *right, rule },
                _ => return Ok(None),
            },
            _ => return Ok(None),
        };
        Ok(Some(self.push(id, node)))
    }

    /// The node as a comprehension's own accumulator.
    fn accumulator(&self, node: NodeId) -> Option<Slot> {
        let Node::Attribute(Attribute { base: Base::Local(slot), path, presence: false, .. }) =
            &self.nodes[node.0 as usize]
        else {
            return None;
        };
        let hidden = |(name, bound): &(Name, Slot)| bound == slot && name == crate::macros::ACCUMULATOR;
        (path.is_empty() && self.scope.iter().any(hidden)).then_some(*slot)
    }

    /// `accumulator + [item]`
    fn appends(&self, accumulator: NodeId, list: NodeId) -> Option<(Slot, Added)> {
        let slot = self.accumulator(accumulator)?;
        match &self.nodes[list.0 as usize] {
            Node::List { items, optional } if items.len() == 1 && optional.is_empty() => {
                Some((slot, Added::Item(items[0])))
            }
            Node::Const(Value::List(list)) => match list.items() {
                [item] => Some((slot, Added::Constant(item.clone()))),
                _ => None,
            },
            _ => None,
        }
    }

    fn function(
        &mut self,
        id: ExprId,
        function: Name,
        declared: &[Arc<Overload>],
        known: Option<&Arc<Overload>>,
        nodes: Vec<NodeId>,
    ) -> Planned<NodeId> {
        let rule = cost_rule(declared, known);
        let regex = self.constant_regex(&function, &nodes)?;
        let target = target(declared, known, nodes.len());
        let variadic = declared.iter().any(|overload| matches!(overload.code, Code::Variadic(_)));
        let lazy = regex.is_some() || variadic || matches!(target, Target::First(_));
        let call = Call { function, args: nodes.into(), target, rule, lazy, regex };
        if dispatch::is_conversion(&call.function)
            && let [argument] = &call.args[..]
            && let Some(argument) = self.constant(*argument)
        {
            let value = eval::constant_call(self.checked.profile(), &call, argument)?;
            return Ok(self.push(id, Node::Const(value)));
        }
        Ok(self.push(id, Node::Call(Box::new(call))))
    }

    fn constant_regex(&self, function: &str, nodes: &[NodeId]) -> Planned<Option<Pattern>> {
        let ("matches" | "find" | "findAll", [_, pattern, ..]) = (function, nodes) else { return Ok(None) };
        match self.constant(*pattern) {
            Some(pattern) => match pattern.as_str() {
                Some(text) => Pattern::compile(text).map(Some).map_err(PlanError::Regex),
                None => Ok(None),
            },
            None => Ok(None),
        }
    }
}

fn cost_rule(declared: &[Arc<Overload>], known: Option<&Arc<Overload>>) -> CostRule {
    Cost::rule(known.map(|overload| overload.cost), declared.iter().map(|overload| overload.cost))
}

/// What a call with so many arguments runs.
fn target(declared: &[Arc<Overload>], known: Option<&Arc<Overload>>, arguments: usize) -> Target {
    let untested = |overload: &Arc<Overload>| match overload.code {
        Code::Untested(native) => Some(native),
        _ => None,
    };
    if let Some(native) = declared.iter().find_map(untested) {
        return Target::Any(native);
    }
    match known {
        Some(overload) => Target::One(Implementation::of(overload)),
        None => {
            let fitting = declared.iter().filter(|overload| overload.params.len() == arguments);
            Target::First(fitting.map(Implementation::of).collect())
        }
    }
}

fn order_of(function: &str) -> Option<Order> {
    Some(match function {
        operator::LESS => Order::Less,
        operator::LESS_EQUALS => Order::LessEquals,
        operator::GREATER => Order::Greater,
        operator::GREATER_EQUALS => Order::GreaterEquals,
        _ => return None,
    })
}

fn arithmetic_of(function: &str) -> Option<Operator> {
    Some(match function {
        operator::ADD => Operator::Add,
        operator::SUBTRACT => Operator::Subtract,
        operator::MULTIPLY => Operator::Multiply,
        operator::DIVIDE => Operator::Divide,
        operator::MODULO => Operator::Modulo,
        _ => return None,
    })
}
