//! What expressions see of a request.

use super::*;

fn said(expression: &str, ask: Ask<'_>) -> String {
    let validation = json!({"expression": expression, "message": "false"});
    let spec = json!({"validations": [validation]}).to_string();
    let said = Setting { spec: &spec, ask, ..Setting::default() }.said();
    said.rsplit_once("resulted in error: ").map_or(said.clone(), |(_, why)| why.to_owned())
}

#[test]
fn fields() {
    let plain = Ask::default();
    let update = Ask { operation: Operation::Update, old: "{metadata: {name: old}}", ..plain };
    let deleted = Ask { operation: Operation::Delete, object: "", old: plain.object, ..plain };
    let unnamed = Ask { name: "", ..plain };
    let node = Ask { of: ["", "v1", "Node", "nodes"], namespace: "", ..plain };
    let namespace =
        Ask { of: ["", "v1", "Namespace", "namespaces"], name: "shop", namespace: "shop", ..plain };
    let scale = Ask {
        operation: Operation::Update,
        of: ["apps", "v1", "Deployment", "deployments"],
        subresource: "scale",
        object: "{spec: {replicas: 2}}",
        old: "{spec: {replicas: 1}}",
        ..plain
    };
    let (holds, fails) = ("allowed", "422 Invalid b0: false");
    let rows = [
        (INPUT, "the operation", "request.operation == 'CREATE'", plain, holds),
        (INPUT, "a creation replaces nothing", "oldObject == null", plain, holds),
        (INPUT, "and has no fields of what it replaces", "!has(oldObject.data)", plain, holds),
        (
            INPUT,
            "an update",
            "oldObject.metadata.name == 'old' && object.metadata.name == 'c'",
            update,
            holds,
        ),
        (
            INPUT,
            "of what goes there is the old object",
            "object == null && oldObject.data.a == '1'",
            deleted,
            holds,
        ),
        (INPUT, "no subresource", "request.subResource == ''", plain, "no such key: subResource"),
        (INPUT, "a subresource", "request.subResource == 'scale' && object.spec.replicas == 2", scale, holds),
        (INPUT, "no name yet", "request.name == ''", unnamed, "no such key: name"),
        (INPUT, "has() tells", "has(request.name)", unnamed, fails),
        (INPUT, "the core group is there, and empty", "request.kind.group == ''", plain, holds),
        (INPUT, "whether it is a dry run", "request.dryRun == false", plain, holds),
        (
            INPUT,
            "who asks",
            "request.userInfo.username == 'jane' && !has(request.userInfo.uid)",
            plain,
            holds,
        ),
        (INPUT, "the namespace", "request.namespace == 'shop'", plain, holds),
        (INPUT, "a Namespace is in itself", "request.namespace == 'shop'", namespace, holds),
        (INPUT, "no namespace", "has(request.namespace)", node, fails),
        (INPUT, "the Namespace", "namespaceObject.metadata.labels.tier == 'web'", plain, holds),
        (INPUT, "has a phase", "namespaceObject.status.phase == 'Active'", plain, holds),
        (VALIDATING, "of a Namespace there is none", "namespaceObject == null", namespace, holds),
        (VALIDATING, "nor of what is in no namespace", "namespaceObject == null", node, holds),
        (
            COMPILE,
            "its uid is declared by another name",
            "namespaceObject.metadata.UID == 'u'",
            plain,
            "no such key: UID",
        ),
        (INPUT, "a field of a scalar is not there", "!has(object.data.a.b)", plain, holds),
        (
            INPUT,
            "one of an object that is none is an error",
            "object.spec.replicas == 1",
            plain,
            "no such key: spec",
        ),
    ];
    assert_rows(rows.map(|(source, what, expression, ask, expected)| {
        (source, what, expected.to_owned(), said(expression, ask))
    }));
}

/// With `matchPolicy: Equivalent` conditions see the object as it was asked for by the policy, and the resource that the client
/// asked for; validations see the policy's resource too.
#[test]
fn equivalents() {
    let autoscaler = Ask {
        of: ["autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"],
        object: "{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: c}, spec: {maxReplicas: 3, \
                 metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 70}}}]}}",
        ..Ask::default()
    };
    let said = |condition: &str, expression: &str| {
        let spec = json!({
            "matchConstraints": {"resourceRules": [{"apiGroups": ["autoscaling"], "apiVersions": ["v1"],
                "resources": ["horizontalpodautoscalers"], "operations": ["*"]}]},
            "matchConditions": [{"name": "c", "expression": condition}],
            "validations": [{"expression": expression, "message": "false"}],
        });
        Setting { spec: &spec.to_string(), ask: autoscaler, ..Setting::default() }.said()
    };
    let fails = "422 Invalid b0: false";
    let rows = [
        (
            CONDITIONS,
            "conditions: the resource of the client",
            "request.resource.version == 'v2'",
            "false",
            fails,
        ),
        (CONDITIONS, "conditions: the kind of the policy", "request.kind.version == 'v1'", "false", fails),
        (
            CONDITIONS,
            "conditions: the object of the policy",
            "object.spec.targetCPUUtilizationPercentage == 70",
            "false",
            fails,
        ),
        (
            VALIDATING,
            "validations: the resource of the policy",
            "true",
            "request.resource.version == 'v1'",
            "allowed",
        ),
        (
            VALIDATING,
            "validations: what the client asked for",
            "true",
            "request.requestResource.version == 'v2'",
            "allowed",
        ),
        (
            VALIDATING,
            "validations: the object of the policy",
            "true",
            "object.apiVersion == 'autoscaling/v1'",
            "allowed",
        ),
    ];
    assert_rows(rows.map(|(source, what, condition, expression, expected)| {
        (source, what, expected.to_owned(), said(condition, expression))
    }));
}
