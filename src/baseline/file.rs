//! The file: JSON with a line for each finding, sorted, so that its history can be read.

use std::io::{self, Write};
use std::path::Path;

use serde::Deserialize;

use super::{Baseline, Known, Origin};
use crate::diagnostic::io_text;

/// The version of the form.
const VERSION: u64 = 1;
/// The largest file that is read: a million findings.
pub const FILE_LIMIT: u64 = 256 << 20;

/// Why a file is no baseline.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// It is not there.
    #[error("{file}: no such file: write it first, with --write-baseline")]
    Missing {
        /// As it was named.
        file: String,
    },
    /// The system does not give it.
    #[error("{file}: {}", io_text(&error.to_string()))]
    Read {
        /// As it was named.
        file: String,
        /// What the system says.
        error: io::Error,
    },
    /// It is larger than [`FILE_LIMIT`].
    #[error("{file}: larger than {} MiB", FILE_LIMIT >> 20)]
    TooLarge {
        /// As it was named.
        file: String,
    },
    /// It is of another form.
    #[error("{file}:{line}:{column}: not a baseline of plimsoll: {message}")]
    Form {
        /// As it was named.
        file: String,
        /// The line of the file, from 1.
        line: usize,
        /// The character of the line, from 1.
        column: usize,
        /// What is wrong.
        message: String,
    },
    /// A newer plimsoll wrote it.
    #[error("{file}: version {found} of the form, expected {VERSION}: a newer plimsoll wrote it")]
    Version {
        /// As it was named.
        file: String,
        /// What it says.
        found: u64,
    },
}

/// Whatever else the file holds, this says how to read it.
#[derive(Deserialize)]
struct Head {
    version: u64,
}

#[derive(Deserialize)]
struct Findings {
    findings: Vec<Known>,
}

impl Baseline {
    /// Reads a file.
    ///
    /// # Errors
    /// When it is not there, or something else than a baseline.
    pub fn read(path: &Path) -> Result<Self, BaselineError> {
        let file = path.display().to_string();
        let text = match std::fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(BaselineError::Missing { file });
            }
            Ok(found) if found.len() > FILE_LIMIT => return Err(BaselineError::TooLarge { file }),
            _ => std::fs::read(path),
        };
        match text {
            Ok(text) => Self::parse(&file, &text),
            Err(error) => Err(BaselineError::Read { file, error }),
        }
    }

    fn parse(file: &str, text: &[u8]) -> Result<Self, BaselineError> {
        let form = |error: serde_json::Error| BaselineError::Form {
            file: file.to_owned(),
            line: error.line(),
            column: error.column(),
            message: error.to_string().split(" at line ").next().unwrap_or_default().to_owned(),
        };
        let Head { version } = serde_json::from_slice(text).map_err(form)?;
        if version != VERSION {
            return Err(BaselineError::Version { file: file.to_owned(), found: version });
        }
        let Findings { findings } = serde_json::from_slice(text).map_err(form)?;
        Ok(Self::new(Origin::File(file.to_owned()), findings))
    }

    /// Writes the file's text.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        write!(out, "{{\"version\": {VERSION},\n \"findings\": [")?;
        for (index, known) in self.known().iter().enumerate() {
            out.write_all(if index == 0 { b"\n  " } else { b",\n  " })?;
            serde_json::to_writer(&mut *out, known)?;
        }
        writeln!(out, "\n ]}}")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        Baseline::parse("b.json", text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn what_is_written_is_read() {
        let known = |code: &str, unknown, count| Known {
            object: "Deployment.apps shop/web".to_owned(),
            code: code.to_owned(),
            path: "/spec/template".to_owned(),
            fingerprint: "0123".to_owned(),
            unknown,
            count,
        };
        let of = |known| Baseline::new(Origin::File("b.json".to_owned()), known);
        for baseline in [of(Vec::new()), of(vec![known("p/b", false, 2), known("p/a", true, 1)])] {
            let mut text = Vec::new();
            baseline.write(&mut text).unwrap();
            assert_eq!(Baseline::parse("b.json", &text).unwrap(), baseline);
            let lines = text.iter().filter(|byte| **byte == b'\n').count();
            assert_eq!(lines, 3 + baseline.known().len());
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        assert_eq!(
            refused("{\"findings\": []}"),
            "b.json:1:16: not a baseline of plimsoll: missing field `version`"
        );
        assert_eq!(refused("x"), "b.json:1:1: not a baseline of plimsoll: expected value");
        assert_eq!(
            refused("{\"version\": 2, \"findings\": [{\"id\": 1}], \"more\": 1}"),
            "b.json: version 2 of the form, expected 1: a newer plimsoll wrote it"
        );
        assert_eq!(
            refused("{\"version\": 2, \"findings\": []}"),
            "b.json: version 2 of the form, expected 1: a newer plimsoll wrote it"
        );
        assert_eq!(
            refused("{\"version\": 1,\n \"findings\": [{\"code\": \"p/r\"}]}"),
            "b.json:2:29: not a baseline of plimsoll: missing field `object`"
        );
        let missing = Baseline::read(Path::new("/nowhere/b.json")).unwrap_err().to_string();
        assert_eq!(missing, "/nowhere/b.json: no such file: write it first, with --write-baseline");
        let folder = Baseline::read(Path::new("src")).unwrap_err().to_string();
        assert_eq!(folder, "src: is a directory");
    }
}
