//! Secrets and ConfigMaps that controllers make or fill, as the objects say that ask for them.
//!
//! ```text
//! Certificate, ExternalSecret, SealedSecret, SecretProviderClass, … ─▶ makes   an object of this name, with these keys
//! Secret of type service-account-token, ConfigMap with a CA label   ─▶ filled  keys that it has beside those written
//! ```
//!
//! No manifest has them, and they are there all the same. Where it cannot be told which keys such an object has, it has
//! every one.

use crate::document::NodeRef;

/// The keys of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keys<'d> {
    /// Nobody can know: whatever is asked for.
    Any,
    /// No others than these.
    These(Vec<&'d str>),
}

impl Keys<'_> {
    /// Whether the key is one of them.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        match self {
            Self::Any => true,
            Self::These(keys) => keys.contains(&key),
        }
    }
}

/// Where an object is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Home<'d> {
    /// In the namespace of what it is made of.
    Beside,
    /// In this one.
    In(&'d str),
    /// In some, perhaps all: who asks is believed.
    Anywhere,
}

/// An object that a controller makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made<'d> {
    /// `Secret` or `ConfigMap`.
    pub kind: &'static str,
    /// The name of what is made.
    pub name: &'d str,
    /// Its namespace.
    pub home: Home<'d>,
    /// What is in it.
    pub keys: Keys<'d>,
}

/// The keys of a `kubernetes.io/tls` Secret, and what cert-manager puts beside them.
const TLS: [&str; 3] = ["tls.crt", "tls.key", "ca.crt"];

/// Kinds of operators whose objects have a Secret made, and where they say its name; without one it is their own.
const OPERATORS: [(&str, &str, &str); 18] = [
    ("secrets.hashicorp.com", "VaultStaticSecret", "/spec/destination/name"),
    ("secrets.hashicorp.com", "VaultDynamicSecret", "/spec/destination/name"),
    ("secrets.hashicorp.com", "VaultPKISecret", "/spec/destination/name"),
    ("secrets.hashicorp.com", "HCPVaultSecretsApp", "/spec/destination/name"),
    ("secrets.infisical.com", "InfisicalSecret", "/spec/managedSecretReference/secretName"),
    ("secrets.doppler.com", "DopplerSecret", "/spec/managedSecret/name"),
    ("onepassword.com", "OnePasswordItem", ""),
    ("ricoberger.de", "VaultSecret", ""),
    ("kubernetes-client.io", "ExternalSecret", ""),
    ("kafka.strimzi.io", "KafkaUser", ""),
    ("secretgenerator.mittwald.de", "StringSecret", ""),
    ("secretgenerator.mittwald.de", "BasicAuth", ""),
    ("secretgenerator.mittwald.de", "SSHKeyPair", ""),
    ("secretgen.k14s.io", "Password", ""),
    ("secretgen.k14s.io", "Certificate", ""),
    ("secretgen.k14s.io", "RSAKey", ""),
    ("secretgen.carvel.dev", "SecretImport", ""),
    ("secretgen.carvel.dev", "SecretTemplate", ""),
];

/// The kinds that this module knows, beside [`OPERATORS`].
const KINDS: [(&str, &str); 12] = [
    ("", "Secret"),
    ("", "ConfigMap"),
    ("", "Service"),
    ("networking.k8s.io", "Ingress"),
    ("gateway.networking.k8s.io", "Gateway"),
    ("cert-manager.io", "Certificate"),
    ("external-secrets.io", "ExternalSecret"),
    ("external-secrets.io", "ClusterExternalSecret"),
    ("bitnami.com", "SealedSecret"),
    ("secrets-store.csi.x-k8s.io", "SecretProviderClass"),
    ("trust.cert-manager.io", "Bundle"),
    ("extensions", "Ingress"),
];

/// Group and kind of what controllers make Secrets and ConfigMaps of.
pub fn kinds() -> impl Iterator<Item = (&'static str, &'static str)> {
    KINDS.into_iter().chain(OPERATORS.into_iter().map(|(group, kind, _)| (group, kind)))
}

/// Annotations of an Ingress or Gateway that ask cert-manager for the Secrets that its TLS names.
const ISSUERS: [&str; 6] = [
    "cert-manager.io/issuer",
    "cert-manager.io/cluster-issuer",
    "cert-manager.io/issuer-kind",
    "certmanager.k8s.io/issuer",
    "certmanager.k8s.io/cluster-issuer",
    "kubernetes.io/tls-acme",
];

/// Annotations of a Service that ask OpenShift's service CA for a certificate.
const SERVING: [&str; 2] = [
    "service.beta.openshift.io/serving-cert-secret-name",
    "service.alpha.openshift.io/serving-cert-secret-name",
];

/// Annotations of a Secret or ConfigMap that have it copied into other namespaces.
const COPIED_OUT: [&str; 4] = [
    "reflector.v1.k8s.emberstack.com/reflection-auto-enabled",
    "replicator.v1.mittwald.de/replicate-to",
    "replicator.v1.mittwald.de/replicate-to-matching",
    "kubed.appscode.com/sync",
];

/// Annotations of a Secret or ConfigMap that is filled from elsewhere.
const COPIED_IN: [&str; 6] = [
    "reflector.v1.k8s.emberstack.com/reflects",
    "replicator.v1.mittwald.de/replicate-from",
    "secret-generator.v1.mittwald.de/autogenerate",
    "secret-generator.v1.mittwald.de/type",
    "secretgen.carvel.dev/image-pull-secret",
    "cert-manager.io/certificate-name",
];

/// Annotations that have service CAs of OpenShift fill a ConfigMap.
const FILLED: [&str; 2] =
    ["service.beta.openshift.io/inject-cabundle", "service.alpha.openshift.io/inject-cabundle"];

/// Every annotation that says what is made, or filled.
pub fn annotations() -> impl Iterator<Item = &'static str> {
    ISSUERS.into_iter().chain(SERVING).chain(COPIED_OUT).chain(COPIED_IN).chain(FILLED)
}

/// What controllers make of an object of this group and kind.
#[must_use]
pub fn makes<'d>(object: NodeRef<'d>, group: &str, kind: &str) -> Vec<Made<'d>> {
    let mut made = Vec::new();
    match (group, kind) {
        ("", "Secret" | "ConfigMap") => made.extend(copies(object, kind)),
        ("", "Service") => {
            let name = SERVING.iter().find_map(|key| annotation(object, key));
            made.extend(name.map(|name| secret(name, Keys::These(TLS[..2].to_vec()))));
        }
        ("networking.k8s.io" | "extensions", "Ingress") | ("gateway.networking.k8s.io", "Gateway") => {
            made.extend(certificates(object));
        }
        ("cert-manager.io" | "certmanager.k8s.io", "Certificate") => made.extend(certificate(object)),
        ("external-secrets.io", "ExternalSecret") => made.extend(external_secret(object)),
        ("external-secrets.io", "ClusterExternalSecret") => {
            let at = ["/spec/externalSecretSpec/target/name", "/spec/externalSecretName", "/metadata/name"];
            let name = at.iter().find_map(|at| text(object, at));
            made.extend(name.map(|name| Made { home: Home::Anywhere, ..secret(name, Keys::Any) }));
        }
        ("bitnami.com", "SealedSecret") => made.extend(sealed_secret(object)),
        ("secrets-store.csi.x-k8s.io", "SecretProviderClass") => made.extend(provider_class(object)),
        ("trust.cert-manager.io", "Bundle") => {
            let name = text(object, "/metadata/name");
            for (target, kind) in [("/spec/target/configMap", "ConfigMap"), ("/spec/target/secret", "Secret")]
            {
                let home = Home::Anywhere;
                let name = name.filter(|_| object.at(target).is_some());
                made.extend(name.map(|name| Made { kind, name, home, keys: Keys::Any }));
            }
        }
        _ => {
            if let Some((_, _, at)) = OPERATORS.iter().find(|(g, k, _)| (*g, *k) == (group, kind)) {
                let name = text(object, at).or_else(|| text(object, "/metadata/name"));
                made.extend(name.map(|name| secret(name, Keys::Any)));
            }
        }
    }
    made.extend(connection(object));
    made
}

/// The keys that controllers put into a Secret or ConfigMap that is itself among the manifests.
#[must_use]
pub fn filled(object: NodeRef<'_>) -> Keys<'static> {
    if COPIED_IN.iter().any(|key| annotation(object, key).is_some()) {
        return Keys::Any;
    }
    let token = object.get_str("type") == Some("kubernetes.io/service-account-token");
    let empty = |field| object.get(field).is_none_or(NodeRef::is_empty);
    // a Secret without any key is a place for what somebody fills in
    if object.get_str("kind") == Some("Secret") && !token && empty("data") && empty("stringData") {
        return Keys::Any;
    }
    let mut keys = Vec::new();
    // the token controller (`pkg/controller/serviceaccount/tokens_controller.go`)
    if token {
        keys.extend(["token", "ca.crt", "namespace", "service-ca.crt"]);
    }
    let label = object.at("/metadata/labels");
    let label = label.and_then(|l| l.get_str("config.openshift.io/inject-trusted-cabundle"));
    if label == Some("true") {
        keys.push("ca-bundle.crt");
    }
    if FILLED.iter().any(|key| annotation(object, key) == Some("true")) {
        keys.push("service-ca.crt");
    }
    Keys::These(keys)
}

/// The ConfigMaps that clusters put into every namespace, with their keys: the API server's CA everywhere, others on
/// OpenShift and in an Istio mesh.
#[must_use]
pub fn of_every_namespace(config_map: &str) -> Option<Keys<'static>> {
    let keys = match config_map {
        "kube-root-ca.crt" => vec!["ca.crt"],
        "openshift-service-ca.crt" => vec!["service-ca.crt"],
        "istio-ca-root-cert" => vec!["root-cert.pem"],
        _ => return None,
    };
    Some(Keys::These(keys))
}

fn secret<'d>(name: &'d str, keys: Keys<'d>) -> Made<'d> {
    Made { kind: "Secret", name, home: Home::Beside, keys }
}

fn text<'d>(object: NodeRef<'d>, pointer: &str) -> Option<&'d str> {
    object.at(pointer).filter(|_| !pointer.is_empty()).and_then(NodeRef::as_str).filter(|t| !t.is_empty())
}

fn annotation<'d>(object: NodeRef<'d>, key: &str) -> Option<&'d str> {
    object.at("/metadata/annotations")?.get(key)?.as_str().filter(|value| !value.is_empty())
}

fn items<'d>(object: NodeRef<'d>, pointer: &str) -> impl Iterator<Item = NodeRef<'d>> + use<'d> {
    object.at(pointer).into_iter().flat_map(NodeRef::items)
}

fn names<'d>(object: NodeRef<'d>, pointer: &str) -> Vec<&'d str> {
    object.at(pointer).into_iter().flat_map(NodeRef::members).map(|(key, _)| key).collect()
}

fn copies<'d>(object: NodeRef<'d>, kind: &str) -> Option<Made<'d>> {
    COPIED_OUT.iter().find_map(|key| annotation(object, key)).filter(|value| *value != "false")?;
    let kind = if kind == "Secret" { "Secret" } else { "ConfigMap" };
    let mut keys = names(object, "/data");
    keys.extend(names(object, "/stringData"));
    keys.extend(names(object, "/binaryData"));
    Some(Made { kind, name: text(object, "/metadata/name")?, home: Home::Anywhere, keys: Keys::These(keys) })
}

/// <https://cert-manager.io/docs/usage/ingress/>, <https://cert-manager.io/docs/usage/gateway/>
fn certificates<'d>(object: NodeRef<'d>) -> Vec<Made<'d>> {
    if !ISSUERS.iter().any(|key| annotation(object, key).is_some()) {
        return Vec::new();
    }
    let of_tls = items(object, "/spec/tls").filter_map(|tls| tls.get_str("secretName"));
    let of_listeners = items(object, "/spec/listeners")
        .flat_map(|listener| items(listener, "/tls/certificateRefs"))
        .filter_map(|reference| reference.get_str("name"));
    of_tls.chain(of_listeners).map(|name| secret(name, Keys::These(TLS.to_vec()))).collect()
}

/// <https://cert-manager.io/docs/reference/api-docs/#cert-manager.io/v1.CertificateSpec>
fn certificate(object: NodeRef<'_>) -> Option<Made<'_>> {
    let more = ["/spec/keystores", "/spec/additionalOutputFormats", "/spec/secretTemplate"];
    let keys = match more.iter().any(|at| object.at(at).is_some()) {
        true => Keys::Any,
        false => Keys::These(TLS.to_vec()),
    };
    Some(secret(text(object, "/spec/secretName")?, keys))
}

/// <https://external-secrets.io/latest/api/externalsecret/>: the keys are those of `data`, unless a template or a whole
/// secret of the store decides.
fn external_secret(object: NodeRef<'_>) -> Option<Made<'_>> {
    let name = text(object, "/spec/target/name").or_else(|| text(object, "/metadata/name"))?;
    let open = ["/spec/dataFrom", "/spec/target/template/templateFrom", "/spec/target/manifest"];
    if open.iter().any(|at| object.at(at).is_some_and(|n| !n.is_empty())) {
        return Some(secret(name, Keys::Any));
    }
    let mut keys: Vec<&str> = items(object, "/spec/data").filter_map(|d| d.get_str("secretKey")).collect();
    keys.extend(names(object, "/spec/target/template/data"));
    Some(secret(name, Keys::These(keys)))
}

/// <https://github.com/bitnami-labs/sealed-secrets>
fn sealed_secret(object: NodeRef<'_>) -> Option<Made<'_>> {
    let at = ["/spec/template/metadata/name", "/metadata/name"];
    let name = at.iter().find_map(|at| text(object, at))?;
    let mut keys = names(object, "/spec/encryptedData");
    keys.extend(names(object, "/spec/template/data"));
    // an old one is encrypted as a whole
    Some(secret(name, if keys.is_empty() { Keys::Any } else { Keys::These(keys) }))
}

/// <https://secrets-store-csi-driver.sigs.k8s.io/topics/sync-as-kubernetes-secret>
fn provider_class<'d>(object: NodeRef<'d>) -> Vec<Made<'d>> {
    items(object, "/spec/secretObjects")
        .filter_map(|made| {
            let keys = items(made, "/data").filter_map(|d| d.get_str("key")).collect();
            Some(secret(made.get_str("secretName")?, Keys::These(keys)))
        })
        .collect()
}

/// Crossplane's resources write how they are reached.
fn connection(object: NodeRef<'_>) -> Option<Made<'_>> {
    let at = object.at("/spec/writeConnectionSecretToRef")?;
    let home = at.get_str("namespace").map_or(Home::Beside, Home::In);
    Some(Made { home, ..secret(at.get_str("name")?, Keys::Any) })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::document::{Document, Limits};

    /// The kind, name and home of what is made, and which of the keys it has.
    fn told(group: &str, kind: &str, text: &str, keys: &[&str]) -> Vec<String> {
        let document = Document::from_json(text, Limits::default()).unwrap();
        makes(document.root(), group, kind)
            .iter()
            .map(|made| {
                let keys: Vec<&str> = keys.iter().copied().filter(|key| made.keys.has(key)).collect();
                format!("{} {} {:?} {}", made.kind, made.name, made.home, keys.join(","))
            })
            .collect()
    }

    #[test]
    fn made_by_controllers() {
        let rows: [(&str, &str, &str, &[&str]); 15] = [
            (
                "cert-manager.io",
                "Certificate",
                r#"{"spec":{"secretName":"a"}}"#,
                &["Secret a Beside tls.crt"],
            ),
            (
                "cert-manager.io",
                "Certificate",
                r#"{"spec":{"secretName":"a","keystores":{"jks":{}}}}"#,
                &["Secret a Beside tls.crt,x"],
            ),
            (
                "external-secrets.io",
                "ExternalSecret",
                r#"{"metadata":{"name":"a"},"spec":{"data":[{"secretKey":"x"}]}}"#,
                &["Secret a Beside x"],
            ),
            (
                "external-secrets.io",
                "ExternalSecret",
                r#"{"metadata":{"name":"a"},"spec":{"target":{"name":"b"},"dataFrom":[{}]}}"#,
                &["Secret b Beside tls.crt,x"],
            ),
            (
                "external-secrets.io",
                "ExternalSecret",
                r#"{"metadata":{"name":"a"},"spec":{"target":{"template":{"data":{"x":"{{ .y }}"}}}}}"#,
                &["Secret a Beside x"],
            ),
            (
                "bitnami.com",
                "SealedSecret",
                r#"{"metadata":{"name":"a"},"spec":{"encryptedData":{"x":"AgB"}}}"#,
                &["Secret a Beside x"],
            ),
            (
                "bitnami.com",
                "SealedSecret",
                r#"{"metadata":{"name":"a"},"spec":{"template":{"metadata":{"name":"b"}}}}"#,
                &["Secret b Beside tls.crt,x"],
            ),
            (
                "secrets-store.csi.x-k8s.io",
                "SecretProviderClass",
                r#"{"spec":{"secretObjects":[{"secretName":"a","data":[{"key":"x"}]},{"secretName":"b"}]}}"#,
                &["Secret a Beside x", "Secret b Beside "],
            ),
            (
                "networking.k8s.io",
                "Ingress",
                r#"{"metadata":{"annotations":{"cert-manager.io/issuer":"ca"}},"spec":{"tls":[{"secretName":"a"}]}}"#,
                &["Secret a Beside tls.crt"],
            ),
            ("networking.k8s.io", "Ingress", r#"{"spec":{"tls":[{"secretName":"a"}]}}"#, &[]),
            (
                "",
                "Service",
                r#"{"metadata":{"annotations":{"service.beta.openshift.io/serving-cert-secret-name":"a"}}}"#,
                &["Secret a Beside tls.crt"],
            ),
            (
                "",
                "Secret",
                r#"{"metadata":{"name":"a","annotations":{"replicator.v1.mittwald.de/replicate-to":"b"}},"data":{"x":""}}"#,
                &["Secret a Anywhere x"],
            ),
            (
                "trust.cert-manager.io",
                "Bundle",
                r#"{"metadata":{"name":"a"},"spec":{"target":{"configMap":{"key":"x"}}}}"#,
                &["ConfigMap a Anywhere tls.crt,x"],
            ),
            (
                "onepassword.com",
                "OnePasswordItem",
                r#"{"metadata":{"name":"a"}}"#,
                &["Secret a Beside tls.crt,x"],
            ),
            (
                "db.example.org",
                "Database",
                r#"{"spec":{"writeConnectionSecretToRef":{"name":"a","namespace":"shop"}}}"#,
                &["Secret a In(\"shop\") tls.crt,x"],
            ),
        ];
        for (group, kind, text, expected) in rows {
            assert_eq!(told(group, kind, text, &["tls.crt", "x"]), expected, "{text}");
        }
    }

    #[test]
    fn filled_by_controllers() {
        for (text, key, expected) in [
            (r#"{"type":"kubernetes.io/service-account-token"}"#, "token", true),
            (r#"{"type":"kubernetes.io/service-account-token"}"#, "tokn", false),
            (r#"{"type":"Opaque"}"#, "token", false),
            (r#"{"kind":"Secret","type":"Opaque","data":{}}"#, "token", true),
            (r#"{"kind":"Secret","type":"Opaque","data":{"user":"c2hvcA=="}}"#, "token", false),
            (
                r#"{"metadata":{"labels":{"config.openshift.io/inject-trusted-cabundle":"true"}}}"#,
                "ca-bundle.crt",
                true,
            ),
            (
                r#"{"metadata":{"labels":{"config.openshift.io/inject-trusted-cabundle":"false"}}}"#,
                "ca-bundle.crt",
                false,
            ),
            (
                r#"{"metadata":{"annotations":{"service.beta.openshift.io/inject-cabundle":"true"}}}"#,
                "service-ca.crt",
                true,
            ),
            (r#"{"metadata":{"annotations":{"replicator.v1.mittwald.de/replicate-from":"a/b"}}}"#, "x", true),
        ] {
            let document = Document::from_json(text, Limits::default()).unwrap();
            assert_eq!(filled(document.root()).has(key), expected, "{text} {key}");
        }
    }
}
