//! The flags that every judging subcommand shares: which policies, how strict.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use clap::Args;

use super::configuration::Configuration;
use crate::cel::profile::Profile;
use crate::finding::{Action, PolicyRef};
use crate::policy::PolicySet;
use crate::policy::load::{self, Loaded, Sources};
use crate::policy::set::Adjustments;
use crate::policy::store::{Origin, Refused};
use crate::report::diagnostic::Diagnostic;
use crate::resource::workload::TemplatePaths;

/// Which policies, and how strict.
#[derive(Debug, Clone, Default, Args)]
pub struct Selection {
    /// A configuration file, instead of the nearest plimsoll.yaml above the first path
    #[arg(long, value_name = "FILE", env = "PLIMSOLL_CONFIG", help_heading = "Policies")]
    pub config: Option<PathBuf>,
    /// A policy file or folder, beside the embedded library; may be repeated
    #[arg(
        long,
        value_name = "PATH",
        env = "PLIMSOLL_POLICIES",
        value_delimiter = ',',
        help_heading = "Policies"
    )]
    pub policies: Vec<PathBuf>,
    /// Leave the embedded library out
    #[arg(long, env = "PLIMSOLL_NO_EMBEDDED", help_heading = "Policies")]
    pub no_embedded: bool,
    /// Only the embedded policies of this pack, `default` unless named; may be repeated
    #[arg(
        long = "pack",
        value_name = "NAME",
        env = "PLIMSOLL_PACKS",
        value_delimiter = ',',
        help_heading = "Policies"
    )]
    pub packs: Vec<String>,
    /// The Kubernetes version whose CEL counts, as in 1.36
    #[arg(long, value_name = "VERSION", env = "PLIMSOLL_KUBERNETES_VERSION", help_heading = "Policies")]
    pub kubernetes_version: Option<String>,
    /// Lower every action to at most this
    #[arg(long, value_name = "Warn|Audit", env = "PLIMSOLL_ACTION_OVERRIDE", value_parser = override_of, help_heading = "Policies")]
    pub action_override: Option<Action>,
}

fn override_of(text: &str) -> Result<Action, String> {
    match text {
        "Warn" => Ok(Action::Warn),
        "Audit" => Ok(Action::Audit),
        _ => Err("Warn or Audit".to_owned()),
    }
}

/// The pack that is taken where none is named: a decent manifest has no finding in it.
const DEFAULT_PACK: &str = "default";

/// The policies and settings of a run.
#[derive(Debug)]
pub struct Selected {
    /// The policies.
    pub set: PolicySet,
    /// What is wrong with policies or configuration; such a run cannot end well.
    pub errors: Vec<Diagnostic>,
    /// The configuration, as far as commands use it.
    pub configuration: Configuration,
    /// The CEL that counts.
    pub profile: Profile,
    /// Where each policy was read.
    pub origins: BTreeMap<PolicyRef, Origin>,
    /// Policies, or files of them, that do not load.
    pub refused: Vec<Refused>,
    /// Whether the configuration file could not be read, so that nobody knows what is meant.
    pub astray: bool,
}

impl Selection {
    /// Reads configuration and policies. `first` is where a configuration file is looked for, `only` and `skip`
    /// are names of policies, rules or categories. Of the embedded policies the pack `default` is taken where no
    /// pack is named; policies that `only` names are looked for in all.
    #[must_use]
    pub fn load(&self, first: Option<&Path>, only: &[String], skip: &[String]) -> Selected {
        self.load_or(only.is_empty().then_some(DEFAULT_PACK), first, only, skip)
    }

    /// As [`load`](Self::load), but all of the embedded policies where no pack is named.
    #[must_use]
    pub fn load_all(&self, first: Option<&Path>) -> Selected {
        self.load_or(None, first, &[], &[])
    }

    fn load_or(
        &self,
        pack: Option<&str>,
        first: Option<&Path>,
        only: &[String],
        skip: &[String],
    ) -> Selected {
        let Self { config, policies, no_embedded, packs, kubernetes_version, action_override } = self;
        let mut errors = Vec::new();
        let file = config.clone().or_else(|| first.and_then(Configuration::discover));
        let configuration = match file.as_deref().map(Configuration::read) {
            Some(Ok(configuration)) => configuration,
            Some(Err(error)) => {
                errors.push(error);
                Configuration::default()
            }
            None => Configuration::default(),
        };
        let astray = !errors.is_empty();
        let settings = file.map_or_else(|| "configuration".to_owned(), |f| f.display().to_string());
        let mut templates = TemplatePaths::default();
        for template in &configuration.pod_templates {
            if let Err(error) = templates.declare(&template.kind, &template.path) {
                errors.push(Diagnostic::of_file(&settings, error.to_string()));
            }
        }
        let version = kubernetes_version.as_deref().or(configuration.kubernetes_version.as_deref());
        let profile = profile_of(version).unwrap_or_else(|message| {
            errors.push(Diagnostic::of_file(&settings, message));
            Profile::NEWEST
        });
        let sources = Sources {
            profile,
            embedded: configuration.embedded && !no_embedded,
            paths: configuration.policies.iter().chain(policies).cloned().collect(),
        };
        let mut loaded = load::load(&sources);
        errors.append(&mut loaded.errors);
        override_parameters(&mut loaded, &configuration.parameters, &settings, &mut errors);
        let packs = match (packs.as_slice(), &configuration.packs) {
            ([], None) => None,
            ([], Some(packs)) => Some(packs.iter().cloned().collect::<BTreeSet<_>>()),
            (packs, _) => Some(packs.iter().cloned().collect()),
        };
        check_packs(&loaded, packs.as_ref(), &mut errors);
        let packs = packs.or_else(|| pack.map(|pack| BTreeSet::from([pack.to_owned()])));
        let adjustments = Adjustments {
            packs,
            only: only.to_vec(),
            skip: skip.to_vec(),
            actions: configuration.actions.clone(),
            severities: configuration.severities.clone(),
            action_override: action_override.or(configuration.action_override),
        };
        for name in adjustments.unknown_names(loaded.policies.iter().map(|(policy, _)| policy)) {
            let help = "`plimsoll policies list` shows the names".to_owned();
            let message = format!("no policy, rule or category is named {name}");
            errors.push(Diagnostic { help: Some(help), ..Diagnostic::of_file("selection", message) });
        }
        let (origins, refused) = (std::mem::take(&mut loaded.origins), std::mem::take(&mut loaded.refused));
        let set = loaded.into_set(&adjustments, templates);
        Selected { set, errors, configuration, profile, origins, refused, astray }
    }
}

/// The CEL of a Kubernetes version; without one the newest.
pub(super) fn profile_of(version: Option<&str>) -> Result<Profile, String> {
    let Some(version) = version else { return Ok(Profile::NEWEST) };
    let mut numbers = version.trim_start_matches('v').split('.').map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => {
            let (profile, exact) = Profile::for_release(major, minor);
            if !exact {
                eprintln!("note: expressions are judged as Kubernetes {profile} does, not {major}.{minor}");
            }
            Ok(profile)
        }
        _ => Err(format!("{version:?} is no Kubernetes version, as in 1.36")),
    }
}

/// Gives policies the parameters of the environment.
fn override_parameters(
    loaded: &mut Loaded,
    parameters: &BTreeMap<String, BTreeMap<String, serde_json::Value>>,
    settings: &str,
    errors: &mut Vec<Diagnostic>,
) {
    for (name, values) in parameters {
        let Some((policy, _)) = loaded.policies.iter_mut().find(|(policy, _)| policy.id.name == *name) else {
            errors.push(Diagnostic::of_file(settings, format!("parameters for {name}, which is no policy")));
            continue;
        };
        if let Err(unknown) = policy.set_parameters(values) {
            errors.push(Diagnostic::of_file(settings, format!("{name} has no parameter {unknown}")));
        }
    }
}

fn check_packs(loaded: &Loaded, packs: Option<&BTreeSet<String>>, errors: &mut Vec<Diagnostic>) {
    let known: BTreeSet<&str> =
        loaded.policies.iter().flat_map(|(p, _)| &p.about.packs).map(String::as_str).collect();
    for pack in packs.into_iter().flatten().filter(|p| *p != "all" && !known.contains(p.as_str())) {
        let names: Vec<&str> = known.iter().copied().chain(["all"]).collect();
        let help = Some(format!("packs are {}", names.join(", ")));
        errors.push(Diagnostic {
            help,
            ..Diagnostic::of_file("selection", format!("no policy is in the pack {pack}"))
        });
    }
}
