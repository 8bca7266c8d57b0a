use super::*;
use crate::store::entry::Entry;

/// A policy of a user's own.
const OWN: &str = "apiVersion: plimsoll.dev/v1alpha1\nkind: ClusterManifestPolicy\nmetadata: {name: own}\nspec:\n  \
                   match: {kinds: [Pod]}\n  rules: [{name: r, validate: 'false', message: never}]\n";

/// A run, and what it comes to when all policies of the library are read at once: its hash, policies, rules, names, packs that
/// do not run and what is wrong.
type Told = (String, Vec<PolicyRef>, Vec<String>, Vec<String>, Vec<String>, Vec<String>);

fn told(selected: &Selected) -> Told {
    let errors = selected.errors.iter().map(|error| format!("{error:?}")).collect();
    let names = selected.names.codes().map(str::to_owned).collect();
    let (ids, rules) = entries(&selected.set);
    (selected.told().hash, ids, rules, names, selected.packs_not_run.clone(), errors)
}

fn entries(set: &PolicySet) -> (Vec<PolicyRef>, Vec<String>) {
    let rule = |rule: crate::store::entry::RuleEntry<'_>| {
        format!("{} {} {}", rule.code, rule.actions, rule.severity.name())
    };
    let ids = set.entries().map(|entry| entry.id()).collect();
    (ids, set.entries().flat_map(|entry| entry.rules().into_iter().map(rule).collect::<Vec<_>>()).collect())
}

fn told_eagerly(selected: &Selected) -> Told {
    let Selected { sources, configuration, adjustments, release, templates, .. } = selected;
    let mut loaded = load::load(sources);
    loaded.for_release(*release);
    let mut errors = std::mem::take(&mut loaded.errors);
    let names = loaded.names();
    override_parameters(&mut loaded, &names, (&configuration.parameters, &[]), configuration, &mut errors);
    check_names(&names, adjustments, configuration, &mut errors);
    let errors = errors.iter().map(|error| format!("{error:?}")).collect();
    let (known, unasked) = (known_packs(&loaded), packs_left_out(&loaded, adjustments.packs.as_ref()));
    let origins = loaded.origins.clone();
    let set = loaded.into_set(adjustments, templates.clone());
    let ran = packs_of(set.entries().flat_map(|policy| policy.packs()));
    let not_run = known.into_iter().filter(|pack| unasked.contains(pack) || !ran.contains(pack)).collect();
    let (ids, rules) = entries(&set);
    (kept::hash(&set, &origins), ids, rules, names.codes().map(str::to_owned).collect(), not_run, errors)
}

fn unread(set: &PolicySet) -> usize {
    set.entries().filter(|entry| matches!(entry, Entry::Unmet(_))).count()
}

/// What is not read of the library changes nothing of a run, whatever speaks of its policies.
#[test]
fn policies_that_are_not_read_run_as_if_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let twin = OWN.replace("own", "image-tag");
    std::fs::write(folder.path().join("own.yaml"), format!("{OWN}---\n{twin}")).unwrap();
    let own = format!("policies: [{}]\n", folder.path().join("own.yaml").display());
    let parameters = "parameters: {image-tag: {mutable: [edge]}}\n";
    // packs, only, skip, the rest of the configuration; how many policies are read, and whether anything is wrong
    #[allow(clippy::type_complexity)] // a table
    let cases: &[(&[&str], &[&str], &[&str], &str, usize, bool)] = &[
        (&["default"], &[], &[], "", 0, false),
        (&["references"], &[], &[], "", 0, false),
        (&["pod-security-baseline"], &[], &[], "", 0, false),
        (&["all"], &[], &[], "", 0, false),
        (&[], &[], &[], "packs: [default, references]\n", 0, false),
        (&[], &[], &["yaml/octal", "host-path", "image-tag/mutable"], "", 0, false),
        (&[], &["host-path", "required-probes"], &[], "", 0, false),
        (
            &[],
            &[],
            &[],
            "severities: {image-tag: info, required-probes: off}\nactions: {host-path: Warn}\n",
            0,
            false,
        ),
        (&[], &[], &[], "ignore: [{codes: [image-tag], reason: r, paths: [x]}]\n", 0, false),
        (&["all"], &[], &[], parameters, 1, false),
        (&["default"], &["image-tag"], &[], parameters, 1, false),
        (&[], &[], &["host-pth"], "", 0, true),
        (&["defualt"], &[], &[], "", 0, true),
        (&["all"], &[], &[], &own, 1, true),
        (&["references"], &[], &["host-path"], &own, 1, true),
    ];
    for (packs, only, skip, rest, read, wrong) in cases {
        let config = tempfile::NamedTempFile::with_suffix(".yaml").unwrap();
        let text = format!("apiVersion: plimsoll.dev/v1alpha1\nkind: Configuration\n{rest}");
        std::fs::write(&config, text).unwrap();
        let owned = |all: &[&str]| all.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
        let config = Some(config.path().to_owned());
        let selection = Selection { packs: owned(packs), config, ..Selection::default() };
        let selected = selection.load(None, &owned(only), &owned(skip));
        let what = format!("{packs:?} {only:?} {skip:?} {rest}");
        let all = selected.set.entries().len();
        assert!(all > 0 || *wrong, "{what}");
        assert_eq!(unread(&selected.set), all - read, "{what}");
        assert_eq!(!selected.errors.is_empty(), *wrong, "{what}: {:?}", selected.errors);
        let before = told(&selected);
        let mut eagerly = told_eagerly(&selected);
        if packs == &["defualt"] {
            eagerly.5.clone_from(&before.5); // the one thing wrong is no name
        }
        assert_eq!(before, eagerly, "{what}");
        assert_eq!(selected.set.policies().len(), all);
        assert_eq!(before, told(&selected), "what is read is as its outline said: {what}");
        assert_eq!(unread(&selected.set), 0);
    }
}

/// Files that overrides are about are judged by policies that wait, too, and the hash knows those of packs of theirs alone.
#[test]
fn overrides_read_no_more_than_they_name() {
    let config = tempfile::NamedTempFile::with_suffix(".yaml").unwrap();
    let text = "apiVersion: plimsoll.dev/v1alpha1\nkind: Configuration\npacks: [references]\noverrides:\n  \
                - {paths: ['**/a.yaml'], packs: [all], skip: [image-tag], parameters: {required-labels: {labels: [x]}}}\n";
    std::fs::write(&config, text).unwrap();
    let selection = Selection { config: Some(config.path().to_owned()), ..Selection::default() };
    let selected = selection.load(None, &[], &[]);
    assert!(selected.errors.is_empty(), "{:?}", selected.errors);
    let about = selected.variant(&[0]);
    let read: Vec<_> = about.set.entries().filter(|entry| matches!(entry, Entry::Read(_))).collect();
    let read: Vec<_> = read.iter().map(|entry| entry.id().name).collect();
    assert_eq!(read, ["required-labels"]);
    assert!(about.set.entries().len() > selected.set.entries().len());
    let missing = about.set.entries().filter(|entry| !about.origins.contains_key(&entry.id()));
    assert_eq!(missing.count(), 0);
}
