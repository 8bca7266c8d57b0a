use super::*;
use proptest::prelude::*;

fn hex(n: usize) -> String {
    "0123456789abcdef".chars().cycle().take(n).collect()
}

#[test]
fn canonical_forms() {
    let sha = format!("sha256:{}", hex(64));
    let rows: &[(&str, &str)] = &[
        // no slash: Docker Hub, whatever it looks like
        ("nginx", "docker.io/library/nginx:latest"),
        ("nginx:1.25", "docker.io/library/nginx:1.25"),
        ("localhost", "docker.io/library/localhost:latest"),
        ("example.com", "docker.io/library/example.com:latest"),
        ("registry:5000", "docker.io/library/registry:5000"),
        ("nginx@{sha}", "docker.io/library/nginx@{sha}"),
        ("nginx:1@{sha}", "docker.io/library/nginx:1@{sha}"),
        // the first segment as a registry
        ("localhost/app", "localhost/app:latest"),
        ("localhost:5000/app", "localhost:5000/app:latest"),
        ("localhost:5000/app:1", "localhost:5000/app:1"),
        ("registry:5000/app@{sha}", "registry:5000/app@{sha}"),
        ("gcr.io/kubebuilder/kube-rbac-proxy:v0.8.0", "gcr.io/kubebuilder/kube-rbac-proxy:v0.8.0"),
        ("[::1]:5000/app", "[::1]:5000/app:latest"),
        ("[fe80::1]/app", "[fe80::1]/app:latest"),
        ("FOO/app", "FOO/app:latest"),
        ("a./x", "!Domain@2"),
        ("my_registry.local/app", "my_registry.local/app:latest"),
        // Docker Hub
        ("docker.io/nginx", "docker.io/library/nginx:latest"),
        ("index.docker.io/nginx:1", "docker.io/library/nginx:1"),
        ("docker.io/library/nginx", "docker.io/library/nginx:latest"),
        ("index.docker.io/bitnami/redis", "docker.io/bitnami/redis:latest"),
        ("bitnami/redis", "docker.io/bitnami/redis:latest"),
        ("localhosts/app", "docker.io/localhosts/app:latest"),
        ("library/nginx", "docker.io/library/nginx:latest"),
        ("a/b/c/d", "docker.io/a/b/c/d:latest"),
        ("foo__bar/a---b/c.d_e", "docker.io/foo__bar/a---b/c.d_e:latest"),
        ("app:_a.b-C", "docker.io/library/app:_a.b-C"),
    ];
    for (text, expected) in rows {
        let (text, expected) = (text.replace("{sha}", &sha), expected.replace("{sha}", &sha));
        let got = match ImageRef::parse(&text) {
            Ok(image) => image.to_string(),
            Err(e) => format!("!{:?}@{}", e.reason, e.offset),
        };
        assert_eq!(got, expected, "{text}");
    }
}

#[test]
fn digests_by_algorithm() {
    for (algorithm, digits) in [("sha256", 64), ("sha384", 96), ("sha512", 128)] {
        let text = format!("app@{algorithm}:{}", hex(digits));
        let image = ImageRef::parse(&text).unwrap();
        assert_eq!((image.tag(), image.digest()), (None, Some(&text[4..])));
        let short = format!("app:1@{algorithm}:{}", hex(digits - 1));
        let error = ImageRef::parse(&short).unwrap_err();
        assert_eq!(error.reason, ImageReason::DigestLength { expected: digits, found: digits - 1 });
    }
}

#[test]
fn refusals() {
    use ImageReason::*;
    let long = format!("example.com/{}", "a".repeat(256));
    let long_official = "a".repeat(248);
    let long_tag = format!("a:{}", "t".repeat(129));
    let id = hex(64);
    let upper_digest = format!("app@sha256:{}", hex(64).to_uppercase());
    let upper_algorithm = format!("app@SHA256:{}", hex(64));
    let md5 = format!("app@md5:{}", hex(32));
    let rows: &[(&str, ImageReason, usize)] = &[
        ("", Empty, 0),
        (" nginx", WhiteSpace, 0),
        ("nginx ", WhiteSpace, 5),
        ("ng\u{a0}inx", WhiteSpace, 2),
        (&id, Identifier, 0),
        ("Nginx", UpperCase, 0),
        ("example.com/App", UpperCase, 12),
        ("example.com/", EmptySegment, 12),
        ("example.com/:1", EmptySegment, 12),
        ("/nginx", EmptySegment, 0),
        ("a//b", EmptySegment, 2),
        (":1", EmptySegment, 0),
        ("@sha256:00", EmptySegment, 0),
        ("https://example.com/app", Port, 6),
        ("a..b", Separator, 1),
        ("a___b", Separator, 1),
        ("a._b", Separator, 1),
        ("-a", Separator, 0),
        ("a-", Separator, 1),
        ("a-/b", Separator, 1),
        ("a b", WhiteSpace, 1),
        ("ä", Character('ä'), 0),
        ("a/${IMAGE}", Character('$'), 2),
        ("{{ .Values.image }}", WhiteSpace, 2),
        ("nginx:", EmptyTag, 6),
        ("nginx:-1", TagCharacter('-'), 6),
        ("nginx:x/2", Port, 6),
        ("example.com:80:90/a", Port, 12),
        ("example.com:/a", Port, 12),
        ("exa$mple.com/a", Domain, 0),
        ("a.-b.c/x", Domain, 2),
        ("[::1/a", Domain, 0),
        ("[]:1/a", Domain, 1),
        ("[::1]x.y/a", Domain, 5),
        ("foo:bar:baz", TagCharacter(':'), 7),
        ("app@", DigestForm, 4),
        ("app@sha256", DigestForm, 4),
        ("app@sha256:zz", DigestHex('z'), 11),
        (&upper_digest, DigestHex('A'), 21),
        (&upper_algorithm, DigestAlgorithm, 4),
        (&md5, DigestAlgorithm, 4),
        (&long, PathTooLong, 12),
        (&long_official, PathTooLong, 0),
        (&long_tag, TagTooLong, 130),
    ];
    for (text, reason, offset) in rows {
        let error = ImageRef::parse(text).expect_err(text);
        assert_eq!((error.reason, error.offset), (*reason, *offset), "{text}");
    }
}

#[test]
fn lengths_that_just_fit() {
    ImageRef::parse(&format!("example.com/{}", "a".repeat(255))).unwrap();
    ImageRef::parse(&"a".repeat(247)).unwrap();
    ImageRef::parse(&format!("a:{}", "t".repeat(128))).unwrap();
}

#[test]
fn parts() {
    let text = format!("registry:5000/team/app:1.2@sha256:{}", hex(64));
    let image = ImageRef::parse(&text).unwrap();
    assert_eq!(image.domain(), "registry:5000");
    assert_eq!(image.repository(), "team/app");
    assert_eq!(image.written_tag(), Some("1.2"));
    assert_eq!(image.suffix(), &text["registry:5000/team/app".len()..]);
    assert_eq!(ImageRef::parse("nginx").unwrap().repository(), "library/nginx");
    assert_eq!(ImageRef::parse("nginx").unwrap(), ImageRef::parse("docker.io/library/nginx:latest").unwrap());
    assert_ne!(ImageRef::parse("nginx").unwrap(), ImageRef::parse("nginx:1").unwrap());
}

/// The grammar as one regular expression, to compare the scanner with.
fn grammar() -> regex::Regex {
    let comp = "[a-z0-9]+(?:(?:[.]|_|__|-+)[a-z0-9]+)*";
    let label = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
    let domain = format!(r"(?:{label}(?:[.]{label})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?");
    let digest = "(?:sha256:[a-f0-9]{64}|sha384:[a-f0-9]{96}|sha512:[a-f0-9]{128})";
    regex::Regex::new(&format!(
        "^(?:{domain}/)?{comp}(?:/{comp})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?(?:@{digest})?$"
    ))
    .unwrap()
}

#[test]
fn agrees_with_the_grammar() {
    let grammar = grammar();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(4000));
    let piece = prop::sample::select(vec![
        "a",
        "b0",
        "A",
        ".",
        "_",
        "__",
        "-",
        "--",
        "/",
        ":",
        "@",
        "sha256",
        "5000",
        "localhost",
        "docker.io",
        "[::1]",
        "x.y",
        "index.docker.io",
        "é",
        "$",
    ]);
    let strategy = prop::collection::vec(piece, 0..9).prop_map(|v| v.concat());
    runner
        .run(&strategy, |text| {
            let (domain, start) = split_domain(&text);
            let library = if domain == DOCKER_HUB && !text[start..].contains('/') { "library/" } else { "" };
            let normal = format!("{domain}/{library}{}", &text[start..]);
            prop_assert_eq!(ImageRef::parse(&text).is_ok(), grammar.is_match(&normal), "{}", text);
            Ok(())
        })
        .unwrap();
}

proptest! {
    #[test]
    fn never_panics_and_is_stable(text in "\\PC{0,80}") {
        if let Ok(image) = ImageRef::parse(&text) {
            let canonical = image.to_string();
            let again = ImageRef::parse(&canonical).unwrap();
            prop_assert_eq!(again.to_string(), canonical.clone());
            prop_assert_eq!(again, image);
        }
    }

    #[test]
    fn canonical_is_a_fixed_point(text in "([a-zA-Z.:0-9]{1,8}/)?[a-z0-9]{1,4}([._-][a-z]{1,3})?(/[a-z0-9]{1,4}){0,3}(:[a-z0-9.]{1,5})?") {
        if let Ok(image) = ImageRef::parse(&text) {
            let canonical = image.to_string();
            prop_assert_eq!(ImageRef::parse(&canonical).unwrap().to_string(), canonical);
        }
    }
}
