//! Rules that a policy `includes`, and that nobody has.
//!
//! Loading takes such a name without a word: what it names may be in a pack that does not run, or in a policy of another
//! folder. Whoever checks a policy wants to know of the misspelt ones.

use std::collections::BTreeSet;

use crate::check::Policy;
use crate::nearest::nearest;

/// What `includes` of these policies names that is neither among them nor in the library, a line each.
#[must_use]
pub fn unknown_includes<'p>(
    policies: impl Iterator<Item = &'p Policy> + Clone,
    library: impl Iterator<Item = &'p Policy>,
) -> Vec<String> {
    let mut known = BTreeSet::new();
    for policy in policies.clone().chain(library) {
        known.insert(policy.id.name.clone());
        known.extend(policy.rules.iter().map(|rule| rule.info.code.clone()));
    }
    let rules = policies.flat_map(|policy| &policy.rules);
    let named = rules.flat_map(|rule| rule.info.includes.iter().map(move |name| (rule, name)));
    named
        .filter(|(_, name)| !known.contains(name.as_str()))
        .map(|(rule, name)| {
            let help = match nearest(name, known.iter().map(String::as_str)) {
                Some(meant) => format!(": did you mean {meant}?"),
                None => String::new(),
            };
            format!(
                "{} includes {name}, which is neither here nor in the embedded library{help}",
                rule.info.code
            )
        })
        .collect()
}
