//! What reading the library gives, as part of the program.
//!
//! Reading the YAML of a policy and compiling its expressions takes ten times as long as reading what comes of them, and a run
//! over a few files does little else. So `ready.bin` has the document of each policy of the library, as
//! [`Document::store`] writes it, and its programs, as [`crate::cel::stored`] does, found by the digest of the policy's text. The
//! text of a policy that was changed since is read, and its expressions are compiled, as they are in every CEL but the newest:
//! that file only makes runs faster.
//!
//! `PLIMSOLL_UPDATE=1 cargo test --lib store::ready` writes it anew; without, that test tells whether it is what reading gives.
//!
//! ```text
//! ready.bin: count, { digest of the policy's text, length of its document, of its programs }*, { document, programs }*
//! ```
//!
//! Numbers are of 4 bytes, digests of 8, the lowest byte first.

use super::outline::Outline;
use crate::cel::profile::Profile;
use crate::cel::stored::StoredPrograms;
use crate::document::Document;
use crate::policy::environment::own_overload;

static ALL: &[u8] = include_bytes!("ready.bin");

/// What is stored of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ready {
    document: &'static [u8],
    programs: &'static [u8],
}

impl Ready {
    /// Of a policy of the library; `None` where it was changed since.
    pub(super) fn of(outline: &Outline) -> Option<Self> {
        Self::find(ALL, outline.digest)
    }

    /// Its document, given its text.
    pub(super) fn document(self, text: &str) -> Option<Document<'_>> {
        Document::restore(text, self.document)
    }

    fn find(all: &'static [u8], digest: u64) -> Option<Self> {
        let (count, rest) = all.split_first_chunk()?;
        let count = usize::try_from(u32::from_le_bytes(*count)).ok()?;
        let (heads, mut stored) = rest.split_at_checked(count.checked_mul(16)?)?;
        for head in heads.as_chunks::<16>().0 {
            let (own, lengths) = head.split_first_chunk()?;
            let lengths = u64::from_le_bytes(lengths.try_into().ok()?);
            let [document, programs] = [lengths & u64::from(u32::MAX), lengths >> 32];
            let (document, rest) = stored.split_at_checked(usize::try_from(document).ok()?)?;
            let (programs, rest) = rest.split_at_checked(usize::try_from(programs).ok()?)?;
            if u64::from_le_bytes(*own) == digest {
                return Some(Self { document, programs });
            }
            stored = rest;
        }
        None
    }
}

/// The programs of a policy of the library; none where they are to be compiled.
pub(super) fn programs(outline: &Outline, profile: Profile) -> StoredPrograms {
    match Ready::of(outline).filter(|_| profile == Profile::NEWEST) {
        Some(ready) => StoredPrograms::new(ready.programs, profile, own_overload),
        None => StoredPrograms::none(profile),
    }
}

#[cfg(test)]
mod tests {
    use std::env;

    use super::*;
    use crate::cel::program::Program;
    use crate::check::Policy;
    use crate::manifest::compose::compose;
    use crate::store::embedded::{files, outlines};
    use crate::store::load::read_own;

    /// All that a policy says, compiled: variables, expressions of rules, those of messages.
    fn compiled(policy: &Policy) -> Vec<&Program> {
        let mut all: Vec<&Program> = policy.composition.programs().collect();
        for rule in &policy.rules {
            all.extend(rule.check.expressions().into_iter().map(|expression| expression.program()));
            let message = rule.check.message();
            all.extend(message.into_iter().flat_map(|message| {
                message.quoted().map(|quoted| {
                    quoted.program(&message.env, &policy.composition).expect("the library compiles")
                })
            }));
        }
        all
    }

    /// The document of a policy as its text has it.
    fn read(outline: &Outline) -> Document<'static> {
        let text = files()[outline.file].1;
        let composed = compose(text, 0..text.len()).expect("the library can be read");
        composed.document.expect("a policy")
    }

    fn written() -> Vec<u8> {
        let (mut heads, mut stored) = (Vec::new(), Vec::new());
        heads.extend((outlines().len() as u32).to_le_bytes());
        for outline in outlines() {
            let policy = read_own(outline, Profile::NEWEST, None);
            let (document, programs) = (read(outline).store(), StoredPrograms::write(compiled(&policy)));
            heads.extend(outline.digest.to_le_bytes());
            heads.extend((document.len() as u32).to_le_bytes());
            heads.extend((programs.len() as u32).to_le_bytes());
            stored.extend([document, programs].concat());
        }
        heads.extend(stored);
        heads
    }

    #[test]
    fn the_file_is_what_reading_gives() {
        let written = written();
        if env::var_os("PLIMSOLL_UPDATE").is_some() {
            std::fs::write(concat!(env!("CARGO_MANIFEST_DIR"), "/src/store/ready.bin"), written)
                .expect("the folder of the source can be written");
            return;
        }
        let again = "PLIMSOLL_UPDATE=1 cargo test --lib store::ready writes it anew";
        assert!(written == ALL, "src/store/ready.bin is not what the library gives; {again}");
    }

    #[test]
    fn what_is_stored_is_what_reading_gives() {
        let (mut programs_read, mut not_stored) = (0, Vec::new());
        for outline in outlines() {
            let text = files()[outline.file].1;
            let document = Ready::of(outline).and_then(|ready| ready.document(text));
            let document = document.expect("every policy is stored");
            assert_eq!(format!("{document:?}"), format!("{:?}", read(outline)));
            let policy = read_own(outline, Profile::NEWEST, None);
            let stored = programs(outline, Profile::NEWEST);
            for program in compiled(&policy) {
                match stored.program(program.source()) {
                    Some(other) => assert_eq!(format!("{other:?}"), format!("{program:?}")),
                    None => not_stored.push(program.source().to_owned()),
                }
                programs_read += 1;
            }
            assert!(programs(outline, Profile::V1_36).program("true").is_none(), "of another CEL");
        }
        assert!(programs_read > 600, "{programs_read} expressions");
        assert_eq!(not_stored, [""; 0]);
    }

    #[test]
    fn a_policy_that_is_not_stored_is_not_found() {
        assert_eq!(Ready::find(ALL, 1), None);
        assert_eq!(Ready::find(&[], 1), None);
        assert_eq!(Ready::find(&[255; 40], 1), None);
        static ONE: [u8; 23] = [1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 7, 8, 9];
        let found = Some(Ready { document: &[7, 8], programs: &[9] });
        assert_eq!(Ready::find(&ONE, 1), found);
        assert_eq!(Ready::find(&ONE, 2), None);
        assert_eq!(Ready::find(&ONE[..22], 1), None);
    }
}
