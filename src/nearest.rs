//! The nearest name to one that is not known.

use crate::document::{DecodeError, NodeRef};

/// The expected name nearest to `written`, of those that a message lists in backticks.
pub(crate) fn nearest_expected<'m>(message: &'m str, written: &str) -> Option<&'m str> {
    let expected = message.split_once("expected")?.1;
    let names = expected.split('`').skip(1).step_by(2);
    nearest(written, names)
}

/// Text longer than this is not said again.
const REPEATED: usize = 40;

/// What to do about a fault of reading a node: the name or value that is nearest to what is written there, or how to make
/// a list of it.
pub(crate) fn meant(error: &DecodeError, node: NodeRef<'_>) -> Option<String> {
    if error.message.starts_with("expected a list, found") {
        return match node.as_str() {
            Some(text) if text.chars().count() <= REPEATED => Some(format!("write a list: [{text}]")),
            Some(_) => None,
            None => node.is_object().then(|| "write a list: `- ` begins each entry".to_owned()),
        };
    }
    if let Some((_, found)) = error.message.split_once("expected a string, found the ")
        && (found.starts_with("number") || found.starts_with("boolean"))
    {
        let written = node
            .span()
            .and_then(|span| node.document().source_text().get(span.start as usize..span.end as usize));
        return written.map(|written| format!("quote it: \"{written}\""));
    }
    let written = match () {
        () if error.at_key => node.key(),
        () if error.message.starts_with("unknown value") => node.as_str(),
        () => None,
    }?;
    nearest_expected(&error.message, written).map(|nearest| format!("did you mean `{nearest}`?"))
}

/// The name at the smallest edit distance, if that is at most a third of its length.
pub(crate) fn nearest<'n>(written: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let written = compared(written);
    let mut best: Option<(usize, &str)> = None;
    for name in names {
        let most = best.map_or(COMPARED, |(distance, _)| distance);
        if let Some(distance) = within(&written, &compared(name), most)
            && best.is_none_or(|best| (distance, name) < best)
        {
            best = Some((distance, name));
        }
    }
    best.filter(|(distance, name)| *distance <= name.chars().count().div_ceil(3)).map(|(_, name)| name)
}

/// How many characters must be inserted, removed or replaced; of texts of ordinary length.
pub(crate) fn distance(a: &str, b: &str) -> usize {
    let characters = |text: &str| text.chars().take(COMPARED).collect::<Vec<char>>();
    // no more than one for each character of the longer
    within(&characters(a), &characters(b), COMPARED).unwrap_or(COMPARED)
}

/// So many characters of a name are compared.
const COMPARED: usize = 64;

/// The characters of a name, as names are compared: whatever their case.
fn compared(name: &str) -> Vec<char> {
    if name.is_ascii() {
        return name.bytes().take(COMPARED).map(|byte| char::from(byte.to_ascii_lowercase())).collect();
    }
    name.to_lowercase().chars().take(COMPARED).collect()
}

/// How many characters must be inserted, removed or replaced, where that is no more than `most`.
fn within(a: &[char], b: &[char], most: usize) -> Option<usize> {
    if a.len().abs_diff(b.len()) > most {
        return None;
    }
    let mut row: [usize; COMPARED + 1] = std::array::from_fn(|at| at);
    for (i, c) in a.iter().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        let mut least = row[0];
        for (j, d) in b.iter().enumerate() {
            let replace = corner + usize::from(c != d);
            corner = row[j + 1];
            row[j + 1] = replace.min(row[j] + 1).min(corner + 1);
            least = least.min(row[j + 1]);
        }
        // what comes cannot be less
        if least > most {
            return None;
        }
    }
    Some(row[b.len()]).filter(|distance| *distance <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_names() {
        let names = ["operations", "namespaces", "kinds"];
        for (written, expected) in [
            ("kind", Some("kinds")),
            ("operatons", Some("operations")),
            ("zzz", None),
            ("Namespaces", Some("namespaces")),
            // no further than one that is too far
            ("kin", Some("kinds")),
            ("spaces", Some("namespaces")),
        ] {
            assert_eq!(nearest(written, names.into_iter()), expected, "{written}");
        }
        assert_eq!(
            nearest_expected("unknown field `sevrity`, expected one of `title`, `severity`", "sevrity"),
            Some("severity")
        );
    }

    #[test]
    fn numbers_and_booleans_are_quoted_as_they_are_written() {
        for (text, expected) in [
            ("1.30", Some("quote it: \"1.30\"")),
            ("true", Some("quote it: \"true\"")),
            ("[a]", None),
            ("{}", None),
        ] {
            let composed = crate::manifest::compose::compose(text, 0..text.len()).expect("YAML");
            let document = composed.document.expect("a document");
            let error = document.root().decode::<String>().expect_err("no string");
            assert_eq!(meant(&error, document.root()).as_deref(), expected, "{text}: {}", error.message);
        }
    }

    #[test]
    fn a_list_is_made_of_what_is_none() {
        let long = "x".repeat(REPEATED + 1);
        for (text, expected) in [
            ("Pod".to_owned(), Some("write a list: [Pod]")),
            ("{a: b}".to_owned(), Some("write a list: `- ` begins each entry")),
            ("7".to_owned(), None),
            (long, None),
        ] {
            let composed = crate::manifest::compose::compose(&text, 0..text.len()).expect("YAML");
            let document = composed.document.expect("a document");
            let error = document.root().decode::<Vec<String>>().expect_err("no list");
            assert_eq!(meant(&error, document.root()).as_deref(), expected, "{text}: {}", error.message);
        }
    }
}
