//! Expressions that no object of the kinds that a policy is about has the fields for: `object.spec.replica`.
//!
//! At run time `object` has no type, as a policy may be about anything. Where it is about few kinds, their schemas tell what is
//! misspelt, as the API server's type checking does for policies of its own.

use std::sync::Arc;

use crate::cel::checker;
use crate::cel::declarations::Env;
use crate::cel::profile::Profile;
use crate::cel::types::Type;
use crate::check::Policy;
use crate::finding::PolicyPlace;
use crate::matching::{Kinds, Match, Target};
use crate::objects::custom::Definitions;
use crate::objects::schema;
use crate::objects::type_checking::{self, declare_kind};
use crate::policy::environment::environment;
use crate::resource::workload::TemplatePaths;

/// A policy about more kinds is not looked at, as the API server does (`maxTypesToCheck` in
/// apiserver pkg/admission/plugin/policy/validating/typechecking.go).
const MOST: usize = 10;

/// The kinds of a match that are named one by one.
fn named(matches: &Match) -> Option<&Kinds> {
    match matches {
        Match::Kinds(kinds) => Some(kinds),
        Match::All(all) => all.iter().find_map(named),
        _ => None,
    }
}

/// Group, version and kind of what a policy is about, where these are few.
fn kinds(policy: &Policy, minor: u8) -> Vec<(&'static str, &'static str, &'static str)> {
    let Some(kinds) = named(&policy.matches) else { return Vec::new() };
    let templates = TemplatePaths::default();
    let rows = schema::kinds().filter(|row| row.releases.contain(minor) && !row.resource.is_empty());
    let about: Vec<_> = rows
        .filter(|row| kinds.names(&Target::object(row.group, row.version, row.kind), &templates))
        .map(|row| (row.group, row.version, row.kind))
        .take(MOST + 1)
        .collect();
    if about.len() > MOST { Vec::new() } else { about }
}

/// What an expression of the policy may name, where the object is of a kind.
fn typed(policy: &Policy, kind: (&str, &str, &str), minor: u8, custom: &Definitions) -> Option<Env> {
    let mut env = environment(Profile::for_release(1, u32::from(minor)).0).with_keyword_fields();
    let object = declare_kind(kind, type_checking::Kinds { minor, custom }, &mut env)?;
    env.declare_variable("object", object.clone())
        .declare_variable("oldObject", object)
        .declare_variable("item", Type::Dyn)
        .declare_variable("index", Type::Int)
        .declare_variable("key", Type::Dyn)
        .declare_variable("role", Type::String)
        .declare_variable("container", Type::String);
    for (name, program) in policy.composition.named() {
        let checked = checker::compile(program.source(), &env).ok();
        let ty = checked.as_ref().map(checker::Checked::output_type);
        env.declare_policy_variable(name.to_owned(), ty);
    }
    Some(env)
}

/// The field that an expression reads and none of the kinds has. What else the types say against it is none of its faults: with
/// `orValue(null)` and the like it works, as at run time there are values and no types.
fn unknown_field(source: &str, environments: &[((&str, &str, &str), Env)]) -> Option<String> {
    let mut first = None;
    for (kind, env) in environments {
        let issues = checker::compile(source, env).err()?;
        let mut unknown = issues.iter().filter(|issue| issue.message.starts_with("undefined field "));
        // published types have no fields for lists of resources, for the API server as little as here
        let message = unknown
            .find(|issue| !["'limits'", "'requests'"].iter().any(|known| issue.message.ends_with(known)))?;
        first.get_or_insert(format!("{} has no such field: {}", kind.2, message.message));
    }
    first
}

/// A line for each expression that is wrong for all kinds that its policy is about.
pub(super) fn misspelt<'p>(policies: impl Iterator<Item = &'p Policy>, minor: u8) -> Vec<String> {
    let custom = Definitions::new();
    let mut lines = Vec::new();
    for policy in policies {
        let environments: Vec<_> = kinds(policy, minor)
            .into_iter()
            .filter_map(|kind| Some((kind, typed(policy, kind, minor, &custom)?)))
            .collect();
        if environments.is_empty() {
            continue;
        }
        let name = &policy.id.name;
        let mut tell = |source: &str, place: Option<String>| {
            if let Some(unknown) = unknown_field(source, &environments) {
                let at = place.map_or_else(String::new, |place| format!("{place}: "));
                lines.push(format!("{at}policy {name}: {unknown}; `plimsoll explain KIND` lists the fields"));
            }
        };
        let place = |place: &Option<Arc<PolicyPlace>>| place.as_ref().map(|place| format!("{place:?}"));
        for (_, program) in policy.composition.named() {
            tell(program.source(), None);
        }
        for rule in &policy.rules {
            for expression in rule.check.expressions() {
                tell(expression.source(), place(&expression.place));
            }
            if let Some(template) = rule.check.message() {
                for quoted in template.quoted() {
                    tell(&quoted.source, place(&template.place));
                }
            }
        }
    }
    lines.dedup();
    lines
}
