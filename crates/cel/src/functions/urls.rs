//! URLs (k8s.io/apiserver `pkg/cel/library/urls.go`).

use super::{Row, global, library, list, map, member, text, wrong};
use crate::cost::CostRule::Text;
use crate::error::Eval;
use crate::library::url::{Url, UrlError};
use crate::types::Type::{self, Bool, String};
use crate::value::{List, Map, Opaque, Value, View};

pub(super) fn rows() -> Vec<Row> {
    let of = || Type::structure("kubernetes.URL");
    vec![
        global("url", "string_to_url", [String], of(), |_, arguments| {
            let url = library(Url::parse(text(&arguments[0])?).map_err(UrlError::from))?;
            Ok(Value::opaque(Opaque::Url(url)))
        })
        .cost_of_function(Text(1.0)),
        global("isURL", "is_url_string", [String], Bool, |_, arguments| {
            Ok(Value::Bool(Url::check(text(&arguments[0])?).is_ok()))
        }),
        member("getScheme", "url_get_scheme", [of()], String, |_, arguments| {
            Ok(Value::string(url(&arguments[0])?.scheme()))
        }),
        member("getHost", "url_get_host", [of()], String, |_, arguments| {
            Ok(Value::string(url(&arguments[0])?.host()))
        }),
        member("getHostname", "url_get_hostname", [of()], String, |_, arguments| {
            Ok(Value::string(url(&arguments[0])?.hostname()))
        }),
        member("getPort", "url_get_port", [of()], String, |_, arguments| {
            Ok(Value::string(url(&arguments[0])?.port()))
        }),
        member("getEscapedPath", "url_get_escaped_path", [of()], String, |_, arguments| {
            Ok(Value::string(url(&arguments[0])?.escaped_path()))
        }),
        member("getQuery", "url_get_query", [of()], map(String, list(String)), |_, arguments| {
            query(url(&arguments[0])?)
        }),
    ]
}

fn url<'v>(value: &'v Value<'_>) -> Eval<&'v Url> {
    match value.view() {
        View::Opaque(Opaque::Url(url)) => Ok(url),
        _ => wrong(),
    }
}

fn query<'d>(url: &Url) -> Eval<Value<'d>> {
    let mut map = Map::default();
    for (key, values) in url.query() {
        let values = List::new(values.into_iter().map(Value::string).collect())?;
        map.insert(Value::string(key), values.into())?;
    }
    Ok(map.into())
}
