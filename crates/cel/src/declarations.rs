//! What an expression may name: variables, types, functions, and the fields of declared types.
//!
//! [`functions`] has the overloads of every library, [`objects`] the types with fields. Both are gathered once per profile
//! and kind of environment and shared; an [`Env`] adds what differs from policy to policy.

mod objects;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, OnceLock};

use foldhash::fast::FixedState;

use super::ast::{Literal, Name};
use super::functions;
use super::profile::Profile;
use super::types::Type;

pub use super::functions::Overload;
pub use objects::{JSON_PATCH, OBJECT, VARIABLES};

/// Where an expression stands, which decides what it can name.
///
/// k8s.io/apiserver `pkg/admission/plugin/cel/compile.go`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EnvKind {
    /// Validations, audit annotations and the `variables` of every policy.
    Validation,
    /// `messageExpression`: without `authorizer`.
    Message,
    /// The expressions of mutations: with `Object`, `JSONPatch` and `jsonpatch.escapeKey`.
    Mutation,
    /// `matchConditions`: without `variables`.
    MatchCondition,
    /// `x-kubernetes-validations` of a schema: only what is declared, `self` and `oldSelf`.
    ///
    /// apiextensions-apiserver `pkg/apiserver/schema/cel/compilation.go`.
    Schema,
}

/// A declared name that is not a function.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ident {
    pub(super) ty: Type,
    pub(super) value: Option<Literal>,
}

/// What is found by a name. Names are of this crate or of whoever declares them, and short.
pub(super) type Named<N, T> = HashMap<N, T, FixedState>;

/// A type with fields.
#[derive(Clone, Debug)]
pub struct Structure {
    fields: Named<Name, Type>,
    open: bool,
}

impl Structure {
    /// A type with exactly these fields.
    pub fn new(fields: impl IntoIterator<Item = (impl Into<Name>, Type)>) -> Self {
        Self { fields: fields.into_iter().map(|(name, ty)| (name.into(), ty)).collect(), open: false }
    }

    /// The field whose escaped name this reserved word has; no other name is escaped so.
    fn keyword(&self, word: &str) -> Option<&Type> {
        self.fields.get(format!("__{word}__").as_str())
    }

    /// A type with any field, all of them `dyn`.
    #[must_use]
    pub fn open() -> Self {
        Self { fields: Named::default(), open: true }
    }
}

/// What is known of a field.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Field {
    Typed(Type),
    /// The type is declared, the field is not.
    Undefined,
    /// `JSONPatch` claims to have every field and knows no type for those it has not.
    Untyped,
    /// The type has no declared fields at all.
    NoStructure,
}

/// What is the same in every environment of one profile and kind.
#[derive(Debug)]
struct Base {
    kind: EnvKind,
    idents: Named<&'static str, Ident>,
    functions: Named<&'static str, Vec<Arc<Overload>>>,
    /// Made when a field of one is asked for.
    structures: OnceLock<Named<&'static str, Structure>>,
    /// First segments of dotted names, so that most selections need no look-up.
    ident_roots: Vec<&'static str>,
    function_roots: Vec<&'static str>,
    /// The most segments that the name of a variable or type has.
    segments: usize,
}

impl Base {
    fn build(profile: Profile, kind: EnvKind) -> Self {
        let functions = functions::declared(profile, kind);
        let idents = objects::idents(profile, kind);
        let roots = |names: &mut dyn Iterator<Item = &&'static str>| {
            let mut roots: Vec<_> = names.filter_map(|name| Some(name.split_once('.')?.0)).collect();
            roots.sort_unstable();
            roots.dedup();
            roots
        };
        let mut ident_roots = roots(&mut idents.keys());
        if kind == EnvKind::Mutation {
            ident_roots.push(OBJECT);
        }
        let function_roots = roots(&mut functions.keys());
        let segments = idents.keys().map(|name| name.split('.').count()).max().unwrap_or(1);
        let structures = OnceLock::new();
        Self { kind, idents, functions, structures, ident_roots, function_roots, segments }
    }

    fn structure(&self, name: &str) -> Option<&Structure> {
        self.structures.get_or_init(|| objects::structures(self.kind)).get(name)
    }

    fn shared(profile: Profile, kind: EnvKind) -> &'static Self {
        macro_rules! bases {
            ($($profile:ident, $kind:ident;)*) => {
                match (profile, kind) {
                    $((Profile::$profile, EnvKind::$kind) => {
                        static BASE: LazyLock<Base> = LazyLock::new(|| Base::build(Profile::$profile, EnvKind::$kind));
                        &BASE
                    })*
                }
            };
        }
        bases! {
            V1_36, Validation; V1_36, Message; V1_36, Mutation; V1_36, MatchCondition; V1_36, Schema;
            V1_37, Validation; V1_37, Message; V1_37, Mutation; V1_37, MatchCondition; V1_37, Schema;
        }
    }
}

/// What an expression may name.
#[derive(Clone, Debug)]
pub struct Env {
    profile: Profile,
    kind: EnvKind,
    base: &'static Base,
    variables: Named<Name, Ident>,
    functions: Named<Name, Arc<[Arc<Overload>]>>,
    structures: Named<Name, Structure>,
    policy_variables: Named<Name, Type>,
    roots: Vec<Name>,
    /// `variables` is declared, where the kind of environment has it.
    composed: bool,
    /// See [`Env::with_keyword_fields`].
    keyword_fields: bool,
}

impl Env {
    /// What Kubernetes declares for this kind of expression, without `params`.
    #[must_use]
    pub fn new(profile: Profile, kind: EnvKind) -> Self {
        Self {
            profile,
            kind,
            base: Base::shared(profile, kind),
            variables: Named::default(),
            functions: Named::default(),
            structures: Named::default(),
            policy_variables: Named::default(),
            roots: Vec::new(),
            composed: true,
            keyword_fields: false,
        }
    }

    /// The CEL that is spoken.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// Where the expression stands.
    #[must_use]
    pub fn kind(&self) -> EnvKind {
        self.kind
    }

    /// Takes `variables` out: a ValidatingAdmissionPolicy that has none is compiled without the name
    /// (pkg/apis/admissionregistration/validation, `createCompiler`).
    #[must_use]
    pub fn without_variables(mut self) -> Self {
        self.composed = false;
        self
    }

    /// Takes `x.namespace` for the field `__namespace__` of a declared type, and so for every reserved word, as
    /// Kubernetes does since 1.31 (pkg/cel/types.go, `recognizeKeywordAsFieldName`).
    #[must_use]
    pub fn with_keyword_fields(mut self) -> Self {
        self.keyword_fields = true;
        self
    }

    /// Declares `params`, as a policy with a `paramKind` does.
    pub fn declare_params(&mut self) -> &mut Self {
        self.declare_variable("params", Type::Dyn)
    }

    /// Declares a variable; a dotted name (`resources.pods`) is one variable. The latest declaration of a name holds.
    pub fn declare_variable(&mut self, name: impl Into<Name>, ty: Type) -> &mut Self {
        let name = name.into();
        self.add_root(&name);
        self.variables.insert(name, Ident { ty, value: None });
        self
    }

    /// Declares a function, or further overloads of one (`image`, `resources.get`).
    pub fn declare_function(&mut self, name: impl Into<Name>, overloads: Vec<Overload>) -> &mut Self {
        self.declare_shared(name, &overloads.into_iter().map(Arc::new).collect::<Vec<_>>())
    }

    /// The same of overloads that other environments have, too.
    pub fn declare_shared(&mut self, name: impl Into<Name>, overloads: &[Arc<Overload>]) -> &mut Self {
        let name = name.into();
        self.add_root(&name);
        let declared = self.overloads(&name).unwrap_or_default().iter().cloned();
        let all = declared.chain(overloads.iter().cloned()).collect();
        self.functions.insert(name, all);
        self
    }

    /// Declares a type with fields, for variables of [`Type::Struct`]. Its name is not usable in expressions.
    pub fn declare_structure(&mut self, name: impl Into<Name>, structure: Structure) -> &mut Self {
        self.structures.insert(name.into(), structure);
        self
    }

    /// Adds a field to `variables`: the type the variable's expression was checked to have, or `None` if it was refused.
    ///
    /// Only scalars, and lists and maps of them, keep their type; everything else is `dyn`
    /// (k8s.io/apiserver `pkg/admission/plugin/cel/composition.go`, `convertCelTypeToDeclType`).
    pub fn declare_policy_variable(&mut self, name: impl Into<Name>, checked: Option<&Type>) -> &mut Self {
        self.policy_variables.insert(name.into(), Self::policy_variable(checked));
        self
    }

    /// The type that a variable of a policy has where it is read, as [`Env::declare_policy_variable`] has it.
    pub(super) fn policy_variable(checked: Option<&Type>) -> Type {
        checked.map_or(Type::Dyn, objects::composed)
    }

    fn add_root(&mut self, name: &Name) {
        if let Some((root, _)) = name.split_once('.') {
            self.roots.push(Name::Owned(root.to_owned()));
        }
    }

    /// A variable, type or constant by its full name without leading dot.
    #[cfg(test)]
    pub(super) fn ident(&self, name: &str) -> Option<Ident> {
        self.named(name).map(|(_, ident)| ident)
    }

    /// The same with its name, which is not copied where that is static.
    pub(super) fn named(&self, name: &str) -> Option<(Name, Ident)> {
        if name == "variables" && !self.composed {
            return None;
        }
        if let Some((name, ident)) = self.variables.get_key_value(name) {
            return Some((name.clone(), ident.clone()));
        }
        if let Some((name, ident)) = self.base.idents.get_key_value(name) {
            return Some((Name::Borrowed(name), ident.clone()));
        }
        if self.kind == EnvKind::Mutation
            && name.strip_prefix(OBJECT).is_some_and(|path| path.starts_with('.'))
        {
            let ident = Ident { ty: Type::type_of(Type::structure(name)), value: None };
            return Some((Name::Owned(name.to_owned()), ident));
        }
        None
    }

    /// A function's overloads, in the order in which they are tried.
    pub(super) fn overloads(&self, name: &str) -> Option<&[Arc<Overload>]> {
        self.functions
            .get(name)
            .map(|overloads| &**overloads)
            .or_else(|| self.base.functions.get(name).map(|o| &**o))
    }

    /// The same with its name, which is not copied where that is static.
    pub(super) fn function(&self, name: &str) -> Option<(Name, &[Arc<Overload>])> {
        if let Some((name, overloads)) = self.functions.get_key_value(name) {
            return Some((name.clone(), overloads));
        }
        let (name, overloads) = self.base.functions.get_key_value(name)?;
        Some((Name::Borrowed(name), overloads))
    }

    /// Whether a dotted variable or type of so many segments may begin with this name.
    pub(super) fn may_be_dotted(&self, root: &str, segments: usize) -> bool {
        (self.base.ident_roots.contains(&root) && (segments <= self.base.segments || root == OBJECT))
            || self.roots.iter().any(|known| known == root)
    }

    /// Whether a dotted function may begin with this name.
    pub(super) fn is_function_root(&self, name: &str) -> bool {
        self.base.function_roots.contains(&name) || self.roots.iter().any(|root| root == name)
    }

    pub(super) fn field(&self, structure: &str, field: &str) -> Field {
        if structure == VARIABLES {
            return self.policy_variables.get(field).cloned().map_or(Field::Undefined, Field::Typed);
        }
        let declared = self.structures.get(structure).or_else(|| self.base.structure(structure));
        match declared {
            Some(declared) => match declared
                .fields
                .get(field)
                .or_else(|| self.keyword_fields.then(|| declared.keyword(field)).flatten())
            {
                Some(ty) => Field::Typed(ty.clone()),
                None if declared.open => Field::Typed(Type::Dyn),
                None if structure == JSON_PATCH => Field::Untyped,
                None => Field::Undefined,
            },
            None if self.kind == EnvKind::Mutation && structure.starts_with("Object.") => {
                Field::Typed(Type::Dyn)
            }
            None => Field::NoStructure,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    use super::*;

    /// `list(<T>)`: parameters in angle brackets, as the inventory writes them.
    fn written(ty: &Type) -> String {
        match ty {
            Type::Param(_) => format!("<{ty}>"),
            Type::List(element) => format!("list({})", written(element)),
            Type::Optional(value) => format!("optional_type({})", written(value)),
            Type::Type(Some(value)) => format!("type({})", written(value)),
            Type::Map(entry) => format!("map({}, {})", written(&entry.0), written(&entry.1)),
            other => other.to_string(),
        }
    }

    fn line(function: &str, overload: &Overload) -> String {
        let params: Vec<String> = overload.params.iter().map(written).collect();
        let call = match (&params[..], overload.member) {
            ([target, rest @ ..], true) => format!("<{target}>.{function}({})", rest.join(", ")),
            (params, _) => format!("{function}({})", params.join(", ")),
        };
        format!("{call} -> {}   [{}]", written(&overload.result), overload.id)
    }

    #[test]
    fn every_overload_of_the_inventory_is_declared() {
        let root = std::env::var_os("PLIMSOLL_SHARED")
            .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
        let Ok(inventory) = std::fs::read_to_string(root.join("specs/cel-functions-1.37.txt")) else {
            eprintln!("SKIPPED: no inventory of functions under {}", root.display());
            return;
        };
        let expected: BTreeSet<String> =
            inventory.lines().filter(|line| line.ends_with(']')).map(str::to_owned).collect();
        let base = Base::shared(Profile::V1_37, EnvKind::Mutation);
        let declared: BTreeSet<String> = base
            .functions
            .iter()
            .flat_map(|(function, overloads)| overloads.iter().map(|overload| line(function, overload)))
            .collect();
        let missing: Vec<_> = expected.difference(&declared).collect();
        let surplus: Vec<_> = declared.difference(&expected).collect();
        assert!(missing.is_empty() && surplus.is_empty(), "missing {missing:#?}\nsurplus {surplus:#?}");
        assert_eq!(expected.len(), 346);
    }

    #[test]
    fn environments_differ_in_what_they_declare() {
        for (kind, authorizer, variables, patch) in [
            (EnvKind::Validation, true, true, false),
            (EnvKind::Message, false, true, false),
            (EnvKind::Mutation, true, true, true),
            (EnvKind::MatchCondition, true, false, false),
        ] {
            let env = Env::new(Profile::V1_37, kind);
            assert_eq!(env.ident("authorizer.requestResource").is_some(), authorizer, "{kind:?}");
            assert_eq!(env.ident("variables").is_some(), variables, "{kind:?}");
            assert_eq!(env.ident("Object.spec.template").is_some(), patch, "{kind:?}");
            assert_eq!(env.overloads("jsonpatch.escapeKey").is_some(), patch, "{kind:?}");
            assert!(env.ident("params").is_none(), "{kind:?}");
        }
        assert!(Env::new(Profile::V1_36, EnvKind::Validation).overloads("includes").is_none());
        let mut words = Env::new(Profile::V1_36, EnvKind::Message).with_keyword_fields();
        words.declare_structure("T", Structure::new([("__namespace__", Type::String)]));
        assert_eq!(words.field("T", "namespace"), Field::Typed(Type::String));
        assert_eq!(words.field("T", "name"), Field::Undefined);
        let plain = Env::new(Profile::V1_36, EnvKind::Message).without_variables();
        assert!(plain.ident("variables").is_none() && plain.ident("request").is_some());
        let mut schema = Env::new(Profile::V1_36, EnvKind::Schema);
        schema.declare_variable("self", Type::Int);
        for name in ["object", "oldObject", "request", "namespaceObject", "authorizer", "variables"] {
            assert!(schema.ident(name).is_none(), "{name}");
        }
        assert!(schema.ident("self").is_some() && schema.ident("int").is_some());
    }

    #[test]
    fn declarations_are_added_to_what_is_there() {
        let mut env = Env::new(Profile::V1_37, EnvKind::Validation);
        env.declare_variable("resources.pods", Type::list(Type::Dyn));
        env.declare_function(
            "size",
            vec![Overload::global("size_image", [Type::structure("Image")], Type::Int)],
        );
        env.declare_structure("Image", Structure::new([("tag", Type::String)]));
        env.declare_policy_variable("quantity", Some(&Type::structure("kubernetes.Quantity")));
        env.declare_policy_variable("names", Some(&Type::list(Type::String)));
        assert!(env.may_be_dotted("resources", 2));
        assert_eq!(env.overloads("size").unwrap().len(), 9);
        assert_eq!(env.field("Image", "tag"), Field::Typed(Type::String));
        assert_eq!(env.field("Image", "digest"), Field::Undefined);
        assert_eq!(env.field("kubernetes.Quantity", "value"), Field::NoStructure);
        assert_eq!(env.field(VARIABLES, "quantity"), Field::Typed(Type::Dyn));
        assert_eq!(env.field(VARIABLES, "names"), Field::Typed(Type::list(Type::String)));
    }
}
