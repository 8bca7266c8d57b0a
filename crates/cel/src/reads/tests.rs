use std::sync::Arc;

use super::*;
use crate::declarations::{Env, EnvKind, Overload};
use crate::profile::Profile;
use crate::program::Program;
use crate::types::Type;

fn shown(reads: &Reads) -> String {
    let Some(reads) = reads else { return "lost".to_owned() };
    let part = |part: &Part| match part {
        Part::Key(key) => format!(".{key}"),
        Part::Each => "[*]".to_owned(),
        Part::In(key) => format!("[{key}?]"),
        Part::Shape => "#".to_owned(),
        Part::Kind => "~".to_owned(),
    };
    let root = |root: &Root| match root {
        Root::Variable(name) => name.to_string(),
        Root::Objects { api_version, kind } => format!("{api_version}/{kind}"),
    };
    let one =
        |read: &Read| format!("{}{}", root(&read.root), read.parts.iter().map(part).collect::<String>());
    reads.iter().map(one).collect::<Vec<_>>().join(" ")
}

#[test]
fn what_expressions_read() {
    let mut env = Env::new(Profile::NEWEST, EnvKind::Validation);
    let mut composition = Composition::default();
    composition.add(&mut env, "spec", "object.spec.template.spec").unwrap();
    composition.add(&mut env, "big", "object.spec.?replicas.orValue(1) > 3").unwrap();
    let composed = Composed::of(&composition, &["object"]);
    told(
        &env,
        &composition,
        &composed,
        &["object"],
        &[
            ("object.spec.replicas <= 5", "object.spec.replicas"),
            ("has(object.spec.hostPath)", "object.spec.hostPath"),
            ("object.metadata.?labels['a/b'].orValue('') != ''", "object.metadata.labels.a/b"),
            ("!('canary' in object.metadata.?labels.orValue({}))", "object.metadata.labels[canary?]"),
            (
                "object.spec.containers.all(c, c.image.startsWith('x'))",
                "object.spec.containers# object.spec.containers[*].image",
            ),
            (
                "object.spec.containers.filter(c, has(c.x)).size() > 0",
                "object.spec.containers# object.spec.containers[*].x",
            ),
            (
                "object.spec.containers.filter(c, has(c.x)).all(c, c.y == 1)",
                "object.spec.containers# object.spec.containers[*].x object.spec.containers[*].y",
            ),
            (
                "object.spec.containers.map(c, c.name).exists(n, n == 'a')",
                "object.spec.containers# object.spec.containers[*].name",
            ),
            ("size(object.spec.containers) > 1", "object.spec.containers#"),
            ("object.spec.containers[0].image == 'x'", "object.spec.containers[*].image"),
            ("object.spec == oldObject.spec && object.spec.replicas > 1", "object.spec"),
            ("object.?spec.?a.optMap(a, a.b).orValue('') == ''", "object.spec.a"),
            ("(object.x ? object.a : object.b).c == 1", "object.a.c object.b.c object.x"),
            ("variables.spec.hostNetwork == true", "object.spec.template.spec.hostNetwork"),
            ("variables.big", "object.spec.replicas"),
            ("variables.?big.orValue(false)", "object.spec.replicas"),
            ("object.l.all(variables, variables.spec == 1)", "object.l# object.l[*].spec"),
            ("[variables].all(v, v.big)", "lost"),
            ("request.operation == 'CREATE'", ""),
            ("object.data.all(k, k != 'a')", "object.data# object.data[*]"),
        ],
    );
}

fn told(env: &Env, composition: &Composition, composed: &Composed, roots: &[&str], rows: &[(&str, &str)]) {
    for (source, expected) in rows {
        let checked = crate::checker::compile(source, env).unwrap_or_else(|e| panic!("{source}: {e}"));
        let program = Program::plan(checked, env, composition).unwrap();
        let got = shown(&reads(&program.ast(), roots, composed));
        let sorted = |text: &str| text.split(' ').map(str::to_owned).collect::<BTreeSet<_>>();
        assert_eq!(sorted(&got), sorted(expected), "{source}");
    }
}

#[test]
fn what_decides_expressions() {
    let mut env = Env::new(Profile::NEWEST, EnvKind::Validation);
    let text = || Type::String;
    let get = Overload::global("resources_get", [text(), text(), text(), text()], Type::Dyn);
    env.declare_function("resources.get", vec![get]);
    let mut composition = Composition::default();
    composition.add(&mut env, "spec", "object.spec == null ? {} : object.spec").unwrap();
    composition.add(&mut env, "other", "resources.get('v1', 'Service', 'a', object.name)").unwrap();
    let composed = Composed::deciding(&composition, &["object", "oldObject"]);
    told(
        &env,
        &composition,
        &composed,
        &["object", "oldObject"],
        &[
            ("object.spec != null && has(object.a.b)", "object.a.b~ object.spec~"),
            ("type(object.a) == string || object.?b.hasValue()", "object.a~ object.b~"),
            ("size(object.a) > 1", "object.a#"),
            ("variables.spec.x == 1", "object.spec~ object.spec.x"),
            ("oldObject.a == object.a", "object.a oldObject.a"),
            ("variables.other.x == 1 || object.a == 1", "lost"),
            ("resources.get('v1', object.kind, 'a', 'b') == null", "lost"),
        ],
    );
    let program = |source: &str| {
        let mut env = env.clone();
        env.declare_variable("item", Type::Dyn).declare_variable("role", Type::String);
        Program::plan(crate::checker::compile(source, &env).unwrap(), &env, &composition).unwrap()
    };
    for (list, judged, expected) in [
        ("object.l", "item.a == 1", "object.l~ object.l[*].a"),
        ("object.l", "role == 'x' && object.b", "object.b object.l~ object.l[*].role"),
        ("object.l.filter(i, i.b == 1)", "has(item.a)", "object.l~ object.l[*].a~ object.l[*].b"),
        ("object.l.map(i, i.?b)", "item.c", "object.l~ object.l[*].b.c"),
        ("object.l.flatten()", "item.c", "object.l~ object.l[*]~ object.l[*].c object.l[*][*].c"),
        (
            "object.l.map(i, [i.a, i.b]).flatten()",
            "type(item) == string",
            "object.l~ object.l[*].a~ object.l[*].b~",
        ),
        ("[[object.a], [object.b]].flatten()", "item == 1", "object.a object.b"),
        ("[object.a, object.b]", "item.c", "object.a.c object.b.c"),
        ("object.l", "item == 1", "object.l~ object.l[*]"),
    ] {
        let (list, judged) = (program(list), program(judged));
        let got = reads_of_elements(&list.ast(), [&judged.ast()], &["object"], &composed, "role", &[]);
        let sorted = |text: &str| text.split(' ').map(str::to_owned).collect::<BTreeSet<_>>();
        assert_eq!(sorted(&shown(&got)), sorted(expected));
    }
    let further = [vec![Part::Key("f".into()), Part::Key("g".into())]];
    let got = reads_of_elements(&program("object.l").ast(), [], &["object"], &composed, "role", &further);
    assert_eq!(shown(&got), "object.l[*].f.g object.l~");
}

#[test]
fn what_expressions_read_of_what_they_look_up() {
    let roots = ["object", LOOKED_UP];
    let mut env = Env::new(Profile::NEWEST, EnvKind::Validation);
    let text = || Type::String;
    env.declare_function(
        "resources.get",
        vec![Overload::global("resources_get", [text(), text(), text(), text()], Type::Dyn)],
    );
    let list = || Type::List(Arc::new(Type::Dyn));
    env.declare_function(
        "resources.list",
        vec![
            Overload::global("resources_list", [text(), text(), text()], list()),
            Overload::global("resources_list_selected", [text(), text(), text(), Type::Dyn], list()),
        ],
    );
    let mut composition = Composition::default();
    composition.add(&mut env, "service", "resources.get('v1', 'Service', 'a', object.name)").unwrap();
    composition.add(&mut env, "claims", "resources.list('v1', 'PersistentVolumeClaim', 'a')").unwrap();
    composition.add(&mut env, "count", "variables.claims.filter(c, c.spec.x == 1).size()").unwrap();
    let nobody_asks = [("resources.get('v1', 'Service', '', object.a).b == 1", "object.a")];
    told(&env, &composition, &Composed::default(), &["object"], &nobody_asks);
    let composed = Composed::of(&composition, &roots);
    told(
        &env,
        &composition,
        &composed,
        &roots,
        &[
            ("resources.get('v1', 'Service', 'a', 'b').spec.type == 'x'", "v1/Service.spec.type"),
            ("resources.get('v1', 'Service', 'a', 'b') != null", ""),
            ("null == resources.get('v1', 'Service', 'a', 'b')", ""),
            ("resources.get('v1', 'Service', 'a', 'b').spec == null", "v1/Service.spec"),
            (
                "variables.service != null && variables.service.?spec.?type.orValue('') == 'x'",
                "object.name v1/Service.spec.type",
            ),
            ("variables.service == object.x", "object.name object.x v1/Service"),
            ("variables.service[object.field] == 1", "object.field object.name v1/Service[*]"),
            ("resources.get('v1', 'Service', 'a', 'b') in [null]", "v1/Service"),
            ("variables.claims.size() == 0", ""),
            ("variables.claims.exists(c, c.metadata.name == 'x')", "v1/PersistentVolumeClaim.metadata.name"),
            ("variables.claims[0].spec.y == 1", "v1/PersistentVolumeClaim.spec.y"),
            ("variables.count > 1", "v1/PersistentVolumeClaim.spec.x"),
            ("[variables.service].all(s, s != null && s.a.b == 1)", "object.name v1/Service.a.b"),
            ("optional.of(variables.service).optMap(s, s.a).orValue(0) == 1", "object.name v1/Service.a"),
            (
                "variables.claims.map(c, c.spec).filter(s, s.x == 1).map(s, s.y) == []",
                "v1/PersistentVolumeClaim.spec.x v1/PersistentVolumeClaim.spec.y",
            ),
            (
                "resources.list('v1', 'Pod', '', {'matchLabels': {'a': 'b'}}).size() > 0",
                "v1/Pod.metadata.labels",
            ),
            (
                "(object.x ? variables.service : resources.get('v1', 'Secret', 'a', 'b')).c == 1",
                "object.name object.x v1/Secret.c v1/Service.c",
            ),
            (
                "variables.claims == [] || type(variables.service) == null_type",
                "object.name v1/PersistentVolumeClaim v1/Service",
            ),
            // which kind cannot be told
            ("resources.get('v1', object.kind, 'a', 'b').x == 1", "object.kind"),
        ],
    );
}
