//! What of a list's element decides a rule: elements that are alike there give the same result.
//!
//! A Pod with thousands of containers has few kinds of them. What [`crate::cel::reads`] tells of an expression says which
//! members of the element it looks at, so that it runs once for all elements that are equal in these.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::cel::program::Program;
use crate::cel::reads::{Composed, Part, reads};

/// The variables that an element is seen through.
const ROOTS: [&str; 4] = ["item", "index", "role", "key"];

/// The parts of an element that decide a rule.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Alike {
    /// The members that are read, in order; `None`: all of the element.
    pub(crate) members: Option<Vec<Arc<str>>>,
    /// Whether the role of a container is read.
    pub(crate) role: bool,
}

impl Alike {
    /// Of expressions over one element; `None` where more than its content decides: its place in the list, or what cannot
    /// be told.
    #[must_use]
    pub(crate) fn of<'p>(programs: impl IntoIterator<Item = &'p Program>) -> Option<Self> {
        let mut members = Some(BTreeSet::new());
        let mut role = false;
        for program in programs {
            // the policy's own variables see no element
            for read in reads(&program.ast(), &ROOTS, &Composed::default())? {
                match (read.root.name(), read.parts.first()) {
                    ("item", Some(Part::Key(member) | Part::In(member))) => {
                        if let Some(members) = &mut members {
                            members.insert(member.clone());
                        }
                    }
                    ("item", _) => members = None,
                    ("role", _) => role = true,
                    _ => return None,
                }
            }
        }
        Some(Self { members: members.map(|members| members.into_iter().collect()), role })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::cel::checker::compile;
    use crate::cel::declarations::{Env, EnvKind};
    use crate::cel::profile::Profile;
    use crate::cel::program::Composition;
    use crate::cel::types::Type;

    #[test]
    fn what_decides_a_rule() {
        let mut env = Env::new(Profile::NEWEST, EnvKind::Validation);
        for name in ROOTS {
            env.declare_variable(name, Type::Dyn);
        }
        let of = |names: &[&str], role| {
            let members = Some(names.iter().map(|&name| name.into()).collect());
            Some(Alike { members, role })
        };
        let whole = || Some(Alike { members: None, role: false });
        for (source, expected) in [
            ("item.?securityContext.?privileged.orValue(false) != true", of(&["securityContext"], false)),
            ("has(item.b) && item.a.c == 1", of(&["a", "b"], false)),
            ("'x' in item && item['y'] == 2", of(&["x", "y"], false)),
            ("object.spec.containers.exists(c, c.name == item.name)", of(&["name"], false)),
            ("object.metadata.name == 'x'", of(&[], false)),
            ("[1].all(item, item > 0)", of(&[], false)),
            ("[item].map(i, i.name)[0] == 'x'", of(&["name"], false)),
            ("role == 'init' || has(item.a)", of(&["a"], true)),
            ("item == 'x'", whole()),
            ("type(item) != string || item.size() > 1", whole()),
            ("size(item) > 1", whole()),
            ("item.all(k, k != 'a')", whole()),
            ("item[object.metadata.name] == 'x'", whole()),
            ("item.name == 'x' && index > 0", None),
            ("string(key).startsWith('a')", None),
        ] {
            let checked = compile(source, &env).unwrap_or_else(|e| panic!("{source}: {e}"));
            let program = Program::plan(checked, &env, &Composition::default()).unwrap();
            assert_eq!(Alike::of([&program]), expected, "{source}");
        }
    }
}
