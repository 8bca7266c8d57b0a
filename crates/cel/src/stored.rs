//! Compiled programs as bytes: whoever ships expressions whose texts are known beforehand ships what they compile to.
//!
//! ```text
//! text ─ compile ─▶ Program ─ StoredPrograms::write ─▶ bytes ─ StoredPrograms::program ─▶ the same Program
//! bytes: count, { digest of the text, length }*, { type, plan }*
//! ```
//!
//! A stored program is found by its text. It holds no code: a call names its overload by its row among [`super::functions`], with
//! a check that it is the row that was meant, so that bytes of another version are refused rather than run. Constants that are
//! no plain values (a duration that was folded) are not stored; their expressions are compiled.

mod bytes;
mod nodes;

use std::fmt;
use std::sync::Arc;

use super::declarations::Overload;
use super::profile::Profile;
use super::program::Program;
use bytes::digest;
pub(crate) use bytes::{Reader, Stored, Writer};

/// A function from outside by the id of its overload, as [`Env::declare_function`](super::declarations::Env::declare_function)
/// has it.
pub type Outside = fn(&str) -> Option<Arc<Overload>>;

/// The programs of a policy.
#[derive(Clone, Copy)]
pub struct StoredPrograms {
    bytes: &'static [u8],
    profile: Profile,
    outside: Outside,
}

impl fmt::Debug for StoredPrograms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, profile, outside: _ } = self;
        write!(f, "StoredPrograms({} bytes, {profile:?})", bytes.len())
    }
}

impl StoredPrograms {
    /// What [`StoredPrograms::write`] gave for programs of this CEL, whose functions from outside are these.
    #[must_use]
    pub fn new(bytes: &'static [u8], profile: Profile, outside: Outside) -> Self {
        Self { bytes, profile, outside }
    }

    /// No programs: every text is compiled.
    #[must_use]
    pub fn none(profile: Profile) -> Self {
        Self::new(&[], profile, |_| None)
    }

    /// Programs as bytes, in this order; those of equal texts once. What cannot be stored is left out.
    ///
    /// All of them are of one policy: a text means the same in each of its places.
    #[must_use]
    pub fn write<'p>(programs: impl IntoIterator<Item = &'p Program>) -> Vec<u8> {
        let mut stored: Vec<(u32, Vec<u8>)> = Vec::new();
        for program in programs {
            let key = digest(program.source().as_bytes());
            let mut to = Writer::default();
            if stored.iter().all(|(other, _)| *other != key) && program.store(&mut to).is_some() {
                stored.push((key, to.bytes));
            }
        }
        let mut all = Writer::default();
        all.number(stored.len() as u64);
        for (key, program) in &stored {
            all.bytes.extend(key.to_le_bytes());
            all.number(program.len() as u64);
        }
        stored.iter().for_each(|(_, program)| all.bytes.extend(program));
        all.bytes
    }

    /// What a text compiles to, if that is stored.
    #[must_use]
    pub fn program(&self, source: &str) -> Option<Program> {
        let key = digest(source.as_bytes());
        let mut heads = Reader::new(self.bytes, self.outside);
        let (mut before, mut found) = (0, None);
        for _ in 0..heads.number()? {
            let (own, length) = (heads.four()?, heads.number()? as usize);
            match found {
                None if own == key => found = Some(before..before + length),
                None => before += length,
                Some(_) => {}
            }
        }
        let mut from = Reader::new(heads.rest().get(found?)?, self.outside);
        Program::restore(source, self.profile, &mut from)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::declarations::{Env, EnvKind};
    use crate::program::Composition;
    use crate::types::Type;

    const OWN: &str = "own_call";

    fn outside(id: &str) -> Option<Arc<Overload>> {
        (id == OWN).then(|| Arc::new(Overload::global(OWN, [Type::String], Type::Dyn)))
    }

    fn environment() -> Env {
        let mut env = Env::new(Profile::NEWEST, EnvKind::Validation);
        env.declare_function("own.call", vec![Overload::global(OWN, [Type::String], Type::Dyn)]);
        env.declare_params();
        env
    }

    /// Every kind of node, path, constant, target, cost.
    const TEXTS: [&str; 27] = [
        "true",
        "object.spec.replicas <= 5 && !has(object.spec.paused)",
        "object.a.b[0]['c'].?d[?object.e].orValue(-1.0) == 2.5 || null == object.x",
        "(object.a ? object.b : object.c).d in ['x', 'y', 'x'] != (1 in [dyn(2u), dyn(3.0), dyn(true)])",
        "object.list.all(x, x.y > 1) ? object.list.map(x, x.y + 1) : object.list.filter(x, x in params.xs)",
        "object.m.exists(k, k == 'a') ? {dyn('a'): [dyn(1), dyn({'b': b'\\x00\\xff'})]} : {dyn(object.k): object.l, ?dyn('o'): object.?p}",
        "object.m.transformMap(k, v, v.size() > 1, k + string(v))",
        "object.list.exists_one(x, x.matches('^a+[^b]*$')) || 'abc'.find('[a-c]{2}') == ''",
        "[1, 2, 3].map(i, i * 2 - 1 / i % 3) == [] || -object.n >= int(object.s)",
        "quantity(object.q).isGreaterThan(quantity('1Gi'))",
        "ip(object.ip).family() == 4 && cidr('10.0.0.0/8').containsIP(object.ip)",
        "object.name.lowerAscii().split('-', 2).join('.').startsWith(object.p)",
        "url(object.u).getHost().contains('x') && semver('1.2.3').major() == 1",
        "sets.contains(object.a, [1]) || lists.range(3).reverse().slice(0, 1) == [[1]].flatten()",
        "optional.of(object.a).or(optional.none()).hasValue() ? dyn(1) : dyn('x')",
        "own.call(object.name) == own.call('x')",
        "type(object.a) == string || type(1) == int",
        "authorizer.group('').resource('pods').namespace(object.n).check('get').allowed()",
        "object.list.map(x, x > 1, [dyn(x), dyn(2u), dyn(0.5)])",
        "object.list.sortBy(x, x.n).distinct().sum() > object.list.min()",
        "request.operation == 'CREATE' && request.userInfo.username.endsWith('x')",
        "format.dns1123Label().validate(object.n).hasValue()",
        "'%s is %d'.format([object.a, 1]) + \"\\u00e9\"",
        "variables.first.size() > 1 && variables.first == ['a']",
        "object.created < timestamp(object.now) - duration(object.age)",
        "isIP(object.a) && isQuantity(object.b) && object.c == 18446744073709551615u && object.d < 0x7fffffffffffffff",
        "string(object.s).charAt(1).replace('a', 'b').indexOf('c') == object.d.substring(1).lastIndexOf('e')",
    ];

    fn all() -> Vec<Program> {
        let mut env = environment();
        let mut variables = Composition::default();
        variables.add(&mut env, "first", "object.items.map(i, i.name)").unwrap();
        TEXTS.iter().map(|text| variables.compile(text, &env).unwrap_or_else(|e| panic!("{e}"))).collect()
    }

    #[test]
    fn programs_are_read_as_they_were_written() {
        let programs = all();
        let bytes = StoredPrograms::write(&programs).leak();
        let stored = StoredPrograms::new(bytes, Profile::NEWEST, outside);
        for program in &programs {
            let read = stored.program(program.source());
            assert_eq!(format!("{:?}", read.as_ref()), format!("{:?}", Some(program)));
        }
        assert!(stored.program("object.unknown").is_none());
        assert!(StoredPrograms::none(Profile::NEWEST).program("true").is_none());
    }

    #[test]
    fn constants_that_are_no_plain_values_are_not_stored() {
        let program = Program::compile("object.age > duration('1h')", &environment()).unwrap();
        assert_eq!(StoredPrograms::write([&program]), [0]);
    }

    #[test]
    fn bytes_of_another_version_are_refused() {
        let program = Program::compile("object.a.startsWith('x')", &environment()).unwrap();
        let bytes = StoredPrograms::write([&program]);
        let read = |bytes: Vec<u8>| {
            StoredPrograms::new(bytes.leak(), Profile::NEWEST, outside).program(program.source())
        };
        assert!(read(bytes.clone()).is_some());
        // whatever byte is another one, and wherever the bytes end, nothing panics
        for at in 0..bytes.len() {
            assert!(read(bytes[..at].to_vec()).is_none(), "{at} bytes");
            for other in [0, 1, 2, 17, 127, 128, 255] {
                let mut damaged = bytes.clone();
                damaged[at] = other;
                let _ = read(damaged);
            }
        }
    }
}
