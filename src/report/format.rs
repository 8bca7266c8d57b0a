//! The formats of a report, each a view of the same [`Report`] in a file of its own.

use std::io::{self, Write};

use clap::ValueEnum;

use super::{Report, TextOptions};

/// `--format`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum)]
pub enum Format {
    /// Every finding with its lines and what to do
    Text,
    /// A line for each finding: `file:line:column: severity code: message`
    Concise,
    /// How many findings of each rule, and the worst files
    Summary,
    /// For programs, with a promise: fields are added, never renamed or removed
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// A suite for each file, a case for each object
    Junit,
    /// Annotations of GitHub Actions
    Github,
    /// GitLab's Code Quality
    Gitlab,
    /// For the summary of a job or a comment on a merge request
    Markdown,
    /// A page for a browser: one file that asks nobody for anything
    Html,
}

impl Format {
    /// Whether the format tells of rules, and so asks for a [`Catalogue`](super::catalogue::Catalogue).
    #[must_use]
    pub fn tells_of_rules(self) -> bool {
        matches!(self, Self::Sarif | Self::Html)
    }

    /// Whether the format tells which policies ran, by the hash of them all.
    #[must_use]
    pub fn tells_of_policies(self) -> bool {
        matches!(self, Self::Json)
    }

    /// Whether the format names findings, so that they are told again in another run.
    #[must_use]
    pub fn has_fingerprints(self) -> bool {
        matches!(self, Self::Json | Self::Sarif | Self::Gitlab)
    }
}

impl Report<'_> {
    /// Writes the report in a format. `options` are for what people read on a terminal.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, format: Format, out: &mut dyn Write, options: &TextOptions) -> io::Result<()> {
        match format {
            Format::Text => self.write_text(out, *options),
            Format::Concise => self.write_concise(out, options),
            Format::Summary => self.write_overview(out, options, None),
            Format::Json => self.write_json(out),
            Format::Sarif => self.write_sarif(out),
            Format::Junit => self.write_junit(out),
            Format::Github => self.write_github(out, options),
            Format::Gitlab => self.write_gitlab(out),
            Format::Markdown => self.write_markdown(out, options),
            Format::Html => self.write_html(out, options),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_about_them_has_all() {
        let page = include_str!("../../docs/formats.md");
        for format in Format::value_variants() {
            let value = format.to_possible_value().expect("all can be named");
            assert!(page.contains(&format!("| `{}` |", value.get_name())), "{}", value.get_name());
        }
    }
}
