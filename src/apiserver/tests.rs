#![allow(clippy::unwrap_used)]

use super::*;
use crate::manifest::source::{Content, SourceFile};
use crate::manifest::{Inventory, Sources};
use crate::offline::{Asking, Canonical, Offline};
use crate::store::PolicySet;

/// What lint finds without a policy: code, path and message; lines of text where a finding points.
fn found(text: &str, complete: bool) -> Vec<(String, String, String, usize)> {
    let sources = Sources::new(vec![SourceFile::new("x.yaml", Content::Text(text.to_owned()))]);
    let inventory = Inventory::load(&sources);
    let asking = Asking { complete, ..Asking::default() };
    let mut server = ApiServer::new(36);
    inventory.manifests().iter().for_each(|manifest| server.learn(inventory.object(manifest)));
    let canonical = Canonical::of(&inventory, None, &asking, &server);
    let offline = Offline::over(&inventory, None, &asking, Some(&canonical));
    let findings = offline.judge_all(&PolicySet::default());
    findings
        .into_iter()
        .map(|(_, finding)| {
            let line =
                finding.place.span.map_or(0, |span| text[..span.start as usize].matches('\n').count() + 1);
            (finding.code().to_owned(), finding.place.path.clone(), finding.message, line)
        })
        .collect()
}

#[test]
fn every_example_shows_its_code() {
    for row in codes::SERVER {
        let codes: Vec<String> = found(row.example, false).into_iter().map(|found| found.0).collect();
        assert!(codes.contains(&row.code.to_owned()), "{}: {codes:?}", row.code);
        assert!(codes.iter().all(|code| code == row.code), "{}: {codes:?}", row.code);
    }
}

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n  - name: web\n    image: r.example/web:1\n";

#[test]
fn what_is_found_where() {
    let rows = [
        ("    imagePullPolice: Always\n", "kubernetes/unknown-field", 8, "did you mean \"imagePullPolicy\"?"),
        ("    tty: \"yes\"\n", "kubernetes/type", 8, "\"yes\" is a string where a boolean belongs"),
        ("    resources: {limits: {memory: 1GB}}\n", "kubernetes/type", 8, "\"1GB\": quantities must match"),
        ("    imagePullPolicy: Sometimes\n", "kubernetes/invalid", 8, "Unsupported value: \"Sometimes\""),
        ("  restartPolicy: 5\n", "kubernetes/type", 8, "5 is a number where a string belongs"),
        (
            "    ports: [{containerPort: 0}]\n",
            "kubernetes/invalid",
            8,
            "spec.containers[0].ports[0].containerPort",
        ),
        ("    args: --all\n", "kubernetes/type", 8, "\"--all\" is a string where a list belongs"),
    ];
    for (line, code, at, message) in rows {
        let found = found(&format!("{POD}{line}"), false);
        assert_eq!(found.len(), 1, "{line}: {found:?}");
        assert!(found[0].0 == code && found[0].3 == at && found[0].2.contains(message), "{line}: {found:?}");
    }
}

#[test]
fn what_is_not_known_is_no_fault() {
    let replaced =
        POD.replace("image: r.example/web:1", "image: ${IMAGE}\n    ports: [{containerPort: ${PORT}}]");
    assert_eq!(found(&replaced, false), []);
    let named = POD.replace("name: web}", "name: \"${NAME}\", labels: {\"a/${X}/b\": x}}");
    assert_eq!(found(&named, false), []);
    let custom = "apiVersion: example.com/v1\nkind: Boat\nmetadata: {name: x}\nspec: {oars: [2]}\n";
    assert_eq!(found(custom, false), [], "its definition is not there");
}

#[test]
fn namespaces_that_are_not_there() {
    let within = |namespace: &str| POD.replace("name: web}", &format!("name: web, namespace: {namespace}}}"));
    assert_eq!(found(&within("shop"), false), []);
    let nearly = found(&within("defualt"), false);
    assert!(
        nearly[0].2.starts_with("cannot be decided: ") && nearly[0].2.ends_with("did you mean \"default\"?"),
        "{nearly:?}"
    );
    assert_eq!(found(&within("shop"), true)[0].2, "namespaces \"shop\" not found");
    let with = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n---\n".to_owned() + &within("shop");
    assert_eq!(found(&with, true), []);
}

#[test]
fn versions() {
    let of = |api: &str, kind: &str| {
        let found = found(&format!("apiVersion: {api}\nkind: {kind}\nmetadata: {{name: x}}\n"), false);
        found.into_iter().filter(|found| found.0.ends_with("-api")).map(|found| found.2).collect::<Vec<_>>()
    };
    assert_eq!(
        of("extensions/v1beta1", "Ingress"),
        [
            "Kubernetes 1.36 does not serve Ingress in extensions/v1beta1 (removed in 1.22); write networking.k8s.io/v1"
        ]
    );
    assert_eq!(
        of("apps/v2", "Deployment"),
        ["Kubernetes 1.36 does not serve Deployment in apps/v2; write apps/v1"]
    );
    assert_eq!(of("autoscaling/v1", "HorizontalPodAutoscaler"), Vec::<String>::new());
    assert_eq!(
        of("v1", "Endpoints"),
        ["v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"]
    );
}

#[test]
fn a_secret_is_not_said() {
    let text = "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\ndata:\n  password: hunter2-hunter2!\n";
    let found = found(text, false);
    assert!(!found.is_empty() && found.iter().all(|found| !found.2.contains("hunter2")), "{found:?}");
}

#[test]
fn where_a_field_is_documented_and_how_it_is_mended() {
    let text = POD
        .replace("    image:", "    imagePullPolice: Always\n    image:")
        .replace("name: web}", "name: web, labels: {a: 1}}");
    let sources = Sources::new(vec![SourceFile::new("x.yaml", Content::Text(text))]);
    let inventory = Inventory::load(&sources);
    let asking = Asking::default();
    let server = ApiServer::new(36);
    let canonical = Canonical::of(&inventory, None, &asking, &server);
    let offline = Offline::over(&inventory, None, &asking, Some(&canonical));
    let findings = offline.judge_all(&PolicySet::default());
    let told: Vec<(&str, String)> = findings
        .iter()
        .map(|(_, found)| {
            (found.reference.as_deref().unwrap_or_default(), serde_json::to_string(&found.fix).unwrap())
        })
        .collect();
    let page = "https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.36/";
    assert_eq!(
        told[0],
        (
            format!("{page}#objectmeta-v1-meta").as_str(),
            r#"[{"op":"replace","path":"/metadata/labels/a","value":"1"}]"#.to_owned()
        )
    );
    let moved = r#"[{"op":"move","from":"/spec/containers/0/imagePullPolice","path":"/spec/containers/0/imagePullPolicy"}]"#;
    assert_eq!(told[1], (format!("{page}#container-v1-core").as_str(), moved.to_owned()));
}
