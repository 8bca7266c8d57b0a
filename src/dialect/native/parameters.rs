//! Which parameters an expression reads.

use std::ops::Range;

use crate::cel::ast::{Ast, Expr, ExprId, Literal, operator};

/// The names that are read from `params`, as `params.name`, `params['name']` and their optional forms, with their
/// places in the text. What is computed is not known before it is run.
pub(super) fn read(ast: &Ast) -> impl Iterator<Item = (&str, Range<u32>)> {
    // a macro may bind the name to something else
    let is_bound = |id: ExprId| match &ast[id] {
        Expr::Comprehension(fold) => {
            fold.iter_var == "params" || fold.iter_var2.as_ref().is_some_and(|name| name == "params")
        }
        _ => false,
    };
    let hidden = ast.ids().any(is_bound);
    ast.ids().filter(move |_| !hidden).filter_map(|id| {
        let name = match &ast[id] {
            Expr::Select { operand, field, .. } if is_params(ast, *operand) => &**field,
            Expr::Call { function, args, .. } => match (&**function, &**args) {
                (operator::INDEX | operator::OPT_INDEX | operator::OPT_SELECT, [operand, key])
                    if is_params(ast, *operand) =>
                {
                    match &ast[*key] {
                        Expr::Literal(Literal::String(name)) => &**name,
                        _ => return None,
                    }
                }
                _ => return None,
            },
            _ => return None,
        };
        let place = ast.place(id);
        Some((name, place.start..place.end))
    })
}

fn is_params(ast: &Ast, id: ExprId) -> bool {
    matches!(&ast[id], Expr::Ident(name) if name.trim_start_matches('.') == "params")
}
