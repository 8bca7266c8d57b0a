//! Wrong policies: each is refused with its place and what to do; the others load.

use std::fs;
use std::process::Command;

/// A good policy with one thing put in its place.
fn policy(change: &str) -> String {
    let (what, text) = change.split_once('\n').unwrap_or((change, ""));
    let mut lines: Vec<String> = [
        "apiVersion: plimsoll.dev/v1alpha1",
        "kind: ClusterManifestPolicy",
        "metadata: {name: good}",
        "spec:",
        "  match: {kinds: [workloads]}",
        "  rules:",
        "    - name: a",
        "      requireProbes: {probes: [livenessProbe]}",
    ]
    .map(str::to_owned)
    .to_vec();
    match what.split_once(' ') {
        Some(("line", number)) => lines[number.parse::<usize>().expect("a number") - 1] = text.to_owned(),
        Some(("after", number)) => lines.insert(number.parse::<usize>().expect("a number"), text.to_owned()),
        _ => panic!("{change}"),
    }
    lines.join("\n") + "\n"
}

/// Change, place, what is said, what is advised.
const WRONG: &[(&str, &str, &str, &str)] = &[
    ("line 8\n      validate: object.spec.replicas <= 'a' + 1", "8:45", "no matching overload for '_+_'", ""),
    ("line 8\n      validate: size(object.spec)", "8:17", "expected a boolean, found int", ""),
    (
        "line 8\n      validate: \"true\"\n      message: \"{item.name} }\"",
        "9:18",
        "undeclared reference to 'item'",
        "",
    ),
    (
        "after 8\n      forEach: allContainers",
        "9:16",
        "`forEach` goes with `validate` or `mutate`",
        "remove it",
    ),
    (
        "line 1\napiVersion: plimsoll.dev/v1",
        "1:13",
        "unknown version plimsoll.dev/v1",
        "write plimsoll.dev/v1alpha1",
    ),
    (
        "line 2\nkind: ClusterPolicy",
        "2:7",
        "unknown kind ClusterPolicy",
        "write ClusterManifestPolicy, ManifestPolicy or ManifestException",
    ),
    ("line 3\nmetadata: {name: Good_One}", "3:18", "\"Good_One\" is not a valid name", "lower-case letters"),
    (
        "line 3\nmetadata: {name: good, namespace: web}",
        "3:35",
        "a ClusterManifestPolicy has no namespace",
        "leave the namespace out",
    ),
    ("after 4\n  sevrity: error", "5:3", "unknown field `sevrity`", "did you mean `severity`?"),
    ("after 4\n  severity: fatal", "5:13", "unknown value `fatal`", ""),
    ("after 4\n  title: [a]", "5:10", "expected a string, found a list", ""),
    ("after 4\n  action: Deny\n  action: Warn", "5:3", "key `action` is written twice", ""),
    ("line 5\n  match: {kinds: []}", "5:18", "matches nothing", "workloads"),
    (
        "line 5\n  match: {kinds: [Deploment]}",
        "5:19",
        "Deploment is not a built-in kind",
        "did you mean `Deployment`?",
    ),
    ("line 5\n  match: {kinds: [apps//Deployment]}", "5:19", "is not of the form", "cache.example.com"),
    ("line 5\n  match: {kinds: [Pod], namespaces: [\"a[\"]}", "5:38", "bad glob", ""),
    (
        "line 5\n  match: {kinds: [Pod], operations: [create]}",
        "5:38",
        "unknown value `create`",
        "did you mean `CREATE`?",
    ),
    (
        "line 5\n  match: {kinds: [Pod], objectSelector: {matchExpressions: [{key: a, operator: In}]}}",
        "5:61",
        "In needs values",
        "",
    ),
    ("after 4\n  exclude: {}", "5:12", "excludes everything", "a selector"),
    (
        "after 4\n  podTemplates: [{kind: Rollout, path: spec}]",
        "5:18",
        "is not of the form group/version/Kind",
        "",
    ),
    ("after 8\n    - name: a\n      mutate: [{remove: a}]", "9:13", "rule a is defined twice", "told apart"),
    ("line 8\n      requireProbes: {probes: []}", "8:31", "requires nothing", "livenessProbe"),
    ("after 8\n      mutate: [{remove: a}]", "7:7", "a rule does exactly one thing", "one of validate"),
    (
        "line 8\n      mutate: [{set: spec..x, value: 1}]",
        "8:22",
        "expected a name",
        "spec.containers[0].image",
    ),
    ("line 8\n      mutate: [{set: spec.x}]", "8:16", "`set` without a `value`", ""),
    (
        "line 8\n      mutate: [{op: add, path: spec, value: 1}]",
        "8:32",
        "slash",
        "a pointer begins with a slash",
    ),
    (
        "line 8\n      rewriteImages: [{from: docker.io, to: m.example.com}, {from: gcr.io, to: kubesphere}]",
        "8:80",
        "rule 2 writes to docker.io/kubesphere, which lies under docker.io of rule 1",
        "",
    ),
    ("line 6\n  rules: []", "6:10", "no rules", ""),
    (
        "line 8\n      validate: \"true\"\n      at: object.spec.replicas",
        "9:11",
        "paths here are relative to `object`, so they do not begin with `object`",
        "write spec.replicas",
    ),
    (
        "line 8\n      mutate: [{set: podSpec.hostNetwork, value: false}]",
        "8:22",
        "paths here are relative to `object`, so they do not begin with `podSpec`",
        "write `on: podSpec` in the rule, and hostNetwork here",
    ),
    (
        "line 8\n      mutate: [{remove: 'podMetadata[\"labels\"]'}]",
        "8:25",
        "do not begin with `podMetadata`",
        "write `on: podMetadata` in the rule, and [\"labels\"] here",
    ),
    (
        "line 8\n      forEach: allContainers\n      mutate: [{remove: item.securityContext}]",
        "9:25",
        "paths here are relative to `item`, so they do not begin with `item`",
        "write securityContext",
    ),
    (
        "line 8\n      forEach: allContainers\n      mutate: [{remove: podSpec.hostNetwork}]",
        "9:25",
        "paths here are relative to `item`",
        "below `item`",
    ),
    (
        "line 8\n      on: podSpec\n      mutate: [{remove: spec.hostNetwork}]",
        "9:25",
        "paths here are relative to `podSpec`, so they do not begin with `spec`",
        "below `podSpec`",
    ),
    (
        "line 8\n      mutate: [{op: remove, path: /podSpec/hostNetwork}]",
        "8:35",
        "do not begin with `podSpec`",
        "write `on: podSpec` in the rule, and /hostNetwork here",
    ),
    ("after 8\n      \"on\": podSpec", "9:13", "`on` goes with `validate` or `mutate`", "remove it"),
    ("line 8\n      on: pod\n      validate: 'true'", "8:11", "unknown value `pod`", ""),
    (
        "line 8\n      forEach: size(object.spec)\n      validate: 'true'",
        "8:16",
        "expected a list or a map, found int",
        "",
    ),
    (
        "line 8\n      validate: object.spec.replicas >= params.least",
        "8:41",
        "the policy has no parameter `least`",
        "parameters: {least: …}",
    ),
    (
        "line 8\n      validate: 'false'\n      message: \"at least {params['least']}\"",
        "9:27",
        "the policy has no parameter `least`",
        "",
    ),
    (
        "after 4\n  parameters: {least: 2}\n  matchConditions: [{name: a, expression: 'params.?leest.hasValue()'}]",
        "6:44",
        "the policy has no parameter `leest`",
        "did you mean `params.least`?",
    ),
    (
        "after 4\n  parameters: {mode: 0777}",
        "5:22",
        "0777 is read as the number 511",
        "write 511, or put it in quotes where the text is meant",
    ),
    ("after 4\n  parameters: {debug: no}", "5:23", "no is read as the boolean false", "in quotes"),
    ("after 4\n  parameters: {version: 1.10}", "5:25", "1.10 is read as the number 1.1", "in quotes"),
    (
        "after 4\n  parameters: {id: 123456789012345678901}",
        "5:20",
        "123456789012345678901 is read as the number",
        "",
    ),
    ("line 8\n      mutate: [{set: spec.x, value: yes}]", "8:37", "yes is read as the boolean true", ""),
];

#[test]
fn wrong_policies_are_refused_where_they_are_wrong_and_the_others_load() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("good.yaml"), policy("after 8\n      severity: warning")).expect("written");
    for (index, (change, ..)) in WRONG.iter().enumerate() {
        let mut text = policy(change);
        if *change == "line 6\n  rules: []" {
            text = text.lines().take(6).collect::<Vec<_>>().join("\n") + "\n";
        }
        fs::write(folder.path().join(format!("wrong-{index:02}.yaml")), text).expect("written");
    }
    let output = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(["policies", "check", "."])
        .current_dir(folder.path())
        .output()
        .expect("runs");
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).expect("text");
    let blocks: Vec<&str> = said.split("\n\n").collect();
    for (index, (change, place, message, help)) in WRONG.iter().enumerate() {
        let at = format!("wrong-{index:02}.yaml:{place}");
        let block = blocks.iter().find(|b| b.contains(&at));
        let Some(block) = block else {
            let own: Vec<_> =
                blocks.iter().filter(|b| b.contains(&format!("wrong-{index:02}.yaml"))).collect();
            panic!(
                "{change}: nothing at {at} but\n{}",
                own.iter().map(|b| b.to_string()).collect::<Vec<_>>().join("\n")
            );
        };
        assert!(block.contains(message), "{change}: {message:?} not in\n{block}");
        assert!(block.contains(help), "{change}: {help:?} not in\n{block}");
    }
    let good = String::from_utf8(output.stdout).expect("text");
    assert!(good.ends_with("; 1 policy without errors\n"), "{good}");
}

/// As all commands that load policies say it.
#[test]
fn what_two_policies_write_and_what_is_never_asked_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let policy = |name: &str, kinds: &str, rule: &str| {
        format!(
            "apiVersion: plimsoll.dev/v1alpha1\nkind: ClusterManifestPolicy\nmetadata: {{name: {name}}}\nspec:\n  \
             match: {{kinds: {kinds}}}\n  rules: [{{name: a, {rule}}}]\n"
        )
    };
    let set = |value: &str| format!("mutate: [{{set: data.who, value: {value}}}]");
    for (name, text) in [
        ("one.yaml", policy("one", "[ConfigMap]", &set("this"))),
        ("two.yaml", policy("two", "[ConfigMap]", &set("that"))),
        ("scale.yaml", policy("scale", "[example.com/*/Index/scale]", "validate: 'true'")),
    ] {
        fs::write(folder.path().join(name), text).expect("written");
    }
    let output = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(["policies", "check", "."])
        .current_dir(folder.path())
        .output()
        .expect("runs");
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8(output.stderr).expect("text");
    let lines: Vec<&str> = said.lines().collect();
    let [plural, overlap] = lines[..] else { panic!("{said}") };
    assert!(plural.starts_with(
        "warning: policy scale: the webhook may never be asked about example.com/*/Index/scale: "
    ));
    assert_eq!(overlap, "warning: one/a and two/a both write data.who: two/a is applied last");
}

#[test]
fn the_schema_knows_every_field() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_plimsoll")).args(["policies", "schema"]).output().expect("runs");
    let schema: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let rule = &schema["$defs"]["Rule"];
    for field in
        ["name", "validate", "on", "forEach", "when", "message", "at", "fix", "mutate", "requireProbes"]
    {
        assert!(rule["properties"][field].is_object(), "{field}");
    }
    assert_eq!(rule["additionalProperties"], false);
}

/// `plimsoll … 2>&1 | head`: what cannot be said is not said, and the exit code stays what it is.
#[test]
fn nobody_need_read_standard_error() {
    let policy = "apiVersion: plimsoll.dev/v1alpha1\nkind: ClusterManifestPolicy\nmetadata: {name: NAME}\nspec:\n  \
        match: {kinds: [Pod]}\n  rules: [{name: a, mutate: [{set: metadata.labels.a, value: NAME}]}]\n";
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("p.yaml", &[policy.replace("NAME", "one"), policy.replace("NAME", "two")].join("---\n"));
    write("pod.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: p\n");
    for (arguments, code) in [
        (&["policies", "check", "nowhere"][..], 2),
        (&["policies", "check", "p.yaml"], 0),
        (&["mutate", "--policies", "p.yaml", "--no-embedded", "pod.yaml"], 2),
        (&["lint", "--nothing"], 2),
        (&["lint", "--pack", "nothing", "pod.yaml"], 2),
        (&["lint", "--kubernetes-version", "1.99", "pod.yaml"], 2),
        (&["cel", "eval", "1+"], 2),
    ] {
        let run = |stderr: std::process::Stdio| {
            let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_plimsoll"));
            command.args(arguments).current_dir(folder.path()).env_clear().stderr(stderr).output().unwrap()
        };
        let heard = run(std::process::Stdio::piped());
        assert!(!heard.stderr.is_empty(), "{arguments:?} has something to say");
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let unheard = run(writer.into());
        assert_eq!((heard.status.code(), unheard.status.code()), (Some(code), Some(code)), "{arguments:?}");
        // all but how long it took
        let said = |output: &std::process::Output| {
            let text = String::from_utf8(output.stdout.clone()).unwrap();
            text.rsplit_once("; ").map_or(text.clone(), |(said, _)| said.to_owned())
        };
        assert_eq!(said(&heard), said(&unheard), "{arguments:?}");
    }
}
