use super::*;
use crate::manifest::NoticeCode;

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n";

fn sources(files: &[(&str, &str)]) -> Sources {
    Sources::new(
        files.iter().map(|(path, text)| SourceFile::new(*path, Content::Text((*text).to_owned()))).collect(),
    )
}

/// Outcome, documents, manifests of one file.
fn of(text: &str) -> (FileOutcome, u32, usize) {
    let sources = sources(&[("f", text)]);
    let inventory = Inventory::load(&sources);
    (inventory.ledger()[0].outcome, inventory.ledger()[0].documents, inventory.manifests().len())
}

#[test]
fn every_file_has_an_outcome() {
    use FileOutcome::{Broken, Linted, NotKubernetes, Template};
    let item = "{apiVersion: v1, kind: Pod, metadata: {name: p}}";
    let json = r#"{"apiVersion":"v1","kind":"Pod"}"#;
    for (name, text, expected) in [
        ("one", POD.to_owned(), (Linted, 1, 1)),
        ("empty", String::new(), (NotKubernetes, 0, 0)),
        ("comments", "# a\n---\n# b\n---\nnull\n".to_owned(), (NotKubernetes, 0, 0)),
        ("values", "replicas: 3\n".to_owned(), (NotKubernetes, 1, 0)),
        ("a list of scalars", "- a\n".to_owned(), (NotKubernetes, 1, 0)),
        (
            "kustomization",
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n".to_owned(),
            (NotKubernetes, 1, 0),
        ),
        ("chart", "apiVersion: v2\nname: x\n".to_owned(), (NotKubernetes, 1, 0)),
        ("values beside a manifest", format!("a: 1\n---\n{POD}"), (Linted, 2, 1)),
        ("broken first", format!("a: [\n---\n{POD}"), (Broken, 2, 1)),
        ("broken last", format!("{POD}---\na: [\n"), (Broken, 2, 1)),
        ("bad separator", format!("{POD}---foo\na: 1\n---\n{POD}"), (Broken, 3, 2)),
        ("template", format!("{POD}---\n{{{{- if .x }}}}\na: b\n{{{{- end }}}}\n"), (Template, 2, 1)),
        ("broken beside a template", format!("a: [\n---\nx: {{{{ y }}}}\n---\n{POD}"), (Broken, 3, 1)),
        ("template value", "kind: X\nname: {{ .Values.x }}\n".to_owned(), (Template, 0, 0)),
        ("template text in a string", format!("{POD}x: \"{{{{ y }}}}\"\n"), (Linted, 1, 1)),
        ("list", format!("apiVersion: v1\nkind: List\nitems:\n- {item}\n- {item}\n"), (Linted, 1, 2)),
        ("empty list", "apiVersion: v1\nkind: List\nitems: []\n".to_owned(), (NotKubernetes, 1, 0)),
        ("list of null", "apiVersion: v1\nkind: List\nitems: [null]\n".to_owned(), (Broken, 1, 0)),
        ("items is a number", "apiVersion: v1\nkind: FooList\nitems: 3\n".to_owned(), (Broken, 1, 0)),
        ("a FooList without items", "apiVersion: v1\nkind: FooList\n".to_owned(), (Linted, 1, 1)),
        ("JSON", json.to_owned(), (Linted, 1, 1)),
        ("JSON stream", format!("{json}{json}\n{json}"), (Linted, 3, 3)),
        ("JSON, then YAML", format!("{json}\n---\n{POD}"), (Broken, 3, 2)),
        ("broken JSON, then YAML", format!("{{\"a\":}}\n---\n{POD}"), (Broken, 2, 1)),
        ("flow mapping that is no JSON", format!("{item}\n"), (Broken, 1, 0)),
        ("flow mapping behind a separator", format!("---\n{item}\n"), (Linted, 1, 1)),
    ] {
        assert_eq!(of(&text), expected, "{name}");
    }
}

#[test]
fn the_ledger_says_where() {
    let sources = sources(&[("b.yaml", "a: 1\n---\nb:\n  - x\n c: d\n"), ("a.yaml", POD)]);
    let inventory = Inventory::load(&sources);
    let record = &inventory.ledger()[1];
    let [error] = &record.errors[..] else { panic!("one error") };
    assert_eq!((error.document, error.position.line), (1, 5));
    assert_eq!(sources.file(record.file).path(), "b.yaml");
}

#[test]
fn a_manifest_knows_where_it_is() {
    let text = format!("a: 1\n---\napiVersion: v1\nkind: List\nitems:\n- {{kind: X}}\n---\n{POD}");
    let text = text.replace("{kind: X}", "{apiVersion: v1, kind: X}");
    let sources = sources(&[("f", &text)]);
    let inventory = Inventory::load(&sources);
    let seen: Vec<_> = inventory
        .manifests()
        .iter()
        .map(|m| (m.index, m.item, inventory.object(m).get_str("kind")))
        .collect();
    assert_eq!(seen, [(1, Some(0), Some("X")), (2, None, Some("Pod"))]);
    let span = inventory.object(&inventory.manifests()[0]).get("kind").and_then(NodeRef::span);
    let place = sources.files()[0].positions(span.expect("a place"));
    assert_eq!(
        (place.start, place.end),
        (Position { line: 6, column: 26 }, Position { line: 6, column: 27 })
    );
}

#[test]
fn items_of_a_typed_list_get_its_type() {
    let text = "apiVersion: v1\nkind: PodList\nitems:\n- {metadata: {name: a}}\n- {apiVersion: b/v1, kind: X, c: 1}\n";
    let sources = sources(&[("f", text)]);
    let inventory = Inventory::load(&sources);
    let objects: Vec<String> = inventory.manifests().iter().map(|m| inventory.object(m).to_json()).collect();
    assert_eq!(
        objects,
        [
            r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}}"#,
            r#"{"apiVersion":"b/v1","kind":"X","c":1}"#,
        ]
    );
    let name = inventory.object(&inventory.manifests()[0]).at("/metadata/name").and_then(NodeRef::span);
    assert_eq!(sources.files()[0].position(name.unwrap().start as usize), Position { line: 4, column: 21 });
}

#[test]
fn what_is_hardly_meant_is_noticed() {
    use NoticeCode::{BigInteger, BooleanWord, DroppedDocument, DuplicateKey, FloatVersion, Octal};
    for (text, expected) in [
        ("data: {a: x, a: z}", vec![(DuplicateKey, "a")]),
        ("data: {a: 1, a: 2, a: 3}", vec![(DuplicateKey, "a")]),
        ("data: {n: x, no: z}", vec![(DuplicateKey, "no"), (BooleanWord, "n"), (BooleanWord, "no")]),
        ("data: {<<: {a: x}, a: z}", vec![]),
        ("data: {a: z, <<: {a: x}}", vec![]),
        ("data: {a: on, b: \"off\", c: 'n', d: true}", vec![(BooleanWord, "on")]),
        ("data: {y: x}", vec![(BooleanWord, "y")]),
        ("kind2: Y", vec![(BooleanWord, "Y")]),
        ("spec: {hostNetwork: yes, privileged: no}", vec![]),
        ("spec: {x: {args: [-v, no]}}", vec![(BooleanWord, "no")]),
        ("spec: {defaultMode: 0644}", vec![]),
        ("spec: {defaultMode: 0888}", vec![(Octal, "0888")]),
        ("data: {zip: 01234, z: 0, h: 0x10, m: 00}", vec![(Octal, "01234"), (Octal, "00")]),
        ("metadata: {labels: {version: 1.10, x: 1e3}}", vec![(FloatVersion, "1.10"), (FloatVersion, "1e3")]),
        ("spec: {version: 1.10, cpu: 1.5, ratio: 0.5}", vec![(FloatVersion, "1.10")]),
        (
            "spec: {a: 9223372036854775807, b: 9223372036854775808, c: -99999999999999999999}",
            vec![(BigInteger, "9223372036854775808"), (BigInteger, "-99999999999999999999")],
        ),
        ("a: 1\n...\nb: 2", vec![(DroppedDocument, "b: 2")]),
        ("a: 1\n...\n# c\n", vec![]),
        ("a: 1\n...\n...\n", vec![]),
        ("a: 1\n... junk\n", vec![(DroppedDocument, "junk")]),
        ("x: &a {k: on}\nb: *a\nz: {<<: *a}", vec![(BooleanWord, "on")]),
    ] {
        let text = format!("apiVersion: x/v1\nkind: X\n{text}\n");
        let sources = sources(&[("f", &text)]);
        let inventory = Inventory::load(&sources);
        assert_eq!(inventory.manifests().len(), 1, "{text}: {:?}", inventory.ledger());
        let got: Vec<_> = inventory
            .notices()
            .iter()
            .map(|n| (n.code, &text[n.span.start as usize..n.span.end as usize]))
            .collect();
        assert_eq!(got, expected, "{text}");
    }
}

#[test]
fn a_duplicate_names_all_its_places() {
    let text = "apiVersion: x/v1\nkind: X\nspec:\n  a: 1\n  b: 2\n  a: 3\n";
    let sources = sources(&[("f", text)]);
    let inventory = Inventory::load(&sources);
    let [notice] = inventory.notices() else { panic!("one notice") };
    let at = |span| sources.files()[0].positions(span).start;
    assert_eq!(at(notice.span), Position { line: 6, column: 3 });
    assert_eq!(at(notice.related[0].1), Position { line: 4, column: 3 });
    assert_eq!(notice.message, "key \"a\" is written twice in this mapping; the last one wins");
}

#[test]
fn what_is_not_for_a_cluster_is_not_judged() {
    let sources = sources(&[("compose.yaml", "on: [push]\na: 1\na: 2\n")]);
    assert_eq!(Inventory::load(&sources).notices(), []);
}

/// Codes, lines and messages of what is said of a text.
fn said(text: &str) -> Vec<String> {
    let sources = sources(&[("f", text)]);
    let inventory = Inventory::load(&sources);
    let line = |n: &Notice| sources.files()[0].position(n.span.start as usize).line;
    let codes = inventory.notices().iter().map(|n| format!("{} {} {}", n.code.code(), line(n), n.message));
    codes.collect()
}

#[test]
fn documents_that_do_not_say_what_they_are() {
    let misspelt = |missing: &str, key: &str| {
        format!("the object has no {missing}: the key is written {key:?}; did you mean {missing:?}?")
    };
    let none = |missing: &str| format!("the object has no {missing}, and kubectl refuses the file for it");
    for (text, expected) in [
        ("apiVersion: v1\nKind: Pod\n", Some(("kubernetes/no-kind 2", misspelt("kind", "Kind")))),
        (
            "apiversion: v1\nkind: Pod\n",
            Some(("kubernetes/no-api-version 1", misspelt("apiVersion", "apiversion"))),
        ),
        (
            "kind: Pod\napiVerison: v1\n",
            Some(("kubernetes/no-api-version 2", misspelt("apiVersion", "apiVerison"))),
        ),
        (
            "api_version: v1\nkind: Pod\n",
            Some(("kubernetes/no-api-version 1", misspelt("apiVersion", "api_version"))),
        ),
        ("kind: Pod\nmetadata: {name: p}\n", Some(("kubernetes/no-api-version 1", none("apiVersion")))),
        ("apiVersion: v1\nmetadata: {name: p}\n", Some(("kubernetes/no-kind 1", none("kind")))),
        ("apiVersion: v1\nknid: Pod\n", Some(("kubernetes/no-kind 2", misspelt("kind", "knid")))),
        (
            "apiVersion: v1\nkind: 7\nspec: {}\n",
            Some(("kubernetes/no-kind 2", "kind must be a string, and is integer".into())),
        ),
        // charts, values, pipelines and workflows are no manifests
        ("apiVersion: v2\nname: chart\nversion: 1.0.0\n", None),
        ("kind: pipeline\nname: build\n", None),
        ("metadata: {name: x}\nreplicas: 2\n", None),
        ("on: push\njobs: {}\n", None),
        ("- a\n", None),
        ("name: x\nversion: 1.0.0\n", None),
        ("version: '3'\nmetadata: {name: x}\n", None),
        ("kind: Addons\nmetadata: {name: x}\nspec: {}\n", None),
        ("app_version: 1\nmetadata: {name: x}\n", None),
    ] {
        let expected: Vec<String> =
            expected.map(|(code, message)| format!("{code} {message}")).into_iter().collect();
        assert_eq!(said(text), expected, "{text}");
    }
    // beside a manifest every document has to be one
    for (text, code) in [
        ("replicas: 2\n", "kubernetes/no-kind"),
        ("- a\n", "kubernetes/no-kind"),
        ("Kind: Pod\napiVersion: v1\n", "kubernetes/no-kind"),
        ("kind: Pod\n", "kubernetes/no-api-version"),
        ("# nothing\n", ""),
    ] {
        let codes: Vec<String> = said(&format!("{POD}---\n{text}"));
        let codes: Vec<&str> = codes.iter().filter_map(|said| said.split(' ').next()).collect();
        assert_eq!(codes, if code.is_empty() { vec![] } else { vec![code] }, "{text}");
    }
}

#[test]
fn kinds_that_nobody_has() {
    for (version, kind, expected) in [
        ("apps/v1", "Deploymnet", Some("apps/v1 has no kind Deploymnet; did you mean \"Deployment\"?")),
        (
            "aps/v1",
            "Deployment",
            Some("no API group with the kind Deployment is named aps; did you mean \"apps\"?"),
        ),
        (
            "rbac.authorisation.k8s.io/v1",
            "Role",
            Some(
                "no API group with the kind Role is named rbac.authorisation.k8s.io; did you mean \"rbac.authorization.k8s.io\"?",
            ),
        ),
        // for api-version to say
        ("V1", "Pod", None),
        ("apps", "Deployment", None),
        // groups of others that have a kind of the same name
        ("apps.kruise.io/v1alpha1", "StatefulSet", None),
        ("authorization.openshift.io/v1", "Role", None),
        ("crd.projectcalico.org/v1", "NetworkPolicy", None),
        ("serving.knative.dev/v1", "Service", None),
        ("batch.volcano.sh/v1", "Job", None),
        ("skaffold/v4beta11", "Config", None),
        ("${VERSION}", "Pod", None),
        ("v1", "service", Some("v1 has no kind service; did you mean \"Service\"?")),
        ("networking.k8s.io/v1", "IngressRoute", Some("networking.k8s.io/v1 has no kind IngressRoute")),
        ("traefik.io/v1", "IngressRoute", None),
        // of another version or group: another policy's business
        ("v1", "Deployment", None),
        ("policy/v1beta1", "PodSecurityPolicy", None),
        ("policy/v1", "Eviction", None),
        ("v1", "PodList", None),
        ("0.1.0", "Application", None),
        ("v1", "DeploymentConfig", None),
        ("v1", "${KIND}", None),
    ] {
        let text = format!("apiVersion: {version}\nkind: {kind}\n");
        let said = said(&text);
        let got = said.first().and_then(|said| said.strip_prefix("kubernetes/unknown-kind "));
        // the line of the version, or of the kind
        let got = got.map(|got| got.trim_start_matches(['1', '2', ' ']));
        assert_eq!(
            (got.is_some(), said.len()),
            (expected.is_some(), usize::from(expected.is_some())),
            "{text}"
        );
        assert!(got.unwrap_or_default().starts_with(expected.unwrap_or_default()), "{got:?}");
    }
    let crd = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nspec: {group: apps, scope: Namespaced, names: {kind: Mine, plural: mines}}\n";
    assert_eq!(said(&format!("{crd}---\napiVersion: apps/v1\nkind: Mine\n")), [""; 0]);
    let list = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: List\n  items: []\n";
    assert!(said(list)[0].starts_with("kubernetes/nested-list 5 a List in a List"));
}

#[test]
fn what_is_walked_and_not_for_kubernetes_is_not_broken() {
    for (text, expected) in [
        ("{ // for the editor\n \"strict\": true}", FileOutcome::NotKubernetes),
        ("{\"id\": 1}\n{\"id\": 2,}", FileOutcome::NotKubernetes),
        ("{'a': 'b'}", FileOutcome::NotKubernetes),
        ("{\"mankind\": 1,}", FileOutcome::NotKubernetes),
        ("{\"kind\": \"Pod\",}", FileOutcome::Broken),
        ("apiVersion : v1\na: [", FileOutcome::Broken),
    ] {
        for walked in [true, false] {
            let mut file = SourceFile::new("f", Content::Text(text.to_owned()));
            file.walked = walked;
            let sources = Sources::new(vec![file]);
            let expected = if walked { expected } else { FileOutcome::Broken };
            assert_eq!(Inventory::load(&sources).ledger()[0].outcome, expected, "{text} {walked}");
        }
    }
}

#[test]
fn what_kustomizations_read_is_not_judged() {
    let part = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n";
    let sources = sources(&[
        ("base/kustomization.yaml", "resources: [web.yaml]\npatches: [{path: part.yaml}]\nnamespace: shop\n"),
        ("base/part.yaml", part),
        ("base/web.yaml", part),
    ]);
    let inventory = Inventory::load(&sources);
    let outcomes: Vec<FileOutcome> = inventory.ledger().iter().map(|record| record.outcome).collect();
    assert_eq!(outcomes, [FileOutcome::NotKubernetes, FileOutcome::Patch, FileOutcome::Linted]);
    assert_eq!(inventory.manifests().len(), 1);
    assert_eq!(inventory.judged(0).at("/metadata/namespace").and_then(NodeRef::as_str), Some("shop"));
    assert_eq!(inventory.object(&inventory.manifests()[0]).at("/metadata/namespace"), None);
}
