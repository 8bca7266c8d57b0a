//! The policy library that is part of the binary: everything under `policies/` but examples and tests.

use std::sync::LazyLock;

use crate::packed::packed;

include!(concat!(env!("OUT_DIR"), "/embedded_policies.rs"));

/// The files of the library: path below `policies/`, and text, in the order of the paths.
#[must_use]
pub fn files() -> &'static [(&'static str, &'static str)] {
    FILES
}

/// As [`files`], each with the packs that it names: those of its policies and of their rules.
pub fn with_packs() -> impl Iterator<Item = ((&'static str, &'static str), &'static [&'static str])> {
    FILES.iter().copied().zip(PACKS.iter().copied())
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
    use std::collections::BTreeSet;

    use super::*;
    use crate::cel::profile::Profile;
    use crate::store::load::{Loaded, read_text};

    #[test]
    fn tests_are_those_of_the_folder() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
        for (name, text) in tests() {
            assert_eq!(std::fs::read_to_string(folder.join(name)).ok().as_deref(), Some(text), "{name}");
        }
        assert!(tests().count() > 200, "{}", tests().count());
    }

    #[test]
    fn files_name_the_packs_of_their_policies() {
        for ((name, text), packs) in with_packs() {
            let mut loaded = Loaded::default();
            read_text(name, text, true, Profile::NEWEST, &mut loaded);
            let policies = loaded.policies.iter().map(|(policy, _)| policy);
            let of_all = policies.flat_map(|policy| {
                policy.about.packs.iter().chain(policy.rules.iter().flat_map(|rule| &rule.packs))
            });
            let said: BTreeSet<&str> = of_all.map(String::as_str).collect();
            assert_eq!(packs.iter().copied().collect::<BTreeSet<_>>(), said, "{name}");
        }
    }
}
