//! What expressions of native policies may name.

use std::sync::{Arc, Mutex, PoisonError};

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
    let text = || Type::String;
    env.declare_function(
        "resources.get",
        vec![Overload::global(overload::GET, [text(), text(), text(), text()], Type::Dyn)],
    );
    env.declare_function(
        "resources.known",
        vec![Overload::global(overload::KNOWN, [text(), text(), text(), text()], Type::Bool)],
    );
    let list = || Type::List(Arc::new(Type::Dyn));
    env.declare_function(
        "resources.list",
        vec![
            Overload::global(overload::LIST, [text(), text(), text()], list()),
            Overload::global(overload::LIST_SELECTED, [text(), text(), text(), Type::Dyn], list()),
        ],
    );
    let parts = Type::Map(Arc::new((Type::String, Type::String)));
    env.declare_function("image", vec![Overload::global(overload::IMAGE, [text()], parts)]);
    env.declare_function(
        "selector.matches",
        vec![Overload::global(overload::SELECTOR, [Type::Dyn, Type::Dyn], Type::Bool)],
    );
}
