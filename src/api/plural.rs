//! Plurals of kinds that no table has: what kubectl guesses, and what people write.

/// As kubectl guesses (`meta.UnsafeGuessKindToResource`).
pub(super) fn guess(kind: &str) -> String {
    let singular = kind.to_lowercase();
    match singular.as_bytes().last() {
        _ if singular.ends_with("endpoints") => singular,
        Some(b's') => singular + "es",
        Some(b'y') => singular[..singular.len() - 1].to_owned() + "ies",
        Some(_) => singular + "s",
        None => singular,
    }
}

/// Endings whose plural is not told by rules: what they become, and what they may become instead of that.
const IRREGULAR: [(&str, &str); 11] = [
    ("ex", "ices"),
    ("ix", "ices"),
    ("is", "es"),
    ("um", "a"),
    ("us", "i"),
    ("on", "a"),
    ("fe", "ves"),
    ("f", "ves"),
    ("man", "men"),
    ("child", "children"),
    ("person", "people"),
];

/// Whether a CustomResourceDefinition may well give a kind another plural than those that [`may_be_plural`] knows, or
/// one of several: English has no rule for it.
#[must_use]
pub fn has_untold_plural(kind: &str) -> bool {
    let singular = kind.to_lowercase();
    // Application, Condition, Status: many kinds end so, and their plurals are regular
    let regular = ["ion", "status", "bus"].iter().any(|end| singular.ends_with(end));
    !regular && IRREGULAR.iter().any(|(end, _)| singular.ends_with(end))
}

/// Whether a custom kind may have this plural, of which requests to subresources say nothing else: kubectl's guess, what
/// people write (`gateways`, `indexes`, `indices`), or the kind itself.
#[must_use]
pub fn may_be_plural(kind: &str, plural: &str) -> bool {
    let singular = kind.to_lowercase();
    let with = |end: &str, instead: &str| {
        singular.strip_suffix(end).is_some_and(|stem| plural.strip_prefix(stem) == Some(instead))
    };
    singular == plural
        || with("", "s")
        || with("", "es")
        || with("y", "ies")
        || with("z", "zzes")
        || IRREGULAR.iter().any(|(end, instead)| with(end, instead))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plurals_of_custom_kinds() {
        for (kind, plural, expected) in [
            ("Widget", "widgets", true),
            ("Widget", "widget", true),
            ("Widget", "gadgets", false),
            ("Gateway", "gateways", true),
            ("Gateway", "gatewaies", true),
            ("Policy", "policies", true),
            ("Mesh", "meshes", true),
            ("Quiz", "quizzes", true),
            ("Index", "indices", true),
            ("Index", "indexes", true),
            ("Analysis", "analyses", true),
            ("Medium", "media", true),
            ("Nucleus", "nuclei", true),
            ("Shelf", "shelves", true),
            ("Shelf", "shelf", true),
            ("SalesPerson", "salespeople", true),
            ("Ox", "oxen", false),
            ("X", "", false),
        ] {
            assert_eq!(may_be_plural(kind, plural), expected, "{kind} {plural}");
        }
        for (kind, untold) in
            [("Widget", false), ("Gateway", false), ("Application", false), ("Index", true), ("Shelf", true)]
        {
            assert_eq!(has_untold_plural(kind), untold, "{kind}");
        }
    }
}
