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
use super::selection::overrides::Override;
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
    /// Policy files and folders, beside the embedded ones; relative to the file.
    #[serde(default)]
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
    /// The text.
    pub text: Arc<str>,
}

/// An entry of the file, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its name.
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
    /// Whether it names policies, rules or codes, or has policies of its own.
    #[must_use]
    pub fn names_policies(&self) -> bool {
        let Self { policies, parameters, actions, severities, ignore, overrides, only, skip, .. } = self;
        let named = [policies.is_empty(), parameters.is_empty(), actions.is_empty(), severities.is_empty()];
        let more = [ignore.is_empty(), overrides.is_empty(), only.is_empty(), skip.is_empty()];
        named.into_iter().chain(more).any(|empty| !empty)
    }

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
        for path in policies.iter_mut().chain(baseline).chain(old).chain(crds).chain(serve.paths()) {
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
mod tests {
    use super::super::serve::flags::LogFormat;
    use super::*;

    #[test]
    fn reads_every_key() {
        let text = "apiVersion: plimsoll.dev/v1alpha1\nkind: Configuration\npolicies: [a/]\nembedded: false\npacks: [default]\n\
            parameters: {p: {max: 9}}\nactions: {p: Warn}\nseverities: {p/r: info}\nkubernetesVersion: \"1.36\"\n\
            namespace: web\npodTemplates: [{kind: argoproj.io/*/Rollout, path: spec.template}]\nactionOverride: Audit\n\
            serve: {watchPolicies: true, lameDuck: 2s, logFormat: json, adminBind: '127.0.0.1:8080'}\n";
        let read = Configuration::parse("x", text).expect("good");
        assert_eq!(
            (read.embedded, read.policies.len(), read.packs),
            (false, 1, Some(vec!["default".to_owned()]))
        );
        assert_eq!(read.actions["p"], Action::Warn);
        assert_eq!(read.severities["p/r"], WrittenLevel(Level::At(Severity::Info)));
        assert_eq!(read.parameters["p"]["max"], 9);
        assert_eq!(
            (read.namespace.as_deref(), read.kubernetes_version.as_deref()),
            (Some("web"), Some("1.36"))
        );
        assert_eq!(read.pod_templates[0].path, "spec.template");
        assert_eq!(read.action_override, Some(Action::Audit));
        let Flags { watch_policies, lame_duck, log_format, admin_bind, .. } = read.serve;
        assert_eq!((watch_policies, lame_duck), (Some(true), Some(std::time::Duration::from_secs(2))));
        assert_eq!((log_format, admin_bind), (Some(LogFormat::Json), Some(([127, 0, 0, 1], 8080).into())));
    }

    #[test]
    fn what_is_wrong_with_a_waiver_is_told_at_its_place() {
        let head = "apiVersion: plimsoll.dev/v1alpha1\nkind: Configuration\n";
        for (rule, expected) in [
            ("{codes: [a], until: soon}", "x:3:30: \"soon\" is not a date: expected one such as 2027-03-31"),
            (
                "{codes: [a, waiver/unused]}",
                "x:3:22: waiver/unused cannot be waived: give it another severity in plimsoll.yaml, or --skip it",
            ),
            ("{codes: [a], kinds: [Deploymnt]}", "x:3:31: Deploymnt is not a built-in kind"),
            ("{codes: [a], namespaces: []}", "x:3:35: matches nothing: leave it out to match all"),
        ] {
            let text = format!("{head}ignore: [{rule}]\n");
            let mut read = Configuration::parse("x", &text).expect(rule);
            read.source = Some(Source { name: "x".to_owned(), text: text.into() });
            let mut errors = Vec::new();
            assert!(read.ignores(&mut errors).rules.is_empty(), "{rule}");
            assert_eq!(errors.iter().map(ToString::to_string).collect::<Vec<_>>(), [expected]);
        }
    }

    #[test]
    fn off_is_a_level_however_yaml_reads_it() {
        let head = "apiVersion: plimsoll.dev/v1alpha1\nkind: Configuration\n";
        for word in ["off", "\"off\"", "Off", "no", "false"] {
            let read = Configuration::parse("x", &format!("{head}severities: {{p: {word}}}\n")).expect(word);
            assert_eq!(read.severities["p"], WrittenLevel(Level::Off), "{word}");
        }
    }

    #[test]
    fn it_is_looked_for_up_to_the_root_of_the_repository() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |path: &str| folder.path().join(path);
        fs::create_dir_all(at("repository/deploy/base")).expect("made");
        let start = at("repository/deploy/base");
        let found = || Configuration::discover(&start.display().to_string());
        let canonical = |path: &str| fs::canonicalize(at(path)).expect("is there");
        fs::write(at("plimsoll.yaml"), "").expect("written");
        let (outside, below) = (fs::canonicalize(&start).expect("is there"), canonical("repository"));
        let top = below.parent().expect("a folder");
        for (working, expected) in [
            (None, None),
            (Some(Path::new("/elsewhere")), None),
            (Some(below.as_path()), None),
            (Some(top), Some(canonical("plimsoll.yaml"))),
            (Some(Path::new("/")), Some(canonical("plimsoll.yaml"))),
        ] {
            assert_eq!(nearest_file(&outside, working), expected, "without a repository, from {working:?}");
        }
        fs::create_dir(at("repository/.git")).expect("made");
        assert_eq!(found(), None, "what lies above the repository is not of it");
        fs::write(at("repository/plimsoll.yaml"), "").expect("written");
        assert_eq!(found(), Some(canonical("repository/plimsoll.yaml")));
        fs::write(at("repository/deploy/plimsoll.yaml"), "").expect("written");
        assert_eq!(found(), Some(canonical("repository/deploy/plimsoll.yaml")), "the nearest one");
        let pattern = format!("{}/repository/deploy/**/*.yaml", folder.path().display());
        assert_eq!(Configuration::discover(&pattern), Some(canonical("repository/deploy/plimsoll.yaml")));
        fs::remove_file(at("repository/deploy/plimsoll.yaml")).expect("removed");
        fs::remove_file(at("repository/plimsoll.yaml")).expect("removed");
        fs::remove_dir(at("repository/.git")).expect("removed");
        fs::write(at("repository/.git"), "gitdir: elsewhere").expect("written");
        assert_eq!(found(), None, "a worktree is a repository");
    }

    #[test]
    fn the_page_about_it_is_right() {
        let page = include_str!("../../docs/configuration.md");
        let (_, rest) = page.split_once("```yaml\n").expect("an example");
        let (text, _) = rest.split_once("```").expect("its end");
        let read = Configuration::parse("page", text).expect("good");
        assert_eq!(read.serve.clone().settle().map(|plan| plan.watch_policies), Ok(true));
        // every entry is there
        let schema = serde_json::to_value(schemars::schema_for!(Configuration)).expect("JSON");
        let names = |pointer: &str| {
            let properties = schema.pointer(pointer).and_then(Value::as_object).expect(pointer);
            properties.keys().cloned().collect::<Vec<_>>()
        };
        for name in [names("/properties"), names("/$defs/Flags/properties")].concat() {
            assert!(page.contains(&name), "{name}");
        }
    }

    #[test]
    fn says_where_it_is_wrong() {
        let head = "apiVersion: plimsoll.dev/v1alpha1\nkind: Configuration\n";
        for (text, expected) in [
            (
                "polices: []",
                "x:3:1: unknown field `polices`, expected one of `apiVersion`, `kind`, `policies`, `embedded`, `packs`, `parameters`, `actions`, `severities`, `actionOverride`, `kubernetesVersion`, `namespace`, `podTemplates`, `ignore`, `include`, `exclude`, `forceExclude`, `overrides`, `only`, `skip`, `complete`, `operation`, `old`, `raw`, `crds`, `as`, `asGroups`, `explain`, `failOn`, `failOnUnknown`, `allowBroken`, `parity`, `exitZero`, `since`, `format`, `color`, `quiet`, `verbose`, `baseline`, `serve` (did you mean `policies`?)",
            ),
            (
                "actions: {p: Forbid}",
                "x:3:14: unknown value `Forbid`, expected one of `Audit`, `Warn`, `Deny`",
            ),
            ("actionOverride: Deny", "x:3:17: expected Warn or Audit: it only lowers actions"),
            (
                "serve: {bindd: '[::]:1'}",
                "x:3:9: unknown field `bindd`, expected one of `watchPolicies`, `bind`, `adminBind`, `tlsCert`, `tlsKey`, `clientCa`, `selfSigned`, `caFile`, `service`, `serviceNamespace`, `lameDuck`, `certificateInterval`, `caSettle`, `policyInterval`, `kubeconfig`, `inCluster`, `register`, `findingsPerRule`, `maxConnections`, `bodyBudget`, `exemptNamespaces`, `failOpen`, `registrationInterval`, `logFormat` (did you mean `bind`?)",
            ),
            ("serve: {bind: here}", "x:3:15: invalid socket address syntax"),
            ("serve: {lameDuck: 5}", "x:3:19: expected a string, found the number 5 (quote it: \"5\")"),
            ("serve:\n  lameDuck: soon", "x:4:13: expected a duration such as 5s or 500ms"),
            (
                "serve: {selfSigned: true, tlsCert: a, tlsKey: b}",
                "x:3:1: --self-signed and --tls-cert exclude each other; --self-signed=false takes one back",
            ),
            (
                "ignore: [{code: [a]}]",
                "x:3:11: unknown field `code`, expected one of `codes`, `paths`, `kinds`, `namespaces`, `names`, `reason`, `until` (did you mean `codes`?)",
            ),
            ("embedded: 1", "x:3:11: expected a boolean, found the number 1"),
            (
                "severities: {p: fatal}",
                "x:3:17: unknown value `fatal`, expected one of `error`, `warning`, `info`, `off`",
            ),
            (
                "severities: {p: warn}",
                "x:3:17: unknown value `warn`, expected one of `error`, `warning`, `info`, `off` (did you mean `warning`?)",
            ),
            ("severities: {p: yes}", "x:3:17: expected error, warning, info or off"),
            ("namespace: a\nnamespace: b", "x:3:1: key `namespace` is written twice"),
        ] {
            let error = Configuration::parse("x", &format!("{head}{text}\n")).expect_err(text);
            assert_eq!(error.to_string(), expected);
        }
    }
}
