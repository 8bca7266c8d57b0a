use super::*;

/// The request for a subresource of a built-in, as the API server makes it.
fn target<'a>(
    [group, version, resource]: [&'a str; 3],
    subresource: &'a str,
    [body_group, body_version, body]: [&'a str; 3],
) -> Target<'a> {
    Target {
        group,
        version,
        resource,
        kind: api::by_resource(group, resource).map(|known| known.kind),
        subresource,
        body: GroupVersionKind { group: body_group, version: body_version, kind: body },
    }
}

#[test]
fn patterns() {
    let cases: [(&str, [&str; 3], bool); 12] = [
        ("Pod", ["", "v1", "Pod"], true),
        ("Pod", ["example.com", "v1", "Pod"], false),
        ("Deployment", ["apps", "v1", "Deployment"], true),
        ("Pod/ephemeralcontainers", ["", "v1", "Pod"], false),
        ("cache.example.com/*/Memcached", ["cache.example.com", "v1alpha1", "Memcached"], true),
        ("cache.example.com/Memcached", ["cache.example.com", "v1", "Memcached"], true),
        ("cache.example.com/v1/Memcached", ["cache.example.com", "v2", "Memcached"], false),
        ("*.example.com/*/*", ["cache.example.com", "v2", "Whatever"], true),
        ("*", ["x.dev", "v2", "Whatever"], true),
        ("v1/Service", ["", "v1", "Service"], true),
        ("core/v1/Service", ["", "v1", "Service"], true),
        ("*/scale", ["apps", "v1", "Deployment"], false),
    ];
    for (pattern, [group, version, kind], expected) in cases {
        let read = KindPattern::parse(pattern).expect(pattern);
        let target = Target::object(group, version, kind);
        assert_eq!(read.matches(&target), expected, "{pattern} {group}/{version}/{kind}");
    }
}

#[test]
fn subresources() {
    let pods = ["", "v1", "pods"];
    let exec = target(pods, "exec", ["", "v1", "PodExecOptions"]);
    let attach = target(pods, "attach", ["", "v1", "PodAttachOptions"]);
    let resize = target(pods, "resize", ["", "v1", "Pod"]);
    let status = target(pods, "status", ["", "v1", "Pod"]);
    let eviction = target(pods, "eviction", ["policy", "v1", "Eviction"]);
    let binding = target(pods, "binding", ["", "v1", "Binding"]);
    let token =
        target(["", "v1", "serviceaccounts"], "token", ["authentication.k8s.io", "v1", "TokenRequest"]);
    let scale = target(["apps", "v1", "deployments"], "scale", ["autoscaling", "v1", "Scale"]);
    let proxy = target(["", "v1", "nodes"], "proxy", ["", "v1", "NodeProxyOptions"]);
    let custom = target(["cache.example.com", "v2", "memcacheds"], "scale", ["autoscaling", "v1", "Scale"]);
    let rows: &[(&str, &[&Target<'_>])] = &[
        ("*", &[]),
        ("Pod", &[]),
        ("Pod/*", &[&exec, &attach, &resize, &status, &eviction, &binding]),
        ("Pod/exec", &[&exec]),
        ("v1/Pod/exec", &[&exec]),
        ("core/v1/Pod/exec", &[&exec]),
        ("v2/Pod/exec", &[]),
        ("Pod/{exec,attach}", &[&exec, &attach]),
        ("P*/exec", &[&exec]),
        ("*/exec", &[&exec]),
        ("*/{exec,attach}", &[&exec, &attach]),
        ("v1/PodExecOptions/exec", &[&exec]),
        ("PodExecOptions/exec", &[&exec]),
        ("PodExecOptions", &[&exec]),
        ("v1/PodExecOptions", &[&exec]),
        ("Pod/status", &[&status]),
        ("Pod/eviction", &[&eviction]),
        ("policy/v1/Eviction/eviction", &[&eviction]),
        ("Eviction", &[&eviction]),
        ("Binding/binding", &[&binding]),
        ("Binding", &[]),
        ("ServiceAccount/token", &[&token]),
        ("authentication.k8s.io/*/TokenRequest/token", &[&token]),
        ("Deployment/scale", &[&scale]),
        ("apps/v1/Deployment/scale", &[&scale]),
        ("apps/*/Deployment/scale", &[&scale]),
        ("apps/Deployment/scale", &[&scale]),
        ("*/*/Deployment/scale", &[&scale]),
        ("apps/*/scale", &[&scale]),
        ("{Deployment,StatefulSet}/scale", &[&scale]),
        ("StatefulSet/scale", &[]),
        ("*/scale", &[&scale, &custom]),
        ("*/*/*/scale", &[&scale, &custom]),
        ("autoscaling/v1/Scale/scale", &[&scale, &custom]),
        ("Scale/scale", &[&scale, &custom]),
        ("Scale", &[&scale, &custom]),
        ("cache.example.com/*/Memcached/scale", &[&custom]),
        ("cache.example.com/Memcached/*", &[&custom]),
        ("cache.example.com/*/Other/scale", &[]),
        ("Node/proxy", &[&proxy]),
        (
            "*/*/*/*",
            &[&exec, &attach, &resize, &status, &eviction, &binding, &token, &scale, &proxy, &custom],
        ),
    ];
    let all = [&exec, &attach, &resize, &status, &eviction, &binding, &token, &scale, &proxy, &custom];
    for (pattern, expected) in rows {
        let read = KindPattern::parse(pattern).expect(pattern);
        for target in all {
            assert_eq!(read.matches(target), expected.contains(&target), "{pattern} {target:?}");
        }
    }
}

#[test]
fn workloads_are_also_what_changes_a_pods_containers() {
    let kinds = Kinds::parse(&["workloads"]).expect("parses");
    let pods = ["", "v1", "pods"];
    for (subresource, expected) in
        [("", true), ("ephemeralcontainers", true), ("resize", true), ("status", false), ("exec", false)]
    {
        let target = target(pods, subresource, ["", "v1", "Pod"]);
        assert_eq!(kinds.covers(&target, &TemplatePaths::default()), expected, "{subresource}");
    }
}

/// `Eviction` is sent to a subresource, and since 1.37 an object of another group as well.
#[test]
fn a_body_may_be_an_object_too() {
    let of = |pattern: &str| Kinds::parse(&[pattern]).expect("parses").index_by(false);
    let named = |kind: &str| KindMatch::Named(vec![kind.to_owned()]);
    assert_eq!(of("Eviction"), named("Eviction"));
    assert_eq!(of("PodExecOptions"), KindMatch::Named(Vec::new()));
    assert_eq!(of("Pod/eviction"), KindMatch::Named(Vec::new()));
    let read = KindPattern::parse("Eviction").expect("parses");
    assert!(read.matches(&Target::object("lifecycle.k8s.io", "v1alpha1", "Eviction")));
    assert!(!read.matches(&Target::object("example.com", "v1", "Eviction")));
}

#[test]
fn what_names_nothing_and_what_connects() {
    let row = |pattern: &str| {
        let read = KindPattern::parse(pattern).expect(pattern);
        (read.is_everything(), read.may_connect(), read.only_connects())
    };
    let rows = [
        ("*", (true, false, false)),
        ("*/*/*", (true, false, false)),
        ("*/*/*/*", (true, true, false)),
        ("apps/*", (false, false, false)),
        ("*/scale", (false, false, false)),
        ("Pod", (false, false, false)),
        ("Pod/*", (false, true, false)),
        ("Pod/exec", (false, true, true)),
        ("PodExecOptions", (false, true, true)),
        ("Eviction", (false, false, false)),
        ("Pod/e*", (false, true, false)),
    ];
    for (pattern, expected) in rows {
        assert_eq!(row(pattern), expected, "{pattern}");
    }
}

#[test]
fn refused() {
    for (pattern, expected) in [
        ("Deploment", "Deploment is not a built-in kind"),
        (
            "a/b/Kind/sub/more",
            "\"a/b/Kind/sub/more\" is not of the form [group/[version/]]Kind[/subresource]",
        ),
        ("apps//Deployment", "\"apps//Deployment\" is not of the form [group/[version/]]Kind[/subresource]"),
        ("apps/[/Deployment", "bad glob \"[\": unclosed character class; missing ']'"),
    ] {
        assert_eq!(KindPattern::parse(pattern).expect_err(pattern).to_string(), expected);
    }
}
