//! `requireHeadlessService`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::RuleType;
use crate::check::{self, Check};
use crate::dialect::native::lower::Lowering;
use crate::policy::WhenAbsent;

/// A StatefulSet has its headless Service.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequireHeadlessService {
    /// What the webhook answers when the Service is not there (yet): `Warn` or `Deny`.
    #[serde(default)]
    pub when_absent: WhenAbsent,
}

impl RuleType for RequireHeadlessService {
    fn lower(&self, _: &str, _: &mut Lowering<'_>) -> Option<Box<dyn Check>> {
        Some(Box::new(check::RequireHeadlessService { when_absent: self.when_absent }))
    }
}
