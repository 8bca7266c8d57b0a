use super::*;
use crate::store::entry::Entry;

/// What is not read of the library changes nothing of a run.
#[test]
fn unread_policies_are_those_that_would_not_run() {
    let packs = ["default", "references", "pod-security-baseline", "all", "defualt"];
    let config = tempfile::NamedTempFile::with_suffix(".yaml").unwrap();
    std::fs::write(&config, "apiVersion: plimsoll.dev/v1alpha1\nkind: Configuration\n").unwrap();
    for pack in packs {
        let selection = Selection {
            packs: vec![pack.to_owned()],
            config: Some(config.path().to_owned()),
            ..Selection::default()
        };
        let some = selection.load(None, &[], &[]);
        // a name that is known and skips nothing of a policy makes the whole library be read
        let whole = selection.load(None, &[], &["yaml/octal".to_owned()]);
        let unread = |selected: &Selected| {
            selected.set.entries().filter(|entry| matches!(entry, Entry::Unmet(_))).count()
        };
        assert_eq!((unread(&some), unread(&whole)), (some.set.entries().len(), 0));
        let told = |selected: &Selected| {
            let errors: Vec<_> = selected.errors.iter().map(|error| format!("{error:?}")).collect();
            let ids: Vec<_> = selected.set.entries().map(|entry| entry.id()).collect();
            (selected.told().hash, ids, selected.packs_not_run.clone(), errors)
        };
        let codes = |selected: &Selected| {
            let rules = selected.set.entries().flat_map(|entry| entry.rules());
            rules.map(|rule| rule.code.to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(told(&some), told(&whole), "{pack}");
        assert_eq!(codes(&some), codes(&whole), "{pack}");
        assert_eq!(
            some.all_names().codes().collect::<Vec<_>>(),
            whole.all_names().codes().collect::<Vec<_>>()
        );
        let before = told(&some);
        assert_eq!(some.set.policies().len(), whole.set.policies().len());
        assert_eq!(before, told(&some), "what is read is as its outline said");
    }
}
