//! The overloads of every function, by library.
//!
//! The order of a function's overloads is cel-go's: it decides the result type where several fit.

use std::collections::HashMap;

use super::super::ast::operator;
use super::super::profile::Profile;
use super::super::types::Type::{self, Bool, Bytes, Double, Duration, Dyn, Int, String, Timestamp, Uint};
use super::{EnvKind, Overload};

const A: Type = Type::param('A');
const B: Type = Type::param('B');
const K: Type = Type::param('K');
const T: Type = Type::param('T');
const V: Type = Type::param('V');

/// The types that have an order, under the names that overload ids of the extension libraries use.
const COMPARABLE: [(Type, Ids); 8] = [
    (Int, Ids { short: "int", sort: "list_int_sort", sort_by: "list_int_sortByAssociatedKeys" }),
    (Uint, Ids { short: "uint", sort: "list_uint_sort", sort_by: "list_uint_sortByAssociatedKeys" }),
    (Double, Ids { short: "double", sort: "list_double_sort", sort_by: "list_double_sortByAssociatedKeys" }),
    (Bool, Ids { short: "bool", sort: "list_bool_sort", sort_by: "list_bool_sortByAssociatedKeys" }),
    (
        Duration,
        Ids {
            short: "duration",
            sort: "list_google.protobuf.Duration_sort",
            sort_by: "list_google.protobuf.Duration_sortByAssociatedKeys",
        },
    ),
    (
        Timestamp,
        Ids {
            short: "timestamp",
            sort: "list_google.protobuf.Timestamp_sort",
            sort_by: "list_google.protobuf.Timestamp_sortByAssociatedKeys",
        },
    ),
    (String, Ids { short: "string", sort: "list_string_sort", sort_by: "list_string_sortByAssociatedKeys" }),
    (Bytes, Ids { short: "bytes", sort: "list_bytes_sort", sort_by: "list_bytes_sortByAssociatedKeys" }),
];

struct Ids {
    short: &'static str,
    sort: &'static str,
    sort_by: &'static str,
}

fn list(element: Type) -> Type {
    Type::list(element)
}

fn map(key: Type, value: Type) -> Type {
    Type::map(key, value)
}

fn optional(value: Type) -> Type {
    Type::optional(value)
}

/// All functions of an environment.
pub(super) fn declared(profile: Profile, kind: EnvKind) -> HashMap<&'static str, Box<[Overload]>> {
    let mut table = Table::default();
    operators(&mut table);
    conversions(&mut table, profile);
    standard(&mut table);
    time(&mut table);
    optionals(&mut table);
    strings(&mut table);
    list_extensions(&mut table);
    kubernetes_lists(&mut table, profile);
    sets(&mut table);
    comprehensions(&mut table);
    regexes(&mut table);
    urls(&mut table);
    networks(&mut table);
    quantities(&mut table);
    versions(&mut table);
    formats(&mut table);
    authorization(&mut table);
    if kind == EnvKind::Mutation {
        table.global("jsonpatch.escapeKey", "string_jsonpatch_escapeKey_string", [String], String);
    }
    table.functions.into_iter().map(|(name, overloads)| (name, overloads.into())).collect()
}

#[derive(Default)]
struct Table {
    functions: HashMap<&'static str, Vec<Overload>>,
}

impl Table {
    fn global<const N: usize>(
        &mut self,
        name: &'static str,
        id: &'static str,
        params: [Type; N],
        result: Type,
    ) {
        self.functions.entry(name).or_default().push(Overload::global(id, params, result));
    }

    fn member<const N: usize>(
        &mut self,
        name: &'static str,
        id: &'static str,
        params: [Type; N],
        result: Type,
    ) {
        self.functions.entry(name).or_default().push(Overload::member(id, params, result));
    }
}

fn operators(table: &mut Table) {
    table.global(operator::CONDITIONAL, "conditional", [Bool, A, A], A);
    table.global(operator::AND, "logical_and", [Bool, Bool], Bool);
    table.global(operator::OR, "logical_or", [Bool, Bool], Bool);
    table.global(operator::NOT, "logical_not", [Bool], Bool);
    table.global(operator::NOT_STRICTLY_FALSE, "not_strictly_false", [Bool], Bool);
    table.global("__not_strictly_false__", "__not_strictly_false__", [Bool], Bool);
    table.global(operator::EQUALS, "equals", [A, A], Bool);
    table.global(operator::NOT_EQUALS, "not_equals", [A, A], Bool);

    table.global(operator::ADD, "add_bytes", [Bytes, Bytes], Bytes);
    table.global(operator::ADD, "add_double", [Double, Double], Double);
    table.global(operator::ADD, "add_duration_duration", [Duration, Duration], Duration);
    table.global(operator::ADD, "add_duration_timestamp", [Duration, Timestamp], Timestamp);
    table.global(operator::ADD, "add_timestamp_duration", [Timestamp, Duration], Timestamp);
    table.global(operator::ADD, "add_int64", [Int, Int], Int);
    table.global(operator::ADD, "add_list", [list(A), list(A)], list(A));
    table.global(operator::ADD, "add_string", [String, String], String);
    table.global(operator::ADD, "add_uint64", [Uint, Uint], Uint);

    table.global(operator::SUBTRACT, "subtract_double", [Double, Double], Double);
    table.global(operator::SUBTRACT, "subtract_duration_duration", [Duration, Duration], Duration);
    table.global(operator::SUBTRACT, "subtract_int64", [Int, Int], Int);
    table.global(operator::SUBTRACT, "subtract_timestamp_duration", [Timestamp, Duration], Timestamp);
    table.global(operator::SUBTRACT, "subtract_timestamp_timestamp", [Timestamp, Timestamp], Duration);
    table.global(operator::SUBTRACT, "subtract_uint64", [Uint, Uint], Uint);

    table.global(operator::MULTIPLY, "multiply_double", [Double, Double], Double);
    table.global(operator::MULTIPLY, "multiply_int64", [Int, Int], Int);
    table.global(operator::MULTIPLY, "multiply_uint64", [Uint, Uint], Uint);
    table.global(operator::DIVIDE, "divide_double", [Double, Double], Double);
    table.global(operator::DIVIDE, "divide_int64", [Int, Int], Int);
    table.global(operator::DIVIDE, "divide_uint64", [Uint, Uint], Uint);
    table.global(operator::MODULO, "modulo_int64", [Int, Int], Int);
    table.global(operator::MODULO, "modulo_uint64", [Uint, Uint], Uint);
    table.global(operator::NEGATE, "negate_double", [Double], Double);
    table.global(operator::NEGATE, "negate_int64", [Int], Int);

    for name in [operator::IN, "_in_", "in"] {
        table.global(name, "in_list", [A, list(A)], Bool);
        table.global(name, "in_map", [A, map(A, B)], Bool);
    }
    table.global(operator::INDEX, "index_list", [list(A), Int], A);
    table.global(operator::INDEX, "index_map", [map(A, B), A], B);
    relations(table);
}

/// Ordering, between numbers of different types too.
fn relations(table: &mut Table) {
    macro_rules! relation {
        ($name:expr, $stem:literal) => {
            table.global($name, concat!($stem, "_bool"), [Bool, Bool], Bool);
            table.global($name, concat!($stem, "_int64"), [Int, Int], Bool);
            table.global($name, concat!($stem, "_int64_double"), [Int, Double], Bool);
            table.global($name, concat!($stem, "_int64_uint64"), [Int, Uint], Bool);
            table.global($name, concat!($stem, "_uint64"), [Uint, Uint], Bool);
            table.global($name, concat!($stem, "_uint64_double"), [Uint, Double], Bool);
            table.global($name, concat!($stem, "_uint64_int64"), [Uint, Int], Bool);
            table.global($name, concat!($stem, "_double"), [Double, Double], Bool);
            table.global($name, concat!($stem, "_double_int64"), [Double, Int], Bool);
            table.global($name, concat!($stem, "_double_uint64"), [Double, Uint], Bool);
            table.global($name, concat!($stem, "_string"), [String, String], Bool);
            table.global($name, concat!($stem, "_bytes"), [Bytes, Bytes], Bool);
            table.global($name, concat!($stem, "_timestamp"), [Timestamp, Timestamp], Bool);
            table.global($name, concat!($stem, "_duration"), [Duration, Duration], Bool);
        };
    }
    relation!(operator::LESS, "less");
    relation!(operator::LESS_EQUALS, "less_equals");
    relation!(operator::GREATER, "greater");
    relation!(operator::GREATER_EQUALS, "greater_equals");
}

fn conversions(table: &mut Table, profile: Profile) {
    table.global("bool", "bool_to_bool", [Bool], Bool);
    table.global("bool", "string_to_bool", [String], Bool);
    table.global("bytes", "bytes_to_bytes", [Bytes], Bytes);
    table.global("bytes", "string_to_bytes", [String], Bytes);
    table.global("double", "double_to_double", [Double], Double);
    table.global("double", "int64_to_double", [Int], Double);
    table.global("double", "string_to_double", [String], Double);
    table.global("double", "uint64_to_double", [Uint], Double);
    table.global("duration", "duration_to_duration", [Duration], Duration);
    if profile == Profile::V1_36 {
        // declared there, though it always fails
        table.global("duration", "int64_to_duration", [Int], Duration);
    }
    table.global("duration", "string_to_duration", [String], Duration);
    table.global("dyn", "to_dyn", [A], Dyn);
    table.global("int", "int64_to_int64", [Int], Int);
    table.global("int", "double_to_int64", [Double], Int);
    table.global("int", "duration_to_int64", [Duration], Int);
    table.global("int", "string_to_int64", [String], Int);
    table.global("int", "timestamp_to_int64", [Timestamp], Int);
    table.global("int", "uint64_to_int64", [Uint], Int);
    table.global("string", "string_to_string", [String], String);
    table.global("string", "bool_to_string", [Bool], String);
    table.global("string", "bytes_to_string", [Bytes], String);
    table.global("string", "double_to_string", [Double], String);
    table.global("string", "duration_to_string", [Duration], String);
    table.global("string", "int64_to_string", [Int], String);
    table.global("string", "timestamp_to_string", [Timestamp], String);
    table.global("string", "uint64_to_string", [Uint], String);
    table.global("timestamp", "timestamp_to_timestamp", [Timestamp], Timestamp);
    table.global("timestamp", "int64_to_timestamp", [Int], Timestamp);
    table.global("timestamp", "string_to_timestamp", [String], Timestamp);
    table.global("type", "type", [A], Type::type_of(A));
    table.global("uint", "uint64_to_uint64", [Uint], Uint);
    table.global("uint", "double_to_uint64", [Double], Uint);
    table.global("uint", "int64_to_uint64", [Int], Uint);
    table.global("uint", "string_to_uint64", [String], Uint);
}

fn standard(table: &mut Table) {
    table.global("size", "size_bytes", [Bytes], Int);
    table.member("size", "bytes_size", [Bytes], Int);
    table.global("size", "size_list", [list(A)], Int);
    table.member("size", "list_size", [list(A)], Int);
    table.global("size", "size_map", [map(A, B)], Int);
    table.member("size", "map_size", [map(A, B)], Int);
    table.global("size", "size_string", [String], Int);
    table.member("size", "string_size", [String], Int);
    table.member("contains", "contains_string", [String, String], Bool);
    table.member("endsWith", "ends_with_string", [String, String], Bool);
    table.member("startsWith", "starts_with_string", [String, String], Bool);
    table.global("matches", "matches", [String, String], Bool);
    table.member("matches", "matches_string", [String, String], Bool);
}

fn time(table: &mut Table) {
    for (name, id, with_zone) in [
        ("getFullYear", "timestamp_to_year", "timestamp_to_year_with_tz"),
        ("getMonth", "timestamp_to_month", "timestamp_to_month_with_tz"),
        ("getDayOfYear", "timestamp_to_day_of_year", "timestamp_to_day_of_year_with_tz"),
        ("getDayOfMonth", "timestamp_to_day_of_month", "timestamp_to_day_of_month_with_tz"),
        ("getDate", "timestamp_to_day_of_month_1_based", "timestamp_to_day_of_month_1_based_with_tz"),
        ("getDayOfWeek", "timestamp_to_day_of_week", "timestamp_to_day_of_week_with_tz"),
        ("getHours", "timestamp_to_hours", "timestamp_to_hours_with_tz"),
        ("getMinutes", "timestamp_to_minutes", "timestamp_to_minutes_with_tz"),
        ("getSeconds", "timestamp_to_seconds", "timestamp_to_seconds_tz"),
        ("getMilliseconds", "timestamp_to_milliseconds", "timestamp_to_milliseconds_with_tz"),
    ] {
        table.member(name, id, [Timestamp], Int);
        table.member(name, with_zone, [Timestamp, String], Int);
    }
    for (name, id) in [
        ("getHours", "duration_to_hours"),
        ("getMinutes", "duration_to_minutes"),
        ("getSeconds", "duration_to_seconds"),
        ("getMilliseconds", "duration_to_milliseconds"),
    ] {
        table.member(name, id, [Duration], Int);
    }
}

fn optionals(table: &mut Table) {
    table.global("optional.of", "optional_of", [V], optional(V));
    table.global("optional.ofNonZeroValue", "optional_ofNonZeroValue", [V], optional(V));
    table.global("optional.none", "optional_none", [], optional(V));
    table.global("optional.unwrap", "optional_unwrap", [list(optional(V))], list(V));
    table.member("unwrapOpt", "optional_unwrapOpt", [list(optional(V))], list(V));
    table.member("value", "optional_value", [optional(V)], V);
    table.member("hasValue", "optional_hasValue", [optional(V)], Bool);
    table.member("or", "optional_or_optional", [optional(V), optional(V)], optional(V));
    table.member("orValue", "optional_orValue_value", [optional(V), V], V);
    table.global(operator::OPT_SELECT, "select_optional_field", [Dyn, String], optional(V));
    table.global(operator::OPT_INDEX, "list_optindex_optional_int", [list(V), Int], optional(V));
    table.global(
        operator::OPT_INDEX,
        "optional_list_optindex_optional_int",
        [optional(list(V)), Int],
        optional(V),
    );
    table.global(operator::OPT_INDEX, "map_optindex_optional_value", [map(K, V), K], optional(V));
    table.global(
        operator::OPT_INDEX,
        "optional_map_optindex_optional_value",
        [optional(map(K, V)), K],
        optional(V),
    );
    table.global(operator::INDEX, "optional_list_index_int", [optional(list(V)), Int], optional(V));
    table.global(operator::INDEX, "optional_map_index_value", [optional(map(K, V)), K], optional(V));
    table.member("first", "list_first", [list(V)], optional(V));
    table.member("last", "list_last", [list(V)], optional(V));
}

fn strings(table: &mut Table) {
    table.member("charAt", "string_char_at_int", [String, Int], String);
    table.member("indexOf", "string_index_of_string", [String, String], Int);
    table.member("indexOf", "string_index_of_string_int", [String, String, Int], Int);
    table.member("lastIndexOf", "string_last_index_of_string", [String, String], Int);
    table.member("lastIndexOf", "string_last_index_of_string_int", [String, String, Int], Int);
    table.member("join", "list_join", [list(String)], String);
    table.member("join", "list_join_string", [list(String), String], String);
    table.member("lowerAscii", "string_lower_ascii", [String], String);
    table.member("upperAscii", "string_upper_ascii", [String], String);
    table.member("replace", "string_replace_string_string", [String, String, String], String);
    table.member("replace", "string_replace_string_string_int", [String, String, String, Int], String);
    table.member("split", "string_split_string", [String, String], list(String));
    table.member("split", "string_split_string_int", [String, String, Int], list(String));
    table.member("substring", "string_substring_int", [String, Int], String);
    table.member("substring", "string_substring_int_int", [String, Int, Int], String);
    table.member("trim", "string_trim", [String], String);
    table.member("format", "string_format", [String, list(Dyn)], String);
    table.global("strings.quote", "strings_quote", [String], String);
}

fn list_extensions(table: &mut Table) {
    table.member("slice", "list_slice", [list(T), Int, Int], list(T));
    table.member("flatten", "list_flatten", [list(list(T))], list(T));
    table.member("flatten", "list_flatten_int", [list(Dyn), Int], list(Dyn));
    table.member("reverse", "list_reverse", [list(T)], list(T));
    table.member("distinct", "list_distinct", [list(T)], list(T));
    table.global("lists.range", "lists_range", [Int], list(Int));
    for (ty, ids) in COMPARABLE {
        table.member("sort", ids.sort, [list(ty.clone())], list(ty.clone()));
        table.member(operator::SORT_BY_KEYS, ids.sort_by, [list(T), list(ty)], list(T));
    }
}

fn kubernetes_lists(table: &mut Table, profile: Profile) {
    for (ty, ids) in COMPARABLE {
        let (sorted, min, max, sum) = match ids.short {
            "int" => {
                ("list_int_is_sorted_bool", "list_int_min_int", "list_int_max_int", Some("list_int_sum_int"))
            }
            "uint" => (
                "list_uint_is_sorted_bool",
                "list_uint_min_uint",
                "list_uint_max_uint",
                Some("list_uint_sum_uint"),
            ),
            "double" => (
                "list_double_is_sorted_bool",
                "list_double_min_double",
                "list_double_max_double",
                Some("list_double_sum_double"),
            ),
            "bool" => ("list_bool_is_sorted_bool", "list_bool_min_bool", "list_bool_max_bool", None),
            "duration" => (
                "list_duration_is_sorted_bool",
                "list_duration_min_duration",
                "list_duration_max_duration",
                Some("list_duration_sum_duration"),
            ),
            "timestamp" => (
                "list_timestamp_is_sorted_bool",
                "list_timestamp_min_timestamp",
                "list_timestamp_max_timestamp",
                None,
            ),
            "string" => {
                ("list_string_is_sorted_bool", "list_string_min_string", "list_string_max_string", None)
            }
            _ => ("list_bytes_is_sorted_bool", "list_bytes_min_bytes", "list_bytes_max_bytes", None),
        };
        table.member("isSorted", sorted, [list(ty.clone())], Bool);
        table.member("min", min, [list(ty.clone())], ty.clone());
        table.member("max", max, [list(ty.clone())], ty.clone());
        if let Some(sum) = sum {
            table.member("sum", sum, [list(ty.clone())], ty);
        }
    }
    table.member("indexOf", "list_a_index_of_int", [list(A), A], Int);
    table.member("lastIndexOf", "list_a_last_index_of_int", [list(A), A], Int);
    if profile.list_includes() {
        table.member("includes", "list_includes_dyn_dyn", [Dyn, Dyn], Bool);
    }
}

fn sets(table: &mut Table) {
    table.global("sets.contains", "list_sets_contains_list", [list(T), list(T)], Bool);
    table.global("sets.equivalent", "list_sets_equivalent_list", [list(T), list(T)], Bool);
    table.global("sets.intersects", "list_sets_intersects_list", [list(T), list(T)], Bool);
}

fn comprehensions(table: &mut Table) {
    table.global(operator::MAP_INSERT, "@mapInsert_map_key_value", [map(K, V), K, V], map(K, V));
    table.global(operator::MAP_INSERT, "@mapInsert_map_map", [map(K, V), map(K, V)], map(K, V));
}

fn regexes(table: &mut Table) {
    table.member("find", "string_find_string", [String, String], String);
    table.member("findAll", "string_find_all_string", [String, String], list(String));
    table.member("findAll", "string_find_all_string_int", [String, String, Int], list(String));
}

fn urls(table: &mut Table) {
    let url = || Type::structure("kubernetes.URL");
    table.global("url", "string_to_url", [String], url());
    table.global("isURL", "is_url_string", [String], Bool);
    for (name, id) in [
        ("getScheme", "url_get_scheme"),
        ("getHost", "url_get_host"),
        ("getHostname", "url_get_hostname"),
        ("getPort", "url_get_port"),
        ("getEscapedPath", "url_get_escaped_path"),
    ] {
        table.member(name, id, [url()], String);
    }
    table.member("getQuery", "url_get_query", [url()], map(String, list(String)));
}

fn networks(table: &mut Table) {
    let (ip, cidr) = (|| Type::opaque("net.IP"), || Type::opaque("net.CIDR"));
    table.global("ip", "string_to_ip", [String], ip());
    table.member("ip", "cidr_ip", [cidr()], ip());
    table.global("isIP", "is_ip", [String], Bool);
    table.global("ip.isCanonical", "ip_is_canonical", [String], Bool);
    table.member("family", "ip_family", [ip()], Int);
    for (name, id) in [
        ("isUnspecified", "ip_is_unspecified"),
        ("isLoopback", "ip_is_loopback"),
        ("isLinkLocalMulticast", "ip_is_link_local_multicast"),
        ("isLinkLocalUnicast", "ip_is_link_local_unicast"),
        ("isGlobalUnicast", "ip_is_global_unicast"),
    ] {
        table.member(name, id, [ip()], Bool);
    }
    table.global("string", "ip_to_string", [ip()], String);
    table.global("cidr", "string_to_cidr", [String], cidr());
    table.global("isCIDR", "is_cidr", [String], Bool);
    table.member("containsIP", "cidr_contains_ip_string", [cidr(), String], Bool);
    table.member("containsIP", "cidr_contains_ip_ip", [cidr(), ip()], Bool);
    table.member("containsCIDR", "cidr_contains_cidr_string", [cidr(), String], Bool);
    table.member("containsCIDR", "cidr_contains_cidr", [cidr(), cidr()], Bool);
    table.member("masked", "cidr_masked", [cidr()], cidr());
    table.member("prefixLength", "cidr_prefix_length", [cidr()], Int);
    table.global("string", "cidr_to_string", [cidr()], String);
}

fn quantities(table: &mut Table) {
    let quantity = || Type::structure("kubernetes.Quantity");
    table.global("quantity", "string_to_quantity", [String], quantity());
    table.global("isQuantity", "is_quantity_string", [String], Bool);
    // not a member, whatever its documentation says
    table.global("sign", "quantity_sign", [quantity()], Int);
    table.member("isInteger", "quantity_is_integer", [quantity()], Bool);
    table.member("asInteger", "quantity_get_int", [quantity()], Int);
    table.member("asApproximateFloat", "quantity_get_float", [quantity()], Double);
    table.member("add", "quantity_add", [quantity(), quantity()], quantity());
    table.member("add", "quantity_add_int", [quantity(), Int], quantity());
    table.member("sub", "quantity_sub", [quantity(), quantity()], quantity());
    table.member("sub", "quantity_sub_int", [quantity(), Int], quantity());
    table.member("isGreaterThan", "quantity_is_greater_than", [quantity(), quantity()], Bool);
    table.member("isLessThan", "quantity_is_less_than", [quantity(), quantity()], Bool);
    table.member("compareTo", "quantity_compare_to", [quantity(), quantity()], Int);
}

fn versions(table: &mut Table) {
    let semver = || Type::structure("kubernetes.Semver");
    table.global("semver", "string_to_semver", [String], semver());
    table.global("semver", "string_bool_to_semver", [String, Bool], semver());
    table.global("isSemver", "is_semver_string", [String], Bool);
    table.global("isSemver", "is_semver_string_bool", [String, Bool], Bool);
    for (name, id) in [("major", "semver_major"), ("minor", "semver_minor"), ("patch", "semver_patch")] {
        table.member(name, id, [semver()], Int);
    }
    table.member("isGreaterThan", "semver_is_greater_than", [semver(), semver()], Bool);
    table.member("isLessThan", "semver_is_less_than", [semver(), semver()], Bool);
    table.member("compareTo", "semver_compare_to", [semver(), semver()], Int);
}

fn formats(table: &mut Table) {
    let format = || Type::structure("kubernetes.NamedFormat");
    for name in [
        "format.byte",
        "format.date",
        "format.datetime",
        "format.dns1035Label",
        "format.dns1035LabelPrefix",
        "format.dns1123Label",
        "format.dns1123LabelPrefix",
        "format.dns1123Subdomain",
        "format.dns1123SubdomainPrefix",
        "format.labelValue",
        "format.qualifiedName",
        "format.uri",
        "format.uuid",
    ] {
        table.global(name, name, [], format());
    }
    table.global("format.named", "format-named", [String], optional(format()));
    table.member("validate", "format-validate", [format(), String], optional(list(String)));
}

fn authorization(table: &mut Table) {
    let named = |name: &str| Type::structure(&format!("kubernetes.authorization.{name}"));
    let (authorizer, path, group) = (|| named("Authorizer"), || named("PathCheck"), || named("GroupCheck"));
    let (resource, decision) = (|| named("ResourceCheck"), || named("Decision"));
    table.member("path", "authorizer_path", [authorizer(), String], path());
    table.member("check", "pathcheck_check", [path(), String], decision());
    table.member("group", "authorizer_group", [authorizer(), String], group());
    table.member("serviceAccount", "authorizer_serviceaccount", [authorizer(), String, String], authorizer());
    table.member("resource", "groupcheck_resource", [group(), String], resource());
    for (name, id) in [
        ("subresource", "resourcecheck_subresource"),
        ("namespace", "resourcecheck_namespace"),
        ("name", "resourcecheck_name"),
        ("fieldSelector", "authorizer_fieldselector"),
        ("labelSelector", "authorizer_labelselector"),
    ] {
        table.member(name, id, [resource(), String], resource());
    }
    table.member("check", "resourcecheck_check", [resource(), String], decision());
    table.member("errored", "decision_errored", [decision()], Bool);
    table.member("error", "decision_error", [decision()], String);
    table.member("allowed", "decision_allowed", [decision()], Bool);
    table.member("reason", "decision_reason", [decision()], String);
}
