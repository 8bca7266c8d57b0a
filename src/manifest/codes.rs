//! The reserved codes: what reading a file can find, whatever policies there are, and what is wrong with waivers.
//!
//! One table: reports take severity and advice from it, `--skip`, `--only` and `severities` the names, and
//! `plimsoll explain` the words. The codes are a promise; see `docs/policies/codes.md`, which is made from it.

use super::notice::NoticeCode;
use crate::finding::{RuleInfo, Severity};

/// What is to be said of a reserved code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reserved {
    /// As in reports: `yaml/…`, `kubernetes/…` or `waiver/…`.
    pub code: &'static str,
    /// Unless the configuration gives it another.
    pub severity: Severity,
    /// One line for lists.
    pub title: &'static str,
    /// What is found, and why it matters.
    pub description: &'static str,
    /// What to do.
    pub remediation: &'static str,
    /// A manifest in which it is found.
    pub example: &'static str,
}

impl Reserved {
    /// What its findings share.
    #[must_use]
    pub fn rule(&self) -> RuleInfo {
        RuleInfo {
            code: self.code.to_owned(),
            policy: None,
            remediation: Some(self.remediation.to_owned()),
            references: Vec::new(),
            includes: Vec::new(),
            fail_closed: false,
            written: None,
        }
    }
}

impl NoticeCode {
    /// The row of the table.
    #[must_use]
    pub fn about(self) -> &'static Reserved {
        match self {
            Self::DuplicateKey => &DUPLICATE_KEY,
            Self::DroppedDocument => &DROPPED_DOCUMENT,
            Self::BooleanWord => &BOOLEAN_WORD,
            Self::Octal => &OCTAL,
            Self::FloatVersion => &FLOAT_VERSION,
            Self::BigInteger => &BIG_INTEGER,
            Self::NoKind => &NO_KIND,
            Self::NoApiVersion => &NO_API_VERSION,
            Self::UnknownKind => &UNKNOWN_KIND,
            Self::NestedList => &NESTED_LIST,
        }
    }
}

/// All rows, in the order of the codes.
pub fn all() -> impl Iterator<Item = &'static Reserved> {
    let notices = NoticeCode::ALL.iter().map(|code| code.about());
    let mut rows: Vec<&Reserved> = notices.chain(WAIVERS).collect();
    rows.sort_by_key(|row| row.code);
    rows.into_iter()
}

/// The row of a code.
#[must_use]
pub fn named(code: &str) -> Option<&'static Reserved> {
    all().find(|row| row.code == code)
}

/// Whether a name means this code: the code itself, or the part before the slash for all of its kind.
#[must_use]
pub fn means(name: &str, code: &str) -> bool {
    name == code || code.split_once('/').is_some_and(|(kind, _)| kind == name)
}

const DUPLICATE_KEY: Reserved = Reserved {
    code: "yaml/duplicate-key",
    severity: Severity::Error,
    title: "A key is written twice in one mapping",
    description: "kubectl takes the last of several equal keys and drops the others without a word. With server-side \
                  validation (`--validate=strict`) the API server refuses the object.",
    remediation: "keep one of them",
    example: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata:\n  mode: fast\n  mode: slow\n",
};

const DROPPED_DOCUMENT: Reserved = Reserved {
    code: "yaml/dropped-document",
    severity: Severity::Error,
    title: "Text behind the end of a document is not applied",
    description: "A document has ended, and no line `---` begins another: kubectl drops what follows without a word.",
    remediation: "begin the next document with a line '---'",
    example: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\n...\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: two}\n",
};

const BOOLEAN_WORD: Reserved = Reserved {
    code: "yaml/boolean-word",
    severity: Severity::Warning,
    title: "A word without quotes is read as a boolean",
    description: "Kubernetes reads YAML 1.1, in which y, n, yes, no, on and off are booleans. Where a string belongs, \
                  the API server refuses the object, or the value becomes \"true\".",
    remediation: "put it in quotes",
    example: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata:\n  country: no\n",
};

const OCTAL: Reserved = Reserved {
    code: "yaml/octal",
    severity: Severity::Warning,
    title: "A number with a leading zero is read as octal",
    description: "Kubernetes reads YAML 1.1, in which 0123 is 83. Only file modes are meant that way.",
    remediation: "put it in quotes, or write the number without the leading zero",
    example: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata:\n  area: 0123\n",
};

const FLOAT_VERSION: Reserved = Reserved {
    code: "yaml/float-version",
    severity: Severity::Warning,
    title: "A version without quotes is read as a number",
    description: "1.10 without quotes is the number 1.1, and where a string belongs the API server refuses any number.",
    remediation: "put it in quotes",
    example: "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\n  labels: {version: 1.10}\n",
};

const BIG_INTEGER: Reserved = Reserved {
    code: "yaml/big-integer",
    severity: Severity::Warning,
    title: "An integer is too large for 64 bits",
    description: "An integer beyond 64 bits becomes a floating-point number, and loses its last digits.",
    remediation: "put it in quotes: as a number it loses digits",
    example: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata:\n  account: 123456789012345678901\n",
};

const NO_KIND: Reserved = Reserved {
    code: "kubernetes/no-kind",
    severity: Severity::Error,
    title: "A document has no kind",
    description: "A document with an `apiVersion` is meant for Kubernetes, and the API server takes no object without \
                  `kind`. No policy can judge it.",
    remediation: "say which kind of object it is, as in `kind: ConfigMap`; keys are case-sensitive",
    example: "apiVersion: v1\nKind: ConfigMap\nmetadata: {name: settings}\n",
};

const NO_API_VERSION: Reserved = Reserved {
    code: "kubernetes/no-api-version",
    severity: Severity::Error,
    title: "A document has no apiVersion",
    description: "A document with a `kind` is meant for Kubernetes, and the API server takes no object without \
                  `apiVersion`. No policy can judge it.",
    remediation: "say of which API it is, as in `apiVersion: apps/v1`; keys are case-sensitive",
    example: "apiversion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n",
};

const UNKNOWN_KIND: Reserved = Reserved {
    code: "kubernetes/unknown-kind",
    severity: Severity::Error,
    title: "An API group of Kubernetes has no such kind",
    description: "The group is Kubernetes' own, and none of its versions has a kind of this name: the API server refuses \
                  the object, and no policy about the kind that was meant can judge it. So it is where the group of a built-in \
                  kind is nearly the right one.",
    remediation: "correct the kind, or the apiVersion where the kind is of another API group",
    example: "apiVersion: apps/v1\nkind: Deploymnet\nmetadata: {name: web}\n",
};

const NESTED_LIST: Reserved = Reserved {
    code: "kubernetes/nested-list",
    severity: Severity::Error,
    title: "A List is an item of a List",
    description: "kubectl takes the items of a List apart once: an inner List is sent as it is, and the API server \
                  refuses it.",
    remediation: "put the objects of the inner List into the outer one",
    example: "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: List\n  items: []\n",
};

/// A waiver that cannot be read, or names what there is not.
pub const WAIVER_MALFORMED: Reserved = Reserved {
    code: "waiver/malformed",
    severity: Severity::Error,
    title: "A waiver cannot be read, and waives nothing",
    description: "A comment, annotation or rule that is meant to waive findings says so in another form than is understood, \
                  names a policy, rule or code that there is not, or a date that is none. What it was to waive still counts.",
    remediation: "write it as in `# plimsoll: ignore[image-tag] pinned by the mirror, until=2027-03-31`",
    example: "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings  # plimsoll: ignore[]\n",
};

/// A waiver that says nothing of why.
pub const WAIVER_NO_REASON: Reserved = Reserved {
    code: "waiver/no-reason",
    severity: Severity::Warning,
    title: "A waiver gives no reason",
    description: "Whoever reads the waiver later cannot tell whether it is still right.",
    remediation: "say behind the codes why the finding is acceptable",
    example: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata:\n  area: 0123  # plimsoll: ignore[yaml/octal]\n",
};

/// A waiver whose last day is over.
pub const WAIVER_EXPIRED: Reserved = Reserved {
    code: "waiver/expired",
    severity: Severity::Warning,
    title: "A waiver has ended",
    description: "The last day that the waiver names (`until`) is over: it waives nothing, and what it waived counts again.",
    remediation: "fix what it waived and remove it, or give it a later date",
    example: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata:\n  area: \"0123\"  # plimsoll: ignore[yaml/octal] moving, until=2020-12-31\n",
};

/// A waiver without a finding to waive.
pub const WAIVER_UNUSED: Reserved = Reserved {
    code: "waiver/unused",
    severity: Severity::Warning,
    title: "A waiver waives nothing",
    description: "The rule ran, and found nothing where the waiver holds. It would hide the next mistake there. Codes that did \
                  not run (another pack, `--only`, `--skip`) are not held against a waiver.",
    remediation: "remove it, or the codes that are named",
    example: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata:\n  area: \"0123\"  # plimsoll: ignore[yaml/octal] an area code\n",
};

/// What can be wrong with waivers. No waiver waives these: they are weighted and skipped like other codes.
pub const WAIVERS: [&Reserved; 4] = [&WAIVER_MALFORMED, &WAIVER_NO_REASON, &WAIVER_EXPIRED, &WAIVER_UNUSED];

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::manifest::source::{Content, SourceFile};
    use crate::manifest::{Inventory, Sources};

    #[test]
    fn every_example_shows_its_code() {
        for row in NoticeCode::ALL.iter().map(|code| code.about()) {
            let file = SourceFile::new("x.yaml", Content::Text(row.example.to_owned()));
            let sources = Sources::new(vec![file]);
            let inventory = Inventory::load(&sources);
            let found: Vec<&str> = inventory.notices().iter().map(|notice| notice.code.code()).collect();
            assert_eq!(found, [row.code], "{}", row.example);
        }
    }

    #[test]
    fn codes_are_unique_and_of_three_kinds() {
        let codes: Vec<&str> = all().map(|row| row.code).collect();
        let mut unique = codes.clone();
        unique.dedup();
        assert_eq!(codes, unique);
        let kinds = ["yaml/", "kubernetes/", "waiver/"];
        assert!(codes.iter().all(|code| kinds.iter().any(|kind| code.starts_with(kind))));
        assert!(means("yaml", "yaml/octal") && means("yaml/octal", "yaml/octal"));
        assert!(!means("yaml/oct", "yaml/octal") && !means("octal", "yaml/octal"));
    }
}
