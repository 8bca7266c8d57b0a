use super::super::serve::flags::LogFormat;
use super::*;

#[test]
fn reads_every_key() {
    let text = "apiVersion: plimsoll.dev/v1alpha1\nkind: Configuration\npolicies: [a/]\nembedded: false\npacks: [default]\n\
            parameters: {p: {max: 9}}\nactions: {p: Warn}\nseverities: {p/r: info}\nkubernetesVersion: \"1.36\"\n\
            namespace: web\npodTemplates: [{kind: argoproj.io/*/Rollout, path: spec.template}]\nactionOverride: Audit\n\
            serve: {watchPolicies: true, lameDuck: 2s, logFormat: json, adminBind: '127.0.0.1:8080'}\n";
    let read = Configuration::parse("x", text).expect("good");
    assert_eq!(
        (read.embedded, read.policies.len(), read.packs),
        (false, 1, Some(vec!["default".to_owned()]))
    );
    assert_eq!(read.actions["p"], Action::Warn);
    assert_eq!(read.severities["p/r"], WrittenLevel(Level::At(Severity::Info)));
    assert_eq!(read.parameters["p"]["max"], 9);
    assert_eq!((read.namespace.as_deref(), read.kubernetes_version.as_deref()), (Some("web"), Some("1.36")));
    assert_eq!(read.pod_templates[0].path, "spec.template");
    assert_eq!(read.action_override, Some(Action::Audit));
    let Flags { watch_policies, lame_duck, log_format, admin_bind, .. } = read.serve;
    assert_eq!((watch_policies, lame_duck), (Some(true), Some(std::time::Duration::from_secs(2))));
    assert_eq!((log_format, admin_bind), (Some(LogFormat::Json), Some(([127, 0, 0, 1], 8080).into())));
}

#[test]
fn what_is_wrong_with_a_waiver_is_told_at_its_place() {
    let head = "apiVersion: plimsoll.dev/v1alpha1\nkind: Configuration\n";
    for (rule, expected) in [
        ("{codes: [a], until: soon}", "x:3:30: \"soon\" is not a date: expected one such as 2027-03-31"),
        (
            "{codes: [a, waiver/unused]}",
            "x:3:22: waiver/unused cannot be waived: give it another severity in plimsoll.yaml, or --skip it",
        ),
        ("{codes: [a], kinds: [Deploymnt]}", "x:3:31: Deploymnt is not a built-in kind"),
        ("{codes: [a], namespaces: []}", "x:3:35: matches nothing: leave it out to match all"),
    ] {
        let text = format!("{head}ignore: [{rule}]\n");
        let mut read = Configuration::parse("x", &text).expect(rule);
        read.source = Some(Source { name: "x".to_owned(), text: text.into() });
        let mut errors = Vec::new();
        assert!(read.ignores(&mut errors).rules.is_empty(), "{rule}");
        assert_eq!(errors.iter().map(ToString::to_string).collect::<Vec<_>>(), [expected]);
    }
}

#[test]
fn off_is_a_level_however_yaml_reads_it() {
    let head = "apiVersion: plimsoll.dev/v1alpha1\nkind: Configuration\n";
    for word in ["off", "\"off\"", "Off", "no", "false"] {
        let read = Configuration::parse("x", &format!("{head}severities: {{p: {word}}}\n")).expect(word);
        assert_eq!(read.severities["p"], WrittenLevel(Level::Off), "{word}");
    }
}

#[test]
fn it_is_looked_for_up_to_the_root_of_the_repository() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |path: &str| folder.path().join(path);
    fs::create_dir_all(at("repository/deploy/base")).expect("made");
    let start = at("repository/deploy/base");
    let found = || Configuration::discover(&start.display().to_string());
    let canonical = |path: &str| fs::canonicalize(at(path)).expect("is there");
    fs::write(at("plimsoll.yaml"), "").expect("written");
    let (outside, below) = (fs::canonicalize(&start).expect("is there"), canonical("repository"));
    let top = below.parent().expect("a folder");
    for (working, expected) in [
        (None, None),
        (Some(Path::new("/elsewhere")), None),
        (Some(below.as_path()), None),
        (Some(top), Some(canonical("plimsoll.yaml"))),
        (Some(Path::new("/")), Some(canonical("plimsoll.yaml"))),
    ] {
        assert_eq!(nearest_file(&outside, working), expected, "without a repository, from {working:?}");
    }
    fs::create_dir(at("repository/.git")).expect("made");
    assert_eq!(found(), None, "what lies above the repository is not of it");
    fs::write(at("repository/plimsoll.yaml"), "").expect("written");
    assert_eq!(found(), Some(canonical("repository/plimsoll.yaml")));
    fs::write(at("repository/deploy/plimsoll.yaml"), "").expect("written");
    assert_eq!(found(), Some(canonical("repository/deploy/plimsoll.yaml")), "the nearest one");
    let pattern = format!("{}/repository/deploy/**/*.yaml", folder.path().display());
    assert_eq!(Configuration::discover(&pattern), Some(canonical("repository/deploy/plimsoll.yaml")));
    fs::remove_file(at("repository/deploy/plimsoll.yaml")).expect("removed");
    fs::remove_file(at("repository/plimsoll.yaml")).expect("removed");
    fs::remove_dir(at("repository/.git")).expect("removed");
    fs::write(at("repository/.git"), "gitdir: elsewhere").expect("written");
    assert_eq!(found(), None, "a worktree is a repository");
}

#[test]
fn the_page_about_it_is_right() {
    let page = include_str!("../../../docs/configuration.md");
    let (_, rest) = page.split_once("```yaml\n").expect("an example");
    let (text, _) = rest.split_once("```").expect("its end");
    let read = Configuration::parse("page", text).expect("good");
    assert_eq!(read.serve.clone().settle().map(|plan| plan.watch_policies), Ok(true));
    // every entry is there
    let schema = serde_json::to_value(schemars::schema_for!(Configuration)).expect("JSON");
    let names = |pointer: &str| {
        let properties = schema.pointer(pointer).and_then(Value::as_object).expect(pointer);
        properties.keys().cloned().collect::<Vec<_>>()
    };
    for name in [names("/properties"), names("/$defs/Flags/properties")].concat() {
        assert!(page.contains(&name), "{name}");
    }
}

#[test]
fn says_where_it_is_wrong() {
    let head = "apiVersion: plimsoll.dev/v1alpha1\nkind: Configuration\n";
    for (text, expected) in [
        (
            "polices: []",
            "x:3:1: unknown field `polices`, expected one of `apiVersion`, `kind`, `policies`, `embedded`, `packs`, `parameters`, `actions`, `severities`, `actionOverride`, `kubernetesVersion`, `namespace`, `podTemplates`, `ignore`, `include`, `exclude`, `forceExclude`, `overrides`, `only`, `skip`, `complete`, `operation`, `old`, `raw`, `crds`, `as`, `asGroups`, `explain`, `failOn`, `failOnUnknown`, `allowBroken`, `parity`, `exitZero`, `since`, `format`, `color`, `quiet`, `verbose`, `baseline`, `serve` (did you mean `policies`?)",
        ),
        ("actions: {p: Forbid}", "x:3:14: unknown value `Forbid`, expected one of `Audit`, `Warn`, `Deny`"),
        ("actionOverride: Deny", "x:3:17: expected Warn or Audit: it only lowers actions"),
        (
            "serve: {bindd: '[::]:1'}",
            "x:3:9: unknown field `bindd`, expected one of `watchPolicies`, `admissionPolicies`, `bind`, `adminBind`, `tlsCert`, `tlsKey`, `clientCa`, `selfSigned`, `caFile`, `service`, `serviceNamespace`, `lameDuck`, `certificateInterval`, `caSettle`, `policyInterval`, `kubeconfig`, `inCluster`, `register`, `findingsPerRule`, `maxConnections`, `bodyBudget`, `exemptNamespaces`, `failOpen`, `registrationInterval`, `logFormat` (did you mean `bind`?)",
        ),
        ("serve: {bind: here}", "x:3:15: invalid socket address syntax"),
        ("serve: {lameDuck: 5}", "x:3:19: expected a string, found the number 5 (quote it: \"5\")"),
        ("serve:\n  lameDuck: soon", "x:4:13: expected a duration such as 5s or 500ms"),
        (
            "serve: {selfSigned: true, tlsCert: a, tlsKey: b}",
            "x:3:1: --self-signed and --tls-cert exclude each other; --self-signed=false takes one back",
        ),
        (
            "ignore: [{code: [a]}]",
            "x:3:11: unknown field `code`, expected one of `codes`, `paths`, `kinds`, `namespaces`, `names`, `reason`, `until` (did you mean `codes`?)",
        ),
        ("embedded: 1", "x:3:11: expected a boolean, found the number 1"),
        (
            "severities: {p: fatal}",
            "x:3:17: unknown value `fatal`, expected one of `error`, `warning`, `info`, `off`",
        ),
        (
            "severities: {p: warn}",
            "x:3:17: unknown value `warn`, expected one of `error`, `warning`, `info`, `off` (did you mean `warning`?)",
        ),
        ("severities: {p: yes}", "x:3:17: expected error, warning, info or off"),
        ("namespace: a\nnamespace: b", "x:3:1: key `namespace` is written twice"),
    ] {
        let error = Configuration::parse("x", &format!("{head}{text}\n")).expect_err(text);
        assert_eq!(error.to_string(), expected);
    }
}
