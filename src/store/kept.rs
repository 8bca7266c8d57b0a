//! What is in force while a process lives: the newest form of every policy that compiles, and of one that does not the
//! last form that did.
//!
//! ```text
//! sources ─▶ load ─▶ Selected {set, origins, refused} ─▶ Store::next ─▶ Snapshot {set, hash, kept} ─▶ Store::keep
//! ```
//!
//! One broken policy costs that policy: the others are in force, at the start as at a reload. A file that cannot be read at
//! all stands for every policy that came from it. A policy that is no longer there is not broken: it goes. Exceptions are kept
//! in the same way.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::finding::PolicyRef;

use super::PolicySet;
use super::entry::{Entry, RuleEntry};
use crate::check::Policy;
use crate::policy::exception::Exception;

/// Where a policy was read, and a digest of its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The file, as it was named; `embedded:…` for those of the library.
    pub file: String,
    /// Of the text of the policy.
    pub digest: u64,
}

/// Something that did not load.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The file, or the folder that could not be walked.
    pub file: String,
    /// Which policy of it, where that could be read.
    pub policy: Option<PolicyRef>,
}

impl Origin {
    /// Of a policy whose text this is.
    pub(super) fn of(file: String, text: &str) -> Self {
        Self { file, digest: digest(text.trim().as_bytes()) }
    }
}

impl Refused {
    /// Whether a policy that came from `origin` is meant.
    fn means(&self, policy: &PolicyRef, origin: &Origin) -> bool {
        match &self.policy {
            Some(refused) => refused == policy,
            None => Path::new(&origin.file).starts_with(&self.file),
        }
    }
}

/// The form of a policy or an exception that loaded last, and where it was read.
#[derive(Debug, Clone)]
struct LastGood {
    origin: Origin,
    form: Form,
}

#[derive(Debug, Clone)]
enum Form {
    Policy(Arc<Policy>),
    Exception(Arc<Exception>),
}

/// What is in force, or is to be.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The policies and exceptions that judge.
    pub set: Arc<PolicySet>,
    /// Of everything that decides how the set judges: two replicas with the same hash judge alike.
    pub hash: String,
    /// Of the policies and exceptions that do not load now, those that are in force in the last form that did.
    pub kept: Vec<PolicyRef>,
    good: BTreeMap<PolicyRef, LastGood>,
}

/// Remembers the last good form of every policy and exception in force.
#[derive(Debug, Default)]
pub struct Store {
    good: Mutex<BTreeMap<PolicyRef, LastGood>>,
}

impl Store {
    /// What would be in force after this loading.
    #[must_use]
    pub fn next(
        &self,
        set: PolicySet,
        mut origins: BTreeMap<PolicyRef, Origin>,
        refused: &[Refused],
    ) -> Snapshot {
        let loaded: BTreeMap<PolicyRef, Form> = forms(&set).collect();
        let broken = |(id, good): &(&PolicyRef, &LastGood)| {
            !loaded.contains_key(*id) && refused.iter().any(|refused| refused.means(id, &good.origin))
        };
        let last = self.good.lock().unwrap_or_else(PoisonError::into_inner);
        let mut good: BTreeMap<PolicyRef, LastGood> =
            last.iter().filter(broken).map(|(id, good)| (id.clone(), good.clone())).collect();
        let kept: Vec<PolicyRef> = good.keys().cloned().collect();
        let set = if kept.is_empty() { set } else { with(set, good.values()) };
        origins.extend(good.iter().map(|(id, good)| (id.clone(), good.origin.clone())));
        for (id, form) in loaded {
            if let Some(origin) = origins.get(&id) {
                good.insert(id, LastGood { origin: origin.clone(), form });
            }
        }
        Snapshot { hash: hash(&set, &origins), set: Arc::new(set), kept, good }
    }

    /// Takes note of what is in force now.
    pub fn keep(&self, snapshot: &Snapshot) {
        *self.good.lock().unwrap_or_else(PoisonError::into_inner) = snapshot.good.clone();
    }
}

fn forms(set: &PolicySet) -> impl Iterator<Item = (PolicyRef, Form)> {
    let policies = set.policies().iter();
    let exceptions = set.exceptions().iter();
    policies
        .map(|policy| (policy.id.clone(), Form::Policy(Arc::clone(policy))))
        .chain(exceptions.map(|one| (one.info.id.clone(), Form::Exception(Arc::clone(one)))))
}

/// The set with these beside what loaded.
fn with<'g>(set: PolicySet, kept: impl Iterator<Item = &'g LastGood>) -> PolicySet {
    let (mut policies, mut exceptions) = (set.policies().to_vec(), set.exceptions().to_vec());
    for good in kept {
        match &good.form {
            Form::Policy(policy) => policies.push(Arc::clone(policy)),
            Form::Exception(exception) => exceptions.push(Arc::clone(exception)),
        }
    }
    PolicySet::new(policies, set.templates().clone()).with_exceptions(exceptions)
}

/// Of everything that decides how a set judges.
#[must_use]
pub fn hash(set: &PolicySet, origins: &BTreeMap<PolicyRef, Origin>) -> String {
    let mut text = String::new();
    let digest_of = |id: &PolicyRef| origins.get(id).map_or(0, |origin| origin.digest);
    // writing to a String does not fail
    for entry in set.entries() {
        let _ = match entry {
            Entry::Read(policy) => write!(
                text,
                "{} {:x} {}",
                policy.id,
                digest_of(&policy.id),
                policy.parameters.root().to_json()
            ),
            Entry::Unmet(unmet) => {
                let id = unmet.id();
                write!(text, "{id} {:x} {}", digest_of(&id), unmet.parameters())
            }
        };
        for RuleEntry { code, actions, severity } in entry.rules() {
            let _ = write!(text, " {code} {actions} {}", severity.name());
        }
        text.push('\n');
    }
    for exception in set.exceptions() {
        let id = &exception.info.id;
        let _ = writeln!(text, "{id} {:x}", digest_of(id));
    }
    format!("{:016x}", digest(text.as_bytes()))
}

/// FNV-1a: the same on every machine, and nobody is kept out by it.
#[must_use]
pub fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::cel::profile::Profile;
    use crate::resource::workload::TemplatePaths;
    use crate::store::load::{Loaded, read_text};
    use crate::store::set::Adjustments;

    fn policy(name: &str, message: &str) -> String {
        format!(
            "apiVersion: plimsoll.dev/v1alpha1\nkind: ClusterManifestPolicy\nmetadata: {{name: {name}}}\nspec:\n  \
             match: {{kinds: [Pod]}}\n  rules: [{{name: r, validate: 'false', message: {message}}}]\n---\n"
        )
    }

    /// Loads files; the names in force, each with its message, those kept, and the hash.
    fn load(store: &Store, files: &[(&str, &str)]) -> (String, String, String) {
        let mut loaded = Loaded::default();
        for (name, text) in files {
            read_text(name, text, false, Profile::NEWEST, &mut loaded);
        }
        let (origins, refused) = (std::mem::take(&mut loaded.origins), std::mem::take(&mut loaded.refused));
        let set = loaded.into_set(&Adjustments::default(), TemplatePaths::default());
        let snapshot = store.next(set, origins, &refused);
        store.keep(&snapshot);
        let names = |ids: Vec<&PolicyRef>| ids.iter().map(|id| id.name.clone()).collect::<Vec<_>>().join(" ");
        let all = names(snapshot.set.policies().iter().map(|policy| &policy.id).collect());
        (all, names(snapshot.kept.iter().collect()), snapshot.hash)
    }

    #[test]
    fn one_broken_policy_costs_that_policy() {
        let store = Store::default();
        let (a, b, c) = (policy("a", "one"), policy("b", "one"), policy("c", "one"));
        let broken = b.replace("validate: 'false'", "validate: 'flase'");
        let both = format!("{a}{b}");
        // name of the step, files, in force, of them kept
        #[allow(clippy::type_complexity)] // a table
        let steps: &[(&str, &[(&str, &str)], &str, &str)] = &[
            (
                "broken at the start: the others are in force",
                &[("x.yaml", &format!("{a}{broken}")), ("y.yaml", &c)],
                "a c",
                "",
            ),
            ("it compiles", &[("x.yaml", &both), ("y.yaml", &c)], "a b c", ""),
            (
                "it breaks: its last good form stays",
                &[("x.yaml", &format!("{a}{broken}")), ("y.yaml", &c)],
                "a b c",
                "b",
            ),
            ("still", &[("x.yaml", &format!("{a}{broken}")), ("y.yaml", &c)], "a b c", "b"),
            (
                "its file cannot be read: all of it stays",
                &[("x.yaml", "kind: [a"), ("y.yaml", &c)],
                "a b c",
                "a b",
            ),
            ("another goes meanwhile", &[("x.yaml", "kind: [a")], "a b", "a b"),
            ("it is taken away", &[("x.yaml", &a)], "a", ""),
            ("and is not remembered", &[("x.yaml", &format!("{a}{broken}"))], "a", ""),
        ];
        for (step, files, in_force, kept) in steps {
            let (got, got_kept, _) = load(&store, files);
            assert_eq!((got.as_str(), got_kept.as_str()), (*in_force, *kept), "{step}");
        }
    }

    #[test]
    fn a_broken_exception_holds_in_its_last_good_form() {
        let store = Store::default();
        let exception = "apiVersion: plimsoll.dev/v1alpha1\nkind: ManifestException\nmetadata: {name: e}\nspec:\n  \
                         policies: [a]\n  match: {kinds: [Pod]}\n";
        let a = policy("a", "one");
        let with = |text: &str| load(&store, &[("x.yaml", &a), ("e.yaml", text)]);
        let (_, kept, good) = with(exception);
        assert_eq!(kept, "");
        assert_ne!(good, load(&Store::default(), &[("x.yaml", &a)]).2, "an exception decides, too");
        let (_, kept, hash) = with(&exception.replace("[Pod]", "[Pode]"));
        assert_eq!((kept.as_str(), &hash), ("e", &good));
        let (_, kept, hash) = load(&store, &[("x.yaml", &a)]);
        assert_eq!(kept, "");
        assert_ne!(hash, good, "one that is taken away is not broken");
    }

    #[test]
    fn the_hash_is_of_what_judges() {
        let store = Store::default();
        let hash = |files: &[(&str, &str)]| load(&store, files).2;
        let (a, b) = (policy("a", "one"), policy("b", "one"));
        let first = hash(&[("x.yaml", &format!("{a}{b}"))]);
        assert_eq!(first, hash(&[("y.yaml", &b), ("z.yaml", &a)]), "wherever it is written");
        let changed = hash(&[("x.yaml", &format!("{a}{}", policy("b", "two")))]);
        assert_ne!(first, changed);
        let broken = b.replace("validate", "valid");
        assert_eq!(
            changed,
            hash(&[("x.yaml", &format!("{a}{broken}"))]),
            "the last good form is what judges"
        );
    }
}
