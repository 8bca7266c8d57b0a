//! Comprehensions, and the scopes of their variables.

use super::super::super::ast::{Expr, ExprId};
use super::super::super::types::Type;
use super::{Task, Walk};

impl Walk<'_> {
    pub(super) fn loop_range(&mut self, id: ExprId) {
        let Expr::Comprehension(fold) = &self.ast[id] else { return };
        let range = self.mapping.substitute(&self.types[fold.iter_range.index()], false);
        let accumulated = self.types[fold.accu_init.index()].clone();
        self.locals.push((&fold.accu_var, accumulated));
        let (one, two) = match &range {
            Type::List(element) if fold.iter_var2.is_some() => (Type::Int, (**element).clone()),
            Type::List(element) => ((**element).clone(), Type::Error),
            Type::Map(entry) => (entry.0.clone(), entry.1.clone()),
            Type::Dyn | Type::Any | Type::Error | Type::Param(_) => {
                self.mapping.assignable(&Type::Dyn, &range);
                (Type::Dyn, Type::Dyn)
            }
            _ => {
                let ty = range.in_errors();
                let message = format!(
                    "expression of type '{ty}' cannot be range of a comprehension (must be list, map, or dynamic)"
                );
                self.report(fold.iter_range, message);
                (Type::Error, Type::Error)
            }
        };
        self.locals.push((&fold.iter_var, one));
        if let Some(name) = &fold.iter_var2 {
            self.locals.push((name, two));
        }
        self.steps.extend([Task::LoopCondition(id), Task::Visit(fold.loop_condition)]);
    }

    pub(super) fn loop_condition(&mut self, id: ExprId) {
        let Expr::Comprehension(fold) = &self.ast[id] else { return };
        self.assert_type(fold.loop_condition, &Type::Bool);
        self.steps.extend([Task::LoopStepped(id), Task::Visit(fold.loop_step)]);
    }

    pub(super) fn loop_step(&mut self, id: ExprId) {
        let Expr::Comprehension(fold) = &self.ast[id] else { return };
        let accumulated = self.types[fold.accu_init.index()].clone();
        self.assert_type(fold.loop_step, &accumulated);
        let iteration_variables = 1 + usize::from(fold.iter_var2.is_some());
        self.locals.truncate(self.locals.len() - iteration_variables);
        self.steps.extend([Task::LoopResult(id), Task::Visit(fold.result)]);
    }

    pub(super) fn loop_result(&mut self, id: ExprId) {
        let Expr::Comprehension(fold) = &self.ast[id] else { return };
        self.locals.pop();
        let ty = self.mapping.substitute(&self.types[fold.result.index()], false);
        self.set_type(id, ty);
    }
}
