//! The flags that every judging subcommand shares: which policies, how strict.

pub mod overrides;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use clap::Args;

use self::overrides::Override;
use super::configuration::Configuration;
use crate::cel::profile::Release;
use crate::diagnostic::Diagnostic;
use crate::dialect;
use crate::finding::{Action, CodePattern, PolicyRef};
use crate::manifest::Sources;
use crate::manifest::chosen::FileGlobs;
use crate::manifest::codes;
use crate::nearest::nearest;
use crate::report::Policies;
use crate::resource::workload::TemplatePaths;
use crate::store::PolicySet;
use crate::store::embedded;
use crate::store::kept::{self, Origin, Refused};
use crate::store::load::{self, InputText, Loaded, PolicySources};
use crate::store::outline::Outline;
use crate::store::set::{Adjustments, Names, UnknownName};
use crate::waiver::settings::Ignores;

/// Which policies, and how strict.
#[derive(Debug, Clone, Default, Args)]
pub struct Selection {
    /// A configuration file [default: the nearest plimsoll.yaml in or above the first path, up to the root of the repository, or the working folder where there is none]
    #[arg(long, value_name = "FILE", env = "PLIMSOLL_CONFIG", help_heading = "Policies")]
    pub config: Option<PathBuf>,
    /// A policy file or folder, in addition to the embedded library, or `input` for the policies among the manifests; may be repeated
    #[arg(
        long,
        value_name = "PATH",
        env = "PLIMSOLL_POLICIES",
        value_delimiter = ',',
        help_heading = "Policies"
    )]
    pub policies: Vec<PathBuf>,
    /// Do not use the embedded library
    #[arg(long, env = "PLIMSOLL_NO_EMBEDDED", help_heading = "Policies")]
    pub no_embedded: bool,
    /// Run the embedded policies of this pack, `all` for all of them; may be repeated [default: default]
    #[arg(
        long = "pack",
        value_name = "NAME",
        env = "PLIMSOLL_PACKS",
        value_delimiter = ',',
        help_heading = "Policies"
    )]
    pub packs: Vec<String>,
    /// The cluster's Kubernetes version, from 1.24 to 1.37 [default: 1.37]
    #[arg(long, value_name = "VERSION", env = "PLIMSOLL_KUBERNETES_VERSION", help_heading = "Policies")]
    pub kubernetes_version: Option<String>,
    /// Lower every action to at most this one
    #[arg(long, value_name = "Warn|Audit", env = "PLIMSOLL_ACTION_OVERRIDE", value_parser = override_of, help_heading = "Policies")]
    pub action_override: Option<Action>,
}

fn override_of(text: &str) -> Result<Action, String> {
    match text {
        "Warn" => Ok(Action::Warn),
        "Audit" => Ok(Action::Audit),
        _ => Err("expected Warn or Audit".to_owned()),
    }
}

/// The word under `policies` for those of the input; a folder of that name is `./input`.
pub const OF_INPUT: &str = "input";

/// The pack that is taken where none is named: a decent manifest has no finding in it.
const DEFAULT_PACK: &str = "default";

/// The policies and settings of a run.
#[derive(Debug)]
pub struct Selected {
    /// The policies that the run is about.
    pub set: PolicySet,
    /// What is wrong with policies or configuration; such a run cannot end well.
    pub errors: Vec<Diagnostic>,
    /// The configuration, as far as commands use it.
    pub configuration: Configuration,
    /// The cluster's version.
    pub release: Release,
    /// What the run makes of policies and reserved codes.
    pub adjustments: Adjustments,
    /// Packs of the library that the run did not take as a whole. Many of them share policies with `default`, which
    /// does not mean that they ran.
    pub packs_not_run: Vec<String>,
    /// Where the policies came from.
    pub sources: PolicySources,
    /// Where each policy was read.
    pub origins: BTreeMap<PolicyRef, Origin>,
    /// Policies, or files of them, that do not load.
    pub refused: Vec<Refused>,
    /// Which files each of the configuration's overrides is about.
    pub override_paths: Vec<FileGlobs>,
    /// The custom kinds with Pod templates that the configuration declares.
    pub templates: TemplatePaths,
    /// Whether the configuration file could not be read, so that nobody knows what is meant.
    pub astray: bool,
    /// The names that there are, whatever the run takes of them; without the library, where that is not loaded.
    pub names: Names,
    /// The same with the library, made when it is asked for.
    with_library: OnceLock<Names>,
    /// The rules by which lint waives findings.
    pub ignores: Ignores,
    /// Whether policies of the input count, too.
    judges_by_input: bool,
    /// The texts of the input that hold policies, where these count and the input is known.
    pub(super) input: Vec<InputText>,
}

impl Selected {
    /// All names that waivers may speak of: those of the library, too, for it may be used in another run.
    #[must_use]
    pub fn all_names(&self) -> &Names {
        self.with_library.get_or_init(|| self.names.clone().with_library(embedded::outlines()))
    }

    /// Whether a policy of this kind and name was read, be it refused.
    #[must_use]
    pub fn has_read(&self, kind: &str, name: &str) -> bool {
        let refused = self.refused.iter().filter_map(|refused| refused.policy.as_ref());
        self.origins.keys().chain(refused).any(|id| id.kind == kind && id.name == name)
    }

    /// The policies, as a report names them.
    #[must_use]
    pub fn told(&self) -> Policies {
        let Self { set, origins, .. } = self;
        Policies { generation: 1, hash: kept::hash(set, origins), ran: set.entries().len() }
    }

    /// The configuration file that was taken.
    #[must_use]
    pub fn configuration_file(&self) -> Option<String> {
        self.configuration.source.as_ref().map(|source| source.name.clone())
    }
}

impl Selection {
    /// Reads configuration and policies. `first` is the path of the command line where a configuration file is looked
    /// for, `only` and `skip` are names of policies, rules or reserved codes. Of the embedded policies the pack
    /// `default` is taken where no pack is named; policies that `only` names are looked for in all.
    #[must_use]
    pub fn load(&self, first: Option<&str>, only: &[String], skip: &[String]) -> Selected {
        self.load_or(only.is_empty().then_some(DEFAULT_PACK), first, only, skip, None)
    }

    /// The same selection with the policies of the input, where that is asked for (`policies: input`); with other arguments
    /// than `earlier` was loaded with, it is another selection.
    #[must_use]
    pub fn load_input(
        &self,
        earlier: &Selected,
        first: Option<&str>,
        (only, skip): (&[String], &[String]),
        sources: &Sources,
    ) -> Option<Selected> {
        let input = earlier.judges_by_input.then(|| input_texts(sources, &earlier.sources.paths))?;
        Some(self.load_or(only.is_empty().then_some(DEFAULT_PACK), first, only, skip, Some(input)))
    }

    /// As [`load`](Self::load), but all of the embedded policies where no pack is named.
    #[must_use]
    pub fn load_all(&self, first: Option<&str>) -> Selected {
        self.load_or(None, first, &[], &[], None)
    }

    /// `input`: the texts of the input, where they are known.
    fn load_or(
        &self,
        pack: Option<&str>,
        first: Option<&str>,
        only: &[String],
        skip: &[String],
        input: Option<Vec<InputText>>,
    ) -> Selected {
        let Self { config, policies, no_embedded, packs, kubernetes_version: _, action_override } = self;
        let mut errors = Vec::new();
        let configuration = configuration_of(config.as_deref(), first, &mut errors);
        let astray = !errors.is_empty();
        let mut templates = TemplatePaths::default();
        for (index, template) in configuration.pod_templates.iter().enumerate() {
            if let Err(error) = templates.declare(&template.kind, &template.path) {
                let path = ["podTemplates", &index.to_string()];
                errors.push(configuration.fault(&path, false, error.to_string()));
            }
        }
        let release = self.release(&configuration, input.is_none(), &mut errors);
        let (words, paths): (Vec<PathBuf>, Vec<PathBuf>) = configuration
            .policies
            .iter()
            .chain(policies)
            .cloned()
            .partition(|path| path.as_os_str() == OF_INPUT);
        let judges_by_input = !words.is_empty();
        let is_first = judges_by_input && input.is_none();
        let input = input.unwrap_or_default();
        let sources = PolicySources {
            profile: release.profile(),
            embedded: configuration.embedded && !no_embedded,
            paths,
        };
        let packs_of_run = match (packs.as_slice(), &configuration.packs) {
            ([], None) => pack.map(|pack| BTreeSet::from([pack.to_owned()])),
            ([], Some(packs)) => Some(packs.iter().cloned().collect()),
            (packs, _) => Some(packs.iter().cloned().collect()),
        };
        let mut loaded = load::load_when_met(&sources, packs_of_run.as_ref(), &input);
        errors.append(&mut loaded.errors);
        loaded.for_release(release);
        // names that nothing has so far may be those of policies of the input
        let mut unsure = Vec::new();
        let of_names = if is_first { &mut unsure } else { &mut errors };
        let names = loaded.names();
        override_parameters(&mut loaded, &names, (&configuration.parameters, &[]), &configuration, of_names);
        let severities =
            configuration.severities.iter().map(|(name, level)| (name.clone(), level.0)).collect();
        let adjustments = Adjustments {
            packs: packs_of_run.clone(),
            only: only.to_vec(),
            skip: skip.to_vec(),
            actions: configuration.actions.clone(),
            severities,
            action_override: action_override.or(configuration.action_override),
        };
        let known = known_packs(&loaded);
        check_packs(&known, packs, &configuration, of_names);
        check_names(&names, &adjustments, &configuration, of_names);
        let override_paths = check_overrides(&names, (&sources, &input), &configuration, of_names);
        check_waivers(&loaded, &names, &configuration, of_names);
        let ignores = configuration.ignores(&mut errors);
        let unasked = packs_left_out(&loaded, adjustments.packs.as_ref());
        let (origins, refused) = (std::mem::take(&mut loaded.origins), std::mem::take(&mut loaded.refused));
        let set = loaded.into_set(&adjustments, templates.clone());
        if !is_first {
            super::print_overlaps(&set);
        }
        let ran = packs_of(set.entries().flat_map(|policy| policy.packs()));
        let packs_not_run =
            known.into_iter().filter(|pack| unasked.contains(pack) || !ran.contains(pack)).collect();
        Selected {
            set,
            errors,
            configuration,
            release,
            adjustments,
            packs_not_run,
            sources,
            origins,
            refused,
            override_paths,
            templates,
            astray,
            names,
            with_library: OnceLock::new(),
            ignores,
            judges_by_input,
            input,
        }
    }

    /// The cluster's version: as the flag, else the configuration says, else the newest.
    /// `tells`: whether one that is not known is told of.
    fn release(&self, configuration: &Configuration, tells: bool, errors: &mut Vec<Diagnostic>) -> Release {
        let (version, of_flag) = match (&self.kubernetes_version, &configuration.kubernetes_version) {
            (Some(version), _) => (version, true),
            (None, Some(version)) => (version, false),
            (None, None) => return Release::NEWEST,
        };
        let release = if tells { release_of(version) } else { parsed(version).map(Release::known) };
        match release {
            Ok(release) => release,
            Err(message) if of_flag => {
                errors.push(Diagnostic::of_usage(format!("--kubernetes-version: {message}")));
                Release::NEWEST
            }
            Err(message) => {
                errors.push(configuration.fault(&["kubernetesVersion"], false, message));
                Release::NEWEST
            }
        }
    }
}

/// The configuration of a run: the file that is named, else the one that is found.
fn configuration_of(
    named: Option<&Path>,
    first: Option<&str>,
    errors: &mut Vec<Diagnostic>,
) -> Configuration {
    let file = named.map(Path::to_owned).or_else(|| first.and_then(Configuration::discover));
    match file.as_deref().map(Configuration::read) {
        Some(Ok(configuration)) => configuration,
        Some(Err(error)) => {
            errors.push(error);
            Configuration::default()
        }
        None => Configuration::default(),
    }
}

/// The release of a version as people write it. One that is not known is judged as the nearest that is.
pub(super) fn release_of(version: &str) -> Result<Release, String> {
    let release = parsed(version)?;
    let known = release.known();
    if known != release {
        super::tell(&format!(
            "note: this version of plimsoll does not know Kubernetes {release}: judged as {known}"
        ));
    }
    Ok(known)
}

fn parsed(version: &str) -> Result<Release, String> {
    Release::of_version(version)
        .ok_or_else(|| format!("{version:?} is not a Kubernetes version: expected one such as 1.36"))
}

/// The texts of the input that may hold policies, but for the files that are policies of the run already.
fn input_texts(sources: &Sources, policies: &[PathBuf]) -> Vec<InputText> {
    let whole = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let policies: Vec<PathBuf> = policies.iter().map(|path| whole(path)).collect();
    let files = sources.files().iter().filter(|file| dialect::may_be_in(file.text()));
    let others = files.filter(|file| {
        let file = whole(Path::new(file.path()));
        !policies.iter().any(|path| file.starts_with(path))
    });
    others.map(|file| InputText { name: file.path().to_owned(), text: file.text().to_owned() }).collect()
}

/// The codes that findings can have.
fn codes_of<'s>(set: &'s PolicySet, adjustments: &Adjustments) -> HashSet<&'s str> {
    let rules = set.entries().flat_map(|policy| policy.rules());
    let reserved = codes::all().filter(|row| adjustments.reserved(row).is_some());
    rules.map(|rule| rule.code).chain(reserved.map(|row| row.code)).collect()
}

/// Gives policies the parameters of the environment, which stand in the file at `parameters` below `at`.
fn override_parameters(
    loaded: &mut Loaded,
    names: &Names,
    (parameters, at): (&BTreeMap<String, BTreeMap<String, serde_json::Value>>, &[&str]),
    configuration: &Configuration,
    errors: &mut Vec<Diagnostic>,
) {
    for (name, values) in parameters {
        let of_policy = [at, &["parameters", name.as_str()]].concat();
        if let Some(UnknownName { message, help }) = names.check_policy(name) {
            let fault = configuration.fault(&of_policy, true, message);
            errors.push(Diagnostic { help: Some(help), ..fault });
            continue;
        }
        loaded.read_named(name);
        for (policy, _) in loaded.policies.iter_mut().filter(|(policy, _)| policy.id.name == *name) {
            for error in policy.set_parameters(values).err().unwrap_or_default() {
                let path = [&of_policy, error.path().as_slice()].concat();
                let fault = configuration.fault(&path, error.is_name(), error.to_string());
                errors.push(Diagnostic { help: error.help(), ..fault });
            }
        }
    }
}

/// Codes of exceptions, and of the rules under `ignore`, that nothing has.
fn check_waivers(
    loaded: &Loaded,
    names: &Names,
    configuration: &Configuration,
    errors: &mut Vec<Diagnostic>,
) {
    if loaded.exceptions.is_empty() && configuration.ignore.is_empty() {
        return;
    }
    let names = names.clone().with_library(embedded::outlines());
    for exception in &loaded.exceptions {
        for (pattern, place) in exception.patterns.iter().zip(&exception.places) {
            let Some(UnknownName { message, help }) = names.check_pattern(pattern) else { continue };
            let fault = match place {
                Some(place) => {
                    let range = place.span.start as usize..place.span.end as usize;
                    Diagnostic::at(&place.file, &place.text.shared(), range, message)
                }
                None => Diagnostic::of_usage(format!("{}: {message}", exception.info.id)),
            };
            errors.push(Diagnostic { help: Some(help), ..fault });
        }
    }
    for (index, rule) in configuration.ignore.iter().enumerate() {
        for (at, code) in rule.codes.iter().enumerate() {
            let pattern = CodePattern::parse(code).ok();
            if let Some(UnknownName { message, help }) =
                pattern.and_then(|pattern| names.check_pattern(&pattern))
            {
                let path = ["ignore", &index.to_string(), "codes", &at.to_string()];
                let fault = configuration.fault(&path, false, message);
                errors.push(Diagnostic { help: Some(help), ..fault });
            }
        }
    }
}

fn texts(packs: &[String]) -> Vec<&str> {
    packs.iter().map(String::as_str).collect()
}

fn packs_of<'p>(packs: impl Iterator<Item = &'p str>) -> BTreeSet<String> {
    // few packs have many policies
    let mut found: Vec<&str> = Vec::new();
    for pack in packs.filter(|pack| *pack != "all") {
        if !found.contains(&pack) {
            found.push(pack);
        }
    }
    found.into_iter().map(str::to_owned).collect()
}

/// The packs that there are.
fn known_packs(loaded: &Loaded) -> BTreeSet<String> {
    let own = loaded.policies.iter().flat_map(|(policy, _)| &policy.about.packs);
    let outlined = all_packs(&loaded.unmet).chain(all_packs(&loaded.unread));
    packs_of(own.map(String::as_str).chain(outlined))
}

/// The packs of policies of the library that are not read, and of their rules.
fn all_packs<'o>(outlines: &'o [&'static Outline]) -> impl Iterator<Item = &'o str> {
    outlines.iter().copied().flat_map(Outline::all_packs).map(|pack| -> &'o str { pack })
}

/// Packs with a policy of the library that is in none of the packs of the run.
fn packs_left_out(loaded: &Loaded, packs: Option<&BTreeSet<String>>) -> BTreeSet<String> {
    let Some(packs) = packs.filter(|packs| !packs.contains("all")) else { return BTreeSet::new() };
    let taken = |of: &[&str]| of.is_empty() || of.iter().any(|pack| packs.contains(*pack));
    let mut left_out = packs_of(all_packs(&loaded.unread));
    let mut look = |own: &[&str], rules: &mut dyn Iterator<Item = Vec<&str>>| {
        for of_rule in rules.filter(|of_rule| !taken(own) || !taken(of_rule)) {
            let packs = if of_rule.is_empty() { own } else { &of_rule };
            for pack in packs.iter().copied().filter(|pack| *pack != "all") {
                if !left_out.contains(pack) {
                    left_out.insert(pack.to_owned());
                }
            }
        }
    };
    for (policy, _) in loaded.policies.iter().filter(|(_, embedded)| *embedded) {
        look(&texts(&policy.about.packs), &mut policy.rules.iter().map(|rule| texts(&rule.packs)));
    }
    for outline in &loaded.unmet {
        look(outline.packs, &mut outline.rules.iter().map(|rule| rule.packs.to_vec()));
    }
    left_out
}

/// Packs of flags and configuration that no policy is in.
fn check_packs(
    known: &BTreeSet<String>,
    flags: &[String],
    configuration: &Configuration,
    errors: &mut Vec<Diagnostic>,
) {
    let unknown = |pack: &String| pack != "all" && !known.contains(pack);
    let help = |pack: &str| match nearest(pack, known.iter().map(String::as_str)) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("packs are {}, all", known.iter().cloned().collect::<Vec<_>>().join(", ")),
    };
    for pack in flags.iter().filter(|pack| unknown(pack)) {
        let fault = Diagnostic::of_usage(format!("--pack {pack}: no policy is in a pack of that name"));
        errors.push(Diagnostic { help: Some(help(pack)), ..fault });
    }
    let mut of_file = |at: &[&str], packs: &[String]| {
        for (index, pack) in packs.iter().enumerate().filter(|(_, pack)| unknown(pack)) {
            let index = index.to_string();
            let path = [at, &["packs", &index]].concat();
            let fault = configuration.fault(&path, false, format!("no policy is in a pack named {pack}"));
            errors.push(Diagnostic { help: Some(help(pack)), ..fault });
        }
    };
    of_file(&[], configuration.packs.as_deref().unwrap_or_default());
    for (index, other) in configuration.overrides.iter().enumerate() {
        of_file(&["overrides", &index.to_string()], other.packs.as_deref().unwrap_or_default());
    }
}

/// Which files the overrides are about. What is wrong with an override is said where it stands.
fn check_overrides(
    names: &Names,
    (sources, input): (&PolicySources, &[InputText]),
    configuration: &Configuration,
    errors: &mut Vec<Diagnostic>,
) -> Vec<FileGlobs> {
    let folder = configuration.folder();
    let mut globs = Vec::new();
    for (index, other) in configuration.overrides.iter().enumerate() {
        let Override { paths, packs: _, skip, severities, parameters } = other;
        let index = index.to_string();
        let at = ["overrides", index.as_str()];
        if paths.is_empty() {
            errors.push(configuration.fault(&at, false, "an override needs `paths`, or it is about no file"));
        }
        globs.push(FileGlobs::new(&folder, paths).unwrap_or_else(|error| {
            let place = error.index.to_string();
            let path = [&at[..], &["paths", &place]].concat();
            errors.push(configuration.fault(&path, false, error.to_string()));
            FileGlobs::none(&folder)
        }));
        for (place, name) in skip.iter().enumerate() {
            if let Some(UnknownName { message, help }) = names.check(name, true) {
                let place = place.to_string();
                let fault = configuration.fault(&[&at[..], &["skip", &place]].concat(), false, message);
                errors.push(Diagnostic { help: Some(help), ..fault });
            }
        }
        for name in severities.keys() {
            if let Some(UnknownName { message, help }) = names.check(name, true) {
                let fault = configuration.fault(&[&at[..], &["severities", name]].concat(), true, message);
                errors.push(Diagnostic { help: Some(help), ..fault });
            }
        }
        if !parameters.is_empty() {
            // what a policy takes is known by giving it to one
            let mut again = load::load_when_met(sources, None, input);
            let names = again.names();
            override_parameters(&mut again, &names, (parameters, &at), configuration, errors);
        }
    }
    globs
}

/// Names of flags and configuration that nothing has.
fn check_names(
    names: &Names,
    adjustments: &Adjustments,
    configuration: &Configuration,
    errors: &mut Vec<Diagnostic>,
) {
    let Adjustments { only, skip, actions, severities, packs: _, action_override: _ } = adjustments;
    let of_file = [("only", &configuration.only), ("skip", &configuration.skip)];
    for ((key, written), used) in of_file.into_iter().zip([only, skip]) {
        for (index, name) in used.iter().enumerate() {
            let Some(UnknownName { message, help }) = names.check(name, true) else { continue };
            // what no flag says is taken from the file
            let fault = match *written == *used {
                true => configuration.fault(&[key, &index.to_string()], false, message),
                false => Diagnostic::of_usage(format!("--{key}: {message}")),
            };
            errors.push(Diagnostic { help: Some(help), ..fault });
        }
    }
    let actions = actions.keys().map(|name| ("actions", name, false));
    for (section, name, reserved) in actions.chain(severities.keys().map(|name| ("severities", name, true))) {
        if let Some(UnknownName { message, help }) = names.check(name, reserved) {
            let fault = configuration.fault(&[section, name], true, message);
            errors.push(Diagnostic { help: Some(help), ..fault });
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
