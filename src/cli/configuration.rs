//! The configuration file: `plimsoll.yaml`, found from the first path upwards, or named.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::asking::OperationArg;
use super::outputs::Output;
use super::selection::OF_INPUT;
use super::selection::overrides::Override;
#[cfg(feature = "server")]
use super::serve::flags::Flags;
use super::settled;
use crate::diagnostic::{Diagnostic, io_text};
use crate::dialect::native::written::PodTemplate;
use crate::document::{DecodeError, NodeRef, Span};
use crate::finding::{Action, Severity};
use crate::manifest::compose::compose;
use crate::manifest::decode::decode;
use crate::manifest::split::split;
use crate::manifest::walk;
use crate::report::{ColorChoice, Format};
use crate::store::set::Level;
use crate::waiver::settings::{Fault, IgnoreRule, Ignores, WrittenRule};
#[cfg(not(feature = "server"))]
use unserved::Flags;

/// The name that is looked for.
pub const FILE_NAME: &str = "plimsoll.yaml";
/// The largest configuration file that is read.
const FILE_LIMIT: u64 = 1 << 20;

/// What a project or an environment has settled; flags win over it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Configuration {
    /// `plimsoll.dev/v1alpha1`.
    pub api_version: String,
    /// `Configuration`.
    pub kind: String,
    /// Policy files and folders, beside the embedded ones, relative to the file; `input` for the policies among the manifests.
    #[serde(default, deserialize_with = "one_or_several")]
    #[schemars(with = "OneOrSeveral")]
    pub policies: Vec<PathBuf>,
    /// Whether the embedded library is used.
    #[serde(default = "yes")]
    pub embedded: bool,
    /// Which embedded policies; without packs, those of `default`.
    #[serde(default)]
    pub packs: Option<Vec<String>>,
    /// Parameters by policy name.
    #[serde(default)]
    pub parameters: BTreeMap<String, BTreeMap<String, Value>>,
    /// Actions by policy or `policy/rule`.
    #[serde(default)]
    pub actions: BTreeMap<String, Action>,
    /// Severities by policy, `policy/rule` or reserved code such as `yaml/octal`; `off` for none.
    #[serde(default)]
    pub severities: BTreeMap<String, WrittenLevel>,
    /// Lowers every action to at most this: `Warn` or `Audit`.
    #[serde(default, deserialize_with = "lowered")]
    pub action_override: Option<Action>,
    /// The version of the cluster, as in `1.36`.
    #[serde(default)]
    pub kubernetes_version: Option<String>,
    /// The namespace of objects that name none.
    #[serde(default)]
    pub namespace: Option<String>,
    /// Custom kinds that hold Pod templates.
    #[serde(default)]
    pub pod_templates: Vec<PodTemplate>,
    /// Findings that lint waives; the webhook does not look at them.
    #[serde(default)]
    pub ignore: Vec<WrittenRule>,
    /// Of folders, only files that match these globs are read, whatever their extension.
    #[serde(default)]
    pub include: Vec<String>,
    /// Files and folders that are left out: globs as in `.gitignore`, from the folder of this file.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// Whether that holds for files that the command line names, too.
    #[serde(default)]
    pub force_exclude: bool,
    /// What is different for files of some paths; the last one that is about a file has the last word.
    #[serde(default)]
    pub overrides: Vec<Override>,
    /// Only these policies, rules (`policy/rule`) or reserved codes run.
    #[serde(default)]
    pub only: Vec<String>,
    /// These policies, rules or reserved codes do not run.
    #[serde(default)]
    pub skip: Vec<String>,
    /// Whether what is not part of the input does not exist.
    #[serde(default)]
    pub complete: Option<bool>,
    /// The operation of the requests: `create`, `update` or `delete`.
    #[serde(default)]
    pub operation: Option<OperationArg>,
    /// A file or folder with the objects before an UPDATE or DELETE; relative to the file.
    #[serde(default)]
    pub old: Option<PathBuf>,
    /// Whether manifests are judged as they are written, without what the API server makes of them.
    #[serde(default)]
    pub raw: Option<bool>,
    /// Files and folders with CustomResourceDefinitions, beside those of the input; relative to the file.
    #[serde(default)]
    pub crds: Vec<PathBuf>,
    /// The user who makes the requests.
    #[serde(default, rename = "as")]
    pub user: Option<String>,
    /// The user's groups.
    #[serde(default, rename = "asGroups")]
    pub groups: Vec<String>,
    /// Whether the parts of a failing expression are shown.
    #[serde(default)]
    pub explain: Option<bool>,
    /// The severity from which on findings make the run end with 1.
    #[serde(default)]
    pub fail_on: Option<Severity>,
    /// Whether what the input cannot answer makes the run end with 1, too.
    #[serde(default)]
    pub fail_on_unknown: Option<bool>,
    /// Whether a run may end with 0 or 1 though files could not be read.
    #[serde(default)]
    pub allow_broken: Option<bool>,
    /// Whether what is waived here, and denied by the webhook all the same, is an error.
    #[serde(default)]
    pub parity: Option<bool>,
    /// Whether a run with findings ends with 0.
    #[serde(default)]
    pub exit_zero: Option<bool>,
    /// Only what was not there in this git revision.
    #[serde(default)]
    pub since: Option<String>,
    /// Formats of the report, each with its file, as in `sarif=plimsoll.sarif`; the file is relative to this one.
    #[serde(default)]
    pub format: Vec<String>,
    /// Whether the text is coloured: `auto`, `always` or `never`.
    #[serde(default)]
    pub color: Option<ColorChoice>,
    /// Whether only findings are printed.
    #[serde(default)]
    pub quiet: Option<bool>,
    /// Whether files that are passed over are named.
    #[serde(default)]
    pub verbose: Option<bool>,
    /// Findings that are known, written by `lint --write-baseline`; relative to the file.
    #[serde(default)]
    pub baseline: Option<PathBuf>,
    /// The flags of `plimsoll serve`; no other command looks at them.
    #[serde(default)]
    pub serve: Flags,
    /// Where it was read.
    #[serde(skip)]
    #[schemars(skip)]
    pub source: Option<Source>,
}

/// The file of a configuration, for messages about what is in it.
#[derive(Debug, Clone)]
pub struct Source {
    /// As it was named, or as it was found.
    pub name: String,
    /// The text of the file, from which places in it are told.
    pub text: Arc<str>,
}

/// An entry of the file, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The key, as it is written in the file.
    pub key: String,
    /// Its value, as JSON.
    pub value: String,
    /// File and line.
    pub place: String,
}

/// `error`, `warning`, `info` or `off`, which YAML reads as a boolean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrittenLevel(pub Level);

impl<'de> Deserialize<'de> for WrittenLevel {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let level = match Value::deserialize(deserializer)? {
            Value::Bool(false) => Some(Level::Off),
            Value::String(word) => match word.as_str() {
                "error" => Some(Level::At(Severity::Error)),
                "warning" => Some(Level::At(Severity::Warning)),
                "info" => Some(Level::At(Severity::Info)),
                "off" => Some(Level::Off),
                word => {
                    let message =
                        format!("unknown value `{word}`, expected one of `error`, `warning`, `info`, `off`");
                    return Err(serde::de::Error::custom(message));
                }
            },
            _ => None,
        };
        level.map(Self).ok_or_else(|| serde::de::Error::custom("expected error, warning, info or off"))
    }
}

impl JsonSchema for WrittenLevel {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Level".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        // an editor that reads YAML 1.1 makes a boolean of `off`
        schemars::json_schema!({"enum": ["error", "warning", "info", "off", false]})
    }
}

/// A path, or a list of paths.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum OneOrSeveral {
    One(PathBuf),
    Several(Vec<PathBuf>),
}

fn one_or_several<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<PathBuf>, D::Error> {
    match OneOrSeveral::deserialize(deserializer) {
        Ok(OneOrSeveral::One(path)) => Ok(vec![path]),
        Ok(OneOrSeveral::Several(paths)) => Ok(paths),
        Err(_) => Err(serde::de::Error::custom("expected a list of files and folders, or `input`")),
    }
}

fn yes() -> bool {
    true
}

fn lowered<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Action>, D::Error> {
    match Option::<Action>::deserialize(deserializer)? {
        Some(Action::Deny) => Err(serde::de::Error::custom("expected Warn or Audit: it only lowers actions")),
        lowered => Ok(lowered),
    }
}

impl Default for Configuration {
    fn default() -> Self {
        Self {
            api_version: crate::dialect::native::API_VERSION.to_owned(),
            kind: "Configuration".to_owned(),
            policies: Vec::new(),
            embedded: true,
            packs: None,
            parameters: BTreeMap::new(),
            actions: BTreeMap::new(),
            severities: BTreeMap::new(),
            action_override: None,
            kubernetes_version: None,
            namespace: None,
            pod_templates: Vec::new(),
            include: Vec::new(),
            exclude: Vec::new(),
            force_exclude: false,
            overrides: Vec::new(),
            only: Vec::new(),
            skip: Vec::new(),
            complete: None,
            operation: None,
            old: None,
            raw: None,
            crds: Vec::new(),
            user: None,
            groups: Vec::new(),
            explain: None,
            fail_on: None,
            fail_on_unknown: None,
            allow_broken: None,
            parity: None,
            exit_zero: None,
            since: None,
            format: Vec::new(),
            color: None,
            quiet: None,
            verbose: None,
            baseline: None,
            ignore: Vec::new(),
            serve: Flags::default(),
            source: None,
        }
    }
}

/// The file in the folder `start` or the nearest above it, up to where a run looks.
fn nearest_file(start: &Path, working: Option<&Path>) -> Option<PathBuf> {
    // a worktree has a file of that name
    let repository = start.ancestors().find(|folder| folder.join(".git").exists());
    let top = repository.or(working.filter(|working| start.starts_with(working))).unwrap_or(start);
    let folders = start.ancestors().take_while(|folder| folder.starts_with(top));
    folders.map(|folder| folder.join(FILE_NAME)).find(|file| file.is_file())
}

impl Configuration {
    /// The file for a run over `first`, a path of the command line: in its folder or the nearest one above it, but never
    /// above the root of its repository; without a repository, never above the working folder, and outside of that
    /// only in the folder itself. So a file of somebody else, in `/tmp` say, decides nothing. Relative to the working
    /// folder where it lies below.
    #[must_use]
    pub fn discover(first: &str) -> Option<PathBuf> {
        let start = fs::canonicalize(walk::base(first)).ok()?;
        let working = std::env::current_dir().and_then(fs::canonicalize).ok();
        let file = nearest_file(&start, working.as_deref())?;
        let relative = working.and_then(|working| file.strip_prefix(working).ok().map(Path::to_owned));
        Some(relative.unwrap_or(file))
    }

    /// Reads a file; paths in it are made relative to where it lies.
    ///
    /// # Errors
    /// What is wrong with it, where.
    pub fn read(path: &Path) -> Result<Self, Diagnostic> {
        let name = path.display().to_string();
        let text = fs::read(path)
            .map_err(|error| io_text(&error.to_string()))
            .and_then(|bytes| decode(bytes, FILE_LIMIT).map_err(|error| error.to_string()))
            .map_err(|error| Diagnostic::of_file(&name, error))?;
        let mut configuration = Self::parse(&name, &text)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let Self { policies, baseline, old, crds, format, serve, .. } = &mut configuration;
        *format = settled::outputs(format, folder);
        let policies = policies.iter_mut().filter(|path| path.as_os_str() != OF_INPUT);
        for path in policies.chain(baseline).chain(old).chain(crds).chain(serve.paths()) {
            *path = folder.join(&*path);
        }
        configuration.source = Some(Source { name, text: text.into() });
        Ok(configuration)
    }

    /// What the file says in place of flags, by the names that clap has for these.
    #[must_use]
    pub fn flags(&self) -> Vec<(&'static str, Vec<String>)> {
        let Self { only, skip, groups, format, user, since, .. } = self;
        let mut flags: Vec<(&'static str, Vec<String>)> = Vec::new();
        let lists = [("only", only), ("skip", skip), ("groups", groups), ("format", format)];
        flags.extend(lists.map(|(id, values)| (id, values.clone())));
        flags.push(("crds", self.crds.iter().map(|path| path.display().to_string()).collect()));
        let switches = [
            ("complete", self.complete),
            ("raw", self.raw),
            ("explain", self.explain),
            ("fail_on_unknown", self.fail_on_unknown),
            ("allow_broken", self.allow_broken),
            ("parity", self.parity),
            ("exit_zero", self.exit_zero),
            ("quiet", self.quiet),
            ("verbose", self.verbose),
        ];
        flags.extend(switches.map(|(id, value)| (id, value.iter().map(bool::to_string).collect())));
        let words = [
            ("user", user.clone()),
            ("since", since.clone()),
            ("old", self.old.as_ref().map(|path| path.display().to_string())),
            ("fail_on", self.fail_on.map(|severity| severity.name().to_owned())),
            ("operation", self.operation.map(|operation| operation.name())),
            ("color", self.color.map(|color| color.name())),
        ];
        flags.extend(words.map(|(id, value)| (id, value.into_iter().collect())));
        flags.retain(|(_, values)| !values.is_empty());
        flags
    }

    /// The entries of the file, as they are written.
    #[must_use]
    pub fn entries(&self) -> Vec<Written> {
        let Some(Source { name, text }) = &self.source else { return Vec::new() };
        let composed = split(text, 0).into_iter().find_map(|chunk| compose(text, chunk.range).ok()?.document);
        let Some(document) = composed else { return Vec::new() };
        let members = document.root().members().filter(|(key, _)| !matches!(*key, "apiVersion" | "kind"));
        let written = members.map(|(key, node)| {
            let span = node.key_span().or_else(|| node.span());
            let before = span.and_then(|span| text.get(..span.start as usize)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            Written { key: key.to_owned(), value: node.to_json(), place: format!("{name}:{line}") }
        });
        written.collect()
    }

    /// The folder of the file, from which its paths count.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        let file = self.source.as_ref().map(|source| Path::new(&source.name));
        file.and_then(Path::parent).map(Path::to_owned).unwrap_or_default()
    }

    /// The rules under `ignore`, and what is wrong with the others.
    pub fn ignores(&self, errors: &mut Vec<Diagnostic>) -> Ignores {
        let Some(Source { name, text }) = self.source.as_ref().filter(|_| !self.ignore.is_empty()) else {
            return Ignores::default();
        };
        let (mut rules, folder) = (Vec::new(), self.folder());
        for (index, written) in self.ignore.iter().enumerate() {
            let index = index.to_string();
            match IgnoreRule::new(written, &folder) {
                Ok(rule) => {
                    let place = self.fault(&["ignore", &index], false, "").place;
                    let range = place.map_or(0..0, |(_, range)| range);
                    let bytes = [range.start, range.end].map(|byte| u32::try_from(byte).unwrap_or(u32::MAX));
                    rules.push((rule, Span { start: bytes[0], end: bytes[1] }));
                }
                Err(Fault { field, index: entry, message }) => {
                    let entry = entry.map(|entry| entry.to_string());
                    let path: Vec<&str> =
                        ["ignore", &index, field].into_iter().chain(entry.as_deref()).collect();
                    errors.push(self.fault(&path, false, message));
                }
            }
        }
        Ignores { file: name.clone(), text: text.clone(), rules }
    }

    /// What is wrong with an entry, at its place: the names and indexes on the way to it. `at_key`: its name is wrong,
    /// not what stands behind it.
    #[must_use]
    pub fn fault(&self, path: &[&str], at_key: bool, message: impl Into<String>) -> Diagnostic {
        let Some(Source { name, text }) = &self.source else {
            return Diagnostic::of_usage(message);
        };
        let place = split(text, 0).into_iter().find_map(|chunk| {
            let document = compose(text, chunk.range).ok()?.document?;
            let mut node = document.root();
            for step in path {
                node = match step.parse::<usize>() {
                    Ok(index) if node.is_array() => node.item(index)?,
                    _ => node.get(step)?,
                };
            }
            let span = if at_key { node.key_span().or_else(|| node.span()) } else { node.span() };
            span.map(|span| span.start as usize..span.end as usize)
        });
        match place {
            Some(range) => Diagnostic::at(name, text, range, message),
            None => Diagnostic::of_file(name, message),
        }
    }

    fn parse(name: &str, text: &str) -> Result<Self, Diagnostic> {
        let file = Arc::<str>::from(text);
        let mut found = None;
        for chunk in split(text, 0) {
            let composed = compose(text, chunk.range.clone())
                .map_err(|r| Diagnostic::at(name, &file, r.at..r.at, r.error.to_string()))?;
            let Some(document) = composed.document else { continue };
            if found.is_some() {
                return Err(Diagnostic::of_file(name, "more than one document"));
            }
            found = Some(Self::of(name, &file, document.root())?);
        }
        found.ok_or_else(|| Diagnostic::of_file(name, "holds no configuration"))
    }

    fn of(name: &str, file: &Arc<str>, root: NodeRef<'_>) -> Result<Self, Diagnostic> {
        let at = |node: NodeRef<'_>, key: bool, message: String| {
            let span = if key { node.key_span().or_else(|| node.span()) } else { node.span() };
            let range = span.map_or(0..0, |s| s.start as usize..s.end as usize);
            Diagnostic::at(name, file, range, message)
        };
        let hidden = root.descendants().filter(|n| n.is_object()).find_map(|n| n.shadowed_members().next());
        if let Some((key, node)) = hidden {
            return Err(at(node, true, format!("key `{key}` is written twice")));
        }
        let configuration = root.decode::<Self>().map_err(|error| {
            let node = root.document().node(error.node);
            let help = crate::nearest::meant(&error, node);
            let DecodeError { message, at_key, .. } = error;
            Diagnostic { help, ..at(node, at_key, message) }
        })?;
        for (field, wanted) in
            [("apiVersion", crate::dialect::native::API_VERSION), ("kind", "Configuration")]
        {
            if let Some(node) = root.get(field).filter(|n| n.as_str() != Some(wanted)) {
                return Err(at(node, false, format!("{field} must be {wanted}")));
            }
        }
        for (format, node) in
            configuration.format.iter().zip(root.get("format").into_iter().flat_map(NodeRef::items))
        {
            if let Err(message) = Output::<Format>::parse(format) {
                return Err(at(node, false, message));
            }
        }
        if let (Some(true), Some(true), Some(node)) =
            (configuration.quiet, configuration.verbose, root.get("verbose"))
        {
            return Err(at(node, true, "quiet and verbose exclude each other".to_owned()));
        }
        if let (Err(error), Some(node)) = (configuration.serve.contradict(), root.get("serve")) {
            return Err(at(node, true, error.to_string()));
        }
        Ok(configuration)
    }
}

#[cfg(test)]
mod tests;
#[cfg(not(feature = "server"))]
mod unserved;
