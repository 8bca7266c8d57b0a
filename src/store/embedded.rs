//! The policy library that is part of the binary: everything under `policies/` but examples and tests.

use std::sync::LazyLock;

use super::outline::{Outline, RuleOutline};
use crate::finding::{Action, Severity};
use crate::packed::packed;

include!(concat!(env!("OUT_DIR"), "/embedded_policies.rs"));

/// The files of the library: path below `policies/`, and text, in the order of the paths.
#[must_use]
pub fn files() -> &'static [(&'static str, &'static str)] {
    FILES
}

/// What messages call a file of the library: this, and its path.
pub(super) const PREFIX: &str = "embedded:";

/// The text of the file that messages call so.
pub(super) fn text(name: &str) -> Option<&'static str> {
    let path = name.strip_prefix(PREFIX)?;
    FILES.binary_search_by_key(&path, |(path, _)| path).ok().map(|at| FILES[at].1)
}

/// What is known of the policy of each of these files before it is read, in the same order.
#[must_use]
pub fn outlines() -> &'static [Outline] {
    &OUTLINES
}

/// The tests of the library: path below `policies/`, and text, in the order of the paths. `build.rs` compressed them:
/// half a megabyte that only explanations show.
pub fn tests() -> impl Iterator<Item = (&'static str, &'static str)> {
    static TESTS: LazyLock<String> = LazyLock::new(|| packed!("policy_tests"));
    let mut parts = TESTS.split_terminator('\0');
    std::iter::from_fn(move || parts.next().zip(parts.next()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cel::profile::Profile;
    use crate::matching::Kinds;
    use crate::store::load::{Loaded, read_own, read_text};
    use crate::store::ready;

    #[test]
    fn tests_are_those_of_the_folder() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
        for (name, text) in tests() {
            assert_eq!(std::fs::read_to_string(folder.join(name)).ok().as_deref(), Some(text), "{name}");
        }
        assert!(tests().count() > 100, "{}", tests().count());
    }

    #[test]
    fn texts_are_found_by_what_messages_call_them() {
        for (name, own) in files() {
            assert_eq!(text(&format!("{PREFIX}{name}")), Some(*own));
            assert_eq!(text(name), None);
        }
        assert_eq!(text("embedded:no/such.yaml"), None);
    }

    #[test]
    fn everything_that_the_library_says_compiles() {
        for (name, text) in files() {
            for profile in Profile::ALL {
                // as text of a file: messages of the library are compiled when they are told
                let mut loaded = Loaded::default();
                read_text(name, text, false, profile, &mut loaded);
                assert_eq!(loaded.errors.len(), 0, "{name}: {:?}", loaded.errors);
            }
        }
    }

    /// What waits until it is run is compiled to what it is compiled to at once.
    #[test]
    fn expressions_that_wait_are_the_same() {
        let mut compared = 0;
        for outline in outlines() {
            for profile in Profile::ALL {
                let (later, now) = (
                    read_own(outline, profile, Some(ready::programs(outline, profile))),
                    read_own(outline, profile, None),
                );
                assert_eq!(later.parameters.root().to_json(), now.parameters.root().to_json());
                assert_eq!((later.reads, later.rules.len()), (now.reads, now.rules.len()));
                let rules = later.rules.iter().zip(&now.rules);
                let expressions = rules.flat_map(|(one, other)| {
                    assert_eq!(one.info, other.info);
                    one.check.expressions().into_iter().zip(other.check.expressions())
                });
                for (one, other) in expressions {
                    assert_eq!((one.source(), &one.place), (other.source(), &other.place));
                    assert_eq!(format!("{:?}", one.program()), format!("{:?}", other.program()));
                    compared += 1;
                }
                for (one, other) in later.composition.named().zip(now.composition.named()) {
                    assert_eq!(format!("{one:?}"), format!("{other:?}"));
                    compared += 1;
                }
            }
        }
        assert!(compared > 800, "{compared} expressions");
    }

    #[test]
    fn outlines_say_what_policies_say_in_every_profile() {
        for (outline, (name, text)) in outlines().iter().zip(files()) {
            for profile in Profile::ALL {
                let mut loaded = Loaded::default();
                read_text(&format!("{PREFIX}{name}"), text, true, profile, &mut loaded);
                assert_eq!(loaded.errors.len(), 0, "{name}: {:?}", loaded.errors);
                let [(policy, _)] = &loaded.policies[..] else { panic!("{name}: one policy a file") };
                assert_eq!(files()[outline.file].0, *name);
                assert_eq!(outline.id(), policy.id);
                assert_eq!(loaded.origins.get(&policy.id), Some(&outline.origin()), "{name}");
                assert_eq!(outline.packs, policy.about.packs, "{name}");
                assert_eq!(outline.category, policy.about.category.as_deref(), "{name}");
                assert_eq!(outline.parameters, policy.parameters.root().to_json(), "{name}");
                assert_eq!(outline.declares_templates, !policy.templates.is_empty(), "{name}");
                let minor = policy.about.annotations.get("plimsoll.dev/minor-version");
                assert_eq!(outline.minor_version, minor.map(String::as_str), "{name}");
                let kinds = Kinds::parse(outline.kinds).expect("they are those of the policy");
                for declared in [false, true] {
                    assert_eq!(kinds.index_by(declared), policy.matches.index_by(declared), "{name}");
                }
                assert_eq!(kinds.has_subresources(), policy.matches.has_subresources(), "{name}");
                let rules = policy.rules.iter().map(|rule| {
                    (rule.info.code.as_str(), rule.severity, rule.actions, rule.mutates, rule.packs.clone())
                });
                let outlined = outline.rules.iter().map(|rule| {
                    let packs = rule.packs.iter().map(|pack| (*pack).to_owned()).collect();
                    (rule.code, rule.severity, rule.action.into(), rule.mutates, packs)
                });
                assert_eq!(outlined.collect::<Vec<_>>(), rules.collect::<Vec<_>>(), "{name}");
            }
        }
    }
}
