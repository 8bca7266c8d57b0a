//! What cel-go reports for text that does not parse.

use super::super::issue::Issue;
use super::super::lexer::{Token, Unrecognized};

/// The errors of the lexer and of the grammar, in the order cel-go finds them.
pub(super) fn syntax_issues(source: &str, _tokens: &[Token], unrecognized: &[Unrecognized]) -> Vec<Issue> {
    unrecognized
        .iter()
        .map(|part| {
            let text = &source[part.start as usize..part.end as usize];
            Issue {
                offset: Some(part.start),
                message: format!("Syntax error: token recognition error at: '{text}'"),
            }
        })
        .collect()
}
