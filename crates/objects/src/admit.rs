//! From a written object to the one that a mutating webhook is sent: the one entry for callers.
//!
//! ```text
//! written ─ kind ─▶ decode (400) ─▶ defaults ─▶ plugins (403, 404) ─▶ Admitted ─ validate (422) ─▶
//! ```

mod custom;

use document::{Document, LimitError, NodeId, NodeRef};

use crate::custom::{Definition, Definitions, Version};
use crate::decode::{Decoder, Problem, ProblemKind, in_order};
use crate::field::{Cause, status_message};
use crate::plugins::{self, Cluster, Plugins};
use crate::schema::{self, KindRow};
use crate::{defaults, validate};

/// What becomes of unknown fields (`fieldValidation` of a request).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// They are an error: what kubectl asks for.
    Strict,
    /// They are warned of: the server's default.
    #[default]
    Warn,
    /// They are dropped in silence.
    Ignore,
}

/// How an object is created.
#[derive(Clone, Copy)]
pub struct Options<'c> {
    /// The minor release of Kubernetes.
    pub minor: u8,
    /// What becomes of unknown fields.
    pub mode: Mode,
    /// The admission plugins of the server.
    pub plugins: Plugins,
    /// What else there is.
    pub cluster: &'c dyn Cluster,
    /// The namespace of the request, for objects that name none.
    pub namespace: &'c str,
}

/// Why the server would not take an object.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// The HTTP status; none where nothing can be sent.
    pub code: Option<u16>,
    /// `BadRequest`, `Invalid`, …; of what cannot be sent `NoKindMatch`, `NoKind`, `NoApiVersion`, `NotAnObject`.
    pub reason: &'static str,
    /// What the server says.
    pub message: String,
    /// One by one, where it lists them.
    pub causes: Vec<Cause>,
    /// The nodes at fault: of the admitted object where it is invalid (422), else of the document that was written.
    pub nodes: Vec<NodeId>,
    /// Where it cannot be decoded (400): all that is wrong, of which the message tells what the server does.
    pub problems: Vec<Problem>,
}

/// What kind an object is of.
#[derive(Debug, Clone, Copy)]
pub enum Served<'c> {
    /// One that comes with Kubernetes.
    BuiltIn(&'static KindRow),
    /// One that a CustomResourceDefinition gives.
    Custom(&'c Definition, &'c Version),
}

impl Served<'_> {
    /// The API group, empty for core kinds.
    #[must_use]
    pub fn group(&self) -> &str {
        match self {
            Self::BuiltIn(row) => row.group,
            Self::Custom(definition, _) => &definition.group,
        }
    }

    /// The version of the request's kind.
    #[must_use]
    pub fn version(&self) -> &str {
        match self {
            Self::BuiltIn(row) => row.version,
            Self::Custom(_, version) => &version.name,
        }
    }

    /// The request's kind.
    #[must_use]
    pub fn kind(&self) -> &str {
        match self {
            Self::BuiltIn(row) => row.kind,
            Self::Custom(definition, _) => &definition.kind,
        }
    }

    /// The resource: `deployments`.
    #[must_use]
    pub fn resource(&self) -> &str {
        match self {
            Self::BuiltIn(row) => row.resource,
            Self::Custom(definition, _) => &definition.plural,
        }
    }

    /// Whether its objects are in namespaces; `None` for what is only sent to a subresource.
    #[must_use]
    pub fn namespaced(&self) -> Option<bool> {
        match self {
            Self::BuiltIn(row) => row.namespaced,
            Self::Custom(definition, _) => Some(definition.namespaced),
        }
    }
}

/// An object as a mutating webhook is sent it.
#[derive(Debug)]
pub struct Admitted<'d, 'c> {
    /// What it is.
    pub served: Served<'c>,
    /// The object; its nodes know their places in the text, or that they are Kubernetes' own.
    pub object: Document<'d>,
    /// What is wrong with what was written, and is no error in this mode.
    pub problems: Vec<Problem>,
    /// What the server warns of.
    pub warnings: Vec<String>,
}

impl Refusal {
    fn new(code: Option<u16>, reason: &'static str, message: String, node: NodeId) -> Self {
        Self { code, reason, message, causes: Vec::new(), nodes: vec![node], problems: Vec::new() }
    }

    pub(crate) fn forbidden(message: String, node: NodeId) -> Self {
        Self::new(Some(403), "Forbidden", message, node)
    }

    pub(crate) fn not_found(message: String, node: NodeId) -> Self {
        Self::new(Some(404), "NotFound", message, node)
    }
}

/// The group and version of an `apiVersion`; the group of core kinds is empty.
#[must_use]
pub fn split(api_version: &str) -> (&str, &str) {
    api_version.rsplit_once('/').unwrap_or(("", api_version))
}

/// The kind of an object in a release, which may be one of the custom kinds that are known.
///
/// # Errors
/// When it has none, or is of a kind that is not served: what kubectl says.
pub fn kind_of<'c>(
    written: NodeRef<'_>,
    minor: u8,
    definitions: &'c Definitions,
) -> Result<Served<'c>, Refusal> {
    let refuse = |reason, message| Refusal::new(None, reason, message, written.id());
    if !written.is_object() {
        let found = if written.is_array() { "array" } else { "string" };
        let message = format!("json: cannot unmarshal {found} into Go value of type unstructured.detector");
        return Err(refuse("NotAnObject", message));
    }
    let kind = written.get_str("kind").unwrap_or("");
    if kind.is_empty() {
        return Err(refuse("NoKind", "Object 'Kind' is missing".to_owned()));
    }
    let api_version = written.get_str("apiVersion").unwrap_or("");
    if api_version.is_empty() {
        return Err(refuse("NoApiVersion", "the server could not find the requested resource".to_owned()));
    }
    let (group, version) = split(api_version);
    if let Some(row) = schema::kind(group, version, kind, minor).filter(|row| !row.resource.is_empty()) {
        return Ok(Served::BuiltIn(row));
    }
    if let Some((definition, version)) = definitions.find(group, version, kind) {
        return Ok(Served::Custom(definition, version));
    }
    let mut refusal =
        refuse("NoKindMatch", format!("no matches for kind \"{kind}\" in version \"{api_version}\""));
    refusal.nodes = written.get("kind").into_iter().map(NodeRef::id).collect();
    Err(refusal)
}

/// What a mutating webhook is sent of an object that is created.
///
/// # Errors
/// When the server would not come so far.
pub fn admit<'d, 'c>(
    written: NodeRef<'d>,
    served: Served<'c>,
    options: &Options<'_>,
) -> Result<Admitted<'d, 'c>, Refusal> {
    admit_request(written, served, options, Request::default())
}

/// How an object arrives, beside what it is.
#[derive(Clone, Copy, Default)]
pub struct Request<'o> {
    /// What it replaces, on UPDATE.
    pub stored: Option<NodeRef<'o>>,
    /// Whether the server is sent the text as it is written, where fields that are there twice count. What kubectl and
    /// client libraries send has the last of them only.
    pub posted: bool,
}

/// What a mutating webhook is sent of an object.
///
/// # Errors
/// When the server would not come so far.
pub fn admit_request<'d, 'c>(
    written: NodeRef<'d>,
    served: Served<'c>,
    options: &Options<'_>,
    request: Request<'_>,
) -> Result<Admitted<'d, 'c>, Refusal> {
    match served {
        Served::BuiltIn(row) => built_in(written, row, options, request),
        Served::Custom(definition, version) => custom::admit(written, definition, version, options, request),
    }
}

/// A refusal to decode (400).
fn bad_request(served: &Served<'_>, message: &str, nodes: Vec<NodeId>) -> Refusal {
    let (kind, version) = (served.kind(), served.version());
    let message = format!("{kind} in version \"{version}\" cannot be handled as a {kind}: {message}");
    let (causes, problems) = (Vec::new(), Vec::new());
    Refusal { code: Some(400), reason: "BadRequest", message, causes, nodes, problems }
}

fn built_in<'d, 'c>(
    written: NodeRef<'d>,
    row: &'static KindRow,
    options: &Options<'_>,
    request: Request<'_>,
) -> Result<Admitted<'d, 'c>, Refusal> {
    let served = Served::BuiltIn(row);
    let Some(definition) = row.definition() else {
        return Err(Refusal::new(None, "NoKindMatch", String::new(), written.id()));
    };
    let mut decoder = Decoder::new(written, options.minor, request.posted);
    let root = decoder.tree.root();
    decoder.object(root, definition, Some(written));
    let (mut tree, problems) = decoder.finish();
    let problems = in_order(problems, written);
    if let Some(first) = problems.first().filter(|problem| problem.kind < ProblemKind::Unknown) {
        let refusal = bad_request(&served, &first.message, vec![first.node]);
        return Err(Refusal { problems, ..refusal });
    }
    if options.mode == Mode::Strict && !problems.is_empty() {
        let unknown: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
        let nodes = problems.iter().map(|problem| problem.node).collect();
        let refusal = bad_request(&served, &format!("strict decoding error: {}", unknown.join(", ")), nodes);
        return Err(Refusal { problems, ..refusal });
    }
    defaults::apply(&mut tree, options.minor);
    defaults::convert(&mut tree);
    plugins::run(&mut tree, served, options, written, request.stored)?;
    let object = tree.finish().map_err(|limit| too_large(&limit, written))?;
    let mut warnings: Vec<String> = match options.mode {
        Mode::Warn => problems.iter().map(|problem| problem.message.clone()).collect(),
        _ => Vec::new(),
    };
    if (row.group, row.kind) == ("", "Endpoints") && options.minor >= 33 {
        warnings.push(ENDPOINTS.to_owned());
    }
    Ok(Admitted { served, object, problems, warnings })
}

/// What the server says of every object of this kind.
const ENDPOINTS: &str = "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice";

fn too_large(limit: &LimitError, written: NodeRef<'_>) -> Refusal {
    Refusal::new(Some(413), "RequestEntityTooLarge", limit.to_string(), written.id())
}

impl Admitted<'_, '_> {
    /// What the server finds when it validates the object (422), and what it warns of where it finds nothing.
    ///
    /// # Errors
    /// When there is something.
    pub fn validate<'o>(&'o self, old: Option<NodeRef<'o>>) -> Result<Vec<String>, Refusal> {
        let warnings = self.served.validate(self.object.root(), old)?;
        Ok(self.warnings.iter().cloned().chain(warnings).collect())
    }
}

impl Served<'_> {
    /// What the server finds when it validates an object that is decoded and defaulted (422), and what it warns of where it
    /// finds nothing.
    ///
    /// # Errors
    /// When there is something.
    pub fn validate<'o>(&self, root: NodeRef<'o>, old: Option<NodeRef<'o>>) -> Result<Vec<String>, Refusal> {
        let (causes, warnings) = self.judge(root, old)?;
        if causes.is_empty() {
            return Ok(warnings);
        }
        let name = root.get("metadata").and_then(|metadata| metadata.get_str("name")).unwrap_or("");
        // those of both groups are of one kind inside of the server
        let group = if self.kind() == "Event" { "" } else { self.group() };
        let message = status_message(group, self.kind(), name, &causes);
        let nodes = causes.iter().filter_map(|cause| cause.node).collect();
        Err(Refusal { code: Some(422), reason: "Invalid", message, causes, nodes, problems: Vec::new() })
    }

    /// Whether what the server finds in an object when it is created is the same under any other [plain](crate::names::is_plain)
    /// name.
    #[must_use]
    pub fn judges_alike_by_any_plain_name(&self, root: NodeRef<'_>) -> bool {
        let Self::BuiltIn(row) = self else { return false };
        let kind = validate::Kind { group: row.group, version: row.version, kind: row.kind };
        validate::is_judged_alike_by_any_plain_name(kind, root)
    }

    /// As [`Served::validate`], for who tells of each cause alone: the causes, and the warnings where there are none.
    ///
    /// # Errors
    /// When the object is too large to be validated.
    pub fn judge<'o>(
        &self,
        root: NodeRef<'o>,
        old: Option<NodeRef<'o>>,
    ) -> Result<(Vec<Cause>, Vec<String>), Refusal> {
        Ok(match self {
            Self::BuiltIn(row) => {
                let kind = validate::Kind { group: row.group, version: row.version, kind: row.kind };
                let causes = validate::validate(kind, root, old);
                let warnings =
                    if causes.is_empty() { validate::warnings(kind, root, old) } else { Vec::new() };
                (causes.into_vec(), warnings)
            }
            Self::Custom(definition, version) => {
                let causes =
                    definition.validate(version, root, old).map_err(|limit| too_large(&limit, root))?;
                let warnings =
                    if causes.is_empty() { definition.warnings(version, root, old) } else { Vec::new() };
                (causes.into_vec(), warnings)
            }
        })
    }
}
