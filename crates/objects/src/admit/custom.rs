//! Custom resources: `crate::custom` decodes them, with the request's namespace in place.

use document::{Limits, NodeRef};

use super::{Admitted, Mode, Options, Refusal, Request, Served, bad_request, too_large};
use crate::custom::{DUPLICATE, Definition, Version, duplicates};
use crate::plugins;
use crate::tree::{Tree, Value};

pub(super) fn admit<'d, 'c>(
    written: NodeRef<'d>,
    definition: &'c Definition,
    version: &'c Version,
    options: &Options<'_>,
    request: Request<'_>,
) -> Result<Admitted<'d, 'c>, Refusal> {
    let served = Served::Custom(definition, version);
    let mut tree = whole(written);
    // where metadata is no object, decoding says so
    let placed = written.get("metadata").is_none_or(|metadata| metadata.is_object() || metadata.is_null());
    let plugged =
        if placed { plugins::run(&mut tree, served, options, written, request.stored) } else { Ok(()) };
    let document = tree.finish().map_err(|limit| too_large(&limit, written))?;
    let decoded = definition
        .decode(version, &document, Limits::default())
        .map_err(|error| bad_request(&served, &error.to_string(), vec![written.id()]))?;
    let mut strict = if request.posted { duplicates(written) } else { Vec::new() };
    strict.extend(decoded.strict.into_iter().filter(|told| !told.starts_with(DUPLICATE)));
    if options.mode == Mode::Strict && !strict.is_empty() {
        let message = format!("strict decoding error: {}", strict.join(", "));
        return Err(bad_request(&served, &message, vec![written.id()]));
    }
    plugged?;
    let warnings = if options.mode == Mode::Warn { strict } else { Vec::new() };
    Ok(Admitted { served, object: decoded.document, problems: Vec::new(), warnings })
}

/// The object as it is written, of which only members and metadata can be changed.
fn whole(written: NodeRef<'_>) -> Tree<'_> {
    let mut tree = Tree::new(written);
    let root = tree.root();
    for (key, member) in written.members() {
        if key != "metadata" || !member.is_object() {
            tree.push(root, key, Value::Written, Some(member));
            continue;
        }
        let metadata = tree.push(root, key, Value::Object, Some(member));
        for (key, member) in member.members() {
            let value = member.as_str().map_or(Value::Written, |text| Value::Text(text.into()));
            tree.push(metadata, key, value, Some(member));
        }
    }
    tree
}
