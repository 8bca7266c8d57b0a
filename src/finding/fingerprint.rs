//! What makes two findings one, in another version of the object or another run.
//!
//! ```text
//!                       rule   judged   place   object
//! existing (webhook)     ✓       ✓       (✓)            the old object had it
//! baseline, JSON         ✓       ✓        ✓       ✓     an earlier run had it
//! ```
//!
//! The *judged* content is what the rule looked at: the parts that its expressions read of the object or of the element
//! of `forEach`, and the node that the finding points at; of a rule in Rust what it says it looked at. Words, lines, file
//! names and indexes are not in it. The *place* has list items by their merge keys.

use std::fmt;

use ring::digest::{SHA256, digest};

use super::RuleInfo;

/// A digest of something, by SHA-256. `resource::digest` makes that of a value.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of these bytes.
    #[must_use]
    pub fn of(form: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, form).as_ref());
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| f.write_str(ascii(&digits(*byte))))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The hexadecimal digits of a byte, in ASCII.
fn digits(byte: u8) -> [u8; 2] {
    [byte >> 4, byte & 15].map(|digit| b"0123456789abcdef"[usize::from(digit)])
}

fn ascii(digits: &[u8]) -> &str {
    str::from_utf8(digits).expect("digits are ASCII")
}

/// A digest of several, in their order.
#[must_use]
pub fn combine<'p>(parts: impl IntoIterator<Item = &'p [u8]>) -> Digest {
    let mut form = Vec::with_capacity(256);
    parts.into_iter().for_each(|part| write_part(&mut form, part));
    Digest::of(&form)
}

/// With its length before it, so that no two lists of parts run together.
pub(crate) fn write_part(form: &mut Vec<u8>, part: &[u8]) {
    form.extend((part.len() as u64).to_be_bytes());
    form.extend(part);
}

/// What a finding is of, within its object and beside its rule.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fingerprint {
    /// The place, list items by their merge keys.
    pub place: String,
    /// The digest of what was judged; `None`: nothing of the object was, so no earlier version can have had the finding.
    pub judged: Option<Digest>,
    /// Whether the judged content may be secret. Its digest then stays inside: a short secret can be guessed from one.
    pub secret: bool,
    /// What reports and baselines have, once that is [settled](Fingerprint::settle); in place of the digest from then on.
    pub printed: Option<Print>,
}

/// A fingerprint as reports and baselines have it, told of object and rule as well: 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Print([u8; 16]);

impl Print {
    /// What is shown of a digest.
    #[must_use]
    pub fn of(digest: Digest) -> Self {
        let mut print = Self::default();
        print.0.copy_from_slice(&digest.0[..16]);
        print
    }

    /// As it is shown, in ASCII.
    #[must_use]
    pub fn digits(self) -> [u8; 32] {
        let mut all = [0; 32];
        for (pair, byte) in all.as_chunks_mut::<2>().0.iter_mut().zip(self.0) {
            *pair = digits(byte);
        }
        all
    }
}

impl serde::Serialize for Print {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(ascii(&self.digits()))
    }
}

impl fmt::Display for Print {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(ascii(&self.digits()))
    }
}

/// The object of a finding, as a fingerprint in a report names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfObject<'o> {
    /// The API group; the version is left out, so that an upgrade of it changes nothing.
    pub group: &'o str,
    /// The object's kind, without group and version.
    pub kind: &'o str,
    /// The namespace; empty for objects of the whole cluster.
    pub namespace: &'o str,
    /// The name; where the server makes it, which of its like in the file the object is.
    pub name: Result<&'o str, usize>,
}

impl Fingerprint {
    /// Makes what reports and baselines have; the digest is part of it, and is given up.
    pub fn settle(&mut self, rule: &RuleInfo, object: OfObject<'_>) {
        self.printed = Some(self.in_report(rule, object));
        self.judged = None;
    }

    /// The fingerprint as reports and baselines have it, the same in every version of Plimsoll.
    #[must_use]
    pub fn in_report(&self, rule: &RuleInfo, object: OfObject<'_>) -> Print {
        if let Some(printed) = self.printed {
            return printed;
        }
        let OfObject { group, kind, namespace, name } = object;
        let ordinal = name.err().map(|ordinal| format!("#{ordinal}"));
        let policy = rule.policy.as_ref();
        let judged = self.judged.filter(|_| !self.secret);
        let parts: [&[u8]; 9] = [
            policy.map_or("", |p| p.kind).as_bytes(),
            policy.and_then(|p| p.namespace.as_deref()).unwrap_or_default().as_bytes(),
            rule.code.as_bytes(),
            group.as_bytes(),
            kind.as_bytes(),
            namespace.as_bytes(),
            name.ok().or(ordinal.as_deref()).unwrap_or_default().as_bytes(),
            self.place.as_bytes(),
            judged.as_ref().map_or(&[][..], |judged| judged.bytes()),
        ];
        Print::of(combine(parts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::PolicyRef;

    #[test]
    fn what_is_in_a_fingerprint_and_what_is_not() {
        let rule = |code: &str, kind| RuleInfo {
            code: code.to_owned(),
            policy: Some(PolicyRef { kind, namespace: None, name: "p".to_owned() }),
            remediation: Some(code.to_uppercase()),
            references: Vec::new(),
            includes: Vec::new(),
            fail_closed: code.len() > 3,
            written: None,
        };
        let object = OfObject { group: "apps", kind: "Deployment", namespace: "shop", name: Ok("web") };
        let print =
            Fingerprint { place: "/spec".into(), judged: Some(Digest([7; 32])), ..Fingerprint::default() };
        let base = print.in_report(&rule("p/r", "ClusterManifestPolicy"), object);
        // baselines hold these
        assert_eq!(base.to_string(), "f1243abe6bec415f8ebcf2188584a2a5");
        let mut settled = print.clone();
        settled.settle(&rule("p/r", "ClusterManifestPolicy"), object);
        assert_eq!(settled.judged, None);
        assert_eq!(settled.in_report(&rule("p/r", "ClusterManifestPolicy"), object), base);
        let others = [
            print.in_report(&rule("p/s", "ClusterManifestPolicy"), object),
            print.in_report(&rule("p/r", "ManifestPolicy"), object),
            print.in_report(&rule("p/r", "ClusterManifestPolicy"), OfObject { name: Ok("api"), ..object }),
            print.in_report(&rule("p/r", "ClusterManifestPolicy"), OfObject { name: Err(0), ..object }),
            print.in_report(&rule("p/r", "ClusterManifestPolicy"), OfObject { name: Err(1), ..object }),
            Fingerprint { place: "/spec/x".into(), ..print.clone() }
                .in_report(&rule("p/r", "ClusterManifestPolicy"), object),
            Fingerprint { judged: None, ..print.clone() }
                .in_report(&rule("p/r", "ClusterManifestPolicy"), object),
        ];
        for (index, other) in others.iter().enumerate() {
            assert_ne!(*other, base, "{index}");
        }
        let secret = |judged| Fingerprint { judged, secret: true, ..print.clone() };
        let rule = rule("p/r", "ClusterManifestPolicy");
        let digests = [None, Some(Digest([1; 32])), Some(Digest([2; 32]))];
        let printed = digests.map(|judged| secret(judged).in_report(&rule, object));
        assert!(printed.iter().all(|other| *other == printed[0]), "a secret is not in it: {printed:?}");
    }
}
