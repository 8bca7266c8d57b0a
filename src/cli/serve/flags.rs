//! What `serve` is told by flags, by the environment and by a configuration file, and what that amounts to.
//!
//! One struct is the flags and the file's `serve` section, so that neither can lack what the other has. Everything in
//! it is optional; defaults and what belongs together are decided in [`Flags::settle`], when all three have spoken.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use crate::cluster::client::Access;
use crate::cluster::install::EXEMPT;
use crate::limits::FINDINGS_PER_RULE;
use crate::webhook::authority::SETTLE;
use crate::webhook::goduration;

/// The flags of `plimsoll serve`.
#[derive(Debug, Clone, Default, PartialEq, Args, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Flags {
    /// Load policies again when their files change; what works is kept while they are broken
    #[arg(long, env = "PLIMSOLL_WATCH_POLICIES", value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", hide_possible_values = true, value_parser = BoolishValueParser::new())]
    pub watch_policies: Option<bool>,
    /// Judge by ValidatingAdmissionPolicies of policy folders, too: for clusters that do not know them. Else they are left
    /// to the API server
    #[arg(long, env = "PLIMSOLL_ADMISSION_POLICIES", value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", hide_possible_values = true, value_parser = BoolishValueParser::new())]
    pub admission_policies: Option<bool>,
    /// Address of the TLS port [default: port 8443 on all addresses]
    #[arg(long, value_name = "ADDRESS", env = "PLIMSOLL_BIND")]
    #[schemars(with = "Option<String>")]
    pub bind: Option<SocketAddr>,
    /// Address of the plain port with /healthz, /readyz, /metrics [default: port 8080 on all addresses]
    #[arg(long, value_name = "ADDRESS", env = "PLIMSOLL_ADMIN_BIND")]
    #[schemars(with = "Option<String>")]
    pub admin_bind: Option<SocketAddr>,
    /// Certificate chain in PEM form, leaf first; read again when it changes
    #[arg(long, value_name = "FILE", env = "PLIMSOLL_TLS_CERT")]
    pub tls_cert: Option<PathBuf>,
    /// The certificate's private key in PEM form (PKCS#8, PKCS#1 or SEC1)
    #[arg(long, value_name = "FILE", env = "PLIMSOLL_TLS_KEY")]
    pub tls_key: Option<PathBuf>,
    /// Only clients with a certificate that a CA of this file signed may ask, in PEM form; read again when it changes
    #[arg(long, value_name = "FILE", env = "PLIMSOLL_CLIENT_CA")]
    pub client_ca: Option<PathBuf>,
    /// Make and renew an own CA and certificate
    #[arg(long, env = "PLIMSOLL_SELF_SIGNED", value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", hide_possible_values = true, value_parser = BoolishValueParser::new())]
    pub self_signed: Option<bool>,
    /// Where --self-signed writes its CA bundle [default: plimsoll-ca.crt]
    #[arg(long, value_name = "FILE", env = "PLIMSOLL_CA_FILE")]
    pub ca_file: Option<PathBuf>,
    /// Service that own certificates are for
    #[arg(long, value_name = "NAME", env = "PLIMSOLL_SERVICE")]
    pub service: Option<String>,
    /// Namespace of that Service
    #[arg(long, value_name = "NAMESPACE", env = "PLIMSOLL_SERVICE_NAMESPACE")]
    pub service_namespace: Option<String>,
    /// How long to go on serving after SIGTERM, not ready, before connections are drained [default: 5s]
    #[arg(long, value_name = "DURATION", env = "PLIMSOLL_LAME_DUCK", value_parser = duration)]
    #[serde(deserialize_with = "written_duration")]
    #[schemars(with = "Option<String>")]
    pub lame_duck: Option<Duration>,
    /// How often certificates are looked at [default: 10s]
    #[arg(long, value_name = "DURATION", env = "PLIMSOLL_CERTIFICATE_INTERVAL", value_parser = duration)]
    #[serde(deserialize_with = "written_duration")]
    #[schemars(with = "Option<String>")]
    pub certificate_interval: Option<Duration>,
    /// With --register: how long a new CA is in the registration before certificates come from it [default: 1h]
    #[arg(long, value_name = "DURATION", env = "PLIMSOLL_CA_SETTLE", value_parser = duration)]
    #[serde(deserialize_with = "written_duration")]
    #[schemars(with = "Option<String>")]
    pub ca_settle: Option<Duration>,
    /// How often policy folders are looked at [default: 2s]
    #[arg(long, value_name = "DURATION", env = "PLIMSOLL_POLICY_INTERVAL", value_parser = duration)]
    #[serde(deserialize_with = "written_duration")]
    #[schemars(with = "Option<String>")]
    pub policy_interval: Option<Duration>,
    /// Look other objects up in the cluster of this file's current context
    #[arg(long, value_name = "FILE", env = "PLIMSOLL_KUBECONFIG", help_heading = "Cluster")]
    pub kubeconfig: Option<PathBuf>,
    /// Look other objects up in the cluster that this runs in, as its ServiceAccount
    #[arg(long, env = "PLIMSOLL_IN_CLUSTER", value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", hide_possible_values = true, value_parser = BoolishValueParser::new(),
          help_heading = "Cluster")]
    pub in_cluster: Option<bool>,
    /// Keep rules and caBundle of the webhook configurations named plimsoll in step with the policies, together with
    /// the other replicas; without --tls-cert, certificates are kept in the Secret plimsoll-certificates
    #[arg(long, env = "PLIMSOLL_REGISTER", value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", hide_possible_values = true, value_parser = BoolishValueParser::new(),
          help_heading = "Cluster")]
    pub register: Option<bool>,
    /// Findings of one rule about one request before it is not run further [default: 50]
    #[arg(long, value_name = "NUMBER", env = "PLIMSOLL_FINDINGS_PER_RULE", value_parser = number, help_heading = "Limits")]
    #[serde(deserialize_with = "written_number")]
    pub findings_per_rule: Option<usize>,
    /// Open connections; beyond, those that have asked nothing are closed first [default: 4096]
    #[arg(long, value_name = "NUMBER", env = "PLIMSOLL_MAX_CONNECTIONS", value_parser = number, help_heading = "Limits")]
    #[serde(deserialize_with = "written_number")]
    pub max_connections: Option<usize>,
    /// Bytes that the bodies of running requests share, as in 128Mi [default: a quarter of the container's memory limit,
    /// 128Mi without one]
    #[arg(long, value_name = "BYTES", env = "PLIMSOLL_BODY_BUDGET", value_parser = bytes, help_heading = "Limits")]
    #[serde(deserialize_with = "written_bytes")]
    #[schemars(with = "Option<String>")]
    pub body_budget: Option<usize>,
    /// With --register: a namespace that is not judged, beside the own, as `plimsoll install` was told; may be repeated
    /// [default: kube-system, kube-public, kube-node-lease]
    #[arg(
        long = "exempt-namespace",
        value_name = "NAME",
        env = "PLIMSOLL_EXEMPT_NAMESPACES",
        value_delimiter = ',',
        help_heading = "Cluster"
    )]
    pub exempt_namespaces: Vec<String>,
    /// With --register: no entry of the webhook configurations fails closed, as for a single replica
    #[arg(long, env = "PLIMSOLL_FAIL_OPEN", value_name = "BOOL", num_args = 0..=1, require_equals = true,
          default_missing_value = "true", hide_possible_values = true, value_parser = BoolishValueParser::new(),
          help_heading = "Cluster")]
    pub fail_open: Option<bool>,
    /// With --register: how often every replica compares what is registered with what must be [default: 30s]
    #[arg(long, value_name = "DURATION", env = "PLIMSOLL_REGISTRATION_INTERVAL", value_parser = duration,
          help_heading = "Cluster")]
    #[serde(deserialize_with = "written_duration")]
    #[schemars(with = "Option<String>")]
    pub registration_interval: Option<Duration>,
    /// How log lines are written to standard error [default: text]
    #[arg(long, value_name = "FORMAT", env = "PLIMSOLL_LOG_FORMAT")]
    pub log_format: Option<LogFormat>,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Why flags, environment and file make no sense together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FlagsError {
    /// Two that say different things.
    #[error("{0} and {1} exclude each other; {0}=false takes one back")]
    Exclude(&'static str, &'static str),
    /// One that says half of a thing.
    #[error("{0} needs {1} (a flag, an entry of the configuration file, or in the environment)")]
    Needs(&'static str, &'static str),
    /// A webhook is called over TLS only.
    #[error(
        "no certificate to serve: --self-signed makes one, --tls-cert and --tls-key name one, --register keeps one in the cluster"
    )]
    NoCertificate,
}

/// What `serve` does.
#[derive(Debug, PartialEq)]
pub struct Plan {
    /// Whether policies are read again.
    pub watch_policies: bool,
    /// Whether policies of the API server's own language are judged.
    pub admission_policies: bool,
    /// The TLS port.
    pub bind: Option<SocketAddr>,
    /// The plain port.
    pub admin_bind: Option<SocketAddr>,
    /// What is served over TLS.
    pub certificate: Certificate,
    /// Whose clients may ask.
    pub client_ca: Option<PathBuf>,
    /// Name and namespace of the Service.
    pub service: Option<(String, String)>,
    /// From SIGTERM to the drain.
    pub lame_duck: Duration,
    /// How often certificates are looked at.
    pub certificate_interval: Duration,
    /// How often policies are looked at.
    pub policy_interval: Duration,
    /// The cluster.
    pub access: Option<Access>,
    /// The namespace of ours in which the registration is kept.
    pub registered_in: Option<String>,
    /// How long callers get to notice a new CA.
    pub ca_settle: Duration,
    /// Findings of one rule about one request.
    pub findings_per_rule: usize,
    /// Open connections, where somebody said.
    pub max_connections: Option<usize>,
    /// Bytes that bodies share, where somebody said.
    pub body_budget: Option<usize>,
    /// Namespaces that are not judged, beside the own.
    pub exempt_namespaces: Vec<String>,
    /// Whether nothing fails closed.
    pub fail_open: bool,
    /// How often the registration is compared.
    pub registration_interval: Duration,
    /// How to log.
    pub log_format: LogFormat,
}

/// Where the certificate comes from.
#[derive(Debug, PartialEq, Eq)]
pub enum Certificate {
    /// Two files: chain and key.
    Files((PathBuf, PathBuf)),
    /// Made here, for this process.
    OwnInMemory {
        /// Where its CA is published.
        ca_file: PathBuf,
    },
    /// Made by us, and shared with the other replicas.
    OwnInSecret,
}

impl Flags {
    /// These where they say something, else those of the file. Where these name a certificate or a cluster, what the
    /// file says of that is void as a whole.
    #[must_use]
    pub fn over(self, file: Flags) -> Flags {
        let mut file = file;
        let says = |flag: Option<bool>| flag == Some(true);
        if self.tls_cert.is_some() || self.tls_key.is_some() || says(self.self_signed) {
            (file.tls_cert, file.tls_key, file.self_signed) = (None, None, None);
        }
        if says(self.self_signed) {
            file.register = None;
        }
        if says(self.register) {
            file.self_signed = None;
        }
        if self.kubeconfig.is_some() || says(self.in_cluster) {
            (file.kubeconfig, file.in_cluster) = (None, None);
        }
        Flags {
            watch_policies: self.watch_policies.or(file.watch_policies),
            admission_policies: self.admission_policies.or(file.admission_policies),
            bind: self.bind.or(file.bind),
            admin_bind: self.admin_bind.or(file.admin_bind),
            tls_cert: self.tls_cert.or(file.tls_cert),
            tls_key: self.tls_key.or(file.tls_key),
            client_ca: self.client_ca.or(file.client_ca),
            self_signed: self.self_signed.or(file.self_signed),
            ca_file: self.ca_file.or(file.ca_file),
            service: self.service.or(file.service),
            service_namespace: self.service_namespace.or(file.service_namespace),
            lame_duck: self.lame_duck.or(file.lame_duck),
            certificate_interval: self.certificate_interval.or(file.certificate_interval),
            ca_settle: self.ca_settle.or(file.ca_settle),
            policy_interval: self.policy_interval.or(file.policy_interval),
            kubeconfig: self.kubeconfig.or(file.kubeconfig),
            in_cluster: self.in_cluster.or(file.in_cluster),
            register: self.register.or(file.register),
            findings_per_rule: self.findings_per_rule.or(file.findings_per_rule),
            max_connections: self.max_connections.or(file.max_connections),
            body_budget: self.body_budget.or(file.body_budget),
            exempt_namespaces: match self.exempt_namespaces.is_empty() {
                true => file.exempt_namespaces,
                false => self.exempt_namespaces,
            },
            fail_open: self.fail_open.or(file.fail_open),
            registration_interval: self.registration_interval.or(file.registration_interval),
            log_format: self.log_format.or(file.log_format),
        }
    }

    /// The paths among them, which a file means relative to itself.
    pub fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let Self { tls_cert, tls_key, client_ca, ca_file, kubeconfig, .. } = self;
        [tls_cert, tls_key, client_ca, ca_file, kubeconfig].into_iter().flatten()
    }

    /// # Errors
    /// When two of them say different things.
    pub fn contradict(&self) -> Result<(), FlagsError> {
        let own = self.self_signed == Some(true);
        if own && self.tls_cert.is_some() {
            return Err(FlagsError::Exclude("--self-signed", "--tls-cert"));
        }
        if own && self.register == Some(true) {
            return Err(FlagsError::Exclude("--self-signed", "--register"));
        }
        if self.in_cluster == Some(true) && self.kubeconfig.is_some() {
            return Err(FlagsError::Exclude("--in-cluster", "--kubeconfig"));
        }
        Ok(())
    }

    /// What they amount to.
    ///
    /// # Errors
    /// When they do not fit together.
    pub fn settle(self) -> Result<Plan, FlagsError> {
        self.contradict()?;
        let seconds = Duration::from_secs;
        let register = self.register == Some(true);
        let certificate = match (self.tls_cert, self.tls_key) {
            (Some(chain), Some(key)) => Certificate::Files((chain, key)),
            (Some(_), None) => return Err(FlagsError::Needs("--tls-cert", "--tls-key")),
            (None, Some(_)) => return Err(FlagsError::Needs("--tls-key", "--tls-cert")),
            (None, None) if register => Certificate::OwnInSecret,
            (None, None) if self.self_signed == Some(true) => {
                let ca_file = self.ca_file.unwrap_or_else(|| "plimsoll-ca.crt".into());
                Certificate::OwnInMemory { ca_file }
            }
            (None, None) => return Err(FlagsError::NoCertificate),
        };
        let service = match (self.service, self.service_namespace) {
            (Some(service), Some(namespace)) => Some((service, namespace)),
            (Some(_), None) => return Err(FlagsError::Needs("--service", "--service-namespace")),
            (None, Some(_)) => return Err(FlagsError::Needs("--service-namespace", "--service")),
            (None, None) if register => {
                return Err(FlagsError::Needs("--register", "--service and --service-namespace"));
            }
            (None, None) => None,
        };
        let in_cluster = self.in_cluster == Some(true);
        let access = self.kubeconfig.map(Access::Kubeconfig).or(in_cluster.then_some(Access::InCluster));
        if register && access.is_none() {
            return Err(FlagsError::Needs("--register", "a cluster: --kubeconfig FILE or --in-cluster"));
        }
        let registered_in = service.as_ref().filter(|_| register).map(|(_, namespace)| namespace.clone());
        Ok(Plan {
            watch_policies: self.watch_policies.unwrap_or_default(),
            admission_policies: self.admission_policies.unwrap_or_default(),
            bind: self.bind,
            admin_bind: self.admin_bind,
            certificate,
            client_ca: self.client_ca,
            service,
            lame_duck: self.lame_duck.unwrap_or(seconds(5)),
            certificate_interval: self.certificate_interval.unwrap_or(seconds(10)),
            policy_interval: self.policy_interval.unwrap_or(seconds(2)),
            access,
            registered_in,
            ca_settle: self.ca_settle.unwrap_or(SETTLE),
            findings_per_rule: self.findings_per_rule.unwrap_or(FINDINGS_PER_RULE),
            max_connections: self.max_connections,
            body_budget: self.body_budget,
            exempt_namespaces: match self.exempt_namespaces.is_empty() {
                true => EXEMPT.map(str::to_owned).to_vec(),
                false => self.exempt_namespaces,
            },
            fail_open: self.fail_open.unwrap_or_default(),
            registration_interval: self.registration_interval.unwrap_or(seconds(30)),
            log_format: self.log_format.unwrap_or(LogFormat::Text),
        })
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    goduration::parse(text).ok_or_else(|| "expected a duration such as 5s or 500ms".to_owned())
}

fn written_duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| duration(&text).map_err(serde::de::Error::custom)).transpose()
}

fn number(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=1_000_000).contains(number));
    number.ok_or_else(|| "expected a number from 1 to 1000000".to_owned())
}

fn written_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    let number_written = Option::<u32>::deserialize(deserializer)?;
    number_written.map(|n| number(&n.to_string()).map_err(serde::de::Error::custom)).transpose()
}

/// Whole bytes, with `Ki`, `Mi` or `Gi` where that is shorter.
fn bytes(text: &str) -> Result<usize, String> {
    let (digits, scale) = [("Ki", 1_usize << 10), ("Mi", 1 << 20), ("Gi", 1 << 30)]
        .into_iter()
        .find_map(|(unit, scale)| Some((text.strip_suffix(unit)?, scale)))
        .unwrap_or((text, 1));
    let bytes = digits.parse::<usize>().ok().and_then(|number| number.checked_mul(scale));
    let range = (1 << 20)..=(1_usize << 40);
    bytes
        .filter(|bytes| range.contains(bytes))
        .ok_or_else(|| "expected bytes from 1Mi, as in 128Mi".to_owned())
}

fn written_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| bytes(&text).map_err(serde::de::Error::custom)).transpose()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use clap::{CommandFactory as _, Parser};

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        serve: crate::cli::serve::ServeArgs,
    }

    fn flags(args: &[&str]) -> Result<Flags, String> {
        let parsed = Cli::try_parse_from([&["plimsoll"], args].concat());
        parsed.map(|cli| cli.serve.flags).map_err(|error| error.to_string())
    }

    #[test]
    fn flags_fit_together() {
        Cli::command().debug_assert();
        let rows: &[(&[&str], Option<&str>)] = &[
            (&["--self-signed"], None),
            (&["--self-signed", "--service", "s", "--service-namespace", "n"], None),
            (&["--tls-cert", "c", "--tls-key", "k", "--action-override", "Audit"], None),
            (&["--tls-cert", "c", "--tls-key", "k", "--self-signed=false"], None),
            (&["--self-signed", "--kubeconfig", "f"], None),
            (&["--self-signed", "--in-cluster"], None),
            (&["--register", "--in-cluster", "--service", "s", "--service-namespace", "n"], None),
            (&["--register", "--in-cluster"], Some("--register needs --service and --service-namespace")),
            (
                &["--register", "--service", "s", "--service-namespace", "n"],
                Some("--register needs a cluster: --kubeconfig FILE or --in-cluster"),
            ),
            (
                &["--register", "--self-signed", "--service", "s", "--service-namespace", "n"],
                Some("--self-signed and --register exclude each other"),
            ),
            (
                &["--self-signed", "--in-cluster", "--kubeconfig", "f"],
                Some("--in-cluster and --kubeconfig exclude each other"),
            ),
            (&[], Some("no certificate to serve: --self-signed makes one")),
            (&["--self-signed=false"], Some("no certificate to serve: --self-signed makes one")),
            (&["--tls-cert", "c"], Some("--tls-cert needs --tls-key")),
            (&["--tls-key", "c"], Some("--tls-key needs --tls-cert")),
            (
                &["--self-signed", "--tls-cert", "c", "--tls-key", "k"],
                Some("--self-signed and --tls-cert exclude each other"),
            ),
            (&["--self-signed", "--service", "s"], Some("--service needs --service-namespace")),
            (&["--self-signed", "--action-override", "Deny"], Some("Warn or Audit")),
            (&["--self-signed", "--lame-duck", "5"], Some("expected a duration such as 5s or 500ms")),
            (&["--self-signed", "--body-budget", "64Mi", "--max-connections", "100"], None),
            (&["--self-signed", "--body-budget", "1Ki"], Some("expected bytes from 1Mi, as in 128Mi")),
            (&["--self-signed", "--body-budget", "lots"], Some("expected bytes from 1Mi, as in 128Mi")),
            (&["--self-signed", "--max-connections", "0"], Some("expected a number from 1 to 1000000")),
        ];
        for (args, error) in rows {
            let settled = flags(args).and_then(|flags| flags.settle().map_err(|error| error.to_string()));
            match (settled, error) {
                (Ok(_), None) => {}
                (Err(got), Some(expected)) => assert!(got.contains(expected), "{args:?}: {got}"),
                (got, _) => panic!("{args:?}: {got:?}"),
            }
        }
    }

    #[test]
    fn a_flag_wins_over_the_file() {
        let file = |text: &str| serde_saphyr::from_str::<Flags>(text).unwrap();
        let merged = |args: &[&str], text: &str| flags(args).unwrap().over(file(text)).settle();
        let everything =
            "{watchPolicies: true, admissionPolicies: true, bind: '127.0.0.1:1', adminBind: '127.0.0.1:2', selfSigned: true,
            caFile: ca, service: s, serviceNamespace: n, lameDuck: 1s, certificateInterval: 2s, caSettle: 3s,
            policyInterval: 4s, kubeconfig: k, logFormat: json, exemptNamespaces: [e], failOpen: true,
            registrationInterval: 5s, findingsPerRule: 7, maxConnections: 8, bodyBudget: 9Mi}";
        let plan = merged(&[], everything).unwrap();
        let seconds = Duration::from_secs;
        let written = Plan {
            watch_policies: true,
            admission_policies: true,
            bind: Some(([127, 0, 0, 1], 1).into()),
            admin_bind: Some(([127, 0, 0, 1], 2).into()),
            certificate: Certificate::OwnInMemory { ca_file: "ca".into() },
            client_ca: None,
            service: Some(("s".to_owned(), "n".to_owned())),
            lame_duck: seconds(1),
            certificate_interval: seconds(2),
            policy_interval: seconds(4),
            access: Some(Access::Kubeconfig("k".into())),
            registered_in: None,
            ca_settle: seconds(3),
            findings_per_rule: 7,
            max_connections: Some(8),
            body_budget: Some(9 << 20),
            exempt_namespaces: vec!["e".to_owned()],
            fail_open: true,
            registration_interval: seconds(5),
            log_format: LogFormat::Json,
        };
        assert_eq!(plan, written);
        let args = [
            "--watch-policies=false",
            "--admission-policies=false",
            "--bind=127.0.0.1:11",
            "--admin-bind=127.0.0.1:12",
            "--tls-cert=c",
            "--tls-key=k",
            "--service=t",
            "--service-namespace=o",
            "--lame-duck=11s",
            "--certificate-interval=12s",
            "--ca-settle=13s",
            "--policy-interval=14s",
            "--in-cluster",
            "--register",
            "--findings-per-rule=17",
            "--max-connections=18",
            "--body-budget=19Mi",
            "--exempt-namespace=x,y",
            "--fail-open=false",
            "--registration-interval=15s",
            "--log-format=text",
        ];
        let flagged = Plan {
            watch_policies: false,
            admission_policies: false,
            bind: Some(([127, 0, 0, 1], 11).into()),
            admin_bind: Some(([127, 0, 0, 1], 12).into()),
            certificate: Certificate::Files(("c".into(), "k".into())),
            client_ca: None,
            service: Some(("t".to_owned(), "o".to_owned())),
            lame_duck: seconds(11),
            certificate_interval: seconds(12),
            policy_interval: seconds(14),
            access: Some(Access::InCluster),
            registered_in: Some("o".to_owned()),
            ca_settle: seconds(13),
            findings_per_rule: 17,
            max_connections: Some(18),
            body_budget: Some(19 << 20),
            exempt_namespaces: vec!["x".to_owned(), "y".to_owned()],
            fail_open: false,
            registration_interval: seconds(15),
            log_format: LogFormat::Text,
        };
        assert_eq!(merged(&args, everything).unwrap(), flagged);

        // a certificate or a cluster of the flags replaces that of the file as a whole
        let files =
            "{tlsCert: a, tlsKey: b, register: true, inCluster: true, service: s, serviceNamespace: n}";
        let certificate = |args: &[&str]| merged(args, files).map(|plan| plan.certificate);
        let own = Certificate::OwnInMemory { ca_file: "plimsoll-ca.crt".into() };
        assert_eq!(certificate(&["--self-signed"]), Ok(own));
        assert_eq!(certificate(&["--tls-cert=c"]), Err(FlagsError::Needs("--tls-cert", "--tls-key")));
        assert_eq!(certificate(&[]), Ok(Certificate::Files(("a".into(), "b".into()))));
        assert_eq!(merged(&["--kubeconfig=k"], files).unwrap().access, Some(Access::Kubeconfig("k".into())));
    }
}
