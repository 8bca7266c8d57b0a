//! Container image references: the grammar of Docker, containerd and the CRI, and their canonical form.
//!
//! ```text
//! reference := name [":" tag] ["@" digest]        name := [domain "/"] path
//! nginx                    ─▶ docker.io / library/nginx  : latest
//! registry:5000            ─▶ docker.io / library/registry : 5000      (no slash: never a host)
//! localhost:5000/app       ─▶ localhost:5000 / app       : latest
//! app@sha256:5759…         ─▶ docker.io / library/app    @ sha256:5759…
//! ```
//!
//! The kubelet reads `image` with `reference.ParseNormalizedNamed` of distribution/reference; what that refuses ends as
//! `InvalidImageName` on a node. This module takes and refuses the same texts. It is one hand-written pass over the
//! bytes that borrows everything: images are read for every container of every request.

use std::borrow::Cow;
use std::fmt;

/// Docker Hub, the registry of every name that has none.
pub const DOCKER_HUB: &str = "docker.io";
/// What Docker Hub was called before; it still means [`DOCKER_HUB`].
const LEGACY_HUB: &str = "index.docker.io";
/// The namespace of Docker Hub's official images, left out when people write them.
pub(super) const OFFICIAL: &str = "library";
/// The longest `path` (the domain does not count).
const MAX_PATH: usize = 255;
const MAX_TAG: usize = 128;

/// An image reference as it was read; see [`parse`](ImageRef::parse).
///
/// Equality is that of the canonical forms: `nginx` equals `docker.io/library/nginx:latest`.
#[derive(Debug, Clone, Copy)]
pub struct ImageRef<'a> {
    domain: &'a str,
    /// `library/` belongs before `path` and is not in it
    official: bool,
    path: &'a str,
    tag: Option<&'a str>,
    digest: Option<&'a str>,
    suffix: &'a str,
}

/// Why a text is not an image reference, and the byte at which it stops being one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{reason} (at byte {offset})")]
pub struct ImageError {
    /// What is wrong.
    pub reason: ImageReason,
    /// 0-based byte offset into the reference.
    pub offset: usize,
}

/// What is wrong with an image reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImageReason {
    /// There is no text.
    #[error("the image reference is empty")]
    Empty,
    /// Blanks are part of no reference, not even around it.
    #[error("an image reference must not contain white space")]
    WhiteSpace,
    /// 64 hexadecimal digits are an image's id, which a registry cannot be asked for.
    #[error("64 hexadecimal digits are an image id, not a name")]
    Identifier,
    /// The registry is neither a DNS name nor an address in brackets, with or without a port.
    #[error("the registry is not a host name")]
    Domain,
    /// What follows the registry's `:` is not a port.
    #[error("the registry's port is not a number")]
    Port,
    /// Nothing stands where a segment of the repository belongs.
    #[error("a segment of the repository is empty")]
    EmptySegment,
    /// Repositories are lower case.
    #[error("the repository has an upper-case letter")]
    UpperCase,
    /// Letters and digits are parted by one `.`, one or two `_`, or dashes, and stand at both ends.
    #[error("a separator in the repository begins or ends a segment, or follows another")]
    Separator,
    /// A character that repositories do not have.
    #[error("character {0:?} is not allowed in a repository")]
    Character(char),
    /// The repository is longer than 255 bytes (with `library/` on Docker Hub, without the registry).
    #[error("the repository is longer than 255 bytes")]
    PathTooLong,
    /// `:` with nothing behind it.
    #[error("the tag is empty")]
    EmptyTag,
    /// A character that tags do not have, or not at their start.
    #[error("character {0:?} is not allowed here in a tag")]
    TagCharacter(char),
    /// The tag is longer than 128 bytes.
    #[error("the tag is longer than 128 bytes")]
    TagTooLong,
    /// `@` is not followed by `algorithm:hex`.
    #[error("the digest is not of the form algorithm:hex")]
    DigestForm,
    /// Not sha256, sha384 or sha512.
    #[error("the digest's algorithm is not sha256, sha384 or sha512")]
    DigestAlgorithm,
    /// The digest has a character other than 0-9 and a-f.
    #[error("character {0:?} is not a lower-case hexadecimal digit")]
    DigestHex(char),
    /// The digest has too many or too few digits.
    #[error("the digest has {found} digits where its algorithm has {expected}")]
    DigestLength {
        /// What the algorithm gives.
        expected: usize,
        /// What stands there.
        found: usize,
    },
}

impl ImageReason {
    pub(super) fn at(self, offset: usize) -> ImageError {
        ImageError { reason: self, offset }
    }
}

impl<'a> ImageRef<'a> {
    /// Reads a reference as the kubelet does.
    ///
    /// ```
    /// use plimsoll::resource::image::ImageRef;
    /// let image = ImageRef::parse("localhost:5000/app").unwrap();
    /// assert_eq!((image.domain(), image.tag()), ("localhost:5000", Some("latest")));
    /// assert_eq!(image.to_string(), "localhost:5000/app:latest");
    /// ```
    ///
    /// # Errors
    /// Where the text is no reference: the reason and the offset.
    pub fn parse(text: &'a str) -> Result<Self, ImageError> {
        if text.is_empty() {
            return Err(ImageReason::Empty.at(0));
        }
        if let Some(offset) = text.find(char::is_whitespace) {
            return Err(ImageReason::WhiteSpace.at(offset));
        }
        if text.len() == 64 && text.bytes().all(is_lower_hex) {
            return Err(ImageReason::Identifier.at(0));
        }
        let (domain, start) = split_domain(text);
        let is_host = match check_domain(domain) {
            Ok(()) => true,
            // `my_registry.local/app`: no host, yet the grammar takes the text as one path; runtimes dial its first segment
            Err(_) if path_end(domain, 0).is_ok_and(|end| end == domain.len()) => false,
            Err(error) => return Err(error),
        };
        let end = path_end(text, start)?;
        let path = &text[start..end];
        let official = domain == DOCKER_HUB && !path.contains('/');
        let length = match (is_host, official) {
            (true, true) => OFFICIAL.len() + 1 + path.len(),
            (true, false) => path.len(),
            (false, _) => end,
        };
        if length > MAX_PATH {
            return Err(ImageReason::PathTooLong.at(start));
        }
        let suffix = &text[end..];
        let (tag, digest) = read_suffix(suffix).map_err(|e| e.reason.at(end + e.offset))?;
        Ok(Self { domain, official, path, tag, digest, suffix })
    }

    /// The registry: `docker.io` where none was written. As written otherwise, upper case included.
    #[must_use]
    pub fn domain(&self) -> &'a str {
        self.domain
    }

    /// The repository inside the registry, with Docker Hub's `library/`.
    #[must_use]
    pub fn repository(&self) -> Cow<'a, str> {
        match self.official {
            true => Cow::Owned(format!("{OFFICIAL}/{}", self.path)),
            false => Cow::Borrowed(self.path),
        }
    }

    /// The tag; `latest` where neither tag nor digest was written, nothing where only a digest was.
    #[must_use]
    pub fn tag(&self) -> Option<&'a str> {
        match (self.tag, self.digest) {
            (None, None) => Some("latest"),
            (tag, _) => tag,
        }
    }

    /// The tag, if one was written.
    #[must_use]
    pub fn written_tag(&self) -> Option<&'a str> {
        self.tag
    }

    /// The digest with its algorithm: `sha256:5759…`.
    #[must_use]
    pub fn digest(&self) -> Option<&'a str> {
        self.digest
    }

    /// What followed the repository as it was written: `:1.25@sha256:…`, or nothing.
    #[must_use]
    pub fn suffix(&self) -> &'a str {
        self.suffix
    }

    /// The canonical name without tag and digest: `docker.io/library/nginx`.
    #[must_use]
    pub fn name(&self) -> String {
        let library = if self.official { "library/" } else { "" };
        format!("{}/{library}{}", self.domain, self.path)
    }
}

/// The canonical form: `docker.io/library/nginx:latest`.
impl fmt::Display for ImageRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", self.domain)?;
        if self.official {
            write!(f, "{OFFICIAL}/")?;
        }
        f.write_str(self.path)?;
        if let Some(tag) = self.tag() {
            write!(f, ":{tag}")?;
        }
        match self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

impl PartialEq for ImageRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.domain == other.domain
            && self.tag() == other.tag()
            && self.digest == other.digest
            && self.repository() == other.repository()
    }
}

impl Eq for ImageRef<'_> {}

/// The registry that a reference names (or Docker Hub) and where its path starts.
/// The rule of `splitDockerDomain`: only what looks like a host, and is followed by a slash, is one.
fn split_domain(text: &str) -> (&str, usize) {
    match text.split_once('/') {
        Some((LEGACY_HUB, _)) => (DOCKER_HUB, LEGACY_HUB.len() + 1),
        Some((first, _)) if is_domain(first) => (first, first.len() + 1),
        _ => (DOCKER_HUB, 0),
    }
}

/// Whether the first of several segments is a registry.
pub(super) fn is_domain(segment: &str) -> bool {
    segment == "localhost" || segment.bytes().any(|b| b == b'.' || b == b':' || b.is_ascii_uppercase())
}

/// `host[:port]`, the host a DNS name or an address in brackets.
pub(super) fn check_domain(domain: &str) -> Result<(), ImageError> {
    let (host, port) = match domain.strip_prefix('[') {
        Some(rest) => {
            let end = rest.find(']').ok_or(ImageReason::Domain.at(0))?;
            let address = &rest[..end];
            if address.is_empty() || !address.bytes().all(|b| b.is_ascii_hexdigit() || b == b':') {
                return Err(ImageReason::Domain.at(1));
            }
            (end + 2, &rest[end + 1..])
        }
        None => {
            let end = domain.find(':').unwrap_or(domain.len());
            let mut at = 0;
            for label in domain[..end].split('.') {
                let bytes = label.as_bytes();
                let inner = bytes.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-');
                if !inner || bytes.first().is_none_or(|b| *b == b'-') || bytes.last() == Some(&b'-') {
                    return Err(ImageReason::Domain.at(at));
                }
                at += label.len() + 1;
            }
            (end, &domain[end..])
        }
    };
    match port.strip_prefix(':') {
        None if port.is_empty() => Ok(()),
        None => Err(ImageReason::Domain.at(host)),
        Some(digits) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => Ok(()),
        Some(_) => Err(ImageReason::Port.at(host + 1)),
    }
}

/// Reads `comp ("/" comp)*` from `start`: the end of it, which is the end of the text, a `:` or an `@`.
pub(super) fn path_end(text: &str, start: usize) -> Result<usize, ImageError> {
    let bytes = text.as_bytes();
    let alnum = |at: usize| bytes.get(at).is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let mut at = start;
    loop {
        if !alnum(at) {
            return Err(bad_path(text, at, matches!(bytes.get(at), None | Some(b'/' | b':' | b'@'))));
        }
        while alnum(at) {
            at += 1;
        }
        let separator = match bytes.get(at) {
            None | Some(b':' | b'@') => return Ok(at),
            Some(b'/') => {
                at += 1;
                continue;
            }
            Some(b'.') => 1,
            Some(b'_') => 1 + usize::from(bytes.get(at + 1) == Some(&b'_')),
            Some(b'-') => bytes[at..].iter().take_while(|b| **b == b'-').count(),
            Some(_) => return Err(bad_path(text, at, false)),
        };
        if !alnum(at + separator) {
            return Err(match bytes.get(at + separator) {
                Some(b'.' | b'_' | b'-' | b'/' | b':' | b'@') | None => ImageReason::Separator.at(at),
                Some(_) => bad_path(text, at + separator, false),
            });
        }
        at += separator;
    }
}

fn bad_path(text: &str, at: usize, empty: bool) -> ImageError {
    let found = text[at..].chars().next();
    match found {
        Some(c) if c.is_ascii_uppercase() => ImageReason::UpperCase,
        Some('.' | '_' | '-') => ImageReason::Separator,
        Some(c) if !empty => ImageReason::Character(c),
        _ => ImageReason::EmptySegment,
    }
    .at(at)
}

type Suffix<'a> = (Option<&'a str>, Option<&'a str>);

/// Reads `[":" tag] ["@" digest]`; offsets count from the suffix.
fn read_suffix(suffix: &str) -> Result<Suffix<'_>, ImageError> {
    let (tag, digest) = match suffix.split_once('@') {
        Some((tag, digest)) => (tag, Some(digest)),
        None => (suffix, None),
    };
    let tag = match tag.strip_prefix(':') {
        Some(name) => Some(check_tag(name).map(|()| name).map_err(|e| e.reason.at(e.offset + 1))?),
        None => None,
    };
    if let Some(digest) = digest {
        let offset = suffix.len() - digest.len();
        check_digest(digest).map_err(|e| e.reason.at(e.offset + offset))?;
    }
    Ok((tag, digest))
}

fn check_tag(tag: &str) -> Result<(), ImageError> {
    if tag.is_empty() {
        return Err(ImageReason::EmptyTag.at(0));
    }
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    match tag.char_indices().find(|&(at, c)| !(word(c) || at > 0 && (c == '.' || c == '-'))) {
        Some((at, c)) => Err(ImageReason::TagCharacter(c).at(at)),
        None if tag.len() > MAX_TAG => Err(ImageReason::TagTooLong.at(MAX_TAG)),
        None => Ok(()),
    }
}

/// go-digest: an algorithm that it has (by its lower-case name), then exactly as many lower-case digits as it gives.
fn check_digest(digest: &str) -> Result<(), ImageError> {
    let Some((algorithm, hex)) = digest.split_once(':') else {
        return Err(ImageReason::DigestForm.at(0));
    };
    let expected = match algorithm {
        "sha256" => 64,
        "sha384" => 96,
        "sha512" => 128,
        _ => return Err(ImageReason::DigestAlgorithm.at(0)),
    };
    let start = algorithm.len() + 1;
    if let Some((at, c)) = hex.char_indices().find(|(_, c)| !matches!(c, '0'..='9' | 'a'..='f')) {
        return Err(ImageReason::DigestHex(c).at(start + at));
    }
    match hex.len() {
        found if found == expected => Ok(()),
        found => Err(ImageReason::DigestLength { expected, found }.at(start)),
    }
}

fn is_lower_hex(b: u8) -> bool {
    matches!(b, b'0'..=b'9' | b'a'..=b'f')
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
