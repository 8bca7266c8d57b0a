//! How programs are told of files: relative to the working folder, as paths or as URIs.

use std::fmt::Write as _;
use std::path::Path;

use crate::manifest::walk::settled;

/// A file, as a program that knows the working folder is told of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Location {
    /// Below the working folder, `/` between its parts.
    Inside(String),
    /// Elsewhere: the whole path.
    Outside(String),
}

impl Location {
    /// Where the file is that a report names so. `folder`: the working folder, where it is known.
    pub(super) fn of(path: &str, folder: Option<&Path>) -> Self {
        let written = Path::new(path);
        let Some(whole) = folder.map(|folder| settled(&folder.join(written))) else {
            return match written.is_absolute() {
                true => Self::Outside(slashes(written)),
                false => Self::Inside(slashes(&settled(written))),
            };
        };
        let folder = folder.map(settled).unwrap_or_default();
        match whole.strip_prefix(folder) {
            Ok(inside) => Self::Inside(slashes(inside)),
            Err(_) => Self::Outside(slashes(&whole)),
        }
    }

    /// The path as reports show it.
    pub(super) fn path(&self) -> &str {
        let (Self::Inside(path) | Self::Outside(path)) = self;
        path
    }

    /// As a URI, relative for files of the working folder.
    pub(super) fn uri(&self) -> String {
        match self {
            Self::Inside(path) => encoded(path),
            Self::Outside(path) => format!("file:///{}", encoded(path.trim_start_matches('/'))),
        }
    }
}

fn slashes(path: &Path) -> String {
    path.display().to_string().replace(std::path::MAIN_SEPARATOR, "/")
}

/// RFC 3986: what is neither unreserved nor a slash is percent-encoded, byte by byte. A colon in the first part of a
/// relative reference would make a scheme of it.
fn encoded(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(byte.into());
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn inside_and_outside_of_the_folder() {
        for (path, folder, expected, uri) in [
            ("a/b.yaml", Some("/w"), Location::Inside("a/b.yaml".into()), "a/b.yaml"),
            ("./a/./b.yaml", Some("/w"), Location::Inside("a/b.yaml".into()), "a/b.yaml"),
            ("/w/a b.yaml", Some("/w"), Location::Inside("a b.yaml".into()), "a%20b.yaml"),
            ("a/../b.yaml", Some("/w"), Location::Inside("b.yaml".into()), "b.yaml"),
            ("../w/b.yaml", Some("/w"), Location::Inside("b.yaml".into()), "b.yaml"),
            ("../x/é.yaml", Some("/w/v"), Location::Outside("/w/x/é.yaml".into()), "file:///w/x/%C3%A9.yaml"),
            ("/x/b.yaml", Some("/w"), Location::Outside("/x/b.yaml".into()), "file:///x/b.yaml"),
            ("/x/b.yaml", None, Location::Outside("/x/b.yaml".into()), "file:///x/b.yaml"),
            ("a:b.yaml", None, Location::Inside("a:b.yaml".into()), "a%3Ab.yaml"),
            ("-", Some("/w"), Location::Inside("-".into()), "-"),
        ] {
            let location = Location::of(path, folder.map(Path::new));
            assert_eq!((location.uri().as_str(), &location), (uri, &expected), "{path}");
        }
    }
}
