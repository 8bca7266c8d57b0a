use std::ops::ControlFlow;

use super::*;
use crate::document::{Document, Limits};
use crate::host::Seen;

const KEY: ObjectKey<'static> =
    ObjectKey { group: "apps", kind: "Deployment", namespace: "shop", name: "web" };

fn deployment(replicas: u32) -> Document<'static> {
    let text = format!(
        r#"{{"apiVersion":"apps/v1","kind":"Deployment","spec":{{"replicas":{replicas},"template":{{"metadata":{{"labels":{{"app":"web"}}}},"spec":{{}}}}}}}}"#
    );
    let document = Document::from_json(&text, Limits::default()).unwrap();
    document.root().to_document(Limits::default()).unwrap()
}

fn layout(folders: &[u32]) -> Layout {
    let paths: Vec<String> = folders.iter().enumerate().map(|(at, f)| format!("{f}/{at}.yaml")).collect();
    Layout::new(&paths.iter().map(String::as_str).collect::<Vec<_>>())
}

fn added<'d>(key: ObjectKey<'d>, file: usize, document: &'d Document<'d>) -> Added<'d, 'static> {
    let object = HostObject { root: document.root(), document: None, partial: false };
    Added { key, file, object, kustomizations: &[], said: None }
}

/// A host of objects, each in a file of its own in the folder of that number.
fn host<'d>(complete: bool, objects: &'d [(u32, Document<'d>)]) -> InputHost<'d> {
    let folders: Vec<u32> = objects.iter().map(|(folder, _)| *folder).collect();
    let mut host = InputHost::new(layout(&folders), complete);
    for (file, (_, document)) in objects.iter().enumerate() {
        host.add(added(KEY, file, document));
    }
    host
}

#[test]
fn twins_are_of_the_same_file_or_kustomization_and_neighbours_of_the_folder() {
    let objects = [1, 2, 1, 3, 1].map(|folder| (folder, deployment(1)));
    for (complete, expected) in [(false, [2, 0, 2, 0, 2]), (true, [4; 5])] {
        let host = host(complete, &objects);
        for (position, count) in expected.into_iter().enumerate() {
            let beside = host.beside(position);
            assert_eq!(beside.twins(3), Twins::default());
            let twins = beside.neighbours(3);
            assert_eq!((twins.count, twins.first.len()), (count, count.min(3)), "{complete} {position}");
            let own = objects[position].1.root();
            assert!(!twins.first.iter().any(|twin| std::ptr::eq(twin.root.document(), own.document())));
        }
    }
    let whole = host(true, &objects);
    assert_eq!(whole.twins(3), Twins::default(), "nobody in particular asks");
    assert_eq!(whole.beside(9).twins(3), Twins::default());
    let mut host = InputHost::new(layout(&[1, 2]), false);
    for (file, kustomizations) in [(0, &[7][..]), (0, &[]), (1, &[7])] {
        host.add(Added { kustomizations, ..added(KEY, file, &objects[0].1) });
    }
    // to kustomize another version is another object
    let beta = Document::from_json(r#"{"apiVersion":"apps/v1beta1"}"#, Limits::default()).unwrap();
    host.add(Added { kustomizations: &[7], ..added(KEY, 1, &beta) });
    let count = host.beside(3).twins(3).count;
    assert_eq!((count, host.beside(0).twins(3).count), (1, 2));
    for (position, count) in [2, 1, 2].into_iter().enumerate() {
        assert_eq!(host.beside(position).twins(3).count, count, "{position}");
        assert_eq!(host.beside(position).neighbours(3).count, 0, "{position}");
    }
}

#[test]
fn the_nearest_level_answers() {
    let objects = [1, 1, 2, 3].map(|folder| (folder, deployment(folder)));
    let host = host(false, &objects);
    let replicas = |object: &HostObject<'_>| object.root.at("/spec/replicas").unwrap().as_i64().unwrap();
    for (position, expected) in [(0, vec![1]), (2, vec![2]), (3, vec![3])] {
        let beside = host.beside(position);
        let Lookup::Known(found) = beside.alternatives(KEY, 9) else { panic!() };
        assert_eq!(found.iter().map(replicas).collect::<Vec<_>>(), expected, "{position}");
    }
    // without an answer of its own, all siblings are alternatives
    let others = [(1, deployment(1)), (2, deployment(2))];
    let mut host = InputHost::new(layout(&[1, 2, 3]), false);
    for (file, (_, document)) in others.iter().enumerate() {
        host.add(added(KEY, file, document));
    }
    host.add(added(ObjectKey { name: "other", ..KEY }, 2, &objects[0].1));
    let beside = host.beside(2);
    let Lookup::Known(found) = beside.alternatives(KEY, 9) else { panic!() };
    assert_eq!(found.iter().map(replicas).collect::<Vec<_>>(), [1, 2]);
    assert!(matches!(host.beside(2).get(ObjectKey { name: "none", ..KEY }), Lookup::Unknown(_)));
}

#[test]
fn what_is_left_open_is_not_absent() {
    let mut host = InputHost::new(Layout::new(&["a"]), true);
    assert_eq!(host.get(KEY), Lookup::Absent);
    host.leave_open();
    assert!(matches!(host.get(KEY), Lookup::Unknown(_)));
}

fn shown(key: ObjectKey<'_>, expected: [(i64, u32); 2]) {
    let objects = [1, 1, 2, 1, 2].map(deployment);
    let mut host = InputHost::new(Layout::new(&["a"]), false);
    for document in &objects {
        host.add(added(key, 0, document));
    }
    let (templates, mut seen) = (TemplatePaths::default(), Vec::new());
    let query = Query { pool: Pool::Pods(&templates), namespace: Some("shop"), pairs: &[("app", "web")] };
    host.visit(&query, &mut |Seen { namespace, object, copies, level }| {
        assert_eq!((namespace, level), ("shop", 0));
        seen.push((object.root.at("/spec/replicas").unwrap().as_i64().unwrap(), copies));
        ControlFlow::Continue(())
    });
    assert_eq!(seen, expected);
}

#[test]
fn queries_go_from_level_to_level() {
    let objects = [1, 2, 1, 3].map(|folder| (folder, deployment(folder)));
    let host = host(false, &objects);
    let templates = TemplatePaths::default();
    let query = Query { pool: Pool::Pods(&templates), namespace: Some("shop"), pairs: &[("app", "web")] };
    let mut seen = Vec::new();
    host.beside(1).visit(&query, &mut |Seen { object, level, .. }| {
        seen.push((object.root.at("/spec/replicas").unwrap().as_i64().unwrap(), level));
        ControlFlow::Continue(())
    });
    // of the copies of one folder one is shown
    assert_eq!(seen, [(2, 0), (1, 4), (3, 4)]);
}

#[test]
fn copies_that_say_the_same_are_shown_once() {
    shown(KEY, [(1, 1), (2, 1)]);
    // each of these will be an object of its own
    shown(ObjectKey { name: "", ..KEY }, [(1, 3), (2, 2)]);
}

/// What is asked tells one thing by objects that say the same, however many there are and wherever they lie: the nearest.
#[test]
fn of_each_level_one_copy_is_shown_that_is_not_nearer() {
    let paths =
        ["a/1", "a/2", "a/b/1", "a/b/2", "a/b/c/1", "a/d/1", "a/d/2", "e/1", "e/f/1", "e/f/2", "1", "2"];
    let layout = Layout::new(&paths);
    let contents = [deployment(0), deployment(1), deployment(2)];
    let templates = TemplatePaths::default();
    let query = Query { pool: Pool::Pods(&templates), namespace: Some("shop"), pairs: &[("app", "web")] };
    for seed in 0..3_usize.pow(5) {
        // which of the contents each file has
        let said: Vec<usize> = (0..paths.len()).map(|file| seed / 3_usize.pow(file as u32 % 5) % 3).collect();
        let mut host = InputHost::new(layout.clone(), false);
        for (file, said) in said.iter().enumerate() {
            host.add(added(KEY, file, &contents[*said]));
        }
        for file in 0..paths.len() {
            let mut seen: Vec<(usize, u32)> = Vec::new();
            host.beside(file).visit(&query, &mut |Seen { object, level, .. }| {
                let replicas = object.root.at("/spec/replicas").unwrap().as_i64().unwrap();
                seen.push((replicas as usize, level));
                ControlFlow::Continue(())
            });
            for said_here in 0..contents.len() {
                let levels: Vec<u32> = seen.iter().filter(|s| s.0 == said_here).map(|s| s.1).collect();
                let is_there = |level: &super::super::levels::Level| {
                    let ranks: Vec<u32> = level.iter().cloned().flatten().collect();
                    (0..paths.len()).any(|f| said[f] == said_here && ranks.contains(&layout.rank(f)))
                };
                let nearest = layout.levels(file).position(|level| is_there(&level));
                let first = levels.first().map(|level| *level as usize);
                assert_eq!(first, nearest, "{} of {said:?}, {said_here}", paths[file]);
                assert!(levels.is_sorted_by(|a, b| a < b), "{} of {said:?}: {levels:?}", paths[file]);
            }
        }
    }
}

#[test]
fn lists_are_of_one_kind_and_namespace() {
    let document = deployment(1);
    let mut host = InputHost::new(Layout::new(&["a"]), true);
    for (kind, namespace, name) in [
        ("Deployment", "shop", "b"),
        ("Deployment", "a", "z"),
        ("Deployment", "shop", "a"),
        ("DeploymentX", "shop", "a"),
        ("Deployment", "shopping", "a"),
    ] {
        let key = ObjectKey { group: "apps", kind, namespace, name };
        host.add(added(key, 0, &document));
    }
    for (namespace, count) in [(Some("shop"), 2), (Some("a"), 1), (None, 4), (Some("none"), 0)] {
        let Lookup::Known(listing) = host.list("apps", "Deployment", namespace) else { panic!() };
        assert_eq!((listing.objects.len(), listing.complete), (count, true), "{namespace:?}");
    }
}

#[test]
fn lists_by_labels_are_those_that_have_them() {
    let labelled = |text: &str| {
        let text = format!(r#"{{"metadata":{{"labels":{text}}}}}"#);
        let document = Document::from_json(&text, Limits::default()).unwrap();
        document.root().to_document(Limits::default()).unwrap()
    };
    let web = labelled(r#"{"app":"web","tier":"front","odd":1}"#);
    let api = labelled(r#"{"app":"api","tier":"front"}"#);
    let mut host = InputHost::new(layout(&[1, 2]), true);
    for (file, kind, name, document) in [
        (0, "Pod", "b", &web),
        // another form of it: lists give the nearest, though it is found by the labels of each
        (1, "Pod", "b", &api),
        (0, "Pod", "a", &web),
        (0, "Pod", "c", &api),
        (0, "Service", "s", &web),
    ] {
        host.add(added(ObjectKey { group: "", kind, namespace: "shop", name }, file, document));
    }
    for (pairs, expected) in [
        (&[("app", "web")][..], "ab"),
        (&[("app", "web"), ("tier", "front")], "ab"),
        (&[("tier", "front"), ("app", "api")], "bc"),
        (&[("tier", "back")], ""),
        (&[], "abc"),
    ] {
        for namespace in [None, Some("shop")] {
            let beside = host.beside(0);
            let listed = beside.list_by("", "Pod", namespace, By::Labels(pairs));
            let Lookup::Known(listing) = listed else { panic!() };
            assert!(listing.complete);
            assert_eq!(listing.objects.len(), expected.len(), "{pairs:?}");
            // the documents have no names: which they are is told by where they lie
            for (object, name) in listing.objects.iter().zip(expected.chars()) {
                let of = if name == 'c' { &api } else { &web };
                assert!(std::ptr::eq(object.root.document(), of), "{pairs:?} {name}");
            }
        }
        let Lookup::Known(none) = host.list_by("", "Pod", Some("x"), By::Labels(pairs)) else { panic!() };
        assert!(none.objects.is_empty());
    }
}

#[test]
fn of_selectors_with_the_same_spec_each_level_shows_one_or_all() {
    let policy = |name: &str, spec: &str| {
        let text = format!(
            r#"{{"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy","metadata":{{"name":"{name}"}},"spec":{spec}}}"#
        );
        Document::from_json(&text, Limits::default()).unwrap().root().to_document(Limits::default()).unwrap()
    };
    let web = r#"{"podSelector":{"matchLabels":{"app":"web","tier":"front"}}}"#;
    let all = r#"{"podSelector":{},"policyTypes":["Egress"]}"#;
    // folder, name, spec; each in a file of its own
    let mut objects: Vec<(u32, String, Document<'_>)> = Vec::new();
    for number in 0..40 {
        for (name, spec) in [("web", web), ("all", all)] {
            let name = format!("{name}-{number}");
            let document = policy(&name, spec);
            objects.push((number / 4, name, document));
        }
    }
    let other = r#"{"podSelector":{"matchLabels":{"app":"other"}}}"#;
    objects.push((3, "other".to_owned(), policy("other", other)));
    let folders: Vec<u32> = objects.iter().map(|(folder, ..)| *folder).collect();
    let mut host = InputHost::new(layout(&folders), false);
    for (file, (_, name, document)) in objects.iter().enumerate() {
        let (group, kind) = ("networking.k8s.io", "NetworkPolicy");
        let namespace = if file == 2 { "elsewhere" } else { "shop" };
        host.add(added(ObjectKey { group, kind, namespace, name }, file, document));
    }
    let shown_of = |pool, namespace, pairs: &[(&str, &str)]| {
        let (mut shown, query) = (Vec::new(), Query { pool, namespace, pairs });
        // in the second folder
        host.beside(8).visit(&query, &mut |seen| {
            let name = seen.object.root.at("/metadata/name").unwrap().as_str().unwrap().to_owned();
            shown.push((seen.level, name));
            ControlFlow::Continue(())
        });
        shown
    };
    let (group, kind) = ("networking.k8s.io", "NetworkPolicy");
    let shown = |namespace, pairs: &[(&str, &str)]| shown_of(Pool::Selecting(group, kind), namespace, pairs);
    let each = shown_of(Pool::AllSelecting(group, kind), Some("shop"), &[("app", "web"), ("tier", "front")]);
    assert_eq!(each.len(), 79, "one is elsewhere, and another selects others");
    let near = each.iter().filter(|(level, _)| *level == 1).map(|(_, name)| name.as_str());
    assert_eq!(near.collect::<Vec<_>>(), ["all-5", "all-6", "all-7", "all-4", "web-5", "web-6", "web-7"]);
    let found = shown(Some("shop"), &[("tier", "front"), ("app", "web")]);
    let at = |level: u32| {
        found.iter().filter(|(own, _)| *own == level).map(|(_, name)| &name[..3]).collect::<Vec<_>>()
    };
    // its own file is one of them; of each other level one of each is shown
    assert_eq!(at(0), ["web"], "{found:?}");
    let farther: Vec<u32> = found.iter().map(|(level, _)| *level).filter(|level| *level > 0).collect();
    for level in farther {
        let mut names = at(level);
        names.sort_unstable();
        assert!(names == ["all", "web"], "{found:?}");
    }
    let nothing: Vec<String> =
        shown(Some("shop"), &[("app", "x")]).into_iter().map(|(_, name)| name).collect();
    assert!(nothing.iter().all(|name| name.starts_with("all-")), "{nothing:?}");
    let others = shown(Some("shop"), &[("app", "other")]);
    assert_eq!(others.iter().filter(|(_, name)| name == "other").count(), 1, "{others:?}");
    assert_eq!(shown(Some("elsewhere"), &[("app", "web"), ("tier", "front")]).len(), 1);
    assert_eq!(shown(None, &[("app", "web")]), []);
}
