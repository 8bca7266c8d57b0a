//! What is wrong with an expression's text, and where.

use document::few::SortFew as _;
use std::fmt;
use std::sync::Arc;

/// At which step an expression was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Syntax, macro expansion, the parser's limits.
    Parse,
    /// Types, and the validators of literal arguments.
    Check,
    /// The output type is not allowed where the expression stands.
    Result,
}

/// One error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// Byte offset into the expression; `None` for limits, which cel-go reports at `-1:0`.
    pub offset: Option<u32>,
    /// The text without position and excerpt.
    pub message: String,
}

/// A place in the text as a person counts: from 1, columns in code points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// From 1, as editors count.
    pub line: u32,
    /// From 1, in code points.
    pub column: u32,
}

/// Everything that is wrong with one expression at one stage, sorted by position.
///
/// [`Display`](fmt::Display) renders what the API server writes: `ERROR: <input>:L:C: message`, the source line and a caret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issues {
    stage: Stage,
    source: Arc<str>,
    list: Vec<Issue>,
}

/// cel-go stops printing here.
const MAX_RENDERED: usize = 100;

/// Longer lines are not shown, as in cel-go.
const MAX_EXCERPT: usize = 16_384;

impl Issues {
    /// Collects the issues of one stage.
    #[must_use]
    pub fn new(stage: Stage, source: Arc<str>, mut list: Vec<Issue>) -> Self {
        list.sort_few_by_key(|issue| issue.offset.map_or(0, |offset| u64::from(offset) + 1));
        Self { stage, source, list }
    }

    /// At which step the expression was refused.
    #[must_use]
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// The issues, in order of position.
    pub fn iter(&self) -> impl Iterator<Item = &Issue> {
        self.list.iter()
    }

    /// The expression's text.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Where an issue is; `None` for limits.
    #[must_use]
    pub fn position(&self, issue: &Issue) -> Option<Position> {
        Some(position(&self.source, issue.offset?))
    }
}

impl std::error::Error for Issues {}

impl fmt::Display for Issues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.stage == Stage::Result {
            return self.list.iter().try_for_each(|issue| f.write_str(&issue.message));
        }
        for (index, issue) in self.list.iter().take(MAX_RENDERED).enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            self.render(issue, f)?;
        }
        match self.list.len().saturating_sub(MAX_RENDERED) {
            0 => Ok(()),
            more => write!(f, "\n{more} more errors were truncated"),
        }
    }
}

impl Issues {
    fn render(&self, issue: &Issue, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(offset) = issue.offset else {
            return write!(f, "ERROR: <input>:-1:0: {}", issue.message);
        };
        if self.source.is_empty() {
            return write!(f, "ERROR: <input>:1:0: {}", issue.message);
        }
        let Position { line, column } = position(&self.source, offset);
        write!(f, "ERROR: <input>:{line}:{column}: {}", issue.message)?;
        let text = self.source.split('\n').nth(line as usize - 1).unwrap_or_default();
        if text.len() > MAX_EXCERPT {
            return Ok(());
        }
        f.write_str("\n | ")?;
        for c in text.chars() {
            write!(f, "{}", if c == '\t' { ' ' } else { c })?;
        }
        f.write_str("\n | ")?;
        let mut chars = text.chars();
        for c in chars.by_ref().take(column as usize - 1) {
            f.write_str(if c.is_ascii() { "." } else { "\u{ff0e}" })?;
        }
        f.write_str(if chars.next().is_none_or(|c| c.is_ascii()) { "^" } else { "\u{ff3e}" })
    }
}

/// Line and column of a byte offset.
#[must_use]
pub fn position(source: &str, offset: u32) -> Position {
    let before = source.get(..offset as usize).unwrap_or(source);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Position {
        line: 1 + before.bytes().filter(|byte| *byte == b'\n').count() as u32,
        column: 1 + before[line_start..].chars().count() as u32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renders_as_the_api_server_does() {
        let issue = |offset: u32, message: &str| Issue { offset: Some(offset), message: message.to_owned() };
        for (source, list, expected) in [
            ("a\nb +", vec![issue(5, "x")], "ERROR: <input>:2:4: x\n | b +\n | ...^"),
            ("\té$", vec![issue(3, "x")], "ERROR: <input>:1:3: x\n |  é$\n | .\u{ff0e}^"),
            ("", vec![issue(0, "x")], "ERROR: <input>:1:0: x"),
            ("é", vec![issue(0, "x")], "ERROR: <input>:1:1: x\n | é\n | \u{ff3e}"),
            (
                "ab",
                vec![issue(1, "second"), Issue { offset: None, message: "limit".to_owned() }],
                "ERROR: <input>:-1:0: limit\nERROR: <input>:1:2: second\n | ab\n | .^",
            ),
        ] {
            assert_eq!(Issues::new(Stage::Parse, source.into(), list).to_string(), expected);
        }
    }
}
