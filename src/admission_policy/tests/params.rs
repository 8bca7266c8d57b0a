//! Parameters: which objects a binding is evaluated with, and what becomes of it where there are none.

use super::*;

const CONFIG: &str = "{apiVersion: v1, kind: ConfigMap}";
const CLASSES: &str = "{apiVersion: storage.k8s.io/v1, kind: StorageClass}";

fn config_map(namespace: &str, name: &str, most: u32) -> String {
    format!(
        "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}, namespace: {namespace}, labels: {{list: '{most}'}}}}, \
         data: {{most: '{most}'}}}}"
    )
}

#[test]
fn parameters() {
    let given =
        [config_map("shop", "here", 5), config_map("shop", "also", 7), config_map("bank", "there", 9)];
    let class =
        "{apiVersion: storage.k8s.io/v1, kind: StorageClass, metadata: {name: fast}, data: {most: '3'}}";
    let given: Vec<&str> = given.iter().map(String::as_str).chain([class]).collect();
    let plain = Ask::default();
    let node = Ask { of: ["", "v1", "Node", "nodes"], namespace: "", ..plain };
    let namespace =
        Ask { of: ["", "v1", "Namespace", "namespaces"], name: "shop", namespace: "shop", ..plain };
    let told = |most: u32| format!("422 Invalid b0: most {most}");
    let config = |why: &str| format!("422 Invalid b0: failed to configure binding: {why}");
    let none = "no params found for policy binding with `Deny` parameterNotFoundAction";
    let above = "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources";
    let must_not = "paramRef.namespace must not be provided for a cluster-scoped `paramKind`";
    let fail = "";
    let ignore = ", failurePolicy: Ignore";
    let rows: Vec<(&str, &str, &str, Ask<'_>, &str, String)> = vec![
        ("none asked for", CONFIG, "", plain, fail, "422 Invalid b0: no params".to_owned()),
        ("by name, beside the object", CONFIG, "{name: here}", plain, fail, told(5)),
        ("by name, elsewhere", CONFIG, "{name: there, namespace: bank}", plain, fail, told(9)),
        (
            "not beside the object",
            CONFIG,
            "{name: there, parameterNotFoundAction: Deny}",
            plain,
            fail,
            config(none),
        ),
        (
            "not there, and that is fine",
            CONFIG,
            "{name: there, parameterNotFoundAction: Allow}",
            plain,
            fail,
            "allowed".to_owned(),
        ),
        (
            "failurePolicy is stronger than Deny",
            CONFIG,
            "{name: there, parameterNotFoundAction: Deny}",
            plain,
            ignore,
            "allowed".to_owned(),
        ),
        ("by labels", CONFIG, "{selector: {matchLabels: {list: '7'}}}", plain, fail, told(7)),
        (
            "each of several counts",
            CONFIG,
            "{selector: {matchExpressions: [{key: list, operator: In, values: ['5', '7', '9']}]}}",
            plain,
            ", validations: [{expression: params.data.most != '5', message: five}]",
            "422 Invalid b0: five".to_owned(),
        ),
        (
            "no such labels",
            CONFIG,
            "{selector: {matchLabels: {list: '9'}}, parameterNotFoundAction: Deny}",
            plain,
            fail,
            config(none),
        ),
        (
            "no such labels, and that is fine",
            CONFIG,
            "{selector: {matchLabels: {list: '9'}}, parameterNotFoundAction: Allow}",
            plain,
            fail,
            "allowed".to_owned(),
        ),
        ("for what is in no namespace", CONFIG, "{name: here}", node, fail, config(above)),
        ("unless the binding names one", CONFIG, "{name: here, namespace: shop}", node, fail, told(5)),
        ("a Namespace has them in itself", CONFIG, "{name: here}", namespace, fail, told(5)),
        ("of a kind without namespaces", CLASSES, "{name: fast}", plain, fail, told(3)),
        ("which takes no namespace", CLASSES, "{name: fast, namespace: shop}", plain, fail, config(must_not)),
        (
            "before conditions",
            CONFIG,
            "{name: there, parameterNotFoundAction: Deny}",
            plain,
            ", matchConditions: [{name: c, expression: 'false'}]",
            config(none),
        ),
    ];
    assert_rows(rows.iter().map(|(what, kind, reference, ask, more, expected)| {
        let mut spec = yaml(&format!("{{paramKind: {kind}{more}}}"));
        if spec["validations"].is_null() {
            spec["validations"] = json!([{
                "expression": "false", "messageExpression": "params == null ? 'no params' : 'most ' + params.data.most",
            }]);
        }
        let reference = if reference.is_empty() { String::new() } else { format!(", paramRef: {reference}") };
        let binding = format!("{{validationActions: [Deny]{reference}}}");
        let spec = spec.to_string();
        let setting = Setting { spec: &spec, bindings: &[&binding], given: &given, ask: *ask };
        (PARAMS, *what, expected.clone(), setting.said())
    }));
}

/// A kind that is not served is the policy's fault: also where no binding is about the request, if there is one at all.
#[test]
fn kinds_that_are_not_served() {
    let elsewhere =
        "{validationActions: [Deny], matchResources: {objectSelector: {matchLabels: {tier: data}}}}";
    let why = "422 Invalid p: failed to configure policy: failed to find resource referenced by paramKind: \
               'example.com/v1, Kind=Gone'";
    let rows: [(&str, &str, &[&str], &str); 4] = [
        ("a binding", "", DENY, why),
        ("one that is about other objects", "", &[elsewhere], why),
        ("no binding", "", &[], "allowed"),
        ("it is ignored", ", failurePolicy: Ignore", DENY, "allowed"),
    ];
    assert_rows(rows.iter().map(|(what, more, bindings, expected)| {
        let spec = format!(
            "{{paramKind: {{apiVersion: example.com/v1, kind: Gone}}, validations: [{{expression: 'false'}}]{more}}}"
        );
        let setting = Setting { spec: &spec, bindings, ..Setting::default() };
        (SOURCE, *what, (*expected).to_owned(), setting.said())
    }));
}
