//! Collecting causes at places of the internal form, which differ from those of the document.

use document::NodeRef;
use document::few::SortFew as _;

use crate::custom::fault::message;
use crate::custom::place::FieldPath;
use crate::field::{Cause, Reason, go_quote};

/// Causes, each with the node that is nearest to its place.
#[derive(Debug, Default)]
pub(super) struct Report {
    causes: Vec<Cause>,
}

impl Report {
    pub(super) fn len(&self) -> usize {
        self.causes.len()
    }

    pub(super) fn into_causes(self) -> Vec<Cause> {
        self.causes
    }

    pub(super) fn extend(&mut self, causes: impl IntoIterator<Item = Cause>) {
        self.causes.extend(causes);
    }

    pub(super) fn append(&mut self, other: Self) {
        self.causes.extend(other.causes);
    }

    /// As the server does where it goes over maps in any order.
    pub(super) fn sort(&mut self) {
        self.causes.sort_few_by(|one, two| (&one.field, &one.message).cmp(&(&two.field, &two.message)));
    }

    fn push(
        &mut self,
        place: &FieldPath<'_>,
        node: NodeRef<'_>,
        reason: Reason,
        value: Option<&str>,
        detail: &str,
    ) {
        self.causes.push(Cause {
            field: place.to_string(),
            reason,
            message: message(reason, value, detail),
            node: Some(node.id()),
        });
    }

    pub(super) fn required(&mut self, place: &FieldPath<'_>, node: NodeRef<'_>, detail: &str) {
        self.push(place, node, Reason::Required, None, detail);
    }

    pub(super) fn forbidden(&mut self, place: &FieldPath<'_>, node: NodeRef<'_>, detail: &str) {
        self.push(place, node, Reason::Forbidden, None, detail);
    }

    pub(super) fn internal(&mut self, place: &FieldPath<'_>, node: NodeRef<'_>, detail: &str) {
        self.push(place, node, Reason::Internal, None, detail);
    }

    pub(super) fn invalid_text(
        &mut self,
        place: &FieldPath<'_>,
        node: NodeRef<'_>,
        value: &str,
        detail: &str,
    ) {
        self.push(place, node, Reason::Invalid, Some(&go_quote(value)), detail);
    }

    /// The value as it is shown.
    pub(super) fn invalid(&mut self, place: &FieldPath<'_>, node: NodeRef<'_>, shown: &str, detail: &str) {
        self.push(place, node, Reason::Invalid, Some(shown), detail);
    }

    pub(super) fn duplicate(&mut self, place: &FieldPath<'_>, node: NodeRef<'_>, value: &str) {
        self.push(place, node, Reason::Duplicate, Some(&go_quote(value)), "");
    }

    pub(super) fn too_many(&mut self, place: &FieldPath<'_>, node: NodeRef<'_>, actual: usize, most: usize) {
        let detail = format!("must have at most {most} items");
        self.push(place, node, Reason::TooMany, Some(&actual.to_string()), &detail);
    }

    pub(super) fn not_supported(
        &mut self,
        place: &FieldPath<'_>,
        node: NodeRef<'_>,
        value: &str,
        supported: &[&str],
    ) {
        let supported: Vec<String> = supported.iter().map(|text| go_quote(text)).collect();
        let detail = format!("supported values: {}", supported.join(", "));
        self.push(place, node, Reason::NotSupported, Some(&go_quote(value)), &detail);
    }
}

/// The member, or the object where it is missing: the nearest node.
pub(super) fn member<'d>(node: NodeRef<'d>, name: &str) -> NodeRef<'d> {
    node.get_present(name).unwrap_or(node)
}

/// The strings of a list.
pub(super) fn strings<'d>(
    node: NodeRef<'d>,
    name: &str,
) -> impl Iterator<Item = (NodeRef<'d>, &'d str)> + use<'d> {
    node.get(name).into_iter().flat_map(NodeRef::items).filter_map(|item| Some((item, item.as_str()?)))
}

pub(super) fn flag(node: NodeRef<'_>, name: &str) -> bool {
    node.get(name).and_then(NodeRef::as_bool).unwrap_or(false)
}

/// Every schema directly within a schema.
pub(super) fn subschemas<'d>(schema: NodeRef<'d>, visit: &mut impl FnMut(NodeRef<'d>)) {
    for name in ["items", "additionalProperties", "additionalItems", "not"] {
        match schema.get_present(name) {
            Some(child) if child.is_object() => visit(child),
            Some(list) => list.items().for_each(&mut *visit),
            None => {}
        }
    }
    for name in ["allOf", "anyOf", "oneOf"] {
        schema.get(name).into_iter().flat_map(NodeRef::items).for_each(&mut *visit);
    }
    for name in ["properties", "patternProperties", "definitions", "dependencies"] {
        let members = schema.get(name).into_iter().flat_map(NodeRef::members);
        members.map(|(_, child)| child).filter(|child| child.is_object()).for_each(&mut *visit);
    }
}

/// Whether a schema or any within it is as asked.
pub(super) fn any_schema<'d>(schema: NodeRef<'d>, is: &mut impl FnMut(NodeRef<'d>) -> bool) -> bool {
    let mut found = is(schema);
    subschemas(schema, &mut |child| found = found || any_schema(child, is));
    found
}
