//! The reserved codes: what reading a file can find, whatever policies there are, and what is wrong with waivers.
//!
//! One table: reports take severity and advice from it, `--skip`, `--only` and `severities` the names, and
//! `plimsoll explain` the words. The codes are a promise; see `docs/policies/codes.md`, which is made from it.

use std::sync::LazyLock;

use super::notice::NoticeCode;
use crate::document::few::SortFew as _;
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
    /// Whether it is also said where `--only` names other codes: nothing can be judged of what is not read.
    pub always: bool,
}

impl Reserved {
    /// What its findings share.
    #[must_use]
    pub fn rule(&self) -> RuleInfo {
        RuleInfo {
            remediation: Some(self.remediation.to_owned()),
            includes: self.includes().iter().map(|&name| name.to_owned()).collect(),
            ..RuleInfo::of(self.code)
        }
    }
}

impl Reserved {
    /// Policies of the library that say less where the server says it.
    fn includes(&self) -> &'static [&'static str] {
        match self.code {
            "kubernetes/type" => &["string-values", "valid-quantities"],
            "kubernetes/invalid" => &[
                "valid-labels",
                "valid-quantities",
                "valid-image",
                "job-restart-policy",
                "selector-labels",
                "port-names",
                "probe-port",
                "autoscaler-range",
                "rolling-update",
            ],
            "kubernetes/warning" => &["duplicate-environment"],
            "kubernetes/removed-api" | "kubernetes/deprecated-api" => &["api-version"],
            _ => &[],
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
    ROWS.iter().copied()
}

static ROWS: LazyLock<Vec<&'static Reserved>> = LazyLock::new(|| {
    let notices = NoticeCode::ALL.iter().map(|code| code.about());
    let mut rows: Vec<&Reserved> = notices.chain(SERVER).chain(WAIVERS).collect();
    rows.sort_few_by_key(|row| row.code);
    rows
});

/// The row of a code.
#[must_use]
pub fn named(code: &str) -> Option<&'static Reserved> {
    ROWS.binary_search_by(|row| row.code.cmp(code)).ok().map(|at| ROWS[at])
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
    always: true,
};

const DROPPED_DOCUMENT: Reserved = Reserved {
    code: "yaml/dropped-document",
    severity: Severity::Error,
    title: "Text behind the end of a document is not applied",
    description: "A document has ended, and no line `---` begins another: kubectl drops what follows without a word.",
    remediation: "begin the next document with a line '---'",
    example: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\n...\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: two}\n",
    always: true,
};

const BOOLEAN_WORD: Reserved = Reserved {
    code: "yaml/boolean-word",
    severity: Severity::Warning,
    title: "A word without quotes is read as a boolean",
    description: "Kubernetes reads YAML 1.1, in which y, n, yes, no, on and off are booleans. Where a string belongs, \
                  the API server refuses the object, or the value becomes \"true\".",
    remediation: "put it in quotes",
    example: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata:\n  country: no\n",
    always: true,
};

const OCTAL: Reserved = Reserved {
    code: "yaml/octal",
    severity: Severity::Warning,
    title: "A number with a leading zero is read as octal",
    description: "Kubernetes reads YAML 1.1, in which 0123 is 83. Only file modes are meant that way.",
    remediation: "put it in quotes, or write the number without the leading zero",
    example: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata:\n  area: 0123\n",
    always: true,
};

const FLOAT_VERSION: Reserved = Reserved {
    code: "yaml/float-version",
    severity: Severity::Warning,
    title: "A version without quotes is read as a number",
    description: "1.10 without quotes is the number 1.1, and where a string belongs the API server refuses any number.",
    remediation: "put it in quotes",
    example: "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\n  labels: {version: 1.10}\n",
    always: true,
};

const BIG_INTEGER: Reserved = Reserved {
    code: "yaml/big-integer",
    severity: Severity::Warning,
    title: "An integer is too large for 64 bits",
    description: "An integer beyond 64 bits becomes a floating-point number, and loses its last digits.",
    remediation: "put it in quotes: as a number it loses digits",
    example: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata:\n  account: 123456789012345678901\n",
    always: true,
};

const NO_KIND: Reserved = Reserved {
    code: "kubernetes/no-kind",
    severity: Severity::Error,
    title: "A document has no kind",
    description: "A document with an `apiVersion` is meant for Kubernetes, and the API server takes no object without \
                  `kind`. No policy can judge it.",
    remediation: "say which kind of object it is, as in `kind: ConfigMap`; keys are case-sensitive",
    example: "apiVersion: v1\nKind: ConfigMap\nmetadata: {name: settings}\n",
    always: true,
};

const NO_API_VERSION: Reserved = Reserved {
    code: "kubernetes/no-api-version",
    severity: Severity::Error,
    title: "A document has no apiVersion",
    description: "A document with a `kind` is meant for Kubernetes, and the API server takes no object without \
                  `apiVersion`. No policy can judge it.",
    remediation: "say of which API it is, as in `apiVersion: apps/v1`; keys are case-sensitive",
    example: "apiversion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n",
    always: true,
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
    always: true,
};

const NESTED_LIST: Reserved = Reserved {
    code: "kubernetes/nested-list",
    severity: Severity::Error,
    title: "A List is an item of a List",
    description: "kubectl takes the items of a List apart once: an inner List is sent as it is, and the API server \
                  refuses it.",
    remediation: "put the objects of the inner List into the outer one",
    example: "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: List\n  items: []\n",
    always: true,
};

/// What the API server would refuse an object for before it decodes it.
pub const UNKNOWN_FIELD: Reserved = Reserved {
    code: "kubernetes/unknown-field",
    severity: Severity::Error,
    title: "A field that the kind does not have",
    description: "The API server knows no such field there. kubectl asks it to refuse the object (`--validate=strict`, its \
                  default); other clients are warned, and the field is dropped: what was meant does not happen.",
    remediation: "correct the name or the indentation, or remove the field; `plimsoll explain KIND` lists the fields",
    example: "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replica: 2\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec:\n      containers: [{name: web, image: \"registry.example/web:1\"}]\n",
    always: false,
};

/// A value of another type.
pub const TYPE: Reserved = Reserved {
    code: "kubernetes/type",
    severity: Severity::Error,
    title: "A value of another type than the field has",
    description: "The API server cannot decode the object and refuses it whole (400): a string where a number belongs, a \
                  number where a string belongs, one object where a list belongs, a quantity or base64 that does not parse.",
    remediation: "write a value of the type that the message names; numbers and booleans become strings in quotes",
    example: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata:\n  port: 8080\n",
    always: false,
};

/// A custom resource that does not fit its definition.
pub const SCHEMA: Reserved = Reserved {
    code: "kubernetes/schema",
    severity: Severity::Error,
    title: "A custom resource does not fit its definition",
    description: "The CustomResourceDefinition of the input (or of `--crds`) says otherwise: a required field, a type, an \
                  enum, a format or one of its rules (`x-kubernetes-validations`). The API server refuses the object (422).",
    remediation: "write what the definition asks for at the field that is named",
    example: "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: boats.example.com}\nspec:\n  group: example.com\n  names: {plural: boats, singular: boat, kind: Boat, listKind: BoatList}\n  scope: Namespaced\n  versions:\n  - name: v1\n    served: true\n    storage: true\n    schema:\n      openAPIV3Schema:\n        type: object\n        properties:\n          spec:\n            type: object\n            required: [draught]\n            properties:\n              draught: {type: integer}\n---\napiVersion: example.com/v1\nkind: Boat\nmetadata: {name: skiff}\nspec: {}\n",
    always: false,
};

/// An object that the server's validation refuses.
pub const INVALID: Reserved = Reserved {
    code: "kubernetes/invalid",
    severity: Severity::Error,
    title: "The API server's validation refuses the object",
    description: "The object can be decoded and breaks a rule of its kind: something required is missing, a name or a \
                  number is out of bounds, two fields exclude each other, on an update an immutable field differs. The API \
                  server answers 422 with these words.",
    remediation: "change the field that is named",
    example: "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n  ports: [{port: 70000}]\n",
    always: false,
};

/// An object that a built-in admission plugin refuses.
pub const ADMISSION: Reserved = Reserved {
    code: "kubernetes/admission",
    severity: Severity::Error,
    title: "An admission plugin of the API server refuses the object",
    description: "What the object refers to is not there (its namespace, service account, priority class), or the object \
                  asks for what only the system may have. The answer is 403 or 404. What the input does not hold is unknown, \
                  and found missing with `--complete` only.",
    remediation: "create what is missing before it, or name what there is",
    example: "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  priority: 5\n  containers: [{name: web, image: \"registry.example/web:1\"}]\n",
    always: false,
};

/// An API version that is not served.
pub const REMOVED_API: Reserved = Reserved {
    code: "kubernetes/removed-api",
    severity: Severity::Error,
    title: "The API version is not served",
    description: "The Kubernetes of `--kubernetes-version` serves the kind in other versions than this one: it was removed, \
                  or comes with a later release. kubectl says \"no matches for kind\".",
    remediation: "write the object in the version that is named; fields may have moved, see \
                  https://kubernetes.io/docs/reference/using-api/deprecation-guide/",
    example: "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: web}\nspec: {maxUnavailable: 1}\n",
    always: false,
};

/// An API version that goes.
pub const DEPRECATED_API: Reserved = Reserved {
    code: "kubernetes/deprecated-api",
    severity: Severity::Warning,
    title: "The API version is replaced by another",
    description: "The version is still served, and a more stable one takes its place: the API server warns of it, and a later \
                  release removes it.",
    remediation: "write the object in the version that is named",
    example: "apiVersion: admissionregistration.k8s.io/v1beta1\nkind: MutatingAdmissionPolicyBinding\nmetadata: {name: web}\nspec: {policyName: web}\n",
    always: false,
};

/// What the server says and accepts.
pub const WARNING: Reserved = Reserved {
    code: "kubernetes/warning",
    severity: Severity::Warning,
    title: "The API server accepts the object with a warning",
    description: "kubectl shows these words after `Warning:`. A field is deprecated or without effect, or a value is allowed \
                  for the sake of old objects only.",
    remediation: "do what the message says",
    example: "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  nodeSelector: {beta.kubernetes.io/os: linux}\n  containers: [{name: web, image: \"registry.example/web:1\"}]\n",
    always: false,
};

/// What the API server would say of an object that can be read.
pub const SERVER: [&Reserved; 8] =
    [&ADMISSION, &DEPRECATED_API, &INVALID, &REMOVED_API, &SCHEMA, &TYPE, &UNKNOWN_FIELD, &WARNING];

/// A waiver that cannot be read, or names what there is not.
pub const WAIVER_MALFORMED: Reserved = Reserved {
    code: "waiver/malformed",
    severity: Severity::Error,
    title: "A waiver cannot be read, and waives nothing",
    description: "A comment, annotation or rule that is meant to waive findings says so in another form than is understood, \
                  names a policy, rule or code that there is not, or a date that is none. What it was to waive still counts.",
    remediation: "write it as in `# plimsoll: ignore[image-tag] pinned by the mirror, until=2027-03-31`",
    example: "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings  # plimsoll: ignore[]\n",
    always: true,
};

/// A waiver that says nothing of why.
pub const WAIVER_NO_REASON: Reserved = Reserved {
    code: "waiver/no-reason",
    severity: Severity::Warning,
    title: "A waiver gives no reason",
    description: "Whoever reads the waiver later cannot tell whether it is still right.",
    remediation: "say behind the codes why the finding is acceptable",
    example: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata:\n  area: 0123  # plimsoll: ignore[yaml/octal]\n",
    always: true,
};

/// A waiver whose last day is over.
pub const WAIVER_EXPIRED: Reserved = Reserved {
    code: "waiver/expired",
    severity: Severity::Warning,
    title: "A waiver has ended",
    description: "The last day that the waiver names (`until`) is over: it waives nothing, and what it waived counts again.",
    remediation: "fix what it waived and remove it, or give it a later date",
    example: "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata:\n  area: \"0123\"  # plimsoll: ignore[yaml/octal] moving, until=2020-12-31\n",
    always: true,
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
    always: true,
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
