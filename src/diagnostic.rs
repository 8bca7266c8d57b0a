//! What is wrong with a policy or a configuration file: where, why, and what to do, as people read it.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};
use serde::ser::{Serialize, SerializeStruct, Serializer};

/// Something wrong with a file that the run was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file, as it was named.
    pub file: String,
    /// Its text and the bytes that are meant, where it could be read.
    pub place: Option<(Arc<str>, Range<usize>)>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// Of a file as a whole.
    #[must_use]
    pub fn of_file(file: impl fmt::Display, message: impl Into<String>) -> Self {
        Self { file: file.to_string(), place: None, message: message.into(), help: None }
    }

    /// Of the arguments of the command line.
    #[must_use]
    pub fn of_usage(message: impl Into<String>) -> Self {
        Self::of_file("", message)
    }

    /// Of a range of bytes of a file.
    #[must_use]
    pub fn at(
        file: impl fmt::Display,
        text: &Arc<str>,
        range: Range<usize>,
        message: impl Into<String>,
    ) -> Self {
        Self { place: Some((Arc::clone(text), range)), ..Self::of_file(file, message) }
    }

    /// Line and column, from 1, the column in characters.
    #[must_use]
    pub fn position(&self) -> Option<(usize, usize)> {
        let (text, range) = self.place.as_ref()?;
        let before = text.get(..range.start)?;
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Some((before.matches('\n').count() + 1, before[line_start..].chars().count() + 1))
    }

    /// As people read it, with the line it is about.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let Some((text, range)) = &self.place else {
            let mut group = Group::with_title(Level::ERROR.primary_title(&self.message));
            if !self.file.is_empty() {
                group = group.element(annotate_snippets::Origin::path(&self.file));
            }
            let text = renderer.render(&[group]);
            // the renderer would draw the margin of lines that there are not
            return match &self.help {
                Some(help) => format!("{text}\n  = help: {help}"),
                None => text,
            };
        };
        let snippet = snippet(&self.file, text, range.clone());
        let mut group = Level::ERROR.primary_title(&self.message).element(snippet);
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help));
        }
        renderer.render(&[group])
    }
}

/// What the system says of a file, in the words of this program: lower case, without the number of the error.
#[must_use]
pub fn io_text(message: &str) -> String {
    let message = message.split(" (os error").next().unwrap_or(message);
    let mut characters = message.chars();
    characters.next().map_or_else(String::new, |first| first.to_lowercase().chain(characters).collect())
}

/// The line where a range of a text begins, with the range marked.
pub(crate) fn snippet<'t>(file: &'t str, text: &'t str, range: Range<usize>) -> Snippet<'t, Annotation<'t>> {
    // only the lines at the place: a long one is folded by the renderer
    let first = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
    let last_line = text[range.start..range.end].find('\n').map_or(range.end, |at| range.start + at);
    let until = text[last_line..].find('\n').map_or(text.len(), |at| last_line + at);
    let line = text[..first].matches('\n').count() + 1;
    let at = range.start - first..last_line.max(range.start + usize::from(range.start < until)) - first;
    Snippet::source(&text[first..until])
        .path(file)
        .line_start(line)
        .annotation(AnnotationKind::Primary.span(at))
}

/// What programs read: `file`, `line`, `column`, `message`, `help`; null where there is none.
impl Serialize for Diagnostic {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (line, column) = self.position().unzip();
        let mut fields = serializer.serialize_struct("Diagnostic", 5)?;
        fields.serialize_field("file", &Some(&self.file).filter(|file| !file.is_empty()))?;
        fields.serialize_field("line", &line)?;
        fields.serialize_field("column", &column)?;
        fields.serialize_field("message", &self.message)?;
        fields.serialize_field("help", &self.help)?;
        fields.end()
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.position() {
            Some((line, column)) => write!(f, "{}:{line}:{column}: {}", self.file, self.message)?,
            None if self.file.is_empty() => f.write_str(&self.message)?,
            None => write!(f, "{}: {}", self.file, self.message)?,
        }
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_line() {
        let text: Arc<str> = "spec:\n  sevrity: error\n  é: 1\n".into();
        let mut diagnostic = Diagnostic::at("p.yaml", &text, 8..15, "unknown field `sevrity`");
        diagnostic.help = Some("did you mean `severity`?".to_owned());
        insta::assert_snapshot!(diagnostic.render(false), @r"
        error: unknown field `sevrity`
         --> p.yaml:2:3
          |
        2 |   sevrity: error
          |   ^^^^^^^
          |
          = help: did you mean `severity`?
        ");
        assert_eq!(diagnostic.to_string(), "p.yaml:2:3: unknown field `sevrity` (did you mean `severity`?)");
        let accent = Diagnostic::at("p.yaml", &text, 27..28, "x");
        assert_eq!(accent.position(), Some((3, 4)));
        let gone = Diagnostic::of_file("gone.yaml", "no such file").render(false);
        assert_eq!(gone, "error: no such file\n--> gone.yaml");
        let usage = Diagnostic {
            help: Some("did you mean `b`?".to_owned()),
            ..Diagnostic::of_usage("--pack a: unknown")
        };
        assert_eq!(usage.render(false), "error: --pack a: unknown\n  = help: did you mean `b`?");
    }
}
