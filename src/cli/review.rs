//! `plimsoll review`: an AdmissionReview in, the answer out, by the code that the webhook runs.

#[cfg(feature = "server")]
mod remote;

use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, ValueEnum};
use serde_json::Value;

use super::outputs::Output;
use super::selection::{Selected, Selection};
use super::{DONE, FINDINGS, NOT_DONE};
use crate::diagnostic::io_text;
use crate::host::{Absent, Host, NoHost};
use crate::review::engine::Engine;
use crate::review::{self, Endpoint, Reply};

/// The largest review that is read, as the webhook reads it.
const BODY_LIMIT: u64 = 16 << 20;

/// Answer an AdmissionReview (v1) as the webhook would
#[derive(Debug, Args)]
pub struct ReviewArgs {
    /// The AdmissionReview, as kube-apiserver sends it; `-` is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    file: PathBuf,
    /// The same as FILE, as in kubectl
    #[arg(long = "filename", short = 'f', value_name = "FILE", conflicts_with = "file")]
    filename: Option<PathBuf>,
    /// How the answer is written, with a file for it in place of standard output; may be repeated: json, the
    /// AdmissionReview as kube-apiserver reads it, or text, for people [default: json]
    #[arg(long, value_name = "FORMAT[=FILE]", value_parser = Output::<Format>::parse, value_delimiter = ',')]
    format: Vec<Output<Format>>,
    /// Answer as /validate does (the default)
    #[arg(long, conflicts_with = "mutate")]
    validate: bool,
    /// Answer as /mutate does
    #[arg(long)]
    mutate: bool,
    /// Treat objects that policies look up as absent, rather than unknown
    #[arg(long)]
    complete: bool,
    /// Time limit of the evaluation, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    timeout: u64,
    #[cfg(feature = "server")]
    #[command(flatten)]
    remote: remote::RemoteArgs,
    #[command(flatten)]
    selection: Selection,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Json,
    Text,
}

impl ReviewArgs {
    /// Answers the review on standard output: 0 allowed, 1 denied, 2 not answered.
    pub fn run(mut self) -> ExitCode {
        if self.format.is_empty() {
            self.format.push(Output::stdout(Format::Json));
        }
        if let Err(error) = Output::check(&self.format) {
            return super::fail(&error.to_string());
        }
        let file = self.filename.as_ref().unwrap_or(&self.file);
        let body = match read(file) {
            Ok(body) => body,
            Err(error) => {
                return super::fail(&format!("{}: {}", file.display(), io_text(&error.to_string())));
            }
        };
        let stage = if self.mutate { Endpoint::Mutate } else { Endpoint::Validate };
        let timeout = Duration::from_secs(self.timeout);
        #[cfg(feature = "server")]
        if let Some(reply) = self.remote.ask(stage, &body, timeout) {
            return match reply {
                Ok(reply) => self.answered(&reply, true),
                Err(error) => super::fail(&error),
            };
        }
        let Selected { set, errors, .. } = self.selection.load(file.to_str(), &[], &[]);
        super::print_errors(&errors);
        if set.is_empty() && errors.is_empty() {
            return super::fail("no policies are loaded");
        }
        let host: Arc<dyn Host + Send + Sync> =
            if self.complete { Arc::new(Absent) } else { Arc::new(NoHost) };
        let engine = Engine::new(Arc::new(set), host);
        let reply = review::answer(&engine, stage, &body, Instant::now() + timeout);
        self.answered(&reply, errors.is_empty())
    }

    fn answered(&self, reply: &Reply, good: bool) -> ExitCode {
        let answer: Value = serde_json::from_slice(&reply.body).unwrap_or_default();
        for output in &self.format {
            let written = output.write(|out| match output.format {
                Format::Json => out.write_all(&reply.body).and_then(|()| out.write_all(b"\n")),
                Format::Text => out.write_all(text(&answer["response"], &reply.body).as_bytes()),
            });
            if let Err(error) = written {
                return super::fail(&error.to_string());
            }
        }
        if reply.http_status != 200 || !good {
            return ExitCode::from(NOT_DONE);
        }
        ExitCode::from(if answer["response"]["allowed"] == false { FINDINGS } else { DONE })
    }
}

/// The answer for people. What is no AdmissionReview is a text that says why there is none.
fn text(response: &Value, body: &[u8]) -> String {
    let Some(allowed) = response["allowed"].as_bool() else {
        return format!("not answered: {}\n", String::from_utf8_lossy(body).trim());
    };
    let mut lines = vec![if allowed { "allowed" } else { "denied" }.to_owned()];
    lines.extend(response["status"]["message"].as_str().map(str::to_owned));
    for warning in response["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        lines.push(format!("warning: {warning}"));
    }
    let patch = response["patch"].as_str().and_then(|patch| STANDARD.decode(patch).ok());
    let operations: Vec<Value> =
        patch.and_then(|patch| serde_json::from_slice(&patch).ok()).unwrap_or_default();
    lines.extend(operations.iter().map(|operation| format!("patch: {operation}")));
    lines.join("\n") + "\n"
}

fn read(file: &PathBuf) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    if file.as_os_str() == "-" {
        io::stdin().lock().take(BODY_LIMIT + 1).read_to_end(&mut body)?;
    } else {
        fs::File::open(file)?.take(BODY_LIMIT + 1).read_to_end(&mut body)?;
    }
    if body.len() as u64 > BODY_LIMIT {
        return Err(io::Error::other(format!("larger than {} MiB", BODY_LIMIT >> 20)));
    }
    Ok(body)
}
