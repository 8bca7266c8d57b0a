//! Values that a tool fills in before anything is applied.
//!
//! `${TAG}` (envsubst, Flux, kustomize's older variables), `$(TAG)` (Tekton, Kubernetes' own expansion), `{{ tag }}`
//! (Helm, Jinja, Argo), `<your tag>` and `YOUR_TAG` (documentation), `ko://…` (an image that ko builds): what will stand there is not
//! known, so nothing is wrong with it. A text with blanks around a placeholder is a script or prose, and itself.

use crate::document::NodeRef;

/// More than this beside a placeholder is no name, address or number any more.
const MOST: usize = 253;

/// Whether a value is, or has in it, something that is filled in later.
#[must_use]
pub fn is_placeholder(text: &str, node: NodeRef<'_>) -> bool {
    is_filled_in(text) || is_injected(text, node)
}

/// Istio's injector puts the proxy's image in the place of `auto`.
fn is_injected(text: &str, node: NodeRef<'_>) -> bool {
    text == "auto" && node.key() == Some("image")
}

/// Whether a text is, or has in it, a placeholder.
#[must_use]
pub fn is_filled_in(text: &str) -> bool {
    if !may_be_filled_in(text.as_bytes()) {
        return text.starts_with("ko://");
    }
    let text = text.trim();
    text.starts_with("ko://") || is_named(text) || has_enclosed(text)
}

/// The bytes of which each placeholder has one, but for `ko://`.
const SIGNS: [u8; 9] = *b"${<%@#_Y[";

static IS_SIGN: [bool; 256] = {
    let mut is_sign = [false; 256];
    let mut at = 0;
    while at < SIGNS.len() {
        is_sign[SIGNS[at] as usize] = true;
        at += 1;
    }
    is_sign
};

/// Whether a text has a byte of [`SIGNS`]. Every text of the input comes through here, so that bytes are looked at by the
/// block, without a question between them: a processor compares those of a block at once.
fn may_be_filled_in(text: &[u8]) -> bool {
    let (blocks, rest) = text.as_chunks::<16>();
    let any = |block: &[u8; 16]| {
        let mut found = [0; 16];
        for sign in SIGNS {
            for (found, byte) in found.iter_mut().zip(block) {
                *found |= u8::from(*byte == sign);
            }
        }
        u128::from_ne_bytes(found) != 0
    };
    blocks.iter().any(any) || rest.iter().fold(false, |any, byte| any | IS_SIGN[usize::from(*byte)])
}

/// `$NAME`, `%NAME%`, `@NAME@` and `__NAME__` are one only where they are all of it.
fn is_named(text: &str) -> bool {
    let name = |name: &str| {
        let mut bytes = name.bytes();
        bytes.next().is_some_and(|b| b.is_ascii_uppercase())
            && bytes.all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
    };
    let within = |fence: &str| text.strip_prefix(fence).and_then(|t| t.strip_suffix(fence)).is_some_and(name);
    text.strip_prefix('$').is_some_and(name) || ["%", "@", "@@", "__"].into_iter().any(within)
}

/// What opens a placeholder, what closes it, and what may stand between.
#[allow(clippy::type_complexity)] // a table
const ENCLOSED: [(&str, &str, fn(&str) -> bool); 8] = [
    ("{{", "}}", any),
    ("${{", "}}", any),
    ("${", "}", variable),
    ("$(", ")", name),
    ("$$", "$$", name),
    ("#{", "}", name),
    ("<", ">", words),
    ("[[", "]]", name),
];

fn any(inner: &str) -> bool {
    !inner.trim().is_empty()
}

/// A name, perhaps with a default, as shells have it.
fn variable(inner: &str) -> bool {
    inner.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && !inner.contains(['{', '\n'])
}

fn name(inner: &str) -> bool {
    let inner = inner.trim();
    inner.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && inner.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b':'))
}

fn words(inner: &str) -> bool {
    inner.starts_with(|c: char| c.is_ascii_alphabetic())
        && inner.len() <= 80
        && inner.chars().all(|c| c.is_alphanumeric() || matches!(c, ' ' | '_' | '-' | '.' | '/' | ':' | '\''))
}

/// What is behind `YOUR_TAG`, `YOUR-TAG` or `YOUR TAG`, perhaps in brackets of its own: capitals, as documentation has
/// them, and all that belongs to the name.
fn yours(text: &str) -> Option<&str> {
    let bare = text.strip_prefix('[').unwrap_or(text);
    let name = bare.strip_prefix("YOUR").filter(|name| name.starts_with(['_', '-', ' ']))?;
    if !name[1..].starts_with(|c: char| c.is_ascii_uppercase()) {
        return None;
    }
    let end =
        name.find(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || matches!(c, '_' | '-' | ' ')));
    let behind = end.map_or("", |end| &name[end..]);
    // a word that goes on in small letters is a sentence's
    if behind.starts_with(|c: char| c.is_alphanumeric()) {
        return None;
    }
    if bare.len() == text.len() { Some(behind) } else { behind.strip_prefix(']') }
}

/// Placeholders in brackets, with nothing beside them that has blanks.
fn has_enclosed(text: &str) -> bool {
    let (mut at, mut found, mut beside) = (0, 0, 0);
    while let Some(first) = text[at..].chars().next() {
        if let Some(end) = enclosed_at(text, at) {
            at = end;
            found += 1;
            continue;
        }
        at += first.len_utf8();
        beside += first.len_utf8();
        if first.is_whitespace() || beside > MOST {
            return false;
        }
    }
    found > 0
}

/// Where the placeholder ends that begins at this byte of a text.
fn enclosed_at(text: &str, at: usize) -> Option<usize> {
    let rest = &text[at..];
    // what one begins with: most bytes are none of these
    if !matches!(rest.as_bytes().first(), Some(b'{' | b'$' | b'#' | b'<' | b'[' | b'Y')) {
        return None;
    }
    // Grafana names its provider between the sign and the bracket: $__file{…}
    let provider = rest.strip_prefix("$__").and_then(|after| after.split_once('{'));
    let inside = provider.filter(|(name, _)| name.bytes().all(|b| b.is_ascii_lowercase()));
    let behind = inside.and_then(|(_, inside)| inside.split_once('}')).map(|(_, behind)| behind);
    let behind = behind.or_else(|| {
        ENCLOSED.iter().find_map(|(open, close, good)| {
            let (inner, behind) = rest.strip_prefix(open)?.split_once(close)?;
            good(inner).then_some(behind)
        })
    });
    let goes_on = text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
    let behind = behind.or_else(|| yours(rest).filter(|_| !goes_on))?;
    Some(text.len() - behind.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders() {
        for text in [
            "${IMAGE}",
            "registry.example.com/web:${TAG}",
            "${REGISTRY:-docker.io}/web",
            "$(params.image)",
            "$(POD_IP):8080",
            "{{ db_password }}",
            "{{ .Values.image }}:{{ .Values.tag }}",
            "v{{version}}",
            "${{IMAGE}}",
            "<your password>",
            "<REGISTRY>/web:<TAG>",
            "$IMAGE",
            "%IMAGE%",
            "__IMAGE__",
            "@VERSION@",
            "#{Image}#",
            "ko://example.com/cmd/web",
            "$__file{/etc/secrets/password}",
            "[[TAG]]",
            "web-$$name$$",
            "YOUR_PASSWORD",
            "docker.io/YOUR_ALIAS/web:dev",
            "docker.io/YOUR ID/web:dev",
            "docker.io/[YOUR ALIAS]/web",
            "https://YOUR-HOST.example.com",
            " ${A}\n",
        ] {
            assert!(is_filled_in(text), "{text}");
        }
        for text in [
            "",
            "nginx:1.27",
            "echo ${HOME} | sudo tee x",
            "$(date +%s)",
            "costs $5",
            "<>",
            "a < b",
            "{}",
            "{{}}",
            "${}",
            "$",
            "50%",
            "user@example.com",
            "__init__",
            "#fragment",
            "{\"a\": \"${B}\"}\n",
            "YOUR",
            "YOUR Name goes here",
            "mind YOUR_STEP please",
            "FAVOUR_YOUR_OWN",
            "BEYOUR_OWN",
            "$$",
            "$$$$",
            "cost $$5 or $$6",
            "auto",
        ] {
            assert!(!is_filled_in(text), "{text}");
        }
    }
}
