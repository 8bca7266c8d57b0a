use super::*;
use crate::document::{Document, Limits};

fn read(files: &[(&str, &str)]) -> Vec<Document<'static>> {
    files
        .iter()
        .map(|(_, text)| {
            let text = if text.is_empty() { "{}" } else { text };
            Document::from_json(text, Limits::default())
                .unwrap()
                .root()
                .to_document(Limits::default())
                .unwrap()
        })
        .collect()
}

fn kustomizations(files: &[(&str, &str)], documents: &[Document<'static>]) -> Kustomizations {
    let paths: Vec<&str> = files.iter().map(|(path, _)| *path).collect();
    let own = paths.iter().enumerate().filter(|(_, path)| is_kustomization(path));
    let documents = own.map(|(file, _)| (file, documents[file].root())).collect();
    let text = |file: usize| Some(files[file].1);
    let parse: &dyn Fn(&str) -> Vec<Document<'_>> =
        &|text| Document::from_json(text, Limits::default()).into_iter().collect();
    Kustomizations::read(&paths, &documents, &Patches { text: &text, parse })
}

#[test]
fn what_is_read_and_not_applied() {
    let files = [
        (
            "app/kustomization.yaml",
            r#"{"resources":["web.yaml","both.yaml","./sub/../other.yaml"],
                "patches":[{"path":"p1.yaml"},{"patch":"- op: add"},{"path":"both.yaml"}],
                "patchesStrategicMerge":["p2.yaml","kind: X\n"],"patchesJson6902":[{"path":"p3.json"}],
                "transformers":["t.yaml","../plugin"],"replacements":[{"path":"r.yaml"}],"openapi":{"path":"o.json"},
                "configMapGenerator":[{"name":"c","files":["k=c.yaml","d.json"]}],"configurations":["n.yaml"],
                "components":["../part"]}"#,
        ),
        ("app/web.yaml", ""),
        ("app/both.yaml", ""),
        ("app/other.yaml", ""),
        ("app/unlisted.yaml", ""),
        ("app/p1.yaml", ""),
        ("app/p2.yaml", ""),
        ("app/p3.json", ""),
        ("app/t.yaml", ""),
        ("app/r.yaml", ""),
        ("app/o.json", ""),
        ("app/c.yaml", ""),
        ("app/d.json", ""),
        ("app/n.yaml", ""),
        ("part/kustomization.yml", r#"{"kind":"Component","patches":[{"path":"tls.yaml"}]}"#),
        ("part/tls.yaml", ""),
        ("plugin/Kustomization", r#"{"resources":["labels.yaml"]}"#),
        ("plugin/labels.yaml", ""),
    ];
    let documents = read(&files);
    let all = kustomizations(&files, &documents);
    let patches: Vec<&str> = files
        .iter()
        .enumerate()
        .filter(|(file, _)| all.is_patch(*file))
        .map(|(_, (path, _))| *path)
        .collect();
    let expected = [
        "app/p1.yaml",
        "app/p2.yaml",
        "app/p3.json",
        "app/t.yaml",
        "app/r.yaml",
        "app/o.json",
        "app/c.yaml",
        "app/d.json",
        "app/n.yaml",
        "part/tls.yaml",
        "plugin/labels.yaml",
    ];
    assert_eq!(patches, expected);
    assert_eq!(all.listing(3), [0]);
    assert_eq!(all.roots(), ["app"]);
    assert!(!all.is_open());
}

#[test]
fn chains_of_kustomizations_are_alternatives() {
    let files = [
        (
            "base/kustomization.yaml",
            r#"{"resources":["web.yaml"],"namePrefix":"b-","commonLabels":{"app":"web"}}"#,
        ),
        ("base/web.yaml", ""),
        ("dev/kustomization.yaml", r#"{"resources":["../base"],"namePrefix":"dev-","namespace":"dev"}"#),
        (
            "prod/kustomization.yaml",
            r#"{"bases":["../base"],"nameSuffix":"-prod","images":[{"name":"web","newTag":1.5}],
                "components":["../missing"],"resources":["https://example.com/x.yaml"]}"#,
        ),
    ];
    let documents = read(&files);
    let all = kustomizations(&files, &documents);
    let changes = all.changes_of(1);
    let names: Vec<String> = changes.iter().map(|change| change.name("web")).collect();
    assert_eq!(names, ["dev-b-web", "b-web-prod"]);
    assert_eq!(changes[0].namespace.as_deref(), Some("dev"));
    assert!(all.is_open());
    let deployment = r#"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","labels":{"a":"b"}},
        "spec":{"template":{"metadata":{},"spec":{"containers":[{"image":"web"},{"image":"web:1@sha256:x"},{"image":"x/web"}]}}}}"#;
    let document = Document::from_json(deployment, Limits::default()).unwrap();
    let changed =
        change::changed(&document, document.root(), &changes, "kustomization", Limits::default()).unwrap();
    assert_eq!(
        changed.root().to_json(),
        r#"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","labels":{"a":"b","app":"web"},"namespace":"dev"},"spec":{"template":{"metadata":{"labels":{"app":"web"}},"spec":{"containers":[{"image":"web:1.5"},{"image":"web:1.5"},{"image":"x/web"}]}},"selector":{"matchLabels":{"app":"web"}}}}"#
    );
}

#[test]
fn labels_go_where_the_kustomization_says() {
    let object = |kind: &str, selector: &str, metadata: &str| {
        format!(
            r#"{{"apiVersion":"{}","kind":"{kind}","metadata":{{"name":"w"}},"spec":{{{selector}"template":{{{metadata}"spec":{{}}}}}}}}"#,
            if kind == "Job" { "batch/v1" } else { "apps/v1" }
        )
    };
    let (common, selectors) = (
        r#"{"resources":["w.yaml"],"commonLabels":{"app":"web"}}"#,
        r#"{"resources":["w.yaml"],"labels":[{"pairs":{"app":"web"},"includeSelectors":true}]}"#,
    );
    let (templates, plain) = (
        r#"{"resources":["w.yaml"],"labels":[{"pairs":{"app":"web"},"includeTemplates":true}]}"#,
        r#"{"resources":["w.yaml"],"labels":[{"pairs":{"app":"web"}}]}"#,
    );
    let made = r#""selector":{"matchLabels":{"app":"web"}}"#;
    for (kustomization, kind, selector, metadata, expected_selector, expected_labels) in [
        (common, "Deployment", "", "", made, true),
        (selectors, "StatefulSet", "", r#""metadata":{},"#, made, true),
        (selectors, "DaemonSet", r#""selector":{},"#, "", made, true),
        (
            common,
            "Deployment",
            r#""selector":{"matchLabels":{"a":"b"}},"#,
            "",
            r#""selector":{"matchLabels":{"a":"b","app":"web"}}"#,
            true,
        ),
        (templates, "Deployment", "", "", "", true),
        (plain, "Deployment", "", "", "", false),
        // a Job's selector is the server's to make
        (common, "Job", "", "", "", true),
    ] {
        let files = [("kustomization.yaml", kustomization), ("w.yaml", "")];
        let documents = read(&files);
        let changes = kustomizations(&files, &documents).changes_of(1).to_vec();
        let text = object(kind, selector, metadata);
        let document = Document::from_json(&text, Limits::default()).unwrap();
        let changed =
            change::changed(&document, document.root(), &changes, "kustomization", Limits::default())
                .unwrap();
        let spec = changed.root().get("spec").unwrap();
        let shown = spec.get("selector").map(|selector| format!("\"selector\":{}", selector.to_json()));
        assert_eq!(shown.unwrap_or_default(), expected_selector, "{kustomization} {text}");
        let labels = spec.at("/template/metadata/labels/app").and_then(|label| label.as_str());
        assert_eq!(labels, expected_labels.then_some("web"), "{kustomization} {text}");
    }
}

#[test]
fn circles_end() {
    let files = [
        ("a/kustomization.yaml", r#"{"resources":["../b","x.yaml"]}"#),
        ("a/x.yaml", ""),
        ("b/kustomization.yaml", r#"{"resources":["../a"]}"#),
    ];
    let documents = read(&files);
    let all = kustomizations(&files, &documents);
    assert!(all.changes_of(1).len() <= 1);
    assert_eq!(kustomizations(&[], &[]).roots(), [""; 0]);
}

#[test]
fn generated_objects() {
    let files = [(
        "kustomization.yaml",
        r#"{"namespace":"shop","configMapGenerator":[{"name":"settings","literals":["a=1","b=x=y"],"files":["c=d/e.txt","f/g.json"]}],
            "secretGenerator":[{"name":"login","namespace":"own","envs":[".env"]},{"literals":["x=y"]}]}"#,
    )];
    let documents = read(&files);
    let all = kustomizations(&files, &documents);
    let applied = Applied::of(&all, &["kustomization.yaml"], &[], &[]);
    let seen: Vec<String> = applied
        .generated
        .iter()
        .map(|made| {
            let generated = all.generated(made).unwrap();
            let data = generated.document.root().get("data").unwrap();
            let keys: Vec<&str> = data.members().map(|(key, _)| key).collect();
            format!("{} {} {:?} {keys:?} {}", generated.kind, made.name, made.namespace, generated.partial)
        })
        .collect();
    assert_eq!(
        seen,
        [
            r#"ConfigMap settings Some("shop") ["a", "b", "c", "g.json"] false"#,
            r#"Secret login Some("shop") [] true"#,
        ]
    );
}

/// Patches of either kind, `replicas`, components; by name, by the name it has by then, by a target.
#[test]
fn numbers_of_pods() {
    let object =
        r#"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web"},"spec":{"replicas":1}}"#;
    let merge = |kind: &str, name: &str, number: i64| {
        format!(
            r#"{{\"kind\":\"{kind}\",\"metadata\":{{\"name\":\"{name}\"}},\"spec\":{{\"replicas\":{number}}}}}"#
        )
    };
    let put = r#"[{\"op\":\"replace\",\"path\":\"/spec/replicas\",\"value\":4}]"#;
    let file = r#"{"kind":"Deployment","metadata":{"name":"web"},"spec":{"replicas":7}}"#;
    for (kustomization, expected) in [
        (format!(r#""patchesStrategicMerge":["{}"]"#, merge("Deployment", "web", 2)), 2),
        (format!(r#""patchesStrategicMerge":["{}"]"#, merge("Deployment", "api", 2)), 1),
        (format!(r#""patches":["{}"]"#, merge("StatefulSet", "web", 2)), 1),
        (format!(r#""patches":[{{"patch":"{}"}}]"#, merge("Deployment", "web", 0)), 0),
        (format!(r#""patches":[{{"patch":"{put}","target":{{"kind":"Deployment"}}}}]"#), 4),
        (format!(r#""patches":[{{"patch":"{put}","target":{{"kind":"Deployment","name":"w.*"}}}}]"#), 4),
        (format!(r#""patches":[{{"patch":"{put}","target":{{"group":"batch"}}}}]"#), 1),
        (format!(r#""patchesJson6902":[{{"patch":"{put}","target":{{"name":"we"}}}}]"#), 1),
        (
            format!(
                r#""patches":[{{"patch":"{}","target":{{"name":"b-web"}}}}]"#,
                merge("Deployment", "x", 3)
            ),
            3,
        ),
        (r#""patches":[{"path":"seven.json"}]"#.to_owned(), 7),
        (r#""replicas":[{"name":"web","count":5}]"#.to_owned(), 5),
        (r#""replicas":[{"name":"b-web","count":5}]"#.to_owned(), 5),
        (r#""replicas":[{"name":"api","count":5}]"#.to_owned(), 1),
    ] {
        let over = format!(r#"{{"resources":["../base"],{kustomization}}}"#);
        let files = [
            ("base/kustomization.yaml", r#"{"resources":["web.yaml"],"namePrefix":"b-"}"#),
            ("base/web.yaml", ""),
            ("over/kustomization.yaml", over.as_str()),
            ("over/seven.json", file),
        ];
        let documents = read(&files);
        let changes = kustomizations(&files, &documents).changes_of(1);
        let document = Document::from_json(object, Limits::default()).unwrap();
        let changed =
            change::changed(&document, document.root(), &changes, "kustomization", Limits::default());
        let root = changed.as_ref().map_or(document.root(), Document::root);
        assert_eq!(root.at("/spec/replicas").and_then(NodeRef::as_i64), Some(expected), "{kustomization}");
    }
}

/// Of alternatives the largest, what one of them leaves as it is included.
#[test]
fn the_largest_number_of_alternatives() {
    for (own, over, expected) in [
        (r#""replicas":3"#, r#""replicas":[{"name":"web","count":2}]"#, 3),
        (r#""replicas":3"#, r#""replicas":[{"name":"web","count":4}]"#, 4),
        ("", r#""replicas":[{"name":"web","count":2}]"#, 2),
    ] {
        let over = format!(r#"{{"resources":["../base"],{over}}}"#);
        let files = [
            ("base/kustomization.yaml", r#"{"resources":["web.yaml"]}"#),
            ("base/web.yaml", ""),
            ("over/kustomization.yaml", over.as_str()),
            ("plain/kustomization.yaml", r#"{"resources":["../base"]}"#),
        ];
        let documents = read(&files);
        let changes = kustomizations(&files, &documents).changes_of(1);
        let object = format!(
            r#"{{"apiVersion":"apps/v1","kind":"Deployment","metadata":{{"name":"web"}},"spec":{{{own}}}}}"#
        );
        let document = Document::from_json(&object, Limits::default()).unwrap();
        let changed =
            change::changed(&document, document.root(), &changes, "kustomization", Limits::default());
        let root = changed.as_ref().map_or(document.root(), Document::root);
        assert_eq!(root.at("/spec/replicas").and_then(NodeRef::as_i64), Some(expected), "{own} {over}");
    }
}
