//! Finding test files and reading them, every fault at its place.

use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::written::{self, KIND, TestFile};
use crate::diagnostic::Diagnostic;
use crate::dialect::native;
use crate::document::{DecodeError, NodeRef};
use crate::manifest::compose::compose;
use crate::manifest::decode::decode;
use crate::manifest::split::split;
use crate::nearest::meant;
use crate::store::source::files_below;

/// The largest test file that is read.
const FILE_LIMIT: u64 = 4 << 20;

/// A test, and where its parts stand.
#[derive(Debug, Clone)]
pub struct PolicyTest {
    /// The test's `metadata.name`.
    pub name: String,
    /// The file, as it was named.
    pub file: String,
    /// The file's text.
    pub text: Arc<str>,
    /// The policies, made relative to where the run is.
    pub policies: Vec<PathBuf>,
    /// Where they stand.
    pub policies_at: Range<usize>,
    /// The cases that its file writes down.
    pub cases: Vec<Case>,
}

/// A case, and where its parts stand.
#[derive(Debug, Clone)]
pub struct Case {
    /// The case, as the file has it.
    pub written: written::Case,
    /// Its name's bytes.
    pub at: Range<usize>,
    /// Its first key; where its keys are indented to.
    pub first_key: usize,
    /// The manifests' bytes.
    pub manifests_at: Range<usize>,
    /// The parameters' bytes.
    pub parameters_at: Range<usize>,
    /// The key `expect`.
    pub expect_key: Option<Range<usize>>,
    /// The entries of `expect`, and the findings of each.
    pub expect_at: Vec<(Range<usize>, Vec<Range<usize>>)>,
}

impl PolicyTest {
    /// Something wrong at a place of the test's file.
    #[must_use]
    pub fn fault(&self, at: Range<usize>, message: impl Into<String>) -> Diagnostic {
        Diagnostic::at(&self.file, &self.text, at, message)
    }

    /// `file:line:column` of a byte.
    #[must_use]
    pub fn place(&self, at: &Range<usize>) -> String {
        match self.fault(at.clone(), "").position() {
            Some((line, column)) => format!("{}:{line}:{column}", self.file),
            None => self.file.clone(),
        }
    }
}

/// The tests below some paths.
#[derive(Debug, Default)]
pub struct Found {
    /// In the order of their files.
    pub tests: Vec<PolicyTest>,
    /// What is wrong with files and tests.
    pub errors: Vec<Diagnostic>,
}

/// Reads all tests below these files and folders.
#[must_use]
pub fn find(paths: &[PathBuf]) -> Found {
    let mut found = Found::default();
    let mut files = BTreeSet::new();
    for path in paths {
        if !path.exists() {
            found.errors.push(Diagnostic::of_file(path.display(), "no such file or folder"));
            continue;
        }
        for file in files_below(path) {
            match file {
                Ok(file) => _ = files.insert(file),
                Err(error) => found.errors.push(error),
            }
        }
    }
    for file in files {
        let name = file.to_string_lossy().replace('\\', "/");
        let text = fs::read(&file)
            .map_err(|error| error.to_string())
            .and_then(|bytes| decode(bytes, FILE_LIMIT).map_err(|error| error.to_string()));
        match text {
            Ok(text) => read_text(&name, &text, &mut found),
            Err(error) => found.errors.push(Diagnostic::of_file(name, error)),
        }
    }
    found
}

/// Reads the tests of one text; what else it holds is passed over.
pub fn read_text(name: &str, text: &str, found: &mut Found) {
    if !text.contains(KIND) {
        return;
    }
    let file = Arc::<str>::from(text);
    for chunk in split(text, 0) {
        let composed = match compose(text, chunk.range) {
            Ok(composed) => composed,
            Err(refusal) => {
                let message = refusal.error.to_string();
                found.errors.push(Diagnostic::at(name, &file, refusal.at..refusal.at, message));
                continue;
            }
        };
        let Some(document) = composed.document else { continue };
        let root = document.root();
        let ours = root.get_str("apiVersion").is_some_and(|v| v.starts_with("plimsoll.dev/"));
        if !ours || root.get_str("kind") != Some(KIND) {
            continue;
        }
        let test = test_of(name, &file, root);
        match test {
            Ok(test) => found.tests.push(test),
            Err(error) => found.errors.push(*error),
        }
    }
}

/// Where a node stands, or its nearest ancestor that was written.
fn range(node: NodeRef<'_>) -> Range<usize> {
    let mut written = Some(node);
    while let Some(at) = written {
        if let Some(span) = at.span() {
            return span.start as usize..span.end as usize;
        }
        written = at.parent();
    }
    0..0
}

fn key_range(node: NodeRef<'_>) -> Range<usize> {
    node.key_span().map_or_else(|| range(node), |span| span.start as usize..span.end as usize)
}

fn test_of(name: &str, file: &Arc<str>, root: NodeRef<'_>) -> Result<PolicyTest, Box<Diagnostic>> {
    let wrong = |at: Range<usize>, message: String| Box::new(Diagnostic::at(name, file, at, message));
    let hidden = root.descendants().filter(|n| n.is_object()).find_map(|n| n.shadowed_members().next());
    if let Some((key, node)) = hidden {
        return Err(wrong(key_range(node), format!("key `{key}` is written twice")));
    }
    let written = root.decode::<TestFile>().map_err(|error| {
        let node = root.document().node(error.node);
        let help = meant(&error, node);
        let DecodeError { message, at_key, .. } = error;
        let at = if at_key { key_range(node) } else { range(node) };
        Box::new(Diagnostic { help, ..*wrong(at, message) })
    })?;
    let TestFile { api_version, kind: _, metadata, spec } = written;
    let at = |pointer: &str| root.at(pointer).map_or(0..0, range);
    if api_version != native::API_VERSION {
        let message = format!("apiVersion must be {}", native::API_VERSION);
        return Err(wrong(at("/apiVersion"), message));
    }
    if spec.policies.is_empty() {
        return Err(wrong(at("/spec/policies"), "tests no policy".to_owned()));
    }
    if spec.cases.is_empty() {
        return Err(wrong(at("/spec/cases"), "a test without cases expects nothing".to_owned()));
    }
    let mut names = BTreeSet::new();
    let mut cases = Vec::with_capacity(spec.cases.len());
    let nodes = root.at("/spec/cases").into_iter().flat_map(NodeRef::items);
    for (written, node) in spec.cases.into_iter().zip(nodes) {
        let case = case_of(written, node);
        if !names.insert(case.written.name.clone()) {
            return Err(wrong(case.at, format!("a second case named {:?}", case.written.name)));
        }
        cases.push(case);
    }
    let folder = Path::new(name).parent().unwrap_or(Path::new(""));
    Ok(PolicyTest {
        name: metadata.name,
        file: name.to_owned(),
        text: Arc::clone(file),
        policies: spec.policies.iter().map(|policy| normal(&folder.join(policy))).collect(),
        policies_at: at("/spec/policies"),
        cases,
    })
}

fn case_of(written: written::Case, node: NodeRef<'_>) -> Case {
    let of = |key: &str| node.get(key).map_or_else(|| range(node), range);
    let expect = node.get("expect");
    let entries = expect.into_iter().flat_map(NodeRef::items);
    Case {
        written,
        at: of("name"),
        first_key: node.members().next().map_or(0, |(_, first)| key_range(first).start),
        manifests_at: of("manifests"),
        parameters_at: of("parameters"),
        expect_key: expect.map(key_range),
        expect_at: entries
            .map(|entry| {
                let findings = entry.get("findings").into_iter().flat_map(NodeRef::items);
                (range(entry.get("object").unwrap_or(entry)), findings.map(range).collect())
            })
            .collect(),
    }
}

/// Without `..` where that is the same, as messages show it.
fn normal(path: &Path) -> PathBuf {
    let mut parts: Vec<Component<'_>> = Vec::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(parts.last(), Some(Component::Normal(_))) => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.into_iter().collect()
}
