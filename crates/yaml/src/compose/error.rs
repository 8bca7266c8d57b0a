//! Why kubectl, or a limit, refuses a document.

use document::LimitError;

use crate::scalar::ScalarError;

/// Why a document is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComposeError {
    /// It is not YAML.
    #[error("{message}")]
    Syntax {
        /// What the parser says.
        message: String,
    },
    /// Text after the dashes of a separator, other than a comment.
    #[error("invalid document separator: only a comment may follow '---'")]
    Separator,
    /// An escape that YAML 1.1 does not have, or not in this way.
    #[error("kubectl knows no escape {escape}")]
    Escape {
        /// As it stands in the text.
        escape: String,
    },
    /// A tab where a line or a block entry begins.
    #[error("a tab cannot be used for indentation: use spaces")]
    Tab,
    /// A character that is an indicator to kubectl and none to others.
    #[error("inside brackets kubectl takes {indicator:?} for an indicator; quote the text")]
    FlowIndicator {
        /// As it stands in the text.
        indicator: char,
    },
    /// A key inside of brackets that goes over several lines.
    #[error("a key must be on one line")]
    LongKey,
    /// An anchor or alias that others accept.
    #[error("kubectl takes only letters, digits, '_' and '-' in the name of an anchor, not {name:?}")]
    AnchorName {
        /// As written.
        name: String,
    },
    /// A tag that goes on where kubectl expects a blank.
    #[error("a blank must follow a tag")]
    TagEnd,
    /// More nesting than [`DEPTH_LIMIT`](super::DEPTH_LIMIT), or more nodes than any document may have.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// A bomb, or close to it.
    #[error("document contains excessive aliasing: more than {limit} values come from aliases")]
    Aliasing {
        /// How many the document may have, for its size.
        limit: usize,
    },
    /// An alias inside the value that it stands for.
    #[error("the value of an anchor contains itself")]
    SelfReference,
    /// An alias without an anchor before it.
    #[error("unknown anchor")]
    UnknownAnchor,
    /// A scalar that has no place in JSON.
    #[error(transparent)]
    Scalar(#[from] ScalarError),
    /// A list or mapping as a key.
    #[error("a key must be a scalar")]
    Key,
    /// `<<` with something else than a mapping or a list of mappings.
    #[error("a merge key needs a mapping or a list of mappings")]
    Merge,
}

/// A refusal and where in the file it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Byte of the file.
    pub at: usize,
    /// Why.
    pub error: ComposeError,
}
