//! Texts as image references, and their rewriting.
//!
//! Whatever the text: refused with a place in it, or a reference whose canonical form means the same, reads as itself, and
//! is rewritten at most once.
#![no_main]

mod bounds;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use plimsoll::resource::image::ImageRef;
use plimsoll::resource::rewrite::{RewriteRule, RewriteTable};

fn rule(from: &str, to: &str, except: &[&str]) -> RewriteRule {
    RewriteRule {
        from: from.to_owned(),
        to: to.to_owned(),
        except: except.iter().map(|e| (*e).to_owned()).collect(),
        ..RewriteRule::default()
    }
}

static TABLE: LazyLock<RewriteTable> = LazyLock::new(|| {
    let rules = [
        rule("docker.io", "mirror.corp/hub", &["docker.io/library/busybox"]),
        rule("docker.io/library", "mirror.corp/official", &[]),
        rule("*.example.com/team-?", "mirror.corp:5000/teams", &[]),
        rule("ghcr.io", "localhost:5000/ghcr", &["ghcr.io/x"]),
        rule("quay.io/a/b", "mirror.corp/acme", &[]),
    ];
    RewriteTable::compile(&rules).expect("it compiles")
});

fn read(text: &str) {
    let image = match ImageRef::parse(text) {
        Ok(image) => image,
        Err(error) => {
            assert!(error.offset <= text.len() && text.is_char_boundary(error.offset), "{error}");
            assert!(TABLE.rewrite(text).is_err());
            return;
        }
    };
    let canonical = image.to_string();
    let again = ImageRef::parse(&canonical).expect("a canonical form is a reference");
    assert!(again == image && again.to_string() == canonical, "{canonical}");
    assert_eq!(format!("{}/{}", image.domain(), image.repository()), image.name());
    assert!(text.ends_with(image.suffix()));
    if let Ok(Some(rewritten)) = TABLE.rewrite(text) {
        let target = ImageRef::parse(&rewritten).expect("what is written can be pulled");
        assert_eq!((target.tag(), target.digest()), (image.tag(), image.digest()), "{text} to {rewritten}");
        assert_eq!(TABLE.rewrite(&rewritten), Ok(None), "{text} to {rewritten} and on");
    }
}

fn compile(text: &str) {
    let (from, to) = text.split_once(' ').unwrap_or((text, "mirror.corp"));
    match RewriteTable::compile(&[rule(from, to, &[])]) {
        Ok(table) => {
            let _ = table.advice();
            for image in ["nginx", "ghcr.io/x/y:1", "a.example.com/team-a/b"] {
                if let Ok(Some(rewritten)) = table.rewrite(image) {
                    assert_eq!(table.rewrite(&rewritten), Ok(None), "{from} to {to}: {image}");
                }
            }
        }
        Err(errors) => assert!(!errors.is_empty()),
    }
}

fuzz_target!(|text: &str| {
    bounds::within_a_second(|| {
        read(text);
        compile(text);
    });
});
