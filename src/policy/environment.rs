//! What expressions of native policies may name.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use super::expression::overload;
use crate::cel::declarations::{Env, EnvKind, Overload};
use crate::cel::profile::Profile;
use crate::cel::types::Type;

/// What an expression of a rule may name, variables apart.
#[must_use]
pub fn environment(profile: Profile) -> Env {
    declared(profile, EnvKind::Validation)
}

/// What every policy may name in expressions of this kind. It is made once, as there are many policies.
#[must_use]
pub fn declared(profile: Profile, kind: EnvKind) -> Env {
    static MADE: Mutex<Vec<Env>> = Mutex::new(Vec::new());
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(env) = made.iter().find(|env| (env.profile(), env.kind()) == (profile, kind)) {
        return env.clone();
    }
    let mut env = Env::new(profile, kind);
    declare(&mut env);
    made.push(env.clone());
    env
}

/// What expressions below `forEach` may name as well.
pub fn declare_element(env: &mut Env) {
    env.declare_variable("item", Type::Dyn)
        .declare_variable("index", Type::Int)
        .declare_variable("key", Type::Dyn)
        .declare_variable("role", Type::String);
}

fn declare(env: &mut Env) {
    let object = || Type::Dyn;
    env.declare_params()
        .declare_variable("podSpec", object())
        .declare_variable("podMetadata", object())
        .declare_variable("allContainers", Type::List(Arc::new(Type::Dyn)));
    for (name, overloads) in FUNCTIONS.iter() {
        env.declare_shared(*name, overloads);
    }
}

/// A name, and the overloads that it has.
type Function = (&'static str, Vec<Arc<Overload>>);

/// Our functions.
static FUNCTIONS: LazyLock<[Function; 5]> = LazyLock::new(|| {
    let text = || Type::String;
    let list = || Type::List(Arc::new(Type::Dyn));
    let parts = Type::Map(Arc::new((Type::String, Type::String)));
    let get = Overload::global(overload::GET, [text(), text(), text(), text()], Type::Dyn);
    let known = Overload::global(overload::KNOWN, [text(), text(), text(), text()], Type::Bool);
    let all = Overload::global(overload::LIST, [text(), text(), text()], list());
    let selected = Overload::global(overload::LIST_SELECTED, [text(), text(), text(), Type::Dyn], list());
    let image = Overload::global(overload::IMAGE, [text()], parts);
    let matches = Overload::global(overload::SELECTOR, [Type::Dyn, Type::Dyn], Type::Bool);
    let shared = |overloads: Vec<Overload>| overloads.into_iter().map(Arc::new).collect();
    [
        ("resources.get", shared(vec![get])),
        ("resources.known", shared(vec![known])),
        ("resources.list", shared(vec![all, selected])),
        ("image", shared(vec![image])),
        ("selector.matches", shared(vec![matches])),
    ]
});

/// The overload of one of our functions, by its id.
#[must_use]
pub fn own_overload(id: &str) -> Option<Arc<Overload>> {
    let mut all = FUNCTIONS.iter().flat_map(|(_, overloads)| overloads);
    all.find(|overload| overload.id == id).cloned()
}
