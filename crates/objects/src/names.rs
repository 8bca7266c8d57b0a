//! The formats of names (apimachinery/pkg/util/validation and pkg/api/validate/content).
//!
//! Each function returns what is wrong with the text, in upstream's words and order; nothing where it is right.

mod address;

pub use address::{
    Cidr, cidr, cidr_legacy, cidr_warnings, interface_address, ip, ip_legacy, ip_warnings, parse_cidr_sloppy,
    parse_ip_sloppy,
};

/// Messages about one text.
pub type Faults = Vec<String>;

const LABEL: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const SUBDOMAIN: &str = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
const SUBDOMAIN_MESSAGE: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
const QUALIFIED: &str = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const QUALIFIED_MESSAGE: &str = "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

/// `must be no more than N characters` (`validation.MaxLenError`)
#[must_use]
pub fn max_length(length: usize) -> String {
    format!("must be no more than {length} characters")
}

/// `must be no more than N bytes` (`content.MaxLenError`, which the newer functions use)
#[must_use]
pub fn max_bytes(length: usize) -> String {
    format!("must be no more than {length} bytes")
}

/// `must be between LO and HI, inclusive` (`validation.InclusiveRangeError`)
#[must_use]
pub fn inclusive_range(low: i64, high: i64) -> String {
    format!("must be between {low} and {high}, inclusive")
}

/// `validation.RegexError`, with the odd comma before `or` and before `regex`.
#[must_use]
pub fn regex_fault(message: &str, regex: &str, examples: &[&str]) -> String {
    if examples.is_empty() {
        return format!("{message} (regex used for validation is '{regex}')");
    }
    let examples: Vec<String> = examples.iter().map(|example| format!("'{example}', ")).collect();
    format!("{message} (e.g. {}regex used for validation is '{regex}')", examples.join(" or "))
}

fn lower_alnum(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

/// The longest name that nothing which is made of it makes too long: what a CronJob makes of its own is the longest, 11 of 63.
const PLAIN: usize = 40;

/// Whether a text is a name of whatever kind: of lowercase letters, digits and dashes, a letter first and no dash last, and short.
#[must_use]
pub fn is_plain(text: &str) -> bool {
    text.len() <= PLAIN
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && bounded(text, lower_alnum, b"-")
}

/// `[ends]([ends or between]*[ends])?`
fn bounded(text: &str, ends: fn(u8) -> bool, between: &[u8]) -> bool {
    let bytes = text.as_bytes();
    matches!((bytes.first(), bytes.last()), (Some(first), Some(last)) if ends(*first) && ends(*last))
        && bytes.iter().all(|byte| ends(*byte) || between.contains(byte))
}

fn is_label(text: &str) -> bool {
    bounded(text, lower_alnum, b"-")
}

fn is_subdomain(text: &str) -> bool {
    text.split('.').all(is_label)
}

/// `IsDNS1123Label`
#[must_use]
pub fn dns1123_label(text: &str) -> Faults {
    let mut faults = Faults::new();
    if text.len() > 63 {
        faults.push(max_length(63));
    }
    if !is_label(text) {
        faults.push(if is_subdomain(text) {
            "must not contain dots".into()
        } else {
            regex_fault("a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character", LABEL, &["my-name", "123-abc"])
        });
    }
    faults
}

/// `IsDNS1123Subdomain`
#[must_use]
pub fn dns1123_subdomain(text: &str) -> Faults {
    let mut faults = Faults::new();
    if text.len() > 253 {
        faults.push(max_length(253));
    }
    if !is_subdomain(text) {
        faults.push(regex_fault(SUBDOMAIN_MESSAGE, SUBDOMAIN, &["example.com"]));
    }
    faults
}

/// `IsDNS1123SubdomainWithUnderscore`
#[must_use]
pub fn dns1123_subdomain_with_underscore(text: &str) -> Faults {
    let label = |label: &str| {
        let rest = label.strip_prefix('_').unwrap_or(label);
        bounded(rest, lower_alnum, b"-_")
    };
    let mut faults = Faults::new();
    if text.len() > 253 {
        faults.push(max_length(253));
    }
    if !text.split('.').all(label) {
        faults.push(regex_fault("a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character", r"_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*", &["example.com"]));
    }
    faults
}

/// `IsDNS1035Label`
#[must_use]
pub fn dns1035_label(text: &str) -> Faults {
    let mut faults = Faults::new();
    if text.len() > 63 {
        faults.push(max_length(63));
    }
    if !is_label(text) || !text.starts_with(|c: char| c.is_ascii_lowercase()) {
        faults.push(regex_fault("a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character", "[a-z]([-a-z0-9]*[a-z0-9])?", &["my-name", "abc-123"]));
    }
    faults
}

/// `IsWildcardDNS1123Subdomain`
#[must_use]
pub fn wildcard_dns1123_subdomain(text: &str) -> Faults {
    let mut faults = Faults::new();
    if text.len() > 253 {
        faults.push(max_length(253));
    }
    if !text.strip_prefix("*.").is_some_and(is_subdomain) {
        faults.push(regex_fault("a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character", &format!("\\*\\.{SUBDOMAIN}"), &["*.example.com"]));
    }
    faults
}

/// `IsQualifiedName`, also the keys of labels (and, in lower case, of annotations).
#[must_use]
pub fn qualified_name(text: &str) -> Faults {
    let mut faults = Faults::new();
    let pattern = || regex_fault(QUALIFIED_MESSAGE, QUALIFIED, &["MyName", "my.name", "123-abc"]);
    let mut parts = text.split('/');
    let name = match (parts.next(), parts.next(), parts.next()) {
        (Some(prefix), Some(name), None) => {
            if prefix.is_empty() {
                faults.push("prefix part must be non-empty".into());
            }
            if !prefix.is_empty() && prefix.len() > 253 {
                faults.push(format!("prefix part {}", max_bytes(253)));
            }
            if !prefix.is_empty() && !is_subdomain(prefix) {
                faults.push(format!(
                    "prefix part {}",
                    regex_fault(SUBDOMAIN_MESSAGE, SUBDOMAIN, &["example.com"])
                ));
            }
            name
        }
        (_, None, _) => text,
        _ => {
            faults.push(format!(
                "a valid label key {} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
                pattern()
            ));
            return faults;
        }
    };
    if name.is_empty() {
        faults.push("name part must be non-empty".into());
    } else if name.len() > 63 {
        faults.push(format!("name part {}", max_bytes(63)));
    }
    if !bounded(name, |byte| byte.is_ascii_alphanumeric(), b"-_.") {
        faults.push(format!("name part {}", pattern()));
    }
    faults
}

/// `IsValidLabelValue`
#[must_use]
pub fn label_value(text: &str) -> Faults {
    let mut faults = Faults::new();
    if text.len() > 63 {
        faults.push(max_bytes(63));
    }
    if !text.is_empty() && !bounded(text, |byte| byte.is_ascii_alphanumeric(), b"-_.") {
        faults.push(regex_fault("a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character", &format!("({QUALIFIED})?"), &["MyValue", "my_value", "12345"]));
    }
    faults
}

/// `IsCIdentifier`
#[must_use]
pub fn c_identifier(text: &str) -> Faults {
    let right = !text.is_empty()
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if right {
        return Faults::new();
    }
    vec![regex_fault(
        "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'",
        "[A-Za-z_][A-Za-z0-9_]*",
        &["my_name", "MY_NAME", "MyName"],
    )]
}

/// `IsRelaxedEnvVarName`, in force since 1.34.
#[must_use]
pub fn env_name(text: &str) -> Faults {
    let mut faults = Faults::new();
    if text.is_empty() {
        faults.push("environment variable name must be non-empty".into());
    }
    if !text.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b'=') {
        faults.push("a valid environment variable name must consist only of printable ASCII characters other than '='".into());
    }
    faults
}

/// `IsConfigMapKey`
#[must_use]
pub fn config_map_key(text: &str) -> Faults {
    let mut faults = Faults::new();
    if text.len() > 253 {
        faults.push(max_length(253));
    }
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)) {
        faults.push(regex_fault(
            "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
            "[-._a-zA-Z0-9]+",
            &["key.name", "KEY_NAME", "key-name"],
        ));
    }
    faults.extend(parent_directory(text));
    faults
}

/// `hasChDirPrefix`
fn parent_directory(text: &str) -> Option<String> {
    match text {
        "." => Some("must not be '.'".into()),
        ".." => Some("must not be '..'".into()),
        _ => text.starts_with("..").then(|| "must not start with '..'".into()),
    }
}

/// `IsValidPortNum`
#[must_use]
pub fn port_number(port: i64) -> Faults {
    in_range(port, 1, 65535)
}

/// `IsInRange`
#[must_use]
pub fn in_range(value: i64, low: i64, high: i64) -> Faults {
    if (low..=high).contains(&value) { Faults::new() } else { vec![inclusive_range(low, high)] }
}

/// `IsValidUserID` and `IsValidGroupID`
#[must_use]
pub fn user_id(id: i64) -> Faults {
    in_range(id, 0, i64::from(i32::MAX))
}

/// `IsValidPortName`
#[must_use]
pub fn port_name(text: &str) -> Faults {
    let mut faults = Faults::new();
    if text.len() > 15 {
        faults.push(max_length(15));
    }
    if text.is_empty() || !text.bytes().all(|byte| lower_alnum(byte) || byte == b'-') {
        faults.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)".into());
    }
    if !text.bytes().any(|byte| byte.is_ascii_lowercase()) {
        faults.push("must contain at least one letter (a-z)".into());
    }
    if text.contains("--") {
        faults.push("must not contain consecutive hyphens".into());
    }
    if text.starts_with('-') || text.ends_with('-') {
        faults.push("must not begin or end with a hyphen".into());
    }
    faults
}

/// `IsValidPercent`
#[must_use]
pub fn percent(text: &str) -> Faults {
    let right = text
        .strip_suffix('%')
        .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()));
    if right {
        return Faults::new();
    }
    vec![regex_fault(
        "a valid percent string must be a numeric string followed by an ending '%'",
        "[0-9]+%",
        &["1%", "93%"],
    )]
}

/// `IsHTTPHeaderName`
#[must_use]
pub fn http_header_name(text: &str) -> Faults {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Faults::new();
    }
    vec![regex_fault(
        "a valid HTTP header must consist of alphanumeric characters or '-'",
        "[-A-Za-z0-9]+",
        &["X-Header-Name"],
    )]
}

/// `IsPathSegmentName`
#[must_use]
pub fn path_segment(text: &str) -> Faults {
    if matches!(text, "." | "..") {
        return vec![format!("may not be '{text}'")];
    }
    path_segment_prefix(text)
}

/// `IsPathSegmentPrefix`
#[must_use]
pub fn path_segment_prefix(text: &str) -> Faults {
    ["/", "%"]
        .iter()
        .filter(|part| text.contains(**part))
        .map(|part| format!("may not contain '{part}'"))
        .collect()
}

/// `content.IsDecimalInteger`
#[must_use]
pub fn decimal_integer(text: &str) -> Faults {
    if text.is_empty() {
        return vec!["must be non-empty".into()];
    }
    let digits = text.strip_prefix('-').unwrap_or(text);
    let canonical = text == "0"
        || (digits.starts_with(|c: char| ('1'..='9').contains(&c))
            && digits.bytes().all(|byte| byte.is_ascii_digit()));
    if canonical {
        return Faults::new();
    }
    vec!["must be a valid decimal integer in canonical form".into()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_subdomains() {
        assert!(dns1123_label("a-1").is_empty());
        assert_eq!(dns1123_label("a.b"), ["must not contain dots"]);
        assert_eq!(
            dns1123_label(""),
            [
                "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
            ]
        );
        assert_eq!(dns1123_label(&"a".repeat(64)), ["must be no more than 63 characters"]);
        assert_eq!(
            dns1123_subdomain("A"),
            [
                r"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
            ]
        );
        for wrong in ["a..b", ".a", "a.", "-a", "a-", "a.-b", "ä"] {
            assert_eq!(dns1123_subdomain(wrong).len(), 1, "{wrong}");
        }
        assert!(dns1123_subdomain_with_underscore("_a_b.c").is_empty());
        assert_eq!(dns1123_subdomain_with_underscore("__a").len(), 1);
        assert_eq!(dns1035_label("1a").len(), 1);
        assert!(wildcard_dns1123_subdomain("*.a.b").is_empty());
        assert_eq!(wildcard_dns1123_subdomain("*.*.b").len(), 1);
    }

    #[test]
    fn qualified_names() {
        for (text, faults) in [
            ("a", 0),
            ("a/B_.c", 0),
            ("", 2),
            ("/a", 1),
            ("a/", 2),
            ("A/b", 1),
            ("a/b/c", 1),
            ("-a", 1),
            ("a b", 1),
        ] {
            assert_eq!(qualified_name(text).len(), faults, "{text}");
        }
        assert_eq!(qualified_name(&"a".repeat(64)), ["name part must be no more than 63 bytes"]);
        assert!(label_value("").is_empty() && label_value("a.b_C").is_empty());
        assert_eq!(label_value("a b").len(), 1);
    }

    #[test]
    fn the_rest() {
        assert_eq!(
            port_name(""),
            [
                "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
                "must contain at least one letter (a-z)",
            ]
        );
        assert_eq!(
            port_name("-a--b"),
            ["must not contain consecutive hyphens", "must not begin or end with a hyphen"]
        );
        assert_eq!(config_map_key("..a"), ["must not start with '..'"]);
        assert!(env_name("1 a#").is_empty());
        assert_eq!(env_name("a=b").len(), 1);
        assert_eq!(path_segment("a/%"), ["may not contain '/'", "may not contain '%'"]);
        assert_eq!(percent("1%%").len() + percent("%").len() + percent("10").len(), 3);
        for (text, right) in
            [("0", true), ("-0", false), ("01", false), ("-12", true), ("-", false), ("1a", false)]
        {
            assert_eq!(decimal_integer(text).is_empty(), right, "{text}");
        }
        assert_eq!(c_identifier("1a").len(), 1);
    }
}
