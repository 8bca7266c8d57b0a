use super::*;
use crate::admission::Stages;
use crate::cel::profile::{Profile, Release};
use crate::manifest::source::Content;
use crate::manifest::{Inventory, SourceFile, Sources, codes};
use crate::offline::{Asking, Offline};
use crate::resource::workload::TemplatePaths;
use crate::store::PolicySet;
use crate::store::load::{self, Loaded};
use crate::store::set::Adjustments;

fn library(parameters: &str) -> PolicySet {
    let sources = load::PolicySources { embedded: true, paths: Vec::new(), profile: Profile::NEWEST };
    let mut loaded: Loaded = load::load(&sources);
    loaded.for_release(Release::NEWEST);
    if !parameters.is_empty() {
        let composed = crate::manifest::compose::compose(parameters, 0..parameters.len()).unwrap();
        let document = composed.document.unwrap();
        let values: BTreeMap<String, BTreeMap<String, BTreeMap<String, serde_json::Value>>> =
            document.root().decode().unwrap();
        for (name, values) in &values["parameters"] {
            let policy = loaded.policies.iter_mut().find(|(policy, _)| policy.id.name == *name).unwrap();
            policy.0.set_parameters(values).unwrap();
        }
    }
    loaded.into_set(&Adjustments::default(), TemplatePaths::default())
}

/// The first block of code below a heading that begins so, and what stands before it.
fn block<'t>(page: &'t str, heading: &str, language: &str) -> Option<(&'t str, &'t str)> {
    let (_, section) = page.split_once(&format!("\n## {heading}"))?;
    let section = section.split("\n## ").next()?;
    let (before, rest) = section.rsplit_once(&format!("```{language}\n"))?;
    Some((before, rest.split("\n```").next()?))
}

/// What a policy says of manifests that are pasted into a file.
fn said(set: &PolicySet, policy: &str, manifests: &str, complete: bool) -> Vec<String> {
    let sources = Sources::new(vec![SourceFile::new("pasted.yaml", Content::Text(manifests.to_owned()))]);
    let inventory = Inventory::load(&sources);
    let asking = Asking { complete, ..Asking::default() };
    let offline = Offline::new(&inventory, None, &asking);
    let own = set.policies().iter().filter(|other| other.id.name == policy).cloned();
    let set = PolicySet::new(own.collect(), set.templates().clone());
    let mut said: Vec<String> = offline.judge_all(&set).iter().map(|(_, f)| f.code().to_owned()).collect();
    for index in 0..inventory.manifests().len() {
        said.extend(offline.admit(&set, Stages::MUTATE, index).1.rules.iter().map(ToString::to_string));
    }
    said
}

#[test]
fn examples_fire_as_they_are_pasted() {
    let set = library("");
    let tests = embedded_tests();
    for policy in set.policies() {
        let name = policy.id.name.as_str();
        if name == "unique-in-folder" {
            continue; // it compares files, and a page's example is pasted into one
        }
        let page = markdown::render(&Page::new(policy, None, &tests));
        for (heading, fires) in [("Fails", true), ("Passes", false)] {
            let Some((before, manifests)) = block(&page, heading, "yaml") else {
                assert!(!fires, "{name} has no example");
                continue;
            };
            let configuration = before.split_once("```yaml\n").and_then(|(_, rest)| rest.split("```").next());
            let with = configuration.map(library);
            let said = said(with.as_ref().unwrap_or(&set), name, manifests, before.contains("--complete"));
            assert_eq!(!said.is_empty(), fires, "{name} says {said:?} of:\n{manifests}");
        }
    }
}

#[test]
fn pages_fit_the_terminal_and_speak_of_nothing_internal() {
    let set = library("");
    let tests = embedded_tests();
    for policy in set.policies() {
        let page = Page::new(policy, None, &tests);
        let text = text::render(&page);
        // examples and links stay as they are
        let prose = |line: &&str| !line.starts_with("    ") || line.starts_with("      ");
        let written =
            |line: &&str| page.bad.iter().chain(&page.good).all(|e| !e.manifests.contains(line.trim()));
        for line in text.lines().filter(prose).filter(written) {
            assert!(
                line.chars().count() <= 80 || line.contains("http") || !line.trim().contains(' '),
                "{line}"
            );
        }
        assert!(text.contains("\nseverity  "), "{text}");
        for internal in ["plimsoll.dev/check", "variables.", "params.", "item.", "orValue"] {
            let rules = text.split("\nparameters\n").next().unwrap_or_default();
            let rules = rules.split("\nfails").next().unwrap_or_default();
            let rules = rules.split_once("\nrules\n").map_or("", |(_, rules)| rules);
            assert!(!rules.contains(internal), "{internal}: {rules}");
        }
    }
    for line in text::list(set.policies().iter().map(|policy| &**policy)).lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    for line in
        codes::all().flat_map(|row| text::reserved(row).lines().map(str::to_owned).collect::<Vec<_>>())
    {
        assert!(line.chars().count() <= 80, "{line}");
    }
}
