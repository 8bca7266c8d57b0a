//! Findings that somebody has decided to live with: what says so, what it covers, and what is wrong with it.
//!
//! ```text
//! comments ── collect ─┐
//! annotations ── 〃 ───┤
//! plimsoll.yaml ── settings ─┼─▶ [ Waiver ] ─▶ apply ─▶ kept, waived, findings about the waivers themselves
//! ManifestException ── policy ─┘
//! ```
//!
//! A waiver knows findings and places, not how they are shown. Only a `ManifestException` is honoured by the webhook:
//! comments, annotations and `plimsoll.yaml` can be written by whoever writes a manifest.
//!
//! Findings about waivers (`waiver/…`) are waived by nothing, or one waiver could hide that another is void: they are given
//! another severity, or skipped.

mod add;
mod apply;
mod collect;
mod cover;
pub mod settings;
mod written;

use chrono::NaiveDate;

use crate::document::Span;
use crate::finding::{CodePattern, Finding, ObjectId};
use crate::manifest::FileId;

pub use add::{AddError, Addition, Writing, additions};
pub use apply::{Applied, Applying, Codes, Run, Target};
pub use collect::Beside;
pub use written::Malformed;

/// Which form a waiver has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A `ManifestException`.
    Exception,
    /// A comment at the end of a line.
    Line,
    /// A comment above a node.
    Node,
    /// An annotation of the object.
    Annotation,
    /// A comment at the top of a file.
    File,
    /// A rule of `plimsoll.yaml`.
    Configuration,
}

impl Kind {
    /// The name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Exception => "exception",
            Self::Line => "line",
            Self::Node => "node",
            Self::Annotation => "annotation",
            Self::File => "file",
            Self::Configuration => "configuration",
        }
    }

    /// What people call it.
    #[must_use]
    pub fn told(self) -> &'static str {
        match self {
            Self::Exception => "ManifestException",
            Self::Line | Self::Node => "comment",
            Self::File => "comment about the file",
            Self::Annotation => "annotation",
            Self::Configuration => "`ignore`",
        }
    }

    /// Whether it stands in the text that it is about.
    #[must_use]
    pub fn is_in_source(self) -> bool {
        !matches!(self, Self::Exception | Self::Configuration)
    }
}

/// What waives a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppressed {
    /// In which form.
    pub kind: Kind,
    /// Why; at most 200 characters.
    pub reason: Option<String>,
    /// The last day on which it holds.
    pub until: Option<NaiveDate>,
    /// Where it is written; nothing for an exception that is not from a file.
    pub at: Option<(FileId, Span)>,
    /// Whether the webhook denies the object all the same.
    pub still_denied: bool,
}

impl Suppressed {
    /// Whether the webhook lets the finding pass, too.
    #[must_use]
    pub fn honoured_by_webhook(&self) -> bool {
        self.kind == Kind::Exception
    }
}

/// A finding that is waived, and by what.
#[derive(Debug, Clone, PartialEq)]
pub struct Waived {
    /// What it is of.
    pub subject: ObjectId,
    /// What was found.
    pub finding: Finding,
    /// What waives it.
    pub by: Suppressed,
}

/// A waiver that can be read.
#[derive(Debug)]
struct Waiver {
    kind: Kind,
    patterns: Vec<CodePattern>,
    reason: Option<String>,
    until: Option<NaiveDate>,
    at: Option<(FileId, Span)>,
    covers: Covers,
}

impl Waiver {
    fn has_ended(&self, today: NaiveDate) -> bool {
        self.until.is_some_and(|until| until < today)
    }
}

/// What a waiver covers.
#[derive(Debug)]
enum Covers {
    /// What begins on this line of its file.
    Line(u32),
    /// A node of a document of its file, with all below it.
    Node(cover::Extent),
    /// All objects of the file.
    File,
    /// The manifest at this index.
    Object(usize),
    /// What the rule at this index matches.
    Rule(usize),
    /// What the exception at this index of the set is about.
    Exception(usize),
}
