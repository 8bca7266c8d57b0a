//! What the webhook answers to a finding.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

/// One thing that the webhook may do about a finding; the last is the strongest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Action {
    /// The finding stands in the audit annotations only.
    Audit,
    /// The user is warned.
    Warn,
    /// The request is denied.
    Deny,
}

impl Action {
    /// Strongest first.
    const ALL: [Self; 3] = [Self::Deny, Self::Warn, Self::Audit];

    /// The name in reports and policies.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Audit => "Audit",
            Self::Warn => "Warn",
            Self::Deny => "Deny",
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// All that the webhook does about a finding: a set of [`Action`]s, as `validationActions` of a
/// ValidatingAdmissionPolicyBinding is one. Empty for what the webhook is not asked about.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Actions(u8);

impl Actions {
    /// The set as a number, another one for each.
    #[must_use]
    pub fn bits(self) -> u8 {
        self.0
    }

    /// Whether this is one of them.
    #[must_use]
    pub fn contains(self, action: Action) -> bool {
        self.0 & action.bit() != 0
    }

    /// What decides whether the request may go on.
    #[must_use]
    pub fn strongest(self) -> Option<Action> {
        self.iter().next()
    }

    /// The actions, strongest first.
    pub fn iter(self) -> impl Iterator<Item = Action> {
        Action::ALL.into_iter().filter(move |action| self.contains(*action))
    }

    /// With those of another set.
    #[must_use]
    pub fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// With `highest` in the place of what is stronger.
    #[must_use]
    pub fn at_most(self, highest: Action) -> Self {
        self.iter().map(|action| action.min(highest)).collect()
    }
}

impl From<Action> for Actions {
    fn from(action: Action) -> Self {
        Self(action.bit())
    }
}

impl FromIterator<Action> for Actions {
    fn from_iter<I: IntoIterator<Item = Action>>(actions: I) -> Self {
        actions.into_iter().map(Self::from).fold(Self::default(), Self::and)
    }
}

/// The names, strongest first: `Deny, Audit`.
impl fmt::Display for Actions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, action) in self.iter().enumerate() {
            f.write_str(if at > 0 { ", " } else { "" })?;
            f.write_str(action.name())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Actions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// A list of names, strongest first.
impl Serialize for Actions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::Action::{Audit, Deny, Warn};
    use super::*;

    #[test]
    fn a_set_is_lowered_action_by_action() {
        for (actions, highest, expected, strongest) in [
            (&[Deny, Audit][..], Deny, "Deny, Audit", Some(Deny)),
            (&[Audit, Deny], Warn, "Warn, Audit", Some(Warn)),
            (&[Deny, Warn], Warn, "Warn", Some(Warn)),
            (&[Warn, Audit], Audit, "Audit", Some(Audit)),
            (&[], Deny, "", None),
        ] {
            let lowered = actions.iter().copied().collect::<Actions>().at_most(highest);
            assert_eq!((lowered.to_string().as_str(), lowered.strongest()), (expected, strongest));
        }
    }
}
