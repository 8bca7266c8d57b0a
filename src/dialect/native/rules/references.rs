//! `references`.

use super::RuleType;
use crate::check::Check;
use crate::dialect::native::lower::Lowering;
use crate::policy::{ReferenceCheck, References};

impl RuleType for References {
    fn lower(&self, at: &str, lowering: &mut Lowering<'_>) -> Option<Box<dyn Check>> {
        let wants = matches!(self.check, ReferenceCheck::BindingGrants | ReferenceCheck::RoleGrants);
        if wants == self.grants.is_empty() {
            let message = if wants { "the check needs `grants`" } else { "the check takes no `grants`" };
            lowering.issue(at, message);
            return None;
        }
        for (index, grant) in self.grants.iter().enumerate() {
            if grant.api_groups.is_empty() || grant.resources.is_empty() || grant.verbs.is_empty() {
                let help = "a core resource has apiGroups: [\"\"]";
                let at = format!("{at}/grants/{index}");
                lowering.help(&at, "apiGroups, resources and verbs are all needed", help);
                return None;
            }
        }
        Some(Box::new(self.clone()))
    }
}
