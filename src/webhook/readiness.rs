//! Whether traffic may come: a list of named conditions, all of which must hold.
//!
//! Ready means policies compiled, reflectors synced, certificate loaded, listener bound, and not draining. A peer
//! that says *ready* before its policies are compiled admits what it should deny.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

/// One thing that must hold. A condition that was never reported is not met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// Whether it holds.
    pub met: bool,
    /// What a person reads at `/readyz`.
    pub detail: String,
}

/// The conditions, shared by all who report and by the admin port.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<Mutex<BTreeMap<&'static str, Condition>>>);

impl Readiness {
    /// With these conditions to be met before anything is ready.
    #[must_use]
    pub fn waiting_for(names: &[&'static str]) -> Self {
        let readiness = Readiness::default();
        for name in names {
            readiness.report(name, false, "not yet");
        }
        readiness
    }

    /// Reports a condition; one that was not waited for so far is from now on.
    pub fn report(&self, name: &'static str, met: bool, detail: impl Into<String>) {
        self.lock().insert(name, Condition { met, detail: detail.into() });
    }

    /// Whether all conditions hold.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.lock().values().all(|condition| condition.met)
    }

    /// One line for each condition, sorted by name.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (name, Condition { met, detail }) in self.lock().iter() {
            let sign = if *met { '+' } else { '-' };
            writeln!(text, "[{sign}] {name}: {detail}").expect("a String takes everything");
        }
        text
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<&'static str, Condition>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_conditions_count() {
        let readiness = Readiness::waiting_for(&["policies", "certificate"]);
        assert!(!readiness.is_ready());
        readiness.report("policies", true, "12 loaded");
        assert!(!readiness.is_ready());
        readiness.report("certificate", true, "until 2026-12-01");
        assert!(readiness.is_ready());
        readiness.report("shutdown", false, "draining");
        assert!(!readiness.is_ready());
        assert_eq!(
            readiness.text(),
            "[+] certificate: until 2026-12-01\n[+] policies: 12 loaded\n[-] shutdown: draining\n"
        );
    }
}
