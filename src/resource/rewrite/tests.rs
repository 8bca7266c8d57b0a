use super::*;
use crate::document::edit::{self, PatchOperation};
use crate::document::path::Pointer;
use crate::document::{Document, Limits, NodeId};
use crate::resource::workload::{PodTemplate, TemplatePaths};
use proptest::prelude::*;
use serde_json::{Value, json};

/// `from → to` lines, `from → to ! except, except`.
fn rules(lines: &[&str]) -> Vec<RewriteRule> {
    let one = |line: &&str| {
        let (line, except) = line.split_once(" ! ").unwrap_or((line, ""));
        let (from, to) = line.split_once(" → ").unwrap();
        let except = except.split(", ").filter(|e| !e.is_empty()).map(str::to_owned).collect();
        RewriteRule { from: from.to_owned(), to: to.to_owned(), except }
    };
    lines.iter().map(one).collect()
}

fn table(lines: &[&str]) -> RewriteTable {
    RewriteTable::compile(&rules(lines)).unwrap_or_else(|e| panic!("{lines:?}: {e:?}"))
}

/// What comes out, `=` where nothing changes; and that a second run changes nothing.
fn rewritten(table: &RewriteTable, text: &str) -> String {
    match table.rewrite(text) {
        Ok(None) => "=".to_owned(),
        Ok(Some(new)) => {
            assert_eq!(table.rewrite(&new), Ok(None), "{text} → {new} is not left alone");
            new
        }
        Err(error) => format!("! {error}"),
    }
}

const SHA: &str = "sha256:5759d194607e472ff80fff5833442d3991dd89b219c96552837a2c8f74058617";

#[test]
fn one_rule() {
    let rows: &[(&str, &str, &str)] = &[
        // Docker Hub, with `library/` where it belongs
        ("docker.io → mirror.example.com/hub", "nginx", "mirror.example.com/hub/library/nginx"),
        ("docker.io → mirror.example.com/hub", "nginx:1.25", "mirror.example.com/hub/library/nginx:1.25"),
        ("docker.io → mirror.example.com", "nginx", "mirror.example.com/library/nginx"),
        ("docker.io → mirror.example.com", "docker.io/nginx", "mirror.example.com/library/nginx"),
        ("docker.io → mirror.example.com", "index.docker.io/nginx:1", "mirror.example.com/library/nginx:1"),
        ("docker.io → mirror.example.com", "docker.io/library/nginx", "mirror.example.com/library/nginx"),
        ("docker.io → mirror.example.com", "bitnami/redis:7", "mirror.example.com/bitnami/redis:7"),
        ("index.docker.io → mirror.example.com", "bitnami/redis", "mirror.example.com/bitnami/redis"),
        ("docker.io → mirror.example.com", "registry:5000", "mirror.example.com/library/registry:5000"),
        ("docker.io → mirror.example.com", "registry:5000/app", "="),
        ("docker.io → mirror.example.com", "localhost:5000/app", "="),
        ("docker.io → mirror.example.com", "localhost/app", "="),
        ("docker.io/library → mirror.example.com/official", "nginx", "mirror.example.com/official/nginx"),
        ("bitnami → mirror.example.com/bitnami", "bitnami/redis", "mirror.example.com/bitnami/redis"),
        ("docker.io/bitnami → mirror.example.com/b", "bitnami/redis", "mirror.example.com/b/redis"),
        ("docker.io/bitnami → mirror.example.com/b", "bitnamilegacy/redis", "="),
        // one repository, and what an official one is called
        ("docker.io/library/nginx → mirror.example.com/web", "nginx:1", "mirror.example.com/web:1"),
        ("docker.io/nginx → mirror.example.com/web", "nginx:1", "mirror.example.com/web:1"),
        ("nginx → mirror.example.com/web", "docker.io/library/nginx:1", "mirror.example.com/web:1"),
        ("nginx → mirror.example.com/web", "nginx/nginx-ingress:1", "mirror.example.com/web/nginx-ingress:1"),
        ("lib → mirror.example.com/web", "lib:1", "mirror.example.com/web:1"),
        ("lib → mirror.example.com/web", "library/nginx:1", "="),
        // tag and digest are both kept
        ("docker.io → m.example.com", "nginx:1@{sha}", "m.example.com/library/nginx:1@{sha}"),
        (
            "gcr.io → m.example.com/gcr.io",
            "gcr.io/distroless/static@{sha}",
            "m.example.com/gcr.io/distroless/static@{sha}",
        ),
        // targets: a port, a bare prefix, a path
        ("gcr.io → registry:5000", "gcr.io/a/b:1", "registry:5000/a/b:1"),
        ("gcr.io → localhost:5000/x", "gcr.io/a", "localhost:5000/x/a"),
        ("gcr.io → localhost", "gcr.io/a", "localhost/a"),
        ("gcr.io → [::1]:5000", "gcr.io/a", "[::1]:5000/a"),
        (
            "gcr.io/kubebuilder → kubesphere",
            "gcr.io/kubebuilder/kube-rbac-proxy:v0.8.0",
            "kubesphere/kube-rbac-proxy:v0.8.0",
        ),
        (
            "gcr.io → mirror.example.com/gcr.io",
            "gcr.io/kubebuilder/kube-rbac-proxy:v0.8.0",
            "mirror.example.com/gcr.io/kubebuilder/kube-rbac-proxy:v0.8.0",
        ),
        (
            "k8s.gcr.io → registry.aliyuncs.com/google_containers",
            "k8s.gcr.io/kube-proxy:v1.17.0",
            "registry.aliyuncs.com/google_containers/kube-proxy:v1.17.0",
        ),
        (
            "quay.io/coreos/flannel → registry.cn-hangzhou.aliyuncs.com/alvinos/flannel",
            "quay.io/coreos/flannel:v0.11.0-amd64",
            "registry.cn-hangzhou.aliyuncs.com/alvinos/flannel:v0.11.0-amd64",
        ),
        ("quay.io/foo/redis → redis", "quay.io/foo/redis:7", "redis:7"),
        ("quay.io → docker.io", "quay.io/a/b", "docker.io/a/b"),
        ("quay.io → docker.io", "quay.io/a", "docker.io/a"),
        ("docker.io → docker.io/mirror", "a/b", "docker.io/mirror/a/b"),
        // whole segments only
        ("gcr.io → m.example.com", "k8s.gcr.io/a", "="),
        ("gcr.io → m.example.com", "gcr.io.example.com/a", "="),
        ("gcr.io/kube → m.example.com", "gcr.io/kubebuilder/a", "="),
        ("registry:5000 → m.example.com", "registry:5000/a", "m.example.com/a"),
        ("registry → m.example.com", "registry:5000/a", "="),
        // hosts are the same in any case
        ("gcr.io → m.example.com", "GCR.io/a", "m.example.com/a"),
        ("GCR.io → m.example.com", "gcr.io/a", "m.example.com/a"),
        // globs are one segment, or part of it
        ("*.gcr.io → m.example.com", "eu.gcr.io/a/b", "m.example.com/a/b"),
        ("*.gcr.io → m.example.com", "gcr.io/a/b", "="),
        ("gcr.io/*/tools → m.example.com/t", "gcr.io/x/tools/y:1", "m.example.com/t/y:1"),
        ("gcr.io/*/tools → m.example.com/t", "gcr.io/x/y/tools/z", "="),
        ("gcr.io/k?s → m.example.com/t", "gcr.io/k8s/z", "m.example.com/t/z"),
        ("*/kubebuilder → m.example.com/kb", "quay.io/kubebuilder/a", "m.example.com/kb/a"),
        ("* → m.example.com", "nginx", "m.example.com/library/nginx"),
        ("localhost:* → m.example.com", "localhost:5000/a", "m.example.com/a"),
        // exceptions
        ("docker.io → m.example.com ! docker.io/kubesphere", "kubesphere/a", "="),
        ("docker.io → m.example.com ! docker.io/kubesphere", "kubespheres/a", "m.example.com/kubespheres/a"),
        ("docker.io → m.example.com ! nginx", "nginx", "="),
        ("docker.io → m.example.com ! docker.io/*/private", "a/private/b", "="),
        // a reference that nothing can be done with is told, never written
        ("docker.io → mirror", "", "! the image reference is empty (at byte 0)"),
        ("docker.io → m.example.com", "nginx:", "! the tag is empty (at byte 6)"),
        (
            "docker.io → m.example.com",
            "${IMAGE}",
            "! character '$' is not allowed in a repository (at byte 0)",
        ),
        (
            "gcr.io/a/b → m.example.com",
            "gcr.io/a/b:1",
            "! gcr.io/a/b is all of the rule's `from`, and m.example.com names a registry only: nothing is left to pull",
        ),
    ];
    for (rule, text, expected) in rows {
        let (text, expected) = (text.replace("{sha}", SHA), expected.replace("{sha}", SHA));
        assert_eq!(rewritten(&table(&[rule]), &text), expected, "{rule}: {text}");
    }
}

/// Lines of the tutorial that say beside an image what it is to be pulled as.
#[test]
fn the_mirrors_of_the_tutorial() {
    let shared = std::env::var_os("PLIMSOLL_SHARED").map_or_else(
        || std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared"),
        std::path::PathBuf::from,
    );
    let table = table(&[
        "k8s.gcr.io → registry.aliyuncs.com/google_containers",
        "quay.io/coreos/flannel → registry.cn-hangzhou.aliyuncs.com/alvinos/flannel",
        "gcr.io/kubebuilder → kubesphere",
        "gcr.io → mirror.example.com/gcr.io",
    ]);
    for (file, expected) in [("05-memcached-operator.yaml", 1), ("13-mirrors.yaml", 2)] {
        let path = shared.join("manifests/tutorial").join(file);
        let Ok(text) = std::fs::read_to_string(&path) else {
            eprintln!("SKIPPED the_mirrors_of_the_tutorial: {} is missing", path.display());
            continue;
        };
        let mut seen = 0;
        for line in text.lines() {
            let Some((_, rest)) = line.split_once("image: ") else { continue };
            let Some((image, comment)) = rest.split_once('#') else { continue };
            let image = image.split([',', '}']).next().unwrap().trim().trim_matches('"');
            assert_eq!(rewritten(&table, image), comment.split(' ').next_back().unwrap(), "{image}");
            seen += 1;
        }
        assert_eq!(seen, expected, "{file}");
    }
}

#[test]
fn the_longest_prefix_that_applies() {
    let table = table(&[
        "docker.io → mirror.example.com/hub ! docker.io/kubesphere",
        "gcr.io → mirror.example.com/gcr.io",
        "gcr.io/kubebuilder → kubesphere",
        "gcr.io/kubebuilder/kube-rbac-proxy → quay.io/brancz/kube-rbac-proxy",
        "gcr.io/* → any.example.com",
        "gcr.io/k*r/x → glob.example.com/kr",
        "gcr.io/k*/x → glob.example.com/k",
        "ghcr.io/a → a.example.com/a ! ghcr.io/a/b",
        "ghcr.io → ghcr.example.com",
    ]);
    for (text, expected) in [
        ("gcr.io/kubebuilder/kube-rbac-proxy:v1", "quay.io/brancz/kube-rbac-proxy:v1"),
        ("gcr.io/kubebuilder/other:v1", "kubesphere/other:v1"),
        ("gcr.io/else/other:v1", "any.example.com/other:v1"),
        ("gcr.io/kxr/x/y", "glob.example.com/kr/y"),
        ("gcr.io/kxx/x/y", "glob.example.com/k/y"),
        ("kubesphere/other:v1", "="),
        ("nginx", "mirror.example.com/hub/library/nginx"),
        ("mirror.example.com/gcr.io/a", "="),
        // what one rule excepts the next shorter one takes
        ("ghcr.io/a/c", "a.example.com/a/c"),
        ("ghcr.io/a/b/c", "ghcr.example.com/a/b/c"),
    ] {
        assert_eq!(rewritten(&table, text), expected, "{text}");
    }
}

fn pod() -> Value {
    json!({"metadata": {}, "spec": {
        "containers": [{"name": "a", "image": "nginx:1"}, {"name": "b", "image": "quay.io/x/y"}, {"name": "c"}, {"name": "d", "image": ""},
                       {"name": "e", "image": null}, {"name": "f", "image": 7}, 8],
        "initContainers": [{"name": "g", "image": "gcr.io/x/y@sha256:5759d194607e472ff80fff5833442d3991dd89b219c96552837a2c8f74058617"}],
        "ephemeralContainers": [{"name": "h", "image": "busybox"}],
        "volumes": [{"name": "v", "image": {"reference": "x/data:2", "pullPolicy": "Always"}}, {"name": "w", "image": {}}]
    }})
}

#[test]
fn every_place_of_every_kind() {
    let mut declared = TemplatePaths::default();
    declared.declare("argoproj.io/*/Rollout", "spec.template").unwrap();
    for (group, kind, keys) in [
        ("", "Pod", &[][..]),
        ("", "PodTemplate", &["template"]),
        ("", "ReplicationController", &["spec", "template"]),
        ("apps", "Deployment", &["spec", "template"]),
        ("apps", "ReplicaSet", &["spec", "template"]),
        ("apps", "StatefulSet", &["spec", "template"]),
        ("apps", "DaemonSet", &["spec", "template"]),
        ("batch", "Job", &["spec", "template"]),
        ("batch", "CronJob", &["spec", "jobTemplate", "spec", "template"]),
        ("argoproj.io", "Rollout", &["spec", "template"]),
    ] {
        let object = keys.iter().rev().fold(pod(), |inner, key| json!({*key: inner}));
        let document = Document::from_value(&object).unwrap();
        let template = PodTemplate::of(document.root(), group, "v1", kind, &declared).unwrap();
        let table = table(&["docker.io → m.example.com/hub", "gcr.io → m.example.com/gcr.io"]);
        let operations: Vec<_> = template
            .images()
            .filter_map(|image| {
                let value = edit::string(&table.rewrite(image.as_str()?).ok().flatten()?);
                Some(PatchOperation::Replace { path: Pointer::of(image, NodeId::ROOT), value })
            })
            .collect();
        let new = document.edited(&operations, "mirrors/images", Limits::default()).unwrap();
        let prefix: String = keys.iter().map(|key| format!("/{key}")).collect();
        let changed: Vec<_> = operations.iter().map(|o| o.path().to_string()).collect();
        let expected = [
            "/containers/0/image",
            "/initContainers/0/image",
            "/ephemeralContainers/0/image",
            "/volumes/0/image/reference",
        ];
        assert_eq!(changed, expected.map(|path| format!("{prefix}/spec{path}")), "{kind}");
        let text = |path: &str| new.root().at(&format!("{prefix}/spec{path}")).unwrap().as_str();
        assert_eq!(text(expected[0]), Some("m.example.com/hub/library/nginx:1"));
        assert_eq!(
            text(expected[1]),
            Some(
                "m.example.com/gcr.io/x/y@sha256:5759d194607e472ff80fff5833442d3991dd89b219c96552837a2c8f74058617"
            )
        );
        assert_eq!(text(expected[2]), Some("m.example.com/hub/library/busybox"));
        assert_eq!(text(expected[3]), Some("m.example.com/hub/x/data:2"));
        // nothing else changed, nothing was made, and a second time there is nothing to do but to tell again
        let mut restored = serde_json::to_value(&new).unwrap();
        for path in &changed {
            *restored.pointer_mut(path).unwrap() = object.pointer(path).unwrap().clone();
        }
        assert_eq!(restored, object);
        let again = PodTemplate::of(new.root(), group, "v1", kind, &declared).unwrap();
        let outcomes: Vec<_> =
            again.images().map(|image| image.as_str().map(|text| table.rewrite(text))).collect();
        let empty = RewriteError::Image(ImageReason::Empty.at(0));
        let [same, odd] = [Some(Ok(None)), None];
        let expected = [&same, &same, &Some(Err(empty)), &odd, &same, &same, &same];
        assert_eq!(outcomes.iter().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn origins_stay_apart_under_their_own_prefixes() {
    let table = table(&["gcr.io → m.example.com/gcr.io", "quay.io → m.example.com/quay.io"]);
    assert_eq!(rewritten(&table, "gcr.io/a/b"), "m.example.com/gcr.io/a/b");
    assert_eq!(rewritten(&table, "quay.io/a/b"), "m.example.com/quay.io/a/b");
    assert_eq!(table.advice(), []);
}

#[test]
fn an_empty_table_reads_all_the_same() {
    let table = RewriteTable::compile(&[]).unwrap();
    assert_eq!(table.rewrite("nginx"), Ok(None));
    assert_eq!(table.rewrite(""), Err(RewriteError::Image(ImageReason::Empty.at(0))));
}

#[test]
fn too_long() {
    let table = table(&["gcr.io → m.example.com/gcr.io"]);
    let text = format!("gcr.io/{}", "a".repeat(249));
    assert!(matches!(table.rewrite(&text), Err(RewriteError::TooLong { .. })));
}

#[test]
fn refused_tables() {
    let rows: &[(&[&str], &str)] = &[
        (&[" → m.example.com"], "0 from: the prefix is empty"),
        (&["gcr.io → "], "0 to: the prefix is empty"),
        (
            &["gcr.io → https://m.example.com"],
            "0 to: \"https://m.example.com\" has a scheme: images are named by host, without it",
        ),
        (&["gcr.io → m.example.com/"], "0 to: \"m.example.com/\" has an empty segment"),
        (&["/a → m.example.com"], "0 from: \"/a\" has an empty segment"),
        (
            &["gcr.io/a:1 → m.example.com"],
            "0 from: \"gcr.io/a:1\" has a tag or digest: a prefix ends with a segment, and both are kept as they are",
        ),
        (
            &["gcr.io/a@sha256:00 → m.example.com"],
            "0 from: \"gcr.io/a@sha256:00\" has a tag or digest: a prefix ends with a segment, and both are kept as they are",
        ),
        (&["nginx:latest → m.example.com"], "0 from: \"nginx:latest\": the registry's port is not a number"),
        (&["gcr.io/App → m.example.com"], "0 from: \"gcr.io/App\": the repository has an upper-case letter"),
        (&["gcr.io → m_.example.com"], "0 to: \"m_.example.com\": the registry is not a host name"),
        (
            &["gcr.io/** → m.example.com"],
            "0 from: \"gcr.io/**\" has `**`: a glob stands for part of one segment, and everything below a prefix is covered anyway",
        ),
        (&["gcr.io → *.example.com"], "0 to: \"*.example.com\" has a glob: what is written must be plain"),
        (
            &["docker.io → m.example.com ! gcr.io/a"],
            "0 except[0]: exception gcr.io/a does not lie under docker.io",
        ),
        (&["docker.io → m.example.com ! docker.io/a, a//b"], "0 except[1]: \"a//b\" has an empty segment"),
        (&["gcr.io → a.example.com", "gcr.io → b.example.com"], "1 from: rules 1 and 2 both rewrite gcr.io"),
        (
            &["docker.io → a.example.com", "index.docker.io → b.example.com"],
            "1 from: rules 1 and 2 both rewrite docker.io",
        ),
        (&["*.io → a.example.com", "*.io → b.example.com"], "1 from: rules 1 and 2 both rewrite *.io"),
        (
            &["docker.io → m.example.com", "gcr.io/kubebuilder → kubesphere"],
            "1 to: rule 2 writes to docker.io/kubesphere, which lies under docker.io of rule 1: add `except: [docker.io/kubesphere]` there, or write elsewhere",
        ),
        (
            &["docker.io → m.example.com ! docker.io/kubesphere/x", "gcr.io/kubebuilder → kubesphere"],
            "1 to: rule 2 writes to docker.io/kubesphere, which lies under docker.io of rule 1: add `except: [docker.io/kubesphere]` there, or write elsewhere",
        ),
        (
            &["a.io → b.io", "b.io → c.io"],
            "0 to: rule 1 writes to b.io, which lies under b.io of rule 2: add `except: [b.io]` there, or write elsewhere",
        ),
        (
            &["quay.io → m.example.com/q", "*.example.com → x.io"],
            "0 to: rule 1 writes to m.example.com/q, which lies under *.example.com of rule 2: add `except: [m.example.com/q]` there, or write elsewhere",
        ),
    ];
    for (lines, expected) in rows {
        let errors = RewriteTable::compile(&rules(lines)).expect_err(expected);
        let got: Vec<_> = errors.iter().map(|e| format!("{} {}: {e}", e.rule, e.field)).collect();
        assert_eq!(got, [*expected], "{lines:?}");
    }
}

#[test]
fn accepted_tables() {
    for lines in [
        &["docker.io → m.example.com ! docker.io/kubesphere", "gcr.io/kubebuilder → kubesphere"][..],
        &["docker.io → m.example.com ! kubesphere", "gcr.io/kubebuilder → kubesphere/x"],
        &["docker.io → m.example.com", "gcr.io → m.example.com/gcr.io"],
        &["gcr.io → registry:5000", "registry → m.example.com"],
    ] {
        table(lines);
    }
}

#[test]
fn every_fault_is_told_at_once() {
    let errors = RewriteTable::compile(&rules(&[" → ", "a → b", "A//b → c ! x//y"])).unwrap_err();
    let places: Vec<_> = errors.iter().map(|e| (e.rule, e.field)).collect();
    assert_eq!(places, [(0, Field::From), (0, Field::To), (2, Field::From), (2, Field::Except(0))]);
}

#[test]
fn advice() {
    let rows: &[(&[&str], &str)] = &[
        (
            &["docker.io → m.example.com", "quay.io → m.example.com"],
            "rules 1 and 2 both write to m.example.com: an image of one origin can take the place of another's",
        ),
        (
            &["docker.io → m.example.com", "m.example.com/old → n.example.com"],
            "rule 2 never applies: m.example.com/old lies under m.example.com, which rule 1 writes to and which is therefore left alone",
        ),
        (
            &["docker.io → m.example.com", "m.example.com/*/x → n.example.com"],
            "rule 2 never applies: m.example.com/*/x lies under m.example.com, which rule 1 writes to and which is therefore left alone",
        ),
        (
            &["gcr.io → gcr.io"],
            "rule 1 never applies: gcr.io lies under gcr.io, which rule 1 writes to and which is therefore left alone",
        ),
    ];
    for (lines, expected) in rows {
        let got: Vec<_> = table(lines).advice().iter().map(ToString::to_string).collect();
        assert_eq!(got, [*expected], "{lines:?}");
    }
}

#[test]
fn globs() {
    for (pattern, text, expected) in [
        ("*", "", true),
        ("*", "abc", true),
        ("a*c", "abbbc", true),
        ("a*c", "abbbd", false),
        ("*a*b", "xxaxxab", true),
        ("?", "", false),
        ("a?c", "abc", true),
        ("a*b*c*d", "aXbXcX", false),
        ("abc", "abcd", false),
        ("abc*", "abc", true),
    ] {
        assert_eq!(glob_matches(pattern, text), expected, "{pattern} {text}");
    }
}

proptest! {
    #[test]
    fn twice_is_once(
        from in prop::collection::vec("(docker.io|gcr.io|a.b|\\*.b|x:5)?(/?[ab*]){0,2}", 1..5),
        to in prop::collection::vec("(docker.io|m.n|a.b/c|x:5/y|k|k/l)(/[ab]){0,2}", 5),
        except in prop::collection::vec("(docker.io|gcr.io|a.b)(/[abk]){1,2}", 0..2),
        image in "(docker.io/|gcr.io/|a.b/|m.n/|x:5/|A.b/)?[abk](/[abkl]){0,3}(:1)?",
    ) {
        let lines: Vec<RewriteRule> = from.iter().zip(&to).map(|(f, t)| RewriteRule {
            from: f.clone(), to: t.clone(), except: except.clone(),
        }).collect();
        let mut made = Vec::new();
        // whichever of the rules go together
        for line in lines {
            made.push(line);
            if RewriteTable::compile(&made).is_err() {
                made.pop();
            }
        }
        let table = RewriteTable::compile(&made).unwrap();
        if let Ok(Some(new)) = table.rewrite(&image) {
            let (old, read) = (ImageRef::parse(&image).unwrap(), ImageRef::parse(&new).unwrap());
            prop_assert_eq!(old.suffix(), read.suffix());
            prop_assert_ne!(old.name(), read.name());
            prop_assert_eq!(table.rewrite(&new), Ok(None), "{} → {} by {:?}", image, new, made);
        }
    }

    #[test]
    fn never_panics(from in "\\PC{0,20}", to in "\\PC{0,20}", image in "\\PC{0,30}") {
        let rule = RewriteRule { from, to, except: vec![image.clone()] };
        if let Ok(table) = RewriteTable::compile(&[rule]) {
            let _ = table.rewrite(&image);
            let _ = table.advice();
        }
    }
}
