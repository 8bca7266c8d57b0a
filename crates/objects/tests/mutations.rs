//! What mutations make of objects, and why some make nothing: neighbours of what the vectors of admission policies hold.

use document::{Document, Limits};
use kubernetes_cel::activation::Activation;
use kubernetes_cel::declarations::{Env, EnvKind};
use kubernetes_cel::profile::Profile;
use kubernetes_cel::program::{Budget, Program, Variables};
use kubernetes_objects::admit::{Served, kind_of};
use kubernetes_objects::custom::Definitions;
use kubernetes_objects::mutate::{Fault, Target, apply_configuration, json_patch};

const CONFIG_MAP: &str =
    r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c","labels":{"l":"1"}},"data":{"a":"b"}}"#;
const POD: &str = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","finalizers":["e.com/a"]},"spec":{
    "containers":[{"name":"a","image":"1"},{"name":"b","image":"2","env":[{"name":"A","value":"1"},{"name":"B","value":"2"}]}],
    "volumes":[{"name":"v","emptyDir":{}}]}}"#;
const VOLUME: &str = r#"{"apiVersion":"v1","kind":"PersistentVolume","metadata":{"name":"v"},"spec":{"claimRef":{"name":"c"}}}"#;
const DEFINITION: &str = r#"{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","spec":{"group":"e.com",
    "names":{"kind":"W","plural":"ws"},"scope":"Namespaced","versions":[{"name":"v1","served":true,"storage":true,
    "schema":{"openAPIV3Schema":{"type":"object","properties":{"spec":{"type":"object","properties":{
        "items":{"type":"array","x-kubernetes-list-type":"map","x-kubernetes-list-map-keys":["name"],
            "items":{"type":"object","properties":{"name":{"type":"string","default":"d"},"v":{"type":"integer"}}}},
        "tags":{"type":"array","x-kubernetes-list-type":"set","items":{"type":"string"}},
        "plain":{"type":"array","items":{"type":"string"}},
        "whole":{"type":"object","x-kubernetes-map-type":"atomic","additionalProperties":{"type":"string"}},
        "any":{"type":"object","x-kubernetes-preserve-unknown-fields":true},
        "flag":{"type":"boolean","default":false},
        "date":{"type":"string","format":"date-time"}}}}}}}]}}"#;
const CUSTOM: &str = r#"{"apiVersion":"e.com/v1","kind":"W","metadata":{"name":"w"},"spec":{"tags":["a","b"],"items":[{"name":"x","v":1}]}}"#;

fn mutate(object: &str, expression: &str) -> Result<serde_json::Value, Fault> {
    let document = Document::from_json(object, Limits::default()).expect("JSON");
    let definition = Document::from_json(DEFINITION, Limits::default()).expect("JSON");
    let mut definitions = Definitions::new();
    definitions.add(definition.root());
    let root = document.root();
    let served = kind_of(root, 36, &definitions).expect("a kind");
    let (group, version) = match served {
        Served::BuiltIn(row) => (row.group, row.version),
        Served::Custom(definition, version) => (&*definition.group, &*version.name),
    };
    let target = Target {
        kind: (group, version, served.kind()),
        served: Some(served),
        sent: (group, version),
        minor: 36,
    };
    let program =
        Program::compile(expression, &Env::new(Profile::V1_36, EnvKind::Mutation)).expect("it compiles");
    let mut activation = Activation::new();
    activation.bind("object", root);
    let outcome = program.evaluate(&activation, &mut Variables::none(), &mut Budget::default());
    let value = outcome.result.expect("a value");
    let patched = match expression.starts_with("Object{") {
        true => apply_configuration(root, &value, &target),
        false => json_patch(root, &value, &target),
    };
    patched.map(|document| serde_json::to_value(document.root()).expect("JSON"))
}

/// What stands at a pointer after a mutation.
fn made(object: &str, expression: &str, pointer: &str) -> String {
    let made = mutate(object, expression).unwrap_or_else(|fault| panic!("{expression}: {fault:?}"));
    made.pointer(pointer).map_or_else(|| "nothing".to_owned(), ToString::to_string)
}

fn refused(object: &str, expression: &str) -> String {
    match mutate(object, expression) {
        Ok(made) => panic!("{expression}: {made}"),
        Err(Fault::Policy(text)) => text,
        Err(Fault::Internal(text)) => format!("500: {text}"),
        Err(Fault::Crash) => "crash".to_owned(),
    }
}

/// structured-merge-diff `typed/merge.go`, visitListItems: the right side's order holds for what both have.
#[test]
fn lists_are_woven() {
    let names = |configuration: &str| {
        let expression = format!("Object{{spec: Object.spec{{containers: [{configuration}]}}}}");
        let made = mutate(POD, &expression).expect("a Pod");
        let containers = made["spec"]["containers"].as_array().cloned().unwrap_or_default();
        containers.iter().filter_map(|c| c["name"].as_str().map(str::to_owned)).collect::<Vec<_>>().join(" ")
    };
    let container = |name: &str| format!("Object.spec.containers{{name: \"{name}\"}}");
    let [a, b, x, y] = ["a", "b", "x", "y"].map(container);
    assert_eq!(names(&x), "a b x");
    assert_eq!(names(&format!("{b}, {a}")), "b a");
    assert_eq!(names(&format!("{x}, {b}")), "a x b");
    assert_eq!(names(&format!("{b}, {x}")), "a b x");
    assert_eq!(names(&format!("{x}, {b}, {y}, {a}")), "x b y a");
    assert_eq!(
        made(POD, "Object{metadata: Object.metadata{finalizers: ['z', 'e.com/a']}}", "/metadata/finalizers"),
        r#"["z","e.com/a"]"#
    );
    assert_eq!(made(CUSTOM, "Object{spec: Object.spec{tags: ['b', 'c']}}", "/spec/tags"), r#"["a","b","c"]"#);
}

/// kube-openapi `pkg/schemaconv/openapi.go`: what the published types say of each field.
#[test]
fn fields_merge_by_their_types() {
    let env = "Object{spec: Object.spec{containers: [Object.spec.containers{name: 'b', env: [Object.spec.containers.env{name: 'B', value: '9'}]}]}}";
    assert_eq!(
        made(POD, env, "/spec/containers/1/env"),
        r#"[{"name":"A","value":"1"},{"name":"B","value":"9"}]"#
    );
    assert_eq!(made(POD, env, "/spec/containers/1/image"), "\"2\"");
    // an ObjectReference is atomic, that of a volume is not
    let claim = "Object{spec: Object.spec{claimRef: Object.spec.claimRef{namespace: 'n'}}}";
    assert_eq!(made(VOLUME, claim, "/spec/claimRef/name"), "\"c\"");
    // null takes a scalar away and leaves a map
    let none = "Object{metadata: Object.metadata{labels: optional.none(), generateName: optional.none()}}";
    assert_eq!(made(CONFIG_MAP, none, "/metadata/labels/l"), "\"1\"");
    let any =
        "Object{spec: Object.spec{any: Object.spec.any{list: ['a'], deep: Object.spec.any.deep{x: 1.5}}}}";
    assert_eq!(made(CUSTOM, any, "/spec/any"), r#"{"deep":{"x":1.5},"list":["a"]}"#);
    // an item without its key is one of the key's default
    let item = "Object{spec: Object.spec{items: [Object.spec.items{v: 2}]}}";
    assert_eq!(made(CUSTOM, item, "/spec/items"), r#"[{"name":"x","v":1},{"name":"d","v":2}]"#);
}

/// apiserver `policy/mutating/patch/smd.go`, structured-merge-diff `typed/{validate,helpers}.go`.
#[test]
fn configurations_are_refused() {
    let unfit = "error applying patch: failed to convert patch object to typed object: ";
    let atomic =
        "error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: ";
    for (object, expression, message) in [
        (CONFIG_MAP, "Object{immutable: 'x'}", format!("{unfit}.immutable: expected boolean, got &{{x}}")),
        (CONFIG_MAP, "Object{data: 'x'}", format!("{unfit}.data: expected map, got &{{x}}")),
        (
            CONFIG_MAP,
            "Object{data: Object.data{a: 1.5, b: true}}",
            format!(
                "{unfit}errors:\n  .data.a: expected string, got &value.valueUnstructured{{Value:1.5}}\n  .data.b: expected string, got &value.valueUnstructured{{Value:true}}"
            ),
        ),
        (
            CONFIG_MAP,
            "Object{data: Object.data{x: ['a']}}",
            format!(
                "{unfit}.data.x: expected string, got &value.valueUnstructured{{Value:[]interface {{}}{{\"a\"}}}}"
            ),
        ),
        (
            CONFIG_MAP,
            "Object{metadata: Object.metadata{generation: 1u}}",
            format!("{unfit}.metadata.generation: expected numeric (int or float), got uint64"),
        ),
        (
            CONFIG_MAP,
            "Object{metadata: Object.metadata{finalizers: ['a', 'a']}}",
            format!("{unfit}.metadata.finalizers: duplicate entries for key [=\"a\"]"),
        ),
        (
            CONFIG_MAP,
            "Object{metadata: Object.metadata{finalizers: 'a'}}",
            format!("{unfit}.metadata.finalizers: expected list, got &{{a}}"),
        ),
        (
            POD,
            "Object{spec: Object.spec{containers: ['a']}}",
            format!(
                "{unfit}.spec.containers: element 0: associative list with keys may not have non-map elements"
            ),
        ),
        (
            CONFIG_MAP,
            "Object{metadata: Object.metadata{ownerReferences: [Object.metadata.ownerReferences{uid: 'u'}]}}",
            format!("{atomic}.metadata.ownerReferences[0]"),
        ),
        (
            POD,
            "Object{spec: Object.spec{nodeSelector: {'a': 'b'}, tolerations: []}}",
            format!("{atomic}.spec.nodeSelector, .spec.tolerations"),
        ),
        (
            CUSTOM,
            "Object{spec: Object.spec{whole: {'a': 'b'}, plain: ['a']}}",
            format!("{atomic}.spec.plain, .spec.whole"),
        ),
        (
            CUSTOM,
            "Object{spec: Object.spec{date: ['a']}}",
            format!("{unfit}.spec.date: expected any scalar, got &{{[a]}}"),
        ),
        (
            CUSTOM,
            "Object{spec: Object.spec{plain: 'a'}}",
            format!("{unfit}.spec.plain: expected list, got &{{a}}"),
        ),
        (
            POD,
            "Object{spec: Object.spec{terminationGracePeriodSeconds: 1.5}}",
            "unable to convert unstructured object to /v1, Kind=Pod: cannot convert float64 to int64"
                .to_owned(),
        ),
        (CONFIG_MAP, "Object{data: {1: 'x'}}", "invalid return type: *dynamic.ObjectVal".to_owned()),
    ] {
        assert_eq!(refused(object, expression), message, "{expression}");
    }
}

/// json-patch.v4 `patch.go`.
#[test]
fn operations_as_the_library_has_them() {
    for (object, expression, pointer, value) in [
        (CONFIG_MAP, "[JSONPatch{op: 'add', path: 'ignored/data/x', value: 'y'}]", "/data/x", "\"y\""),
        (
            CONFIG_MAP,
            "[JSONPatch{op: 'add', path: '/metadata/labels/a~1b~0c', value: 'y'}]",
            "/metadata/labels/a~1b~0c",
            "\"y\"",
        ),
        (CONFIG_MAP, "[JSONPatch{op: 'move', from: '/data/a', path: '/data/z'}]", "/data", r#"{"z":"b"}"#),
        (
            CONFIG_MAP,
            "[JSONPatch{op: 'test', path: '/data', value: {'a': 'b'}}, JSONPatch{op: 'remove', path: '/data/a'}]",
            "/data",
            "nothing",
        ),
        (
            CONFIG_MAP,
            "[JSONPatch{op: 'remove', path: '/data/a'}, JSONPatch{op: 'test', path: '/kind', value: 'x'}]",
            "/data/a",
            "\"b\"",
        ),
        (POD, "[JSONPatch{op: 'remove', path: '/spec/containers/-2'}]", "/spec/containers/0/name", "\"b\""),
        (
            POD,
            "[JSONPatch{op: 'add', path: '/spec/containers/-1', value: Object.spec.containers{name: 'c'}}]",
            "/spec/containers/2/name",
            "\"c\"",
        ),
        (
            POD,
            "[JSONPatch{op: 'add', path: '/spec/containers/-3', value: Object.spec.containers{name: 'c'}}]",
            "/spec/containers/0/name",
            "\"c\"",
        ),
        (
            POD,
            "[JSONPatch{op: 'copy', from: '/spec/containers/+1/image', path: '/spec/containers/00/image'}]",
            "/spec/containers/0/image",
            "\"2\"",
        ),
        (
            POD,
            "[JSONPatch{op: 'add', path: '/spec/activeDeadlineSeconds', value: 5.0}]",
            "/spec/activeDeadlineSeconds",
            "5",
        ),
        (
            CUSTOM,
            "[JSONPatch{op: 'remove', path: '/spec'}, JSONPatch{op: 'add', path: '/spec', value: Object.spec{}}]",
            "/spec",
            r#"{"flag":false}"#,
        ),
        (
            CUSTOM,
            "[JSONPatch{op: 'test', path: '/spec/items/0/v', value: 1.0}, JSONPatch{op: 'add', path: '/spec/x', value: [1u, 2u]}]",
            "/spec/x",
            "[1,2]",
        ),
    ] {
        assert_eq!(made(object, expression, pointer), value, "{expression}");
    }
}

#[test]
fn patches_are_refused() {
    for (object, expression, message) in [
        (
            CONFIG_MAP,
            "[JSONPatch{op: 'copy', path: '/data/x'}]",
            "JSON Patch: copy operation failed to decode from: operation, missing from field: missing value",
        ),
        (
            CONFIG_MAP,
            "[JSONPatch{op: 'add', path: '/data/a/b', value: 'x'}]",
            "JSON Patch: add operation does not apply: doc is missing path: \"/data/a/b\": missing value",
        ),
        (
            CONFIG_MAP,
            "[JSONPatch{op: 'replace', path: '', value: 'x'}]",
            "JSON Patch: replace operation value must be object or array: %!w(<nil>)",
        ),
        (CONFIG_MAP, "[JSONPatch{op: 'replace', path: ''}]", "crash"),
        (CONFIG_MAP, "[JSONPatch{op: 'a\\x01', path: '/data'}]", "JSON Patch: Unexpected kind: unknown"),
        (
            POD,
            "[JSONPatch{op: 'add', path: '/spec/containers/x', value: 1}]",
            "JSON Patch: error in add for path: '/spec/containers/x': value was not a proper array index: 'x': strconv.Atoi: parsing \"x\": invalid syntax",
        ),
        (
            POD,
            "[JSONPatch{op: 'replace', path: '/spec/containers/-', value: 1}]",
            "JSON Patch: replace operation does not apply: doc is missing key: /spec/containers/-: missing value",
        ),
        (
            POD,
            "[JSONPatch{op: 'remove', path: '/spec/containers/2'}]",
            "JSON Patch: error in remove for path: '/spec/containers/2': Unable to access invalid index: 2: invalid index referenced",
        ),
        (
            POD,
            "[JSONPatch{op: 'add', path: '/spec/x', value: Object.spec.x{a: 1}}, JSONPatch{op: 'add', path: '/y', value: 1}]",
            "500: strict decoding error: unknown field \"spec.x\", unknown field \"y\"",
        ),
        (POD, "[JSONPatch{op: 'add', path: '/spec/volumes/-', value: [Object.spec.volumes{}]}]", "crash"),
        (
            CONFIG_MAP,
            "[JSONPatch{op: 'add', path: '/data/x', value: quantity('1')}]",
            "JSONPath valueExpression evaluated to a type that could not marshal to JSON: type conversion error from 'Quantity' to '*structpb.Value'",
        ),
        (
            CONFIG_MAP,
            "[JSONPatch{op: 'replace', path: '/kind', value: 'Endpoints'}, JSONPatch{op: 'remove', path: '/data'}]",
            "500: failed to convert object: converting (v1.Endpoints) to (core.ConfigMap): unknown conversion",
        ),
    ] {
        assert_eq!(refused(object, expression), message, "{expression}");
    }
}

/// Each doubles what there is, and goes deeper: it stops at the copied bytes, or at the depth of documents.
#[test]
fn copies_are_bounded() {
    let doubling = "['a','b','c','d','e','f','g','h','i','j','k','l','m','n','o','p','q','r','s','t','u','v','w','x','y','z'].map(k, JSONPatch{op: 'copy', from: '/data', path: '/data/' + k})";
    let text = refused(CONFIG_MAP, doubling);
    assert!(
        text.starts_with("JSON Patch: Unable to complete the copy, the accumulated size increase"),
        "{text}"
    );
    let deepening = "lists.range(20).map(i, JSONPatch{op: 'copy', from: '/data', path: '/data/x'})";
    let text = refused(CONFIG_MAP, deepening);
    assert!(text.contains("nested more than 127 levels deep") || text.contains("Go struct field"), "{text}");
}
