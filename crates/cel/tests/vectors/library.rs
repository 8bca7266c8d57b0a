//! The library against the golden vectors, without the evaluator: expressions that are nothing but calls on
//! constants and on `object`. What this little interpreter does not know is left to the conformance runner.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use kubernetes_cel::ast::{Ast, Expr, ExprId, Literal};
use kubernetes_cel::library::format::NamedFormat;
use kubernetes_cel::library::net::{Cidr, Ip};
use kubernetes_cel::library::numbers;
use kubernetes_cel::library::quantity::Quantity;
use kubernetes_cel::library::regex::Regex;
use kubernetes_cel::library::semver::Semver;
use kubernetes_cel::library::string_format::{self, Formattable, View};
use kubernetes_cel::library::strings;
use kubernetes_cel::library::time::{Duration, Timestamp};
use kubernetes_cel::library::url::{Url, UrlError};
use kubernetes_cel::parser::parse;
use kubernetes_cel::profile::Profile;

#[derive(Debug, Clone)]
enum Val {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(String),
    Bytes(Vec<u8>),
    Time(Timestamp),
    Duration(Duration),
    List(Vec<Val>),
    Map(Vec<(Val, Val)>),
    Optional(Option<Box<Val>>),
    Quantity(Quantity),
    Semver(Semver),
    Ip(Ip),
    Cidr(Cidr),
    Url(Url),
    Format(NamedFormat),
}

enum Stop {
    Error(String),
    Unknown,
}

type Out = Result<Val, Stop>;

fn fail(error: impl ToString) -> Stop {
    Stop::Error(error.to_string())
}

impl Formattable for Val {
    fn view(&self) -> View<'_, Self> {
        match self {
            Self::Null => View::Null,
            Self::Bool(flag) => View::Bool(*flag),
            Self::Int(number) => View::Int(*number),
            Self::Uint(number) => View::Uint(*number),
            Self::Double(number) => View::Double(*number),
            Self::Text(text) => View::String(Cow::Borrowed(text)),
            Self::Bytes(bytes) => View::Bytes(Cow::Borrowed(bytes)),
            Self::Time(time) => View::Timestamp(*time),
            Self::Duration(duration) => View::Duration(*duration),
            Self::List(items) => View::List(items.clone()),
            Self::Map(entries) => View::Map(entries.clone()),
            Self::Optional(_) => View::Other("optional_type".into()),
            Self::Quantity(_) => View::Other("kubernetes.Quantity".into()),
            Self::Semver(_) => View::Other("kubernetes.Semver".into()),
            Self::Ip(_) => View::Other("net.IP".into()),
            Self::Cidr(_) => View::Other("net.CIDR".into()),
            Self::Url(_) => View::Other("kubernetes.URL".into()),
            Self::Format(_) => View::Other("kubernetes.NamedFormat".into()),
        }
    }
}

fn from_json(json: &Json) -> Val {
    match json {
        Json::Null => Val::Null,
        Json::Bool(flag) => Val::Bool(*flag),
        Json::Number(number) => {
            number.as_i64().map_or_else(|| Val::Double(number.as_f64().unwrap_or(0.0)), Val::Int)
        }
        Json::String(text) => Val::Text(text.clone()),
        Json::Array(items) => Val::List(items.iter().map(from_json).collect()),
        Json::Object(members) => {
            Val::Map(members.iter().map(|(key, value)| (Val::Text(key.clone()), from_json(value))).collect())
        }
    }
}

fn encode(value: &Val) -> Json {
    let opaque = |name: &str, text: String| json!({"opaque": [name, text]});
    match value {
        Val::Null => Json::Null,
        Val::Bool(flag) => json!(flag),
        Val::Int(number) => json!(number),
        Val::Uint(number) => json!({"uint": number.to_string()}),
        Val::Double(number) => {
            let text = numbers::double_text(*number);
            let text = text.replace("+Inf", "Infinity").replace("-Inf", "-Infinity");
            json!({"double": text.replace("-Infinityinity", "-Infinity")})
        }
        Val::Text(text) => json!(text),
        Val::Bytes(bytes) => {
            use base64::Engine as _;
            json!({"bytes": base64::engine::general_purpose::STANDARD.encode(bytes)})
        }
        Val::Time(time) => json!({"timestamp": time.in_utc().to_string()}),
        Val::Duration(duration) => json!({"duration": duration.nanos().to_string()}),
        Val::List(items) => items.iter().map(encode).collect(),
        Val::Map(entries) => {
            let mut list: Vec<_> =
                entries.iter().map(|(key, value)| json!([encode(key), encode(value)])).collect();
            list.sort_by_key(ToString::to_string);
            json!({"map": list})
        }
        Val::Optional(None) => json!({"optional": []}),
        Val::Optional(Some(value)) => json!({"optional": [encode(value)]}),
        Val::Quantity(quantity) => json!({"opaque": [
            "kubernetes.Quantity",
            quantity.to_string(),
            quantity.decimal_text().unwrap_or_default(),
            quantity.format().as_str(),
        ]}),
        Val::Semver(version) => opaque("kubernetes.Semver", version.to_string()),
        Val::Ip(ip) => opaque("net.IP", ip.to_string()),
        Val::Cidr(cidr) => opaque("net.CIDR", cidr.to_string()),
        Val::Url(url) => opaque("kubernetes.URL", url.to_string()),
        Val::Format(format) => opaque("kubernetes.NamedFormat", format.display_name().to_owned()),
    }
}

struct Interpreter<'a> {
    ast: &'a Ast,
    vars: &'a Json,
    profile: Profile,
    planning: bool,
}

impl Interpreter<'_> {
    fn eval(&self, id: ExprId) -> Out {
        match &self.ast[id] {
            Expr::Literal(literal) => Ok(match literal {
                Literal::Null => Val::Null,
                Literal::Bool(flag) => Val::Bool(*flag),
                Literal::Int(number) => Val::Int(*number),
                Literal::Uint(number) => Val::Uint(*number),
                Literal::Double(number) => Val::Double(*number),
                Literal::String(text) => Val::Text(text.to_string()),
                Literal::Bytes(bytes) => Val::Bytes(bytes.to_vec()),
            }),
            Expr::Ident(name) if name == "object" => Ok(from_json(&self.vars["object"])),
            Expr::Select { operand, field, test_only: false } => match self.eval(*operand)? {
                Val::Map(entries) => entries
                    .into_iter()
                    .rfind(|(key, _)| matches!(key, Val::Text(key) if *key == **field))
                    .map(|(_, value)| value)
                    .ok_or_else(|| fail(format!("no such key: {field}"))),
                _ => Err(Stop::Unknown),
            },
            Expr::List { elements, optional } if optional.is_empty() => {
                elements.iter().map(|element| self.eval(*element)).collect::<Result<_, _>>().map(Val::List)
            }
            Expr::Map(entries) => entries
                .iter()
                .map(|entry| Ok((self.eval(entry.key)?, self.eval(entry.value)?)))
                .collect::<Result<_, _>>()
                .map(Val::Map),
            Expr::Call { target, function, args } => {
                let mut name = function.to_string();
                if matches!(name.as_str(), "_?_:_" | "_||_" | "_&&_") {
                    return Err(Stop::Unknown);
                }
                let mut values = Vec::new();
                if let Some(target) = target {
                    match &self.ast[*target] {
                        Expr::Ident(space) if space != "object" => name = format!("{space}.{name}"),
                        _ => {
                            values.push(self.eval(*target)?);
                            name = format!(".{name}");
                        }
                    }
                }
                for arg in args {
                    values.push(self.eval(*arg)?);
                }
                self.call(&name, &values)
            }
            _ => Err(Stop::Unknown),
        }
    }

    fn call(&self, name: &str, values: &[Val]) -> Out {
        conversion(name, values)
            .or_else(|| self.strings(name, values))
            .or_else(|| self.regex(name, values))
            .or_else(|| quantity(name, values))
            .or_else(|| semver(name, values))
            .or_else(|| net(name, values))
            .or_else(|| url(name, values))
            .or_else(|| named_format(name, values))
            .or_else(|| time(name, values))
            .unwrap_or(Err(Stop::Unknown))
    }

    fn strings(&self, name: &str, values: &[Val]) -> Option<Out> {
        use Val::{Int, List, Text};
        let text = |text: &str| Ok(Text(text.to_owned()));
        let list = |list: Vec<&str>| Ok(List(list.into_iter().map(|item| Text(item.to_owned())).collect()));
        let profile = self.profile;
        Some(match (name, values) {
            (".charAt", [Text(s), Int(i)]) => strings::char_at(s, *i).map_err(fail).and_then(text),
            (".indexOf", [Text(s), Text(n)]) => Ok(Int(strings::index_of(s, n))),
            (".indexOf", [Text(s), Text(n), Int(i)]) => {
                strings::index_of_from(s, n, *i, profile).map(Int).map_err(fail)
            }
            (".lastIndexOf", [Text(s), Text(n)]) => Ok(Int(strings::last_index_of(s, n))),
            (".lastIndexOf", [Text(s), Text(n), Int(i)]) => {
                strings::last_index_of_from(s, n, *i, profile).map(Int).map_err(fail)
            }
            (".substring", [Text(s), Int(i)]) => strings::substring_from(s, *i).map_err(fail).and_then(text),
            (".substring", [Text(s), Int(i), Int(j)]) => {
                strings::substring(s, *i, *j).map_err(fail).and_then(text)
            }
            (".replace", [Text(s), Text(a), Text(b)]) => Ok(Text(strings::replace(s, a, b, -1))),
            (".replace", [Text(s), Text(a), Text(b), Int(n)]) => Ok(Text(strings::replace(s, a, b, *n))),
            (".split", [Text(s), Text(a)]) => list(strings::split(s, a, -1)),
            (".split", [Text(s), Text(a), Int(n)]) => list(strings::split(s, a, *n)),
            (".lowerAscii", [Text(s)]) => Ok(Text(strings::lower_ascii(s))),
            (".upperAscii", [Text(s)]) => Ok(Text(strings::upper_ascii(s))),
            (".trim", [Text(s)]) => text(strings::trim(s)),
            ("strings.quote", [Text(s)]) => Ok(Text(strings::quote(s))),
            ("size" | ".size", [Text(s)]) => Ok(Int(strings::size(s))),
            ("jsonpatch.escapeKey", [Text(s)]) => Ok(Text(strings::escape_key(s))),
            (".format", [Text(s), List(items)]) => string_format::format(s, items).map(Text).map_err(fail),
            _ => return None,
        })
    }

    fn regex(&self, name: &str, values: &[Val]) -> Option<Out> {
        use Val::{Int, Text};
        let (text, pattern, limit) = match values {
            [Text(text), Text(pattern)] => (text, pattern, -1),
            [Text(text), Text(pattern), Int(limit)] => (text, pattern, *limit),
            _ => return None,
        };
        if !matches!(name, ".matches" | "matches" | ".find" | ".findAll") {
            return None;
        }
        let regex = match Regex::cached(pattern) {
            Ok(regex) => regex,
            Err(error) if name.contains("find") && !self.planning => {
                return Some(Err(fail(format!("Illegal regex: {error}"))));
            }
            Err(error) => return Some(Err(fail(error))),
        };
        let found = match name {
            ".find" => regex.find(text).map(|found| Text(found.to_owned())),
            ".findAll" => {
                let texts = |found: Vec<&str>| found.into_iter().map(|part| Text(part.to_owned())).collect();
                regex.find_all(text, limit).map(|found| Val::List(texts(found)))
            }
            _ => regex.is_match(text).map(Val::Bool),
        };
        Some(found.map_err(fail))
    }
}

fn conversion(name: &str, values: &[Val]) -> Option<Out> {
    use Val::{Bool, Bytes, Double, Int, Text, Uint};
    Some(match (name, values) {
        ("dyn", [value]) => Ok(value.clone()),
        ("!_", [Bool(flag)]) => Ok(Bool(!flag)),
        ("_/_", [Double(a), Double(b)]) => Ok(Double(a / b)),
        ("-_", [Double(a)]) => Ok(Double(-a)),
        ("int", [Text(s)]) => numbers::int_from_text(s).map(Int).map_err(fail),
        ("int", [Double(d)]) => numbers::int_from_double(*d).map(Int).map_err(fail),
        ("int", [Uint(u)]) => numbers::int_from_uint(*u).map(Int).map_err(fail),
        ("int", [Val::Time(t)]) => Ok(Int(t.unix_seconds())),
        ("int", [Val::Duration(d)]) => Ok(Int(d.nanos())),
        ("uint", [Text(s)]) => numbers::uint_from_text(s).map(Uint).map_err(fail),
        ("uint", [Double(d)]) => numbers::uint_from_double(*d).map(Uint).map_err(fail),
        ("uint", [Int(i)]) => numbers::uint_from_int(*i).map(Uint).map_err(fail),
        ("double", [Text(s)]) => numbers::double_from_text(s).map(Double).map_err(fail),
        ("double", [Int(i)]) => Ok(Double(*i as f64)),
        ("double", [Uint(u)]) => Ok(Double(*u as f64)),
        ("bool", [Text(s)]) => numbers::bool_from_text(s).map(Bool).map_err(fail),
        ("string", [Double(d)]) => Ok(Text(numbers::double_text(*d))),
        ("string", [Bytes(b)]) => numbers::text_from_bytes(b).map(|s| Text(s.to_owned())).map_err(fail),
        ("string", [Val::Time(t)]) => Ok(Text(t.to_string())),
        ("string", [Val::Duration(d)]) => Ok(Text(d.to_string())),
        ("string", [Val::Ip(ip)]) => Ok(Text(ip.to_string())),
        ("string", [Val::Cidr(cidr)]) => Ok(Text(cidr.to_string())),
        ("timestamp", [Text(s)]) => Timestamp::parse(s).map(Val::Time).map_err(fail),
        ("timestamp", [Int(i)]) => Timestamp::from_unix(*i).map(Val::Time).map_err(fail),
        ("duration", [Text(s)]) => Duration::parse(s).map(Val::Duration).map_err(fail),
        _ => return None,
    })
}

fn quantity(name: &str, values: &[Val]) -> Option<Out> {
    use Val::{Bool, Int, Quantity as Q, Text};
    Some(match (name, values) {
        ("quantity", [Text(s)]) => Quantity::parse(s).map(Q).map_err(fail),
        ("isQuantity", [Text(s)]) => Ok(Bool(Quantity::parse(s).is_ok())),
        ("sign", [Q(q)]) => Ok(Int(q.sign())),
        (".isInteger", [Q(q)]) => Ok(Bool(q.is_integer())),
        (".asInteger", [Q(q)]) => q.as_integer().map(Int).map_err(fail),
        (".asApproximateFloat", [Q(q)]) => Ok(Val::Double(q.as_approximate_float())),
        (".add", [Q(a), Q(b)]) => a.add(b).map(Q).map_err(fail),
        (".add", [Q(a), Int(b)]) => a.add_i64(*b).map(Q).map_err(fail),
        (".sub", [Q(a), Q(b)]) => a.sub(b).map(Q).map_err(fail),
        (".sub", [Q(a), Int(b)]) => a.sub_i64(*b).map(Q).map_err(fail),
        (".compareTo", [Q(a), Q(b)]) => Ok(Int(a.compare(b) as i64)),
        (".isLessThan", [Q(a), Q(b)]) => Ok(Bool(a.compare(b).is_lt())),
        (".isGreaterThan", [Q(a), Q(b)]) => Ok(Bool(a.compare(b).is_gt())),
        _ => return None,
    })
}

fn semver(name: &str, values: &[Val]) -> Option<Out> {
    use Val::{Bool, Int, Semver as V, Text};
    Some(match (name, values) {
        ("semver", [Text(s)]) => Semver::parse(s).map(V).map_err(fail),
        ("semver", [Text(s), Bool(n)]) => Semver::parse_with(s, *n).map(V).map_err(fail),
        ("isSemver", [Text(s)]) => Ok(Bool(Semver::parse(s).is_ok())),
        ("isSemver", [Text(s), Bool(n)]) => Ok(Bool(Semver::parse_with(s, *n).is_ok())),
        (".major", [V(v)]) => Ok(Int(v.major())),
        (".minor", [V(v)]) => Ok(Int(v.minor())),
        (".patch", [V(v)]) => Ok(Int(v.patch())),
        (".compareTo", [V(a), V(b)]) => Ok(Int(a.compare(b) as i64)),
        (".isLessThan", [V(a), V(b)]) => Ok(Bool(a.compare(b).is_lt())),
        (".isGreaterThan", [V(a), V(b)]) => Ok(Bool(a.compare(b).is_gt())),
        ("_==_", [V(a), V(b)]) => Ok(Bool(a == b)),
        _ => return None,
    })
}

fn net(name: &str, values: &[Val]) -> Option<Out> {
    use Val::{Bool, Cidr as C, Int, Ip as I, Text};
    Some(match (name, values) {
        ("ip", [Text(s)]) => Ip::parse(s).map(I).map_err(fail),
        ("isIP", [Text(s)]) => Ok(Bool(Ip::parse(s).is_ok())),
        ("ip.isCanonical", [Text(s)]) => Ip::is_canonical(s).map(Bool).map_err(fail),
        (".family", [I(ip)]) => Ok(Int(ip.family())),
        (".isUnspecified", [I(ip)]) => Ok(Bool(ip.is_unspecified())),
        (".isLoopback", [I(ip)]) => Ok(Bool(ip.is_loopback())),
        (".isLinkLocalMulticast", [I(ip)]) => Ok(Bool(ip.is_link_local_multicast())),
        (".isLinkLocalUnicast", [I(ip)]) => Ok(Bool(ip.is_link_local_unicast())),
        (".isGlobalUnicast", [I(ip)]) => Ok(Bool(ip.is_global_unicast())),
        ("cidr", [Text(s)]) => Cidr::parse(s).map(C).map_err(fail),
        ("isCIDR", [Text(s)]) => Ok(Bool(Cidr::parse(s).is_ok())),
        (".ip", [C(cidr)]) => Ok(I(cidr.ip())),
        (".masked", [C(cidr)]) => Ok(C(cidr.masked())),
        (".prefixLength", [C(cidr)]) => Ok(Int(cidr.prefix_length())),
        (".containsIP", [C(cidr), I(ip)]) => Ok(Bool(cidr.contains_ip(*ip))),
        (".containsIP", [C(cidr), Text(s)]) => {
            Ip::parse(s).map(|ip| Bool(cidr.contains_ip(ip))).map_err(|_| fail("no such overload"))
        }
        (".containsCIDR", [C(a), C(b)]) => Ok(Bool(a.contains_cidr(*b))),
        (".containsCIDR", [C(a), Text(s)]) => Cidr::parse(s).map(|b| Bool(a.contains_cidr(b))).map_err(fail),
        ("_==_", [I(a), I(b)]) => Ok(Bool(a == b)),
        ("_==_", [C(a), C(b)]) => Ok(Bool(a == b)),
        _ => return None,
    })
}

fn url(name: &str, values: &[Val]) -> Option<Out> {
    use Val::{Bool, List, Text, Url as U};
    Some(match (name, values) {
        ("url", [Text(s)]) => Url::parse(s).map(U).map_err(|error| fail(UrlError::from(error))),
        ("isURL", [Text(s)]) => Ok(Bool(Url::check(s).is_ok())),
        (".getScheme", [U(u)]) => Ok(Text(u.scheme().to_owned())),
        (".getHost", [U(u)]) => Ok(Text(u.host())),
        (".getHostname", [U(u)]) => Ok(Text(u.hostname())),
        (".getPort", [U(u)]) => Ok(Text(u.port())),
        (".getEscapedPath", [U(u)]) => Ok(Text(u.escaped_path())),
        (".getQuery", [U(u)]) => {
            let values = |values: Vec<String>| List(values.into_iter().map(Text).collect());
            Ok(Val::Map(u.query().into_iter().map(|(key, list)| (Text(key), values(list))).collect()))
        }
        ("_==_", [U(a), U(b)]) => Ok(Bool(a == b)),
        ("_!=_", [U(a), U(b)]) => Ok(Bool(a != b)),
        _ => return None,
    })
}

fn named_format(name: &str, values: &[Val]) -> Option<Out> {
    use Val::{Bool, Format, Optional, Text};
    Some(match (name, values) {
        ("format.named", [Text(s)]) => Ok(Optional(NamedFormat::named(s).map(|f| Box::new(Format(f))))),
        (".validate", [Format(format), Text(s)]) => {
            let messages = format.validate(s);
            let list =
                (!messages.is_empty()).then(|| Box::new(Val::List(messages.into_iter().map(Text).collect())));
            Ok(Optional(list))
        }
        (".hasValue", [Optional(value)]) => Ok(Bool(value.is_some())),
        (".value", [Optional(Some(value))]) => Ok((**value).clone()),
        ("_==_", [Format(a), Format(b)]) => Ok(Bool(a == b)),
        (name, []) => Ok(Format(NamedFormat::named(name.strip_prefix("format.")?)?)),
        _ => return None,
    })
}

fn time(name: &str, values: &[Val]) -> Option<Out> {
    use Val::{Int, Text, Time};
    if let [Val::Duration(d)] = values {
        return Some(Ok(Int(match name {
            ".getHours" => d.hours(),
            ".getMinutes" => d.minutes(),
            ".getSeconds" => d.seconds(),
            ".getMilliseconds" => d.milliseconds(),
            _ => return None,
        })));
    }
    let fields = match values {
        [Time(t)] if name.starts_with(".get") => t.fields(None),
        [Time(t), Text(zone)] if name.starts_with(".get") => t.fields(Some(zone)),
        [Time(a), Time(b)] if name == "_-_" => return Some(a.since(b).map(Val::Duration).map_err(fail)),
        [Time(a), Val::Duration(d)] | [Val::Duration(d), Time(a)] if name == "_+_" => {
            return Some(a.add(*d).map(Time).map_err(fail));
        }
        [Time(a), Val::Duration(d)] if name == "_-_" => return Some(a.sub(*d).map(Time).map_err(fail)),
        [Val::Duration(a), Val::Duration(b)] if name == "_+_" => {
            return Some(a.add(*b).map(Val::Duration).map_err(fail));
        }
        [Val::Duration(a), Val::Duration(b)] if name == "_-_" => {
            return Some(a.sub(*b).map(Val::Duration).map_err(fail));
        }
        _ => return None,
    };
    let fields = match fields {
        Ok(fields) => fields,
        Err(error) => return Some(Err(fail(error))),
    };
    Some(Ok(Int(match name {
        ".getFullYear" => fields.year,
        ".getMonth" => fields.month,
        ".getDate" => fields.day,
        ".getDayOfMonth" => fields.day_of_month(),
        ".getDayOfYear" => fields.day_of_year,
        ".getDayOfWeek" => fields.day_of_week,
        ".getHours" => fields.hours,
        ".getMinutes" => fields.minutes,
        ".getSeconds" => fields.seconds,
        ".getMilliseconds" => fields.milliseconds,
        _ => return None,
    })))
}

/// Quantities in the vectors keep the scale of their decimal, and so do ours, but only the number counts.
fn agree(ours: &Json, theirs: &Json) -> bool {
    let scaled = |json: &Json| {
        let text = json["opaque"][2].as_str()?;
        let trimmed =
            if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text };
        let mut plain = json.clone();
        plain["opaque"][2] = json!(trimmed);
        Some(plain)
    };
    match (scaled(ours), scaled(theirs)) {
        (Some(ours), Some(theirs)) => ours == theirs,
        _ => ours == theirs,
    }
}

#[test]
fn functions_agree_with_the_vectors() {
    let Some(dev) = crate::vectors() else { return };
    let mut tally: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut misses = Vec::new();
    for name in [
        "quantity",
        "semver",
        "net",
        "url",
        "format_lib",
        "regex",
        "time",
        "strings",
        "string_format",
        "conversions",
        "operators",
        "literals",
    ] {
        let text = std::fs::read_to_string(dev.join(format!("{name}.jsonl"))).unwrap();
        for line in text.lines() {
            let vector: Json = serde_json::from_str(line).unwrap();
            let expr = vector["expr"].as_str().unwrap();
            for (profile, version) in [(Profile::V1_36, "1.36"), (Profile::V1_37, "1.37")] {
                let expect = &vector["expect"][version];
                let stage = expect["stage"].as_str().unwrap_or("");
                if !matches!(stage, "" | "eval" | "plan") || expect.get("valueOmitted").is_some() {
                    continue;
                }
                let Ok(ast) = parse(expr, profile) else { continue };
                let interpreter =
                    Interpreter { ast: &ast, vars: &vector["vars"], profile, planning: stage == "plan" };
                let (shown, same) = match interpreter.eval(ast.root()) {
                    Err(Stop::Unknown) => continue,
                    Ok(value) => {
                        let ours = encode(&value);
                        let same = expect["ok"] == json!(true) && agree(&ours, &expect["value"]);
                        (ours.to_string(), same)
                    }
                    Err(Stop::Error(text)) => {
                        let same = expect["ok"] == json!(false) && expect["err"] == json!(text);
                        (text, same)
                    }
                };
                let (total, agreed) = tally.entry(name.to_owned()).or_default();
                *total += 1;
                *agreed += usize::from(same);
                if !same {
                    misses.push(format!(
                        "{} [{version}] {expr}\n  ours   {shown}\n  theirs {expect}",
                        vector["id"]
                    ));
                }
            }
        }
    }
    for (name, (total, agreed)) in &tally {
        eprintln!("{name}: {agreed} of {total}");
    }
    assert!(
        tally.values().map(|(total, _)| total).sum::<usize>() > 4000,
        "too little was recognised: {tally:?}"
    );
    assert!(misses.is_empty(), "{} misses\n{}", misses.len(), misses.join("\n"));
}
