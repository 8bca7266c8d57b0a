//! Reading policies out of the texts of their sources.
//!
//! A policy that does not compile is refused whole, with everything that is wrong with it; the others load.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use crate::admission_policy::Bindings;
use crate::cel::profile::{Profile, Release};
use crate::cel::stored::StoredPrograms;
use crate::diagnostic::Diagnostic;
use crate::dialect::{self, Issue, Lowered, Written};
use crate::document::{Document, NodeRef};
use crate::finding::{Excepting, PolicyRef, PolicyText};
use crate::manifest::compose::{Oddity, Remark, compose};
use crate::manifest::split::split;
use crate::resource::workload::TemplatePaths;

use super::PolicySet;
use super::adjustments::Adjustments;
use super::embedded;
use super::kept::{Origin, Refused};
use super::names::Names;
use super::outline::{Outline, Reading, Unmet};
use super::ready::Ready;
pub use super::source::PolicySources;
use crate::check::{Policy, whole};
use crate::policy::exception::Exception;

/// Policies that compile, and what is wrong with the others.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The policies, in the order they were found; `true`: of the embedded library.
    pub policies: Vec<(Policy, bool)>,
    /// What lifts their findings, in the order they were found.
    pub exceptions: Vec<Exception>,
    /// What binds admission policies of the API server.
    pub bindings: Bindings,
    /// Policies whose bindings are among what is wrong.
    pub badly_bound: Vec<PolicyRef>,
    /// What is wrong.
    pub errors: Vec<Diagnostic>,
    /// Where each of the policies and exceptions was read.
    pub origins: BTreeMap<PolicyRef, Origin>,
    /// Where each of the policies says its name, in their order; nothing for those of the embedded library.
    pub(crate) names: Vec<Option<NamePlace>>,
    /// What of the sources is not among the policies because of that.
    pub refused: Vec<Refused>,
    /// Documents in policy files that are no policies of ours.
    pub passed_over: usize,
    /// The policies of the library that the run takes nothing of.
    pub unread: Vec<&'static Outline>,
    /// Those that are read when an object meets them.
    pub unmet: Vec<&'static Outline>,
    /// The CEL that these are written in, where the library was asked for.
    pub profile: Option<Profile>,
    /// The cluster's minor version, where it is known.
    pub minor: Option<u32>,
}

/// Where a policy says its name.
#[derive(Debug, Clone)]
pub(crate) struct NamePlace {
    /// As messages call it.
    file: Arc<str>,
    text: Arc<str>,
    range: Range<usize>,
}

impl Loaded {
    /// Reads each of some texts, in parallel, and adds what came of them in their order.
    pub(super) fn add_all<T: Sync>(&mut self, texts: &[T], read: impl Fn(&T, &mut Self) + Sync) {
        let parts = texts.par_iter().map(|text| {
            let mut part = Self::default();
            read(text, &mut part);
            part
        });
        for Self {
            policies,
            exceptions,
            bindings,
            badly_bound,
            errors,
            origins,
            names,
            refused,
            passed_over,
            unread: _,
            unmet: _,
            profile: _,
            minor: _,
        } in parts.collect::<Vec<_>>()
        {
            self.policies.extend(policies);
            self.exceptions.extend(exceptions);
            let Bindings { validating, mutating } = bindings;
            self.bindings.validating.extend(validating);
            self.bindings.mutating.extend(mutating);
            self.badly_bound.extend(badly_bound);
            self.names.extend(names);
            self.errors.extend(errors);
            // of twins the first counts
            origins.into_iter().for_each(|(policy, origin)| {
                self.origins.entry(policy).or_insert(origin);
            });
            self.refused.extend(refused);
            self.passed_over += passed_over;
        }
    }

    /// Reads those of the library that have this name, where they are not read yet.
    pub fn read_named(&mut self, name: &str) {
        let known = self.policies.len();
        let waiting = self.unmet.iter().chain(&self.unread);
        let named: Vec<_> = waiting.copied().filter(|outline| outline.name == name).collect();
        for all in [&mut self.unmet, &mut self.unread] {
            all.retain(|outline| outline.name != name);
        }
        self.read_library(named);
        if let Some(minor) = self.minor {
            self.policies[known..].iter_mut().for_each(|(policy, _)| policy.set_minor_version(minor));
        }
    }

    /// Reads policies of the library.
    pub(super) fn read_library(&mut self, outlines: impl IntoIterator<Item = &'static Outline>) {
        let profile = self.profile.unwrap_or(Profile::NEWEST);
        let files: Vec<_> = outlines.into_iter().map(|outline| embedded::files()[outline.file]).collect();
        self.add_all(&files, |(name, text), part| {
            read_text(&format!("{}{name}", embedded::PREFIX), text, true, profile, part);
        });
    }

    /// All its names: those of policies that are not read, too.
    #[must_use]
    pub fn names(&self) -> Names {
        let read = Names::of(self.policies.iter().map(|(policy, _)| policy));
        read.with_library(self.unmet.iter().chain(&self.unread).copied())
    }

    /// What may not be meant in the policies that are read from files; found anew each time, for it takes as long as loading.
    #[must_use]
    pub fn remarks(&self) -> Vec<Diagnostic> {
        let mut remarks = Vec::new();
        for NamePlace { file, text, range } in self.names.iter().flatten() {
            let own = split(text, 0).into_iter().find(|chunk| chunk.range.contains(&range.start));
            let document = own.and_then(|chunk| compose(text, chunk.range).ok()?.document);
            let Some((document, dialect)) = document.as_ref().and_then(|d| Some((d, dialect::of(d.root())?)))
            else {
                continue;
            };
            let root = document.root();
            let issues = dialect.remarks(root).into_iter();
            remarks.extend(issues.map(|issue| diagnostic(file, text, root, issue)));
        }
        remarks
    }

    /// Tells policies that know versions of Kubernetes which one the cluster has.
    pub fn for_release(&mut self, release: Release) {
        self.minor = Some(release.minor);
        for (policy, _) in &mut self.policies {
            policy.set_minor_version(release.minor);
            if let Some(whole) = whole(policy) {
                whole.for_release(release.minor);
            }
        }
    }

    pub(super) fn refuse(&mut self, file: &str, policy: Option<PolicyRef>) {
        self.refused.push(Refused { file: file.to_owned(), policy });
    }

    /// The set of what was loaded, adjusted.
    #[must_use]
    pub fn into_set(self, adjustments: &Adjustments, templates: TemplatePaths) -> PolicySet {
        let wholes = self.policies.iter().filter_map(|(policy, _)| whole(policy));
        wholes.for_each(|whole| whole.bind(&self.bindings));
        let policies = self.policies.into_iter();
        let policies =
            policies.filter_map(|(policy, embedded)| adjustments.apply(policy, embedded).map(Arc::new));
        let reading = Reading {
            profile: self.profile.unwrap_or(Profile::NEWEST),
            minor: self.minor,
            adjustments: adjustments.clone(),
        };
        let reading = Arc::new(reading);
        let unmet = self.unmet.into_iter().map(|outline| Unmet { outline, reading: Arc::clone(&reading) });
        PolicySet::with_unmet(policies.collect(), unmet.filter(Unmet::runs).collect(), templates)
            .with_exceptions(self.exceptions.into_iter().map(Arc::new).collect())
    }
}

/// Reads all policies of the sources.
#[must_use]
pub fn load(sources: &PolicySources) -> Loaded {
    let mut loaded = load_when_met(sources, None, &[]);
    let unmet = std::mem::take(&mut loaded.unmet);
    loaded.read_library(unmet);
    loaded
}

/// Reads the policies of the sources and of the input that is judged; those of the library when they are met, and where `packs`
/// are given, only those of one of these packs, or of none. Of one name the first is taken, those of the sources before those
/// of the input.
#[must_use]
pub fn load_when_met(
    sources: &PolicySources,
    packs: Option<&BTreeSet<String>>,
    input: &[InputText],
) -> Loaded {
    let mut loaded = Loaded::default();
    for source in sources.all() {
        source.read(packs, sources.profile, &mut loaded);
    }
    loaded.add_all(input, |InputText { name, text }, part| {
        read_documents((name, text), false, sources.profile, part, false);
    });
    refuse_twins(&mut loaded);
    refuse_twin_exceptions(&mut loaded);
    loaded
}

/// The text of a policy as it is written, of the embedded library or of a file.
#[must_use]
pub fn written(sources: &PolicySources, policy: &PolicyRef) -> Option<String> {
    // the library is looked at last: a policy of one's own has no name of the library while both are loaded
    let mut all = sources.all();
    all.rotate_left(usize::from(sources.embedded));
    all.iter().flat_map(|source| source.texts()).find_map(|text| document_of(&text, policy))
}

/// The document of a text that is this policy.
fn document_of(text: &str, policy: &PolicyRef) -> Option<String> {
    if !text.contains(&policy.name) {
        return None;
    }
    split(text, 0).into_iter().find_map(|chunk| {
        let document = compose(text, chunk.range.clone()).ok()?.document?;
        let root = document.root();
        let metadata = root.get("metadata")?;
        let same = root.get_str("kind") == Some(policy.kind)
            && metadata.get_str("name") == Some(&policy.name)
            && metadata.get_str("namespace") == policy.namespace.as_deref()
            && dialect::of(root).is_some();
        let written =
            text.get(chunk.range)?.trim_start_matches("---").trim_start_matches(['\r', '\n']).trim_end();
        same.then(|| format!("{written}\n"))
    })
}

/// A text of the input that is judged, which may hold policies.
#[derive(Debug, Clone)]
pub struct InputText {
    /// As messages call it.
    pub name: String,
    /// The whole text.
    pub text: String,
}

/// Reads the policies of one text.
pub fn read_text(name: &str, text: &str, embedded: bool, profile: Profile, loaded: &mut Loaded) {
    read_documents((name, text), embedded, profile, loaded, true);
}

/// Reads a policy of the library. Nothing can be wrong with it; `when_run`: where its expressions wait until they are run, what is
/// stored of them.
///
/// # Panics
/// Never: the tests read the library in every profile of CEL.
pub(super) fn read_own(outline: &Outline, profile: Profile, when_run: Option<StoredPrograms>) -> Policy {
    let (name, text) = embedded::files()[outline.file];
    let file = format!("{}{name}", embedded::PREFIX).into();
    let written = Written { file, text: PolicyText::Embedded(text), when_run };
    let ready = when_run.and_then(|_| Ready::of(outline)?.document(text));
    let document = ready.or_else(|| compose(text, 0..text.len()).ok()?.document);
    let root = document.as_ref().map(Document::root);
    let lowered = root.and_then(|root| dialect::of(root)?.lower(root, profile, &written).ok());
    match lowered {
        Some(Lowered::Policy(policy)) => *policy,
        _ => unreachable!("the tests read the library"),
    }
}

/// `tells`: whether documents that are not YAML are told of; of manifests somebody else does.
fn read_documents(
    (name, text): (&str, &str),
    embedded: bool,
    profile: Profile,
    loaded: &mut Loaded,
    tells: bool,
) {
    let own = embedded::text(name).filter(|_| embedded).map(PolicyText::Embedded);
    let text_of = own.unwrap_or_else(|| PolicyText::Read(text.into()));
    let written = Written { file: name.into(), text: text_of, when_run: None };
    for chunk in split(text, 0) {
        let composed = match compose(text, chunk.range.clone()) {
            Ok(composed) => composed,
            Err(_) if !tells => continue,
            Err(refusal) => {
                loaded.refuse(name, None);
                loaded.errors.push(Diagnostic::at(
                    name,
                    &written.text.shared(),
                    refusal.at..refusal.at,
                    refusal.error.to_string(),
                ));
                continue;
            }
        };
        let Some(document) = composed.document else { continue };
        let root = document.root();
        let Some(dialect) = dialect::of(root) else {
            loaded.passed_over += 1;
            continue;
        };
        let mut misread = misread(root, text, &composed.remarks);
        let lowered = dialect.lower(root, profile, &written);
        let origin = || Origin::of(name.to_owned(), text.get(chunk.range.clone()).unwrap_or_default());
        let issues = match lowered {
            Ok(Lowered::Exception(exception)) if misread.is_empty() => {
                loaded.origins.entry(exception.info.id.clone()).or_insert_with(origin);
                loaded.exceptions.push(*exception);
                continue;
            }
            Ok(Lowered::ValidatingBinding(binding)) if misread.is_empty() => {
                loaded.bindings.validating.push(Arc::from(binding));
                continue;
            }
            Ok(Lowered::MutatingBinding(binding)) if misread.is_empty() => {
                loaded.bindings.mutating.push(Arc::from(binding));
                continue;
            }
            Ok(Lowered::Policy(policy)) if misread.is_empty() => {
                loaded.origins.entry(policy.id.clone()).or_insert_with(origin);
                loaded.policies.push((*policy, embedded));
                let span = root.at("/metadata/name").and_then(|name| name.span()).filter(|_| !embedded);
                loaded.names.push(span.map(|span| {
                    let range = span.start as usize..span.end as usize;
                    NamePlace { file: name.into(), text: written.text.shared(), range }
                }));
                continue;
            }
            Ok(_) => misread,
            Err(mut issues) => {
                // what was read as something else may be wrong for that alone
                issues.retain(|issue| misread.iter().all(|other| other.node != issue.node));
                issues.append(&mut misread);
                issues.sort_by_key(|issue| issue.node);
                issues
            }
        };
        loaded.refuse(name, dialect.reference(root));
        loaded.badly_bound.extend(dialect.binds(root));
        loaded
            .errors
            .extend(issues.into_iter().map(|issue| diagnostic(name, &written.text.shared(), root, issue)));
    }
}

/// Values that YAML reads as something else than what is written there: in a policy they are a mistake, whichever of
/// the two was meant.
fn misread(root: NodeRef<'_>, text: &str, remarks: &[Remark]) -> Vec<Issue> {
    let in_quotes = "put it in quotes where the text is meant";
    remarks
        .iter()
        // kubectl's YAML reads the key `on` as `true`, and so does the format
        .filter(|remark| !remark.is_key)
        .filter_map(|Remark { oddity, node, span, .. }| {
            let written = text.get(span.start as usize..span.end as usize)?;
            let value = root.document().node(*node).to_json();
            let what = match oddity {
                Oddity::BooleanWord => "boolean",
                Oddity::Float if value == written => return None,
                Oddity::LeadingZero | Oddity::Float | Oddity::BigInteger => "number",
            };
            let issue = Issue::new(*node, format!("{written} is read as the {what} {value}"));
            Some(issue.help(format!("write {value}, or {in_quotes}")))
        })
        .collect()
}

fn diagnostic(name: &str, file: &Arc<str>, root: NodeRef<'_>, issue: Issue) -> Diagnostic {
    let Issue { message, help, node, at_key, within } = issue;
    let mut written = Some(root.document().node(node));
    while let Some(at) = written
        && at.span().is_none()
    {
        written = at.parent();
    }
    let span =
        written.and_then(|node| if at_key { node.key_span().or_else(|| node.span()) } else { node.span() });
    let range = span.map_or(0..0, |span| span.start as usize..span.end as usize);
    // a place inside an expression can be shown where the expression stands in the text as it is
    let value = root.document().node(node).as_str();
    let within = within.zip(value).and_then(|((start, end), value)| {
        let offset = range.start + file.get(range.clone())?.find(value)?;
        Some(offset + start as usize..offset + end as usize)
    });
    let range = within.unwrap_or(range);
    Diagnostic { help, ..Diagnostic::at(name, file, range, message) }
}

/// Of two policies of one kind and name the second is refused: their findings could not be told apart.
fn refuse_twins(loaded: &mut Loaded) {
    if loaded.policies.iter().all(|(_, embedded)| *embedded) {
        // no two of the library have one name: the tests read it
        return;
    }
    let unread = loaded.unmet.iter().chain(&loaded.unread);
    let mut seen: BTreeMap<PolicyRef, Option<Arc<str>>> =
        unread.map(|outline| (outline.id(), None)).collect();
    let errors = &mut loaded.errors;
    let mut names = std::mem::take(&mut loaded.names).into_iter();
    let kept = &mut loaded.names;
    loaded.policies.retain(|(policy, _)| {
        let place = names.next().flatten();
        let first = match seen.entry(policy.id.clone()) {
            Entry::Vacant(entry) => {
                entry.insert(place.as_ref().map(|place| Arc::clone(&place.file)));
                kept.push(place);
                return true;
            }
            Entry::Occupied(entry) => entry.get().clone(),
        };
        let (where_else, help) = match &first {
            Some(file) => (format!("in {file}"), "rename one of them"),
            None => (
                "in the embedded library".to_owned(),
                "rename it, or leave the embedded library out with --no-embedded",
            ),
        };
        let message = format!("{} is already defined {where_else}", policy.id);
        let error = match place {
            Some(NamePlace { file, text, range }) => Diagnostic::at(file, &text, range, message),
            None => Diagnostic::of_usage(message),
        };
        errors.push(Diagnostic { help: Some(help.to_owned()), ..error });
        false
    });
}

/// The same of exceptions: which of two lifted a finding could not be told.
fn refuse_twin_exceptions(loaded: &mut Loaded) {
    let mut seen: BTreeMap<PolicyRef, String> = BTreeMap::new();
    let errors = &mut loaded.errors;
    loaded.exceptions.retain(|exception| {
        let Excepting { id, written, .. } = &*exception.info;
        let file = written.as_ref().map_or("", |place| &place.file).to_owned();
        let first = match seen.entry(id.clone()) {
            Entry::Vacant(entry) => {
                entry.insert(file);
                return true;
            }
            Entry::Occupied(entry) => entry.get().clone(),
        };
        let message = format!("{id} is already defined in {first}");
        let error = match written {
            Some(place) => {
                let range = place.span.start as usize..place.span.end as usize;
                Diagnostic::at(&place.file, &place.text.shared(), range, message)
            }
            None => Diagnostic::of_usage(message),
        };
        errors.push(Diagnostic { help: Some("rename one of them".to_owned()), ..error });
        false
    });
}
