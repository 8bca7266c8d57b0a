//! Reading an AdmissionReview v1 request: one pass over the body, strings borrowed, objects left as raw JSON.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::limits::UID_BYTES;
use crate::request::Operation;

/// The only version that is spoken. `v1beta1` went away with Kubernetes 1.22.
pub(super) const API_VERSION: &str = "admission.k8s.io/v1";
pub(super) const KIND: &str = "AdmissionReview";

/// A way in which a body is not a review that can be judged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The body is empty.
    #[error("the request has no body; an AdmissionReview is expected")]
    Empty,
    /// The body is not UTF-8 from this byte on.
    #[error("the body is not UTF-8 from byte {0} on")]
    NotUtf8(usize),
    /// Not JSON, or a member has the wrong type; the text says where and what was expected.
    #[error("the body cannot be read as an AdmissionReview: {0}")]
    Malformed(String),
    /// `apiVersion: admission.k8s.io/v1beta1`.
    #[error(
        "admission.k8s.io/v1beta1 is not supported; register the webhook with admissionReviewVersions: [\"v1\"]"
    )]
    V1Beta1,
    /// Another apiVersion or kind, or none.
    #[error("expected admission.k8s.io/v1, Kind=AdmissionReview, got {api_version:?}, Kind={kind:?}")]
    NotAReview {
        /// What stood under `apiVersion`, shortened.
        api_version: String,
        /// What stood under `kind`, shortened.
        kind: String,
    },
    /// The review has no `request`.
    #[error("the AdmissionReview has no request")]
    NoRequest,
    /// The request has no `uid`, so no answer would be accepted.
    #[error("the request of the AdmissionReview has no uid")]
    NoUid,
    /// The request's `uid` is none that the API server makes; every answer would repeat it.
    #[error("the uid of the request is longer than {UID_BYTES} bytes")]
    LongUid,
    /// The request does not say what kind of object it is about.
    #[error("the request of the AdmissionReview has no kind")]
    NoKind,
    /// `operation` is none of CREATE, UPDATE, DELETE, CONNECT.
    #[error("unknown operation {0:?}; expected CREATE, UPDATE, DELETE or CONNECT")]
    UnknownOperation(String),
}

impl Refusal {
    /// The HTTP status where there is no uid to answer to, and `status.code` where there is.
    #[must_use]
    pub fn http_status(&self) -> u16 {
        400
    }

    /// A short constant for metrics.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Refusal::Empty => "empty",
            Refusal::NotUtf8(_) => "not_utf8",
            Refusal::Malformed(_) => "malformed",
            Refusal::V1Beta1 => "v1beta1",
            Refusal::NotAReview { .. } => "not_a_review",
            Refusal::NoRequest => "no_request",
            Refusal::NoUid => "no_uid",
            Refusal::LongUid => "long_uid",
            Refusal::NoKind => "no_kind",
            Refusal::UnknownOperation(_) => "unknown_operation",
        }
    }

    /// Whether an answer with the uid would be understood: not by a caller that speaks another version.
    pub(super) fn caller_speaks_v1(&self) -> bool {
        !matches!(self, Refusal::V1Beta1 | Refusal::NotAReview { .. })
    }
}

/// A string of the request: borrowed from the body unless it holds escapes. `null` reads as empty, as in Go.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Str<'a>(pub Cow<'a, str>);

impl Deref for Str<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'a> From<&'a str> for Str<'a> {
    fn from(text: &'a str) -> Self {
        Str(Cow::Borrowed(text))
    }
}

impl std::borrow::Borrow<str> for Str<'_> {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Str<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Str<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Str<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Str<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Str<'de>, E> {
                Ok(Str(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Str<'de>, E> {
                Ok(Str(Cow::Owned(text.to_owned())))
            }
            fn visit_unit<E>(self) -> Result<Str<'de>, E> {
                Ok(Str::default())
            }
        }
        deserializer.deserialize_any(Text)
    }
}

/// `kind` and `requestKind`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GroupVersionKind<'a> {
    /// API group; empty for the core group.
    #[serde(borrow)]
    pub group: Str<'a>,
    /// API version.
    #[serde(borrow)]
    pub version: Str<'a>,
    /// Kind.
    #[serde(borrow)]
    pub kind: Str<'a>,
}

/// `resource` and `requestResource`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GroupVersionResource<'a> {
    /// API group; empty for the core group.
    #[serde(borrow)]
    pub group: Str<'a>,
    /// API version.
    #[serde(borrow)]
    pub version: Str<'a>,
    /// Plural, lower case.
    #[serde(borrow)]
    pub resource: Str<'a>,
}

/// Who asked, as authentication said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UserInfo<'a> {
    /// The name; `system:serviceaccount:NAMESPACE:NAME` for service accounts.
    #[serde(borrow)]
    pub username: Str<'a>,
    /// Unique over time; empty for certificates.
    #[serde(borrow, skip_serializing_if = "is_empty")]
    pub uid: Str<'a>,
    /// Groups, in the order sent.
    #[serde(borrow, deserialize_with = "null_is_default", skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Str<'a>>,
    /// Extra attributes.
    #[serde(borrow, deserialize_with = "null_is_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub extra: BTreeMap<Str<'a>, Vec<Str<'a>>>,
}

fn is_empty(text: &Str<'_>) -> bool {
    text.is_empty()
}

fn null_is_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(from)?.unwrap_or_default())
}

/// `AdmissionReview.request`, borrowing from the body.
///
/// Members that Go leaves out when empty are empty here as well: `sub_resource`, `name`, `namespace`.
#[derive(Debug, Clone)]
pub struct ReviewRequest<'a> {
    /// Copied into the answer.
    pub uid: Str<'a>,
    /// The kind of `object`, in the version that the webhook registered.
    pub kind: GroupVersionKind<'a>,
    /// The resource, in the version that the webhook registered.
    pub resource: GroupVersionResource<'a>,
    /// `status`, `scale`, `exec` …, or empty.
    pub sub_resource: Str<'a>,
    /// The kind that the client sent, where the server said.
    pub request_kind: Option<GroupVersionKind<'a>>,
    /// The resource that the client sent, where the server said.
    pub request_resource: Option<GroupVersionResource<'a>>,
    /// The subresource that the client sent.
    pub request_sub_resource: Str<'a>,
    /// Empty for `generateName` before mutating webhooks and for `deletecollection`.
    pub name: Str<'a>,
    /// Empty for cluster-scoped objects; equals the name for Namespaces (but for `generateName`).
    pub namespace: Str<'a>,
    /// What is being done.
    pub operation: Operation,
    /// Who asked.
    pub user_info: UserInfo<'a>,
    /// `None` for DELETE.
    pub object: Option<&'a RawValue>,
    /// `None` for CREATE and CONNECT.
    pub old_object: Option<&'a RawValue>,
    /// `None` for CONNECT.
    pub options: Option<&'a RawValue>,
    /// No side effects are wanted.
    pub dry_run: bool,
}

/// The request without `object` and `oldObject`: what CEL calls `request`.
impl Serialize for ReviewRequest<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("uid", &self.uid)?;
        map.serialize_entry("kind", &self.kind)?;
        map.serialize_entry("resource", &self.resource)?;
        if let Some(kind) = &self.request_kind {
            map.serialize_entry("requestKind", kind)?;
        }
        if let Some(resource) = &self.request_resource {
            map.serialize_entry("requestResource", resource)?;
        }
        for (key, value) in [
            ("subResource", &self.sub_resource),
            ("requestSubResource", &self.request_sub_resource),
            ("name", &self.name),
            ("namespace", &self.namespace),
        ] {
            if !value.is_empty() {
                map.serialize_entry(key, value)?;
            }
        }
        map.serialize_entry("operation", self.operation.name())?;
        map.serialize_entry("userInfo", &self.user_info)?;
        map.serialize_entry("dryRun", &self.dry_run)?;
        map.serialize_entry("options", &self.options)?;
        map.end()
    }
}

impl ReviewRequest<'_> {
    /// The JSON of `request` without `object` and `oldObject`, for CEL's `request` variable: small, and written
    /// from what was read only when asked for, so that it costs nothing where no policy needs it.
    #[must_use]
    pub fn envelope_json(&self) -> String {
        serde_json::to_string(self).expect("strings and raw JSON can always be written")
    }

    /// `namespace/name`, or the name alone, for logs.
    #[must_use]
    pub fn place(&self) -> String {
        match self.namespace.is_empty() {
            true => self.name.to_string(),
            false => format!("{}/{}", self.namespace, self.name),
        }
    }
}

/// A body that was read: the request, or why not, together with the uid if that was met.
#[derive(Debug)]
pub struct Review<'a> {
    /// Also known where the rest could not be read; `None` when missing or empty.
    pub uid: Option<Str<'a>>,
    /// The request of the review, or why there is none.
    pub request: Result<ReviewRequest<'a>, Refusal>,
}

impl<'a> Review<'a> {
    /// Reads a posted body in one pass. Objects are checked to be JSON, to any depth without recursion, and are
    /// not built.
    #[must_use]
    pub fn read(body: &'a [u8]) -> Self {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Review { uid: None, request: Err(Refusal::Empty) };
        }
        match std::str::from_utf8(body) {
            Ok(text) => Self::read_text(text),
            Err(error) => {
                let good = error.valid_up_to();
                let prefix = std::str::from_utf8(&body[..good]).expect("valid up to there");
                Review { uid: Self::read_text(prefix).uid, request: Err(Refusal::NotUtf8(good)) }
            }
        }
    }

    fn read_text(text: &'a str) -> Self {
        let mut parts = Parts::default();
        let mut json = serde_json::Deserializer::from_str(text);
        let read = EnvelopeSeed(&mut parts).deserialize(&mut json).and_then(|()| json.end());
        let uid = parts.uid.clone().filter(|uid| !uid.is_empty() && uid.len() <= UID_BYTES);
        let request = match read {
            Err(_) if parts.is_v1beta1() => Err(Refusal::V1Beta1),
            Err(error) => Err(Refusal::Malformed(error.to_string())),
            Ok(()) => parts.finish(),
        };
        Review { uid, request }
    }
}

/// What has been met so far; filled as the stream passes, so that it outlives a failed reading.
#[derive(Default)]
struct Parts<'a> {
    api_version: Str<'a>,
    envelope_kind: Str<'a>,
    has_request: bool,
    uid: Option<Str<'a>>,
    kind: GroupVersionKind<'a>,
    resource: GroupVersionResource<'a>,
    sub_resource: Str<'a>,
    request_kind: Option<GroupVersionKind<'a>>,
    request_resource: Option<GroupVersionResource<'a>>,
    request_sub_resource: Str<'a>,
    name: Str<'a>,
    namespace: Str<'a>,
    operation: Str<'a>,
    user_info: UserInfo<'a>,
    object: Option<&'a RawValue>,
    old_object: Option<&'a RawValue>,
    options: Option<&'a RawValue>,
    dry_run: Option<bool>,
}

impl<'a> Parts<'a> {
    fn is_v1beta1(&self) -> bool {
        &*self.api_version == "admission.k8s.io/v1beta1"
    }

    fn finish(self) -> Result<ReviewRequest<'a>, Refusal> {
        if self.is_v1beta1() {
            return Err(Refusal::V1Beta1);
        }
        if &*self.api_version != API_VERSION || &*self.envelope_kind != KIND {
            let shorten = |text: &str| text.chars().take(100).collect();
            let (api_version, kind) = (shorten(&self.api_version), shorten(&self.envelope_kind));
            return Err(Refusal::NotAReview { api_version, kind });
        }
        if !self.has_request {
            return Err(Refusal::NoRequest);
        }
        let uid = self.uid.filter(|uid| !uid.is_empty()).ok_or(Refusal::NoUid)?;
        if uid.len() > UID_BYTES {
            return Err(Refusal::LongUid);
        }
        if self.kind.kind.is_empty() {
            return Err(Refusal::NoKind);
        }
        let operation = Operation::named(&self.operation)
            .ok_or_else(|| Refusal::UnknownOperation(self.operation.chars().take(20).collect()))?;
        Ok(ReviewRequest {
            uid,
            kind: self.kind,
            resource: self.resource,
            sub_resource: self.sub_resource,
            request_kind: self.request_kind,
            request_resource: self.request_resource,
            request_sub_resource: self.request_sub_resource,
            name: self.name,
            namespace: self.namespace,
            operation,
            user_info: self.user_info,
            object: self.object,
            old_object: self.old_object,
            options: self.options,
            dry_run: self.dry_run.unwrap_or_default(),
        })
    }
}

/// The outer object. Unknown members are skipped; of duplicates the last counts, as in Go.
struct EnvelopeSeed<'p, 'a>(&'p mut Parts<'a>);

impl<'a> DeserializeSeed<'a> for EnvelopeSeed<'_, 'a> {
    type Value = ();
    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'a> Visitor<'a> for EnvelopeSeed<'_, 'a> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an AdmissionReview object")
    }
    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<(), M::Error> {
        let parts = self.0;
        while let Some(key) = map.next_key::<Str<'a>>()? {
            match &*key {
                "apiVersion" => parts.api_version = map.next_value()?,
                "kind" => parts.envelope_kind = map.next_value()?,
                "request" => map.next_value_seed(RequestSeed(parts))?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// The `request` member; `null` is as if absent.
struct RequestSeed<'p, 'a>(&'p mut Parts<'a>);

impl<'a> DeserializeSeed<'a> for RequestSeed<'_, 'a> {
    type Value = ();
    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for RequestSeed<'_, 'a> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an AdmissionRequest object")
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<(), M::Error> {
        let parts = self.0;
        parts.has_request = true;
        while let Some(key) = map.next_key::<Str<'a>>()? {
            match &*key {
                "uid" => parts.uid = Some(map.next_value()?),
                "kind" => parts.kind = or_default(&mut map)?,
                "resource" => parts.resource = or_default(&mut map)?,
                "subResource" => parts.sub_resource = map.next_value()?,
                "requestKind" => parts.request_kind = map.next_value()?,
                "requestResource" => parts.request_resource = map.next_value()?,
                "requestSubResource" => parts.request_sub_resource = map.next_value()?,
                "name" => parts.name = map.next_value()?,
                "namespace" => parts.namespace = map.next_value()?,
                "operation" => parts.operation = map.next_value()?,
                "userInfo" => parts.user_info = or_default(&mut map)?,
                "object" => parts.object = object(&mut map, "object")?,
                "oldObject" => parts.old_object = object(&mut map, "oldObject")?,
                "options" => parts.options = object(&mut map, "options")?,
                "dryRun" => parts.dry_run = map.next_value()?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

fn or_default<'a, M: MapAccess<'a>, T: Default + Deserialize<'a>>(map: &mut M) -> Result<T, M::Error> {
    Ok(map.next_value::<Option<T>>()?.unwrap_or_default())
}

/// A raw object or null; a scalar or list there is the wrong shape.
fn object<'a, M: MapAccess<'a>>(map: &mut M, name: &str) -> Result<Option<&'a RawValue>, M::Error> {
    let raw: &'a RawValue = map.next_value()?;
    match raw.get().as_bytes().first() {
        Some(b'{') => Ok(Some(raw)),
        Some(b'n') => Ok(None),
        _ => Err(M::Error::custom(format_args!("{name} must be an object or null"))),
    }
}

#[cfg(test)]
mod tests;
