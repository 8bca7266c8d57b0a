//! `--format FORMAT[=FILE]`, several times: which form of the outcome goes where.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::diagnostic::io_text;

/// A format, and the file it is written to; without one, standard output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output<F> {
    /// How the report is written.
    pub format: F,
    /// Where it goes; `None` is standard output.
    pub file: Option<PathBuf>,
}

/// Why the outputs that were asked for cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The terminal would show one behind the other, and no program could tell them apart.
    #[error(
        "--format {first} and --format {second} would both be written to standard output; give one of them a file: --format {second}=FILE"
    )]
    TwoToStdout {
        /// As it is spelled.
        first: String,
        /// As it is spelled.
        second: String,
    },
    /// The later one would replace the earlier one.
    #[error("--format: two formats would be written to {}", .0.display())]
    TwoToFile(PathBuf),
    /// Standard output cannot be written, though somebody reads it.
    #[error("standard output: {}", io_text(&.0.to_string()))]
    Stdout(io::Error),
    /// The file cannot be written.
    #[error("--format {format}={}: {}", file.display(), io_text(&error.to_string()))]
    Write {
        /// As it is spelled.
        format: String,
        /// The file that cannot be written.
        file: PathBuf,
        /// What the system says.
        error: io::Error,
    },
}

fn name<F: ValueEnum>(format: &F) -> String {
    format.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

impl<F: ValueEnum> Output<F> {
    /// To standard output.
    pub fn stdout(format: F) -> Self {
        Self { format, file: None }
    }

    /// Reads `FORMAT` or `FORMAT=FILE`.
    ///
    /// # Errors
    /// What is wrong with it, as the command line says it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (format, file) = match text.split_once('=') {
            Some((format, file)) => (format, Some(file)),
            None => (text, None),
        };
        let format = F::from_str(format, false).map_err(|_| {
            let values: Vec<PossibleValue> =
                F::value_variants().iter().filter_map(ValueEnum::to_possible_value).collect();
            let names: Vec<&str> = values.iter().map(PossibleValue::get_name).collect();
            format!("expected one of {}, or one of them with a file: {}=FILE", names.join(", "), names[0])
        })?;
        match file {
            Some("") => Err(format!("expected a file behind {text}")),
            file => Ok(Self { format, file: file.map(PathBuf::from) }),
        }
    }

    /// Whether no two of them go to one place.
    ///
    /// # Errors
    /// The two that do.
    pub fn check(outputs: &[Self]) -> Result<(), OutputError> {
        for (index, second) in outputs.iter().enumerate() {
            match (outputs[..index].iter().find(|first| first.file == second.file), &second.file) {
                (None, _) => {}
                (Some(_), Some(file)) => return Err(OutputError::TwoToFile(file.clone())),
                (Some(first), None) => {
                    let (first, second) = (name(&first.format), name(&second.format));
                    return Err(OutputError::TwoToStdout { first, second });
                }
            }
        }
        Ok(())
    }

    /// Writes it. A file is there whole or not at all; that nobody reads standard output any longer is no fault.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, content: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), OutputError> {
        match &self.file {
            None => {
                let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
                match content(&mut out).and_then(|()| out.flush()) {
                    Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                        Err(OutputError::Stdout(error))
                    }
                    _ => Ok(()),
                }
            }
            Some(file) => write_whole(file, content).map_err(|error| OutputError::Write {
                format: name(&self.format),
                file: file.clone(),
                error,
            }),
        }
    }
}

/// Writes a file beside its place and moves it there, so that nobody reads half of it and a failure leaves the old one.
pub(super) fn write_whole(
    file: &Path,
    content: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    // a link stays one, and what is behind it is replaced
    let file = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    if fs::metadata(&file).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        // a pipe or a device has no content to keep
        let mut out = BufWriter::with_capacity(1 << 16, fs::OpenOptions::new().write(true).open(&file)?);
        return content(&mut out).and_then(|()| out.flush());
    }
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // as any new file: the umask takes away what it takes away
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let made = builder.prefix(".plimsoll-").suffix(".tmp").tempfile_in(folder)?;
    let mut out = BufWriter::with_capacity(1 << 16, made);
    content(&mut out)?;
    let made = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    made.persist(&file).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::report::Format;

    fn parsed(text: &str) -> Output<Format> {
        Output::parse(text).unwrap()
    }

    #[test]
    fn a_format_and_its_file() {
        assert_eq!(parsed("json"), Output::stdout(Format::Json));
        let file = Some(PathBuf::from("a=b.json"));
        assert_eq!(parsed("json=a=b.json"), Output { format: Format::Json, file });
        let wrong = Output::<Format>::parse("yaml").unwrap_err();
        assert!(wrong.starts_with("expected one of text, concise, summary, json"), "{wrong}");
        assert!(wrong.ends_with("or one of them with a file: text=FILE"), "{wrong}");
        assert_eq!(Output::<Format>::parse("json=").unwrap_err(), "expected a file behind json=");
    }

    #[test]
    fn no_two_go_to_one_place() {
        let check = |texts: &[&str]| {
            Output::check(&texts.iter().map(|text| parsed(text)).collect::<Vec<_>>())
                .map_err(|error| error.to_string())
        };
        assert_eq!(check(&["json", "text=a", "concise=b"]), Ok(()));
        assert_eq!(
            check(&["json", "text=a", "concise"]).unwrap_err(),
            "--format json and --format concise would both be written to standard output; give one of them a file: --format concise=FILE"
        );
        assert_eq!(check(&["json=a", "text=a"]).unwrap_err(), "--format: two formats would be written to a");
    }

    #[test]
    fn a_file_is_written_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("out.json");
        let output = Output { format: Format::Json, file: Some(file.clone()) };
        output.write(|out| out.write_all(b"first")).unwrap();
        let failed = output.write(|out| {
            out.write_all(&[b'x'; 1 << 17])?;
            Err(io::Error::other("no more"))
        });
        assert_eq!(failed.unwrap_err().to_string(), format!("--format json={}: no more", file.display()));
        assert_eq!(fs::read_to_string(&file).unwrap(), "first");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing is left beside it");
        let nowhere = folder.path().join("nowhere/out.json");
        let error = Output { format: Format::Json, file: Some(nowhere) }.write(|_| Ok(())).unwrap_err();
        assert!(error.to_string().contains("no such file or directory"), "{error}");
        let error = Output { format: Format::Json, file: Some(folder.path().to_owned()) }.write(|_| Ok(()));
        assert!(error.is_err_and(|error| error.to_string().contains("is a directory")));
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link_and_others_may_read_the_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("out.json"), folder.path().join("link"));
        fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        let output = Output { format: Format::Json, file: Some(link.clone()) };
        output.write(|out| out.write_all(b"new")).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        let own = folder.path().join("own");
        fs::write(&own, "").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&file), mode(&own), "as any file that this process makes");
    }
}
