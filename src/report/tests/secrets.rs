//! Nothing of a Secret is shown, in no form of report.

use super::*;

/// Every value that stands in the Secrets below, in every form.
const PLANTED: &[&str] = &[
    "hunter2two",
    "aHVudGVyMnR3bw==",
    "first-shadowed",
    "block-line-one",
    "block-line-two",
    "0x5EC",
    "1516",
    "anchored-word",
    "from-a-comment",
    "applied-word",
    "listed-word",
    "untyped-word",
    "json-word",
    "broken-word",
    "fragment-word",
    "dropped-word",
    "flow-word",
];

const YAML: &str = r##"
apiVersion: v1
kind: Secret
metadata:
  name: s
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: '{"stringData":{"p":"applied-word"}}'
x: &a anchored-word
data:
  p: aHVudGVyMnR3bw==
  p: aHVudGVyMnR3bw==   # from-a-comment
stringData:
  q: first-shadowed
  q: *a
  block: |
    block-line-one
    block-line-two
  number: 0x5EC
  flow: {deep: [flow-word]}
---
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Secret, metadata: {name: t}, stringData: {p: listed-word}}
---
apiVersion: v1
kind: SecretList
items:
  - metadata: {name: u}
    stringData: {p: untyped-word}
"##;

/// Reports in every form on `files`, with findings of `make`, and the notices of reading.
fn outputs(files: &[(&str, &str)], make: impl Fn(&Inventory<'_>) -> Vec<(ObjectId, Finding)>) -> String {
    let sources = sources(files);
    let inventory = Inventory::load(&sources);
    let mut subjects = subjects(&inventory);
    let mut findings = make(&inventory);
    findings.extend(notices::findings(&inventory, &mut subjects, |_, code| Some(code.about().severity)));
    let report = Report::new(&sources, &inventory, subjects, findings);
    let mut out = Vec::new();
    for color in [false, true] {
        report.write_text(&mut out, TextOptions { color, ..TextOptions::default() }).unwrap();
    }
    for format in Format::value_variants() {
        report.write(*format, &mut out, &TextOptions::default()).unwrap();
    }
    format!("{}\n{:?}", String::from_utf8(out).unwrap(), report.entries().collect::<Vec<_>>())
}

fn assert_clean(output: &str) {
    for word in PLANTED {
        let at = output.find(word);
        let around = at.map(|at| output[at.saturating_sub(200)..(at + 50).min(output.len())].to_owned());
        assert_eq!(around, None, "{word} is shown");
    }
}

/// A finding at every node of every manifest, which says all that it knows.
fn everywhere(inventory: &Inventory<'_>) -> Vec<(ObjectId, Finding)> {
    let mut findings = Vec::new();
    for (index, manifest) in inventory.manifests().iter().enumerate() {
        let object = inventory.object(manifest);
        for node in object.descendants() {
            let pointer = node.pointer_from(object.id());
            let decoded = "value hunter2two, too";
            let message = format!("found {} ({decoded})", node.to_json());
            let mut one = finding(inventory, index, "x/y", &pointer, &message);
            one.value = node.as_str().map(str::to_owned);
            one.related =
                vec![Related { message: message.clone(), document: None, place: one.place.clone() }];
            one.fix = vec![add("/x", &serde_json::to_value(node).unwrap())];
            findings.push((ObjectId(u32::try_from(index).unwrap()), one));
        }
    }
    findings
}

#[test]
fn of_yaml() {
    let output = outputs(&[("s.yaml", YAML)], |inventory| {
        let mut findings = everywhere(inventory);
        // decoded values are known of the Secret that holds them, not of its neighbours
        for (_, finding) in findings.iter_mut().filter(|(id, _)| id.0 > 0) {
            finding.message = finding.message.replace("hunter2two", "");
            finding.related.clear();
        }
        findings
    });
    assert!(output.contains("  p: ***\n"), "{output}");
    assert!(output.contains("yaml/duplicate-key"));
    assert_clean(&output);
}

#[test]
fn of_json_on_one_line() {
    let json = r#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"s"},"data":{"p":"aHVudGVyMnR3bw=="},"stringData":{"q":"json-word"}}"#;
    assert_clean(&outputs(&[("s.json", json)], everywhere));
}

#[test]
fn of_what_cannot_be_read() {
    for (name, text) in [
        ("broken", "kind: Secret\nstringData:\n  p: 'broken-word\n"),
        ("an escape", "kind: Secret\nstringData:\n  p: \"broken-word \\q\"\n"),
        ("a number", "{\"kind\": \"Secret\", \"stringData\": {\"p\": 00broken-word}}"),
        (
            "cut by a separator",
            "kind: Secret\napiVersion: v1\nmetadata: {name: x}\nstringData:\n  p: \"one\n---\n  fragment-word: [\n",
        ),
        (
            "behind the end",
            "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n...\nstringData: {p: dropped-word}\n",
        ),
        ("one line", "{kind: Secret, stringData: {p: broken-word, ]}\n"),
    ] {
        let output = outputs(&[("s.yaml", text)], |_| Vec::new());
        assert!(output.contains("error"), "{name} is no error: {output}");
        assert_clean(&output);
    }
}

#[test]
fn a_sensitive_finding() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n    - name: c\n      env:\n        - {name: TOKEN, value: hunter2two} # from-a-comment\n";
    let pointer = "/spec/containers/0/env/0/value";
    let output = outputs(&[("p.yaml", pod)], |inventory| {
        let mut one = finding(inventory, 0, "x/y", pointer, "the password hunter2two is written down");
        one.sensitive = true;
        // what another rule says of the same value and line
        let other = finding(inventory, 0, "x/z", "/spec/containers/0/env/0", "hunter2two is short");
        vec![(ObjectId(0), one), (ObjectId(0), other)]
    });
    assert!(output.contains("the password *** is written down"), "{output}");
    assert!(output.contains("{name: TOKEN, value: ***} # from"), "{output}");
    assert!(!output.contains("hunter2two"), "{output}");
}

#[test]
fn other_objects_are_shown_as_they_are() {
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata:\n  p: hunter2two\n";
    let output = outputs(&[("m.yaml", map)], |inventory| {
        vec![(ObjectId(0), finding(inventory, 0, "x/y", "/data/p", "hunter2two is not a number"))]
    });
    assert!(output.contains("p: hunter2two") && output.contains("hunter2two is not"), "{output}");
}
