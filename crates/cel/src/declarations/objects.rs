//! The variables, and the types that have fields.

use super::super::ast::Literal;
use super::super::profile::Profile;
use super::super::types::{Primitive, Type};
use super::{EnvKind, Ident, Named, Structure};

/// The type of an apply configuration; `Object.spec.template` and every other path below it are types too.
pub const OBJECT: &str = "Object";

/// The type of one JSON patch operation.
pub const JSON_PATCH: &str = "JSONPatch";

/// The type of `variables`; its fields are added as variables are compiled.
pub const VARIABLES: &str = "kubernetes.variables";

const REQUEST: &str = "kubernetes.AdmissionRequest";
const KIND: &str = "kubernetes.GroupVersionKind";
const RESOURCE: &str = "kubernetes.GroupVersionResource";
const USER_INFO: &str = "kubernetes.UserInfo";
const NAMESPACE: &str = "kubernetes.Namespace";
const NAMESPACE_METADATA: &str = "kubernetes.NamespaceMetadata";
const NAMESPACE_SPEC: &str = "kubernetes.NamespaceSpec";
const NAMESPACE_STATUS: &str = "kubernetes.NamespaceStatus";
const NAMESPACE_CONDITION: &str = "kubernetes.NamespaceCondition";

fn strings() -> Type {
    Type::list(Type::String)
}

/// Types with fields: Kubernetes' own (`pkg/admission/plugin/cel/compile.go`, `pkg/cel/mutation`) and protobuf's.
pub(super) fn structures(kind: EnvKind) -> Named<&'static str, Structure> {
    let structure = Type::structure;
    let string_map = || Type::map(Type::String, Type::String);
    let value = |ty: Type| Structure::new([("value", ty)]);
    let moment = || Structure::new([("seconds", Type::Int), ("nanos", Type::Int)]);
    let mut structures = Named::from_iter([
        (
            REQUEST,
            Structure::new([
                ("kind", structure(KIND)),
                ("resource", structure(RESOURCE)),
                ("subResource", Type::String),
                ("requestKind", structure(KIND)),
                ("requestResource", structure(RESOURCE)),
                ("requestSubResource", Type::String),
                ("name", Type::String),
                ("namespace", Type::String),
                ("operation", Type::String),
                ("userInfo", structure(USER_INFO)),
                ("dryRun", Type::Bool),
                ("options", Type::Dyn),
            ]),
        ),
        (KIND, Structure::new(["group", "version", "kind"].map(|field| (field, Type::String)))),
        (RESOURCE, Structure::new(["group", "version", "resource"].map(|field| (field, Type::String)))),
        (
            USER_INFO,
            Structure::new([
                ("username", Type::String),
                ("uid", Type::String),
                ("groups", strings()),
                ("extra", Type::map(Type::String, strings())),
            ]),
        ),
        (
            NAMESPACE,
            Structure::new([
                ("metadata", structure(NAMESPACE_METADATA)),
                ("spec", structure(NAMESPACE_SPEC)),
                ("status", structure(NAMESPACE_STATUS)),
            ]),
        ),
        (
            NAMESPACE_METADATA,
            Structure::new([
                ("name", Type::String),
                ("generateName", Type::String),
                ("namespace", Type::String),
                ("labels", string_map()),
                ("annotations", string_map()),
                // the data's key is `uid`: upstream's slip, kept
                ("UID", Type::String),
                ("creationTimestamp", Type::Timestamp),
                ("deletionGracePeriodSeconds", Type::Int),
                ("deletionTimestamp", Type::Timestamp),
                ("generation", Type::Int),
                ("resourceVersion", Type::String),
                ("finalizers", strings()),
            ]),
        ),
        (NAMESPACE_SPEC, Structure::new([("finalizers", strings())])),
        (
            NAMESPACE_STATUS,
            Structure::new([
                ("conditions", Type::list(structure(NAMESPACE_CONDITION))),
                ("phase", Type::String),
            ]),
        ),
        (
            NAMESPACE_CONDITION,
            Structure::new([
                ("status", Type::String),
                ("type", Type::String),
                ("lastTransitionTime", Type::Timestamp),
                ("message", Type::String),
                ("reason", Type::String),
            ]),
        ),
        ("google.protobuf.BoolValue", value(Type::Bool)),
        ("google.protobuf.BytesValue", value(Type::Bytes)),
        ("google.protobuf.DoubleValue", value(Type::Double)),
        ("google.protobuf.Int64Value", value(Type::Int)),
        ("google.protobuf.StringValue", value(Type::String)),
        ("google.protobuf.UInt64Value", value(Type::Uint)),
        ("google.protobuf.Duration", moment()),
        ("google.protobuf.Timestamp", moment()),
        ("google.protobuf.Any", Structure::new([("type_url", Type::String), ("value", Type::Bytes)])),
        (
            "google.protobuf.Value",
            Structure::new([
                ("null_value", Type::Int),
                ("number_value", Type::Double),
                ("string_value", Type::String),
                ("bool_value", Type::Bool),
                ("struct_value", Type::map(Type::String, Type::Dyn)),
                ("list_value", Type::list(Type::Dyn)),
            ]),
        ),
        ("google.protobuf.Struct", Structure::new([("fields", Type::map(Type::String, Type::Dyn))])),
        ("google.protobuf.ListValue", Structure::new([("values", Type::list(Type::Dyn))])),
        ("google.protobuf.Empty", Structure::new([] as [(&'static str, Type); 0])),
    ]);
    if kind == EnvKind::Mutation {
        structures.insert(OBJECT, Structure::open());
        structures.insert(
            JSON_PATCH,
            Structure::new([
                ("op", Type::String),
                ("path", Type::String),
                ("from", Type::String),
                ("value", Type::Dyn),
            ]),
        );
    }
    structures
}

/// Variables, and the names of types.
pub(super) fn idents(profile: Profile, kind: EnvKind) -> Named<&'static str, Ident> {
    let variable = |ty: Type| Ident { ty, value: None };
    let mut idents = Named::from_iter([(
        "google.protobuf.NullValue.NULL_VALUE",
        Ident { ty: Type::Int, value: Some(Literal::Int(0)) },
    )]);
    let admission = kind != EnvKind::Schema;
    if admission {
        idents.extend([
            ("object", variable(Type::Dyn)),
            ("oldObject", variable(Type::Dyn)),
            ("request", variable(Type::structure(REQUEST))),
            ("namespaceObject", variable(Type::structure(NAMESPACE))),
        ]);
    }
    if admission && kind != EnvKind::Message {
        idents.insert("authorizer", variable(Type::structure("kubernetes.authorization.Authorizer")));
        let check = Type::structure("kubernetes.authorization.ResourceCheck");
        idents.insert("authorizer.requestResource", variable(check));
    }
    if admission && kind != EnvKind::MatchCondition {
        idents.insert("variables", variable(Type::structure(VARIABLES)));
    }
    let optional = match profile {
        Profile::V1_36 => Type::opaque("optional_type"),
        Profile::V1_37 => Type::optional(Type::Dyn),
    };
    let named = [
        ("bool", Type::Bool),
        ("bytes", Type::Bytes),
        ("double", Type::Double),
        ("int", Type::Int),
        ("string", Type::String),
        ("uint", Type::Uint),
        ("null_type", Type::Null),
        ("type", Type::Type(None)),
        ("list", Type::list(Type::Dyn)),
        ("map", Type::map(Type::Dyn, Type::Dyn)),
        ("duration", Type::Duration),
        ("timestamp", Type::Timestamp),
        ("optional_type", optional),
        ("net.IP", Type::opaque("net.IP")),
        ("net.CIDR", Type::opaque("net.CIDR")),
        ("google.protobuf.Duration", Type::Duration),
        ("google.protobuf.Timestamp", Type::Timestamp),
        ("google.protobuf.Any", Type::Any),
        ("google.protobuf.Value", Type::Dyn),
        ("google.protobuf.Struct", Type::map(Type::String, Type::Dyn)),
        ("google.protobuf.ListValue", Type::list(Type::Dyn)),
        ("google.protobuf.Empty", Type::structure("google.protobuf.Empty")),
        ("google.protobuf.BoolValue", Type::Wrapper(Primitive::Bool)),
        ("google.protobuf.BytesValue", Type::Wrapper(Primitive::Bytes)),
        ("google.protobuf.DoubleValue", Type::Wrapper(Primitive::Double)),
        ("google.protobuf.FloatValue", Type::Wrapper(Primitive::Double)),
        ("google.protobuf.Int32Value", Type::Wrapper(Primitive::Int)),
        ("google.protobuf.Int64Value", Type::Wrapper(Primitive::Int)),
        ("google.protobuf.StringValue", Type::Wrapper(Primitive::String)),
        ("google.protobuf.UInt32Value", Type::Wrapper(Primitive::Uint)),
        ("google.protobuf.UInt64Value", Type::Wrapper(Primitive::Uint)),
    ];
    let kubernetes = [
        REQUEST,
        KIND,
        RESOURCE,
        USER_INFO,
        NAMESPACE,
        NAMESPACE_METADATA,
        NAMESPACE_SPEC,
        NAMESPACE_STATUS,
        NAMESPACE_CONDITION,
    ];
    let kubernetes: &[&'static str] = if admission { &kubernetes } else { &[] };
    let patch: &[&'static str] = if kind == EnvKind::Mutation { &[OBJECT, JSON_PATCH] } else { &[] };
    let structures = kubernetes.iter().chain(patch).map(|name| (*name, Type::structure(name)));
    idents.extend(named.into_iter().chain(structures).map(|(name, ty)| (name, variable(Type::type_of(ty)))));
    idents
}

/// What is left of a type when it becomes a field of `variables`.
pub(super) fn composed(ty: &Type) -> Type {
    match ty {
        Type::List(element) => Type::list(composed(element)),
        Type::Map(entry) => Type::map(composed(&entry.0), composed(&entry.1)),
        Type::Any
        | Type::Bool
        | Type::Bytes
        | Type::Double
        | Type::Duration
        | Type::Int
        | Type::Null
        | Type::String
        | Type::Timestamp
        | Type::Uint => ty.clone(),
        _ => Type::Dyn,
    }
}
