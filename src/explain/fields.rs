//! What a kind is made of, from the schemas of a release: `plimsoll explain Deployment.spec.replicas`.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::apiserver::documented::{element, link};
use crate::apiserver::{ApiServer, Serving};
use crate::document::{Document, Limits, NodeRef};
use crate::nearest::nearest;
use crate::objects::DEFAULTED;
use crate::objects::plugins::UnknownCluster;
use crate::objects::schema::{self, Definition, Field, KindRow, ListType, Type};
use crate::resource::identity::GroupVersionKind;

/// A kind that was named, and the fields on the way to what is asked about.
#[derive(Debug)]
pub struct Asked<'n> {
    row: &'static KindRow,
    path: Vec<&'n str>,
    minor: u8,
}

/// The kind that a name begins with, in the newest version that the release serves; `None`: there is none of that name. Kinds
/// may be written as resources, and in any case: `deployments.spec`.
#[must_use]
pub fn asked(name: &str, minor: u8) -> Option<Asked<'_>> {
    let mut parts = name.split('.').filter(|part| !part.is_empty());
    let kind = parts.next()?;
    let named = |row: &&KindRow| {
        (row.kind.eq_ignore_ascii_case(kind) || row.resource.eq_ignore_ascii_case(kind))
            && !row.resource.is_empty()
            && row.releases.contain(minor)
    };
    let stability = |row: &&KindRow| match row.version {
        version if version.contains("alpha") => 2,
        version if version.contains("beta") => 1,
        _ => 0,
    };
    // of the stable ones the last, which is the newest
    let rows = schema::kinds().filter(named);
    let row = rows.fold(None, |best: Option<&KindRow>, row| match best {
        Some(best) if stability(&best) < stability(&row) || best.group != row.group => Some(best),
        _ => Some(row),
    })?;
    Some(Asked { row, path: parts.map(|part| part.trim_end_matches("[]")).collect(), minor })
}

impl Asked<'_> {
    /// Whether it is about a field.
    #[must_use]
    pub fn is_field(&self) -> bool {
        !self.path.is_empty()
    }

    fn api_version(&self) -> String {
        let KindRow { group, version, kind, .. } = *self.row;
        GroupVersionKind { group, version, kind }.api_version()
    }

    /// What is known of it, for people.
    ///
    /// # Errors
    /// When there is no such field: what to write instead.
    pub fn render(&self) -> Result<String, String> {
        let Self { row, path, minor } = self;
        let api_version = self.api_version();
        let unknown = || format!("nothing is known of the fields of {}", row.kind);
        let mut definition = row.definition().ok_or_else(unknown)?;
        let mut field: Option<&'static Field> = None;
        let mut so_far = row.kind.to_owned();
        for (index, name) in path.iter().enumerate() {
            let Some(found) = definition.field(name, *minor) else {
                let names = definition.fields(*minor).map(|field| field.name);
                let hint = match nearest(name, names) {
                    Some(name) => format!("did you mean {so_far}.{name}?"),
                    None => format!("`plimsoll explain {so_far}` lists its fields"),
                };
                return Err(format!("{so_far} has no field {name}: {hint}"));
            };
            let _ = write!(so_far, ".{name}");
            field = Some(found);
            match element(&found.kind).definition() {
                Some(of) => definition = of,
                None if index + 1 < path.len() => {
                    return Err(format!(
                        "{so_far} is {}, and has no fields of its own",
                        type_of(&found.kind)
                    ));
                }
                None => {}
            }
        }
        let mut out = format!("{so_far} ({api_version}, Kubernetes 1.{minor})\n");
        if let Some(field) = field {
            self.about(field, &mut out);
        }
        let has_fields = field.is_none_or(|field| element(&field.kind).definition().is_some());
        if has_fields {
            self.list(definition, &mut out);
        }
        let _ = writeln!(out, "\nSee {}", link(definition, row, *minor));
        Ok(out)
    }

    fn about(&self, field: &Field, out: &mut String) {
        let mut tell = |what: &str, value: String| {
            let _ = writeln!(out, "  {what:<9} {value}");
        };
        tell("type", type_of(&field.kind));
        tell("required", if field.required { "yes" } else { "no" }.to_owned());
        if let Some(default) = self.default(&self.path) {
            tell("default", default);
        }
        if !field.values.is_empty() {
            tell("values", field.values.join(", "));
        }
        match &field.list {
            Some(ListType::Set) => tell("list", "no value twice".to_owned()),
            Some(ListType::Map(keys)) => {
                tell("list", format!("each item has its own {}", keys.join(" and ")))
            }
            _ => {}
        }
        if let Some(since) = since(field) {
            tell("since", since);
        }
        if field.deprecated {
            tell("note", "deprecated".to_owned());
        }
    }

    fn list(&self, of: &'static Definition, out: &mut String) {
        let rows: Vec<(&Field, String, Option<String>)> = of
            .fields(self.minor)
            .map(|field| {
                let path: Vec<&str> = self.path.iter().copied().chain([field.name]).collect();
                (field, type_of(&field.kind), self.default(&path))
            })
            .collect();
        let width =
            |of: fn(&(&Field, String, Option<String>)) -> usize| rows.iter().map(of).max().unwrap_or(0);
        let (names, types) = (width(|row| row.0.name.len()), width(|row| row.1.chars().count()));
        out.push('\n');
        for (field, of, default) in &rows {
            let mut notes = Vec::new();
            notes.extend(field.required.then(|| "required".to_owned()));
            notes.extend(default.as_ref().map(|default| format!("default {default}")));
            notes.extend((!field.values.is_empty()).then(|| format!("one of {}", field.values.join(", "))));
            notes.extend(since(field).map(|since| format!("since {since}")));
            notes.extend(field.deprecated.then(|| "deprecated".to_owned()));
            let line = format!("  {:<names$}  {of:<types$}  {}", field.name, notes.join("; "));
            let _ = writeln!(out, "{}", line.trim_end());
        }
    }

    /// What the API server puts there where nothing is written, found by asking for it: most defaults depend on what is
    /// around them.
    fn default(&self, path: &[&str]) -> Option<String> {
        let (last, around) = path.split_last()?;
        let mut object = json!({});
        let mut of = self.row.definition()?;
        let mut pointer = String::new();
        let mut steps = Vec::new();
        for name in around {
            let field = of.field(name, self.minor)?;
            let is_list = matches!(field.kind.pointed(), Type::List(..));
            of = element(&field.kind).definition()?;
            steps.push((*name, is_list));
            let _ = write!(pointer, "/{name}{}", if is_list { "/0" } else { "" });
        }
        for (name, is_list) in steps.into_iter().rev() {
            object = if is_list { json!({ name: [object] }) } else { json!({ name: object }) };
        }
        let Value::Object(members) = &mut object else { return None };
        members.insert("apiVersion".to_owned(), self.api_version().into());
        members.insert("kind".to_owned(), self.row.kind.into());
        let text = object.to_string();
        let document = Document::from_json(&text, Limits::default()).ok()?;
        let server = ApiServer::new(self.minor);
        let serving = Serving { server: &server, cluster: &UnknownCluster, namespace: "default" };
        let received = serving.receive(document.root(), None);
        let node = received.object.as_ref()?.root().at(&format!("{pointer}/{last}"))?;
        let told = node.origin() == Some(DEFAULTED) && !is_nothing(node) && *last != "status";
        told.then(|| node.to_json()).filter(|json| json.len() <= 40 && *last != "namespace")
    }
}

/// What Go writes in any case, and nobody would call a default.
fn is_nothing(node: NodeRef<'_>) -> bool {
    node.is_null() || (node.scalar().is_none() && node.is_empty()) || node.as_str() == Some("")
}

fn since(field: &Field) -> Option<String> {
    (field.releases.first > schema::OLDEST).then(|| format!("1.{}", field.releases.first))
}

fn type_of(kind: &Type) -> String {
    match kind.pointed() {
        Type::String(_) => "string".to_owned(),
        Type::Bool => "boolean".to_owned(),
        Type::Int(..) => "whole number".to_owned(),
        Type::Float => "number".to_owned(),
        Type::Bytes => "base64".to_owned(),
        Type::Quantity => "quantity, as in 500m or 1Gi".to_owned(),
        Type::IntOrString => "whole number, or a string".to_owned(),
        Type::Time | Type::MicroTime => "time, as in 2027-03-31T12:00:00Z".to_owned(),
        Type::Duration => "duration, as in 1m30s".to_owned(),
        Type::Raw => "anything".to_owned(),
        Type::SchemaOr(_) => "schema".to_owned(),
        Type::List(of, _) => format!("list of {}", type_of(of)),
        Type::Map(of, ..) => format!("map to {}", type_of(of)),
        other => other.definition().map_or_else(|| "object".to_owned(), |of| of.short_name().to_owned()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn said(name: &str) -> String {
        asked(name, 36).unwrap().render().unwrap_or_else(|error| error)
    }

    #[test]
    fn fields_say_their_type_default_and_values() {
        let replicas = said("deployment.spec.replicas");
        assert!(replicas.contains("whole number") && replicas.contains("default   1\n"), "{replicas}");
        let policy = said("Pod.spec.restartPolicy");
        assert!(policy.contains("default   \"Always\"") && policy.contains("OnFailure"), "{policy}");
        assert!(said("services").contains("Service (v1, "), "{}", said("services"));
        let port = said("Deployment.spec.template.spec.containers[].ports.protocol");
        assert!(port.contains("default   \"TCP\""), "{port}");
        let list = said("Pod.spec.containers");
        assert!(list.contains("list of Container") && list.contains("imagePullPolicy"), "{list}");
        assert!(said("horizontalpodautoscaler").contains("autoscaling/v2"), "the newest stable version");
    }

    #[test]
    fn a_field_that_there_is_not() {
        assert_eq!(
            said("Deployment.spec.replica"),
            "Deployment.spec has no field replica: did you mean Deployment.spec.replicas?"
        );
        assert_eq!(said("Pod.spec.hostname.x"), "Pod.spec.hostname is string, and has no fields of its own");
        assert!(asked("Nothing.spec", 36).is_none());
    }
}
