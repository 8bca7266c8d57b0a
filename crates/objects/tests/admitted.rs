//! What callers are promised of an admitted object: where its nodes stand, who made them, what is told in which mode.
#![allow(clippy::unwrap_used)]

use document::{Document, Limits};
use kubernetes_objects::admit::{Admitted, Mode, Options, Refusal, admit, kind_of};
use kubernetes_objects::custom::Definitions;
use kubernetes_objects::plugins::{Plugin, Plugins, UnknownCluster};
use kubernetes_objects::{DEFAULTED, schema};

fn options(mode: Mode) -> Options<'static> {
    Options { minor: 36, mode, plugins: Plugins::default(), cluster: &UnknownCluster, namespace: "default" }
}

/// Hands the outcome over, since the object borrows from the document.
fn with<T>(
    text: &str,
    options: &Options<'_>,
    look: impl FnOnce(Result<Admitted<'_, '_>, Refusal>) -> T,
) -> T {
    let document = Document::from_json_with_places(text, Limits::default()).unwrap();
    let definitions = Definitions::new();
    let outcome = kind_of(document.root(), options.minor, &definitions)
        .and_then(|served| admit(document.root(), served, options));
    look(outcome)
}

const POD: &str = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p","labels":{"a":null}},
 "spec":{"containers":[{"name":"c","image":"nginx","resources":{"limits":{"memory":"1024Mi"}},"bogus":1}],
 "hostPID":false,"nodeSelector":null}}"#;

#[test]
fn nodes_keep_their_places_and_say_who_made_them() {
    with(POD, &options(Mode::Warn), |outcome| {
        let admitted = outcome.unwrap();
        let root = admitted.object.root();
        let text = |pointer: &str| {
            let span = root.at(pointer).unwrap().span().unwrap();
            &POD[span.start as usize..span.end as usize]
        };
        assert_eq!(text("/spec/containers/0/image"), "\"nginx\"");
        // written otherwise, in its place
        assert_eq!(root.at("/spec/containers/0/resources/limits/memory").unwrap().as_str(), Some("1Gi"));
        assert_eq!(text("/spec/containers/0/resources/limits/memory"), "\"1024Mi\"");
        assert_eq!(text("/metadata/labels/a"), "null");
        assert_eq!(root.at("/metadata/labels/a").unwrap().as_str(), Some(""));
        for pointer in [
            "/spec/dnsPolicy",
            "/spec/containers/0/resources/requests/memory",
            "/spec/volumes/0/projected/sources/0",
            "/spec/tolerations/1/key",
            "/metadata/namespace",
        ] {
            let node = root.at(pointer).unwrap();
            assert_eq!((node.origin(), node.span()), (Some(DEFAULTED), None), "{pointer}");
        }
        for pointer in ["", "/spec", "/spec/containers/0/image", "/metadata/labels/a"] {
            assert_eq!(root.at(pointer).unwrap().origin(), None, "{pointer}");
        }
        for gone in ["/spec/hostPID", "/spec/nodeSelector", "/spec/containers/0/bogus"] {
            assert!(root.at(gone).is_none(), "{gone}");
        }
    });
}

#[test]
fn unknown_fields_by_mode() {
    let unknown = "unknown field \"spec.containers[0].bogus\"";
    with(POD, &options(Mode::Strict), |outcome| {
        let refusal = outcome.unwrap_err();
        assert_eq!((refusal.code, refusal.reason), (Some(400), "BadRequest"));
        assert!(refusal.message.ends_with(&format!("strict decoding error: {unknown}")));
    });
    with(POD, &options(Mode::Warn), |outcome| assert_eq!(outcome.unwrap().warnings, [unknown]));
    with(POD, &options(Mode::Ignore), |outcome| {
        let admitted = outcome.unwrap();
        assert!(admitted.warnings.is_empty());
        assert_eq!(admitted.problems.len(), 1, "and a linter can still tell");
    });
}

#[test]
fn the_first_wrong_type_is_told_unless_a_quantity_fails() {
    let text =
        r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":1},"spec":{"priority":"x","containers":7}}"#;
    with(text, &options(Mode::Ignore), |outcome| {
        let refusal = outcome.unwrap_err();
        assert!(
            refusal.message.ends_with("number into Go struct field ObjectMeta.metadata.name of type string")
        );
        assert_eq!(refusal.nodes.len(), 1);
    });
    let text = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":1},"spec":{"overhead":{"cpu":"1x"}}}"#;
    with(text, &options(Mode::Ignore), |outcome| {
        assert!(outcome.unwrap_err().message.contains("quantities must match the regular expression"));
    });
}

#[test]
fn plugins_can_be_left_out() {
    let mut options = options(Mode::Ignore);
    options.plugins =
        Plugins::default().without(Plugin::ServiceAccount).without(Plugin::DefaultTolerationSeconds);
    with(POD, &options, |outcome| {
        let admitted = outcome.unwrap();
        let spec = admitted.object.root().get("spec").unwrap();
        assert!(spec.get("volumes").is_none() && spec.get("tolerations").is_none());
        assert_eq!(spec.get("priority").unwrap().as_i64(), Some(0));
    });
    options.plugins = Plugins::NONE;
    with(POD, &options, |outcome| {
        assert!(outcome.unwrap().object.root().at("/spec/priority").is_none());
    });
}

#[test]
fn what_is_not_known_to_be_missing_counts_as_there() {
    let text = POD.replace("\"hostPID\":false", "\"priorityClassName\":\"x\",\"runtimeClassName\":\"y\"");
    with(&text, &options(Mode::Warn), |outcome| {
        let admitted = outcome.unwrap();
        // its value is not known
        assert!(admitted.object.root().at("/spec/priority").is_none());
    });
}

#[test]
fn fields_of_a_release() {
    let text = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{"hostnameOverride":"x","containers":[]}}"#;
    let field = schema::definition("core/v1.PodSpec").unwrap();
    let since =
        (schema::OLDEST..=schema::NEWEST).find(|minor| field.field("hostnameOverride", *minor).is_some());
    let since = since.unwrap();
    for minor in [since - 1, since] {
        let options = Options { minor, ..options(Mode::Warn) };
        with(text, &options, |outcome| assert_eq!(outcome.unwrap().warnings.is_empty(), minor == since));
    }
}

/// Deep and wide objects are read in one pass, and nothing recurses further than documents may be deep.
#[test]
fn large_objects() {
    let mut schema = String::new();
    for _ in 0..100 {
        schema.push_str(r#"{"type":"array","items":"#);
    }
    schema.push_str("{}");
    schema.push_str(&"}".repeat(100));
    let text = format!(
        r#"{{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{{"name":"x"}},
        "spec":{{"versions":[{{"name":"v1","schema":{{"openAPIV3Schema":{schema}}}}}]}}}}"#
    );
    with(&text, &options(Mode::Warn), |outcome| assert!(outcome.is_ok()));
    let members: Vec<String> = (0..50_000).map(|at| format!("\"k{at}\":\"v\"")).collect();
    let text = format!(
        r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"x"}},"data":{{{}}},"x":1,"y":2}}"#,
        members.join(",")
    );
    with(&text, &options(Mode::Warn), |outcome| {
        let admitted = outcome.unwrap();
        assert_eq!(admitted.object.root().at("/data").unwrap().len(), 50_000);
        assert_eq!(admitted.warnings.len(), 2);
    });
}
