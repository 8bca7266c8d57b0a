//! What requests a policy or a binding is about, and as which version it sees them.

use super::*;
use crate::admission_policy::dispatch::{Definition, is_excluded, matched};

/// `no`, `yes`, `as` another version, or why that cannot be told.
fn answer(constraints: &str, ask: Ask<'_>) -> String {
    let spec = format!("{{matchConstraints: {constraints}, validations: [{{expression: 'true'}}]}}");
    let setting = Setting { spec: &spec, ask, ..Setting::default() };
    let (hooks, (host, kinds)) = (setting.hooks(false), cluster(&[WIDGETS]));
    let documents = Documents::of(&ask);
    let request = documents.request(&ask);
    match matched(&hooks[0].policy, Asked { request: &request, kinds: &kinds, host: &host, deadline: None }) {
        Definition::No => "no".to_owned(),
        Definition::Matches { resource, kind, .. } => {
            let [group, version, name, _] = ask.of;
            let same =
                (kind.group.as_str(), kind.version.as_str(), kind.name.as_str()) == (group, version, name);
            let path = format!("{}/{}", resource.api_version(), resource.name);
            if same { "yes".to_owned() } else { format!("as {path} {}", kind.name) }
        }
        Definition::Failed(why) => why,
        Definition::Unknown(what) => format!("unknown {what}"),
    }
}

const WIDGETS: &str = "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: widgets.example.com}, \
    spec: {group: example.com, scope: Namespaced, names: {plural: widgets, kind: Widget}, versions: [{name: v1}, {name: v1beta1}]}}";

fn rule(fields: &str) -> String {
    let otherwise =
        [("operations", "['*']"), ("apiGroups", "['*']"), ("apiVersions", "['*']"), ("resources", "['*']")];
    let missing = otherwise.iter().filter(|(field, _)| !fields.contains(field));
    let missing: Vec<String> = missing.map(|(field, value)| format!("{field}: {value}")).collect();
    format!("{{{}, {fields}}}", missing.join(", "))
}

#[test]
fn rules() {
    let plain = Ask::default();
    let deployment =
        Ask { of: ["apps", "v1", "Deployment", "deployments"], object: "{metadata: {name: c}}", ..plain };
    let exec = Ask {
        operation: Operation::Connect,
        of: ["", "v1", "PodExecOptions", "pods"],
        subresource: "exec",
        object: "{}",
        ..plain
    };
    let namespace =
        Ask { of: ["", "v1", "Namespace", "namespaces"], name: "shop", namespace: "shop", ..plain };
    let node = Ask { of: ["", "v1", "Node", "nodes"], namespace: "", ..plain };
    let unnamed = Ask { name: "", ..plain };
    let rows = [
        (RULES, "everything", "operations: ['*']", plain, "yes"),
        (RULES, "the operation", "operations: [UPDATE, CREATE]", plain, "yes"),
        (RULES, "another operation", "operations: [UPDATE, DELETE, CONNECT]", plain, "no"),
        (RULES, "the core group is empty", "apiGroups: ['']", plain, "yes"),
        (RULES, "another group", "apiGroups: [apps]", plain, "no"),
        (RULES, "a group", "apiGroups: [batch, apps]", deployment, "yes"),
        (RULES, "another version", "apiVersions: [v1beta1]", plain, "no"),
        (RULES, "the resource", "resources: [configmaps]", plain, "yes"),
        (RULES, "another resource", "resources: [secrets]", plain, "no"),
        (RULES, "a wildcard is about no subresource", "resources: ['*']", exec, "no"),
        (RULES, "the resource is not its subresource", "resources: [pods]", exec, "no"),
        (RULES, "the subresource", "resources: [pods/exec]", exec, "yes"),
        (RULES, "the subresource of all", "resources: ['*/exec']", exec, "yes"),
        (RULES, "all subresources of one", "resources: ['pods/*']", exec, "yes"),
        (RULES, "all subresources of all, and what has none", "resources: ['*/*']", plain, "yes"),
        (RULES, "in a namespace", "scope: Namespaced", plain, "yes"),
        (RULES, "in a namespace is not above", "scope: Cluster", plain, "no"),
        (RULES, "above", "scope: Cluster", node, "yes"),
        (RULES, "above is in no namespace", "scope: Namespaced", node, "no"),
        (RULES, "a Namespace is above, though requests name one", "scope: Cluster", namespace, "yes"),
        (RULES, "a Namespace is in none", "scope: Namespaced", namespace, "no"),
        (MATCHING, "a name", "resourceNames: [b, c]", plain, "yes"),
        (MATCHING, "another name", "resourceNames: [b]", plain, "no"),
        (MATCHING, "a name that is yet to be made", "resourceNames: [c]", unnamed, "no"),
        (MATCHING, "no names are all", "resourceNames: []", unnamed, "yes"),
    ];
    assert_rows(rows.map(|(source, what, fields, ask, expected)| {
        let constraints = format!("{{resourceRules: [{}]}}", rule(fields));
        (source, what, expected.to_owned(), answer(&constraints, ask))
    }));
}

#[test]
fn exclusions_and_equivalents() {
    let autoscaler = |version| Ask {
        of: ["autoscaling", version, "HorizontalPodAutoscaler", "horizontalpodautoscalers"],
        object: "{metadata: {name: c}}",
        ..Ask::default()
    };
    let event = Ask { of: ["", "v1", "Event", "events"], object: "{metadata: {name: c}}", ..Ask::default() };
    let widget = Ask {
        of: ["example.com", "v1", "Widget", "widgets"],
        object: "{metadata: {name: c}}",
        ..Ask::default()
    };
    let v1 = "apiGroups: [autoscaling], apiVersions: [v1]";
    let rows = [
        (
            "another version of the kind",
            v1,
            "",
            autoscaler("v2"),
            "as autoscaling/v1/horizontalpodautoscalers HorizontalPodAutoscaler",
        ),
        ("Exact wants the version", v1, "matchPolicy: Exact", autoscaler("v2"), "no"),
        (
            "the version itself first",
            "apiGroups: [autoscaling], apiVersions: [v1, v2]",
            "",
            autoscaler("v2"),
            "yes",
        ),
        (
            "excluded as the other version",
            "apiGroups: [autoscaling]",
            "excludeResourceRules: [V1]",
            autoscaler("v2"),
            "no",
        ),
        (
            "Exact excludes the version only",
            "apiGroups: [autoscaling]",
            "matchPolicy: Exact, excludeResourceRules: [V1]",
            autoscaler("v2"),
            "yes",
        ),
        ("excluded", "apiGroups: [autoscaling]", "excludeResourceRules: [V1]", autoscaler("v1"), "no"),
        (
            "Events of both groups are the same",
            "apiGroups: [events.k8s.io]",
            "",
            event,
            "as events.k8s.io/v1/events Event",
        ),
        (
            "a custom kind",
            "apiGroups: [example.com], apiVersions: [v1beta1]",
            "",
            widget,
            "as example.com/v1beta1/widgets Widget",
        ),
        ("a custom kind of another group", "apiGroups: [example.org]", "", widget, "no"),
    ];
    assert_rows(rows.map(|(what, fields, more, ask, expected)| {
        let more = more.replace("V1", &rule(v1));
        let constraints = format!(
            "{{{}resourceRules: [{}]}}",
            if more.is_empty() { String::new() } else { more + ", " },
            rule(fields)
        );
        (MATCHING, what, expected.to_owned(), answer(&constraints, ask))
    }));
}

#[test]
fn selectors() {
    let plain = Ask::default();
    let bare = Ask { object: "{metadata: {name: c}}", ..plain };
    let update = Ask { operation: Operation::Update, old: plain.object, ..bare };
    let deleted = Ask { operation: Operation::Delete, object: "", old: plain.object, ..plain };
    let connect =
        Ask { operation: Operation::Connect, object: "{command: [ls]}", subresource: "exec", ..plain };
    let elsewhere = Ask { namespace: "nowhere", ..plain };
    let node = Ask { of: ["", "v1", "Node", "nodes"], namespace: "", ..plain };
    let namespace = |operation, object| Ask {
        operation,
        of: ["", "v1", "Namespace", "namespaces"],
        name: "shop",
        namespace: "shop",
        object,
        ..plain
    };
    let relabelled = "{metadata: {name: shop, labels: {tier: data}}}";
    let rows = [
        (
            NAMESPACES,
            "labels of the namespace",
            "namespaceSelector: {matchLabels: {tier: web}}",
            plain,
            "yes",
        ),
        (NAMESPACES, "other labels", "namespaceSelector: {matchLabels: {tier: data}}", plain, "no"),
        (
            NAMESPACES,
            "the label that each namespace has",
            "namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: shop}}",
            plain,
            "yes",
        ),
        (NAMESPACES, "in no namespace", "namespaceSelector: {matchLabels: {tier: data}}", node, "yes"),
        (
            NAMESPACES,
            "a Namespace by its new labels",
            "namespaceSelector: {matchLabels: {tier: data}}",
            namespace(Operation::Update, relabelled),
            "yes",
        ),
        (
            NAMESPACES,
            "a Namespace that goes by its stored ones",
            "namespaceSelector: {matchLabels: {tier: data}}",
            namespace(Operation::Delete, ""),
            "no",
        ),
        (
            NAMESPACES,
            "a namespace that is not there",
            "namespaceSelector: {matchLabels: {tier: web}}",
            elsewhere,
            "namespaces \"nowhere\" not found",
        ),
        (NAMESPACES, "nobody asks for it where all are selected", "namespaceSelector: {}", elsewhere, "yes"),
        (
            MATCHING,
            "nor where the rest does not match",
            "namespaceSelector: {matchLabels: {tier: web}}, objectSelector: {matchLabels: {a: b}}",
            elsewhere,
            "no",
        ),
        (OBJECTS, "labels of the object", "objectSelector: {matchLabels: {tier: web}}", plain, "yes"),
        (OBJECTS, "none", "objectSelector: {matchLabels: {tier: web}}", bare, "no"),
        (OBJECTS, "those of the old object", "objectSelector: {matchLabels: {tier: web}}", update, "yes"),
        (OBJECTS, "those of what goes", "objectSelector: {matchLabels: {tier: web}}", deleted, "yes"),
        (
            OBJECTS,
            "absence of a label",
            "objectSelector: {matchExpressions: [{key: tier, operator: DoesNotExist}]}",
            bare,
            "yes",
        ),
        (
            OBJECTS,
            "options of a connection have no labels to be absent",
            "objectSelector: {matchExpressions: [{key: tier, operator: DoesNotExist}]}",
            connect,
            "no",
        ),
        (OBJECTS, "everything selects them", "objectSelector: {}", connect, "yes"),
    ];
    assert_rows(rows.map(|(source, what, fields, ask, expected)| {
        let constraints = format!("{{{fields}, resourceRules: [{}]}}", rule("resources: ['*', '*/*']"));
        (source, what, expected.to_owned(), answer(&constraints, ask))
    }));
}

/// A binding without rules takes what its policy is about; a policy's rules come first.
#[test]
fn bindings() {
    let secrets =
        "{resourceRules: [{apiGroups: [''], apiVersions: [v1], resources: [secrets], operations: ['*']}]}";
    let rows = [
        (
            "no resources",
            "{validationActions: [Deny]}".to_owned(),
            "422 Invalid b0: failed expression: false",
        ),
        (
            "no rules",
            "{validationActions: [Deny], matchResources: {objectSelector: {matchLabels: {tier: web}}}}"
                .to_owned(),
            "422 Invalid b0: failed expression: false",
        ),
        (
            "other objects",
            "{validationActions: [Deny], matchResources: {objectSelector: {matchLabels: {tier: data}}}}"
                .to_owned(),
            "allowed",
        ),
        ("other resources", format!("{{validationActions: [Deny], matchResources: {secrets}}}"), "allowed"),
    ];
    assert_rows(rows.iter().map(|(what, binding, expected)| {
        let setting = Setting {
            spec: "{validations: [{expression: 'false'}]}",
            bindings: &[binding],
            ..Setting::default()
        };
        (MATCHING, *what, (*expected).to_owned(), setting.said())
    }));
}

#[test]
fn kinds_that_no_policy_sees() {
    for (group, resource, excluded) in [
        ("admissionregistration.k8s.io", "validatingadmissionpolicies", true),
        ("admissionregistration.k8s.io", "mutatingadmissionpolicybindings", true),
        ("admissionregistration.k8s.io", "validatingwebhookconfigurations", false),
        ("authentication.k8s.io", "tokenreviews", true),
        ("authorization.k8s.io", "subjectaccessreviews", true),
        ("rbac.authorization.k8s.io", "clusterroles", false),
    ] {
        assert_eq!(is_excluded(group, resource), excluded, "{group}/{resource} ({PLUGIN})");
    }
}
