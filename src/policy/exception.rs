//! Exceptions in their compiled form: which findings of which objects are lifted, until when.

use std::sync::Arc;

use chrono::NaiveDate;

use crate::finding::{CodePattern, Excepting, Finding, PolicyPlace};
use crate::matching::Match;

/// A compiled exception.
#[derive(Debug)]
pub struct Exception {
    /// What its findings are told with.
    pub info: Arc<Excepting>,
    /// The codes of the findings.
    pub patterns: Vec<CodePattern>,
    /// Where each of them is written.
    pub places: Vec<Option<Arc<PolicyPlace>>>,
    /// The objects that are excepted.
    pub matches: Match,
}

impl Exception {
    /// Whether its last day is not over.
    #[must_use]
    pub fn holds(&self, today: NaiveDate) -> bool {
        self.info.until.is_none_or(|until| today <= until)
    }

    /// Whether findings of this code are lifted; what is wrong with waivers never is.
    #[must_use]
    pub fn is_about(&self, finding: &Finding) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches(finding.code()))
    }
}
