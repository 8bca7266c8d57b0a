//! `plimsoll serve`: the admission webhook.
//!
//! This file decides what the flags mean and in which order things start; the server itself is
//! [`webhook`](crate::webhook).

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwapOption;
use clap::{Args, ValueEnum};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::DONE;
use super::configuration::Configuration;
use super::selection::{Selected, Selection};
use crate::cel::profile::Profile;
use crate::cluster::certificates::Shared;
use crate::cluster::client::{self, Access, ConnectError};
use crate::cluster::install;
use crate::cluster::leader::Candidate;
use crate::cluster::needs::Needs;
use crate::cluster::reflect::Reflectors;
use crate::cluster::register::Registrar;
use crate::host::NoHost;
use crate::policy::PolicySet;
use crate::report::diagnostic::Diagnostic;
use crate::webhook::authority::{AuthorityError, Material, Names};
use crate::webhook::certificate::{CertificateError, Files, Pair, Slot};
use crate::webhook::engine::Engine;
use crate::webhook::readiness::Readiness;
use crate::webhook::reload::{self, Board, LoadError, Loaded, Loader, Policies};
use crate::webhook::server::Server;
use crate::webhook::settings::Settings;
use crate::webhook::shutdown::{Shutdown, Signals, Stage};
use crate::webhook::{admin, goduration};

/// Serve the admission webhook over TLS
#[derive(Debug, Clone, Args)]
pub struct ServeArgs {
    /// Load policies again when their files change; what works is kept while they are broken
    #[arg(long, env = "PLIMSOLL_WATCH_POLICIES")]
    pub watch_policies: bool,
    /// Address of the TLS port [default: port 8443 on all addresses]
    #[arg(long, value_name = "ADDRESS", env = "PLIMSOLL_BIND")]
    pub bind: Option<SocketAddr>,
    /// Address of the plain port with /healthz, /readyz, /metrics [default: port 8080 on all addresses]
    #[arg(long, value_name = "ADDRESS", env = "PLIMSOLL_ADMIN_BIND")]
    pub admin_bind: Option<SocketAddr>,
    /// Certificate chain in PEM form, leaf first; read again when it changes
    #[arg(
        long,
        value_name = "FILE",
        env = "PLIMSOLL_TLS_CERT",
        requires = "tls_key",
        conflicts_with = "self_signed"
    )]
    pub tls_cert: Option<PathBuf>,
    /// The certificate's private key in PEM form (PKCS#8, PKCS#1 or SEC1)
    #[arg(long, value_name = "FILE", env = "PLIMSOLL_TLS_KEY", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Make and renew an own CA and certificate
    #[arg(long, env = "PLIMSOLL_SELF_SIGNED", required_unless_present_any = ["tls_cert", "register"])]
    pub self_signed: bool,
    /// Where --self-signed writes its CA bundle
    #[arg(long, value_name = "FILE", env = "PLIMSOLL_CA_FILE", default_value = "plimsoll-ca.crt")]
    pub ca_file: PathBuf,
    /// Service that own certificates are for
    #[arg(long, value_name = "NAME", env = "PLIMSOLL_SERVICE", requires = "service_namespace")]
    pub service: Option<String>,
    /// Namespace of that Service
    #[arg(long, value_name = "NAMESPACE", env = "PLIMSOLL_SERVICE_NAMESPACE", requires = "service")]
    pub service_namespace: Option<String>,
    /// How long to go on serving after SIGTERM, not ready, before connections are drained
    #[arg(long, value_name = "DURATION", env = "PLIMSOLL_LAME_DUCK", default_value = "5s", value_parser = duration)]
    pub lame_duck: Duration,
    /// How often certificates are looked at
    #[arg(long, value_name = "DURATION", env = "PLIMSOLL_CERTIFICATE_INTERVAL", default_value = "10s", value_parser = duration)]
    pub certificate_interval: Duration,
    /// How often policy folders are looked at
    #[arg(long, value_name = "DURATION", env = "PLIMSOLL_POLICY_INTERVAL", default_value = "2s", value_parser = duration)]
    pub policy_interval: Duration,
    /// Look other objects up in the cluster of this file's current context
    #[arg(
        long,
        value_name = "FILE",
        env = "PLIMSOLL_KUBECONFIG",
        conflicts_with = "in_cluster",
        help_heading = "Cluster"
    )]
    pub kubeconfig: Option<PathBuf>,
    /// Look other objects up in the cluster that this runs in, as its ServiceAccount
    #[arg(long, env = "PLIMSOLL_IN_CLUSTER", help_heading = "Cluster")]
    pub in_cluster: bool,
    /// Keep rules and caBundle of the webhook configurations named plimsoll in step with the policies, together with
    /// the other replicas; without --tls-cert, certificates are kept in the Secret plimsoll-certificates
    #[arg(
        long,
        env = "PLIMSOLL_REGISTER",
        requires = "service_namespace",
        conflicts_with = "self_signed",
        help_heading = "Cluster"
    )]
    pub register: bool,
    /// How log lines are written to standard error
    #[arg(long, value_name = "FORMAT", env = "PLIMSOLL_LOG_FORMAT", default_value = "text")]
    pub log_format: LogFormat,
    #[command(flatten)]
    selection: Selection,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Why the webhook did not start or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// No threads, no signals.
    #[error("cannot start: {0}")]
    Start(#[source] io::Error),
    /// The address is taken, or not ours.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// As asked for.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The given certificate or key.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// Our own certificate.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The CA bundle could not be written.
    #[error("cannot write {path}: {source}; see --ca-file", path = path.display())]
    CaFile {
        /// As asked for.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The policies, where nothing would be better later.
    #[error("policies do not load: {0}")]
    Policies(#[from] LoadError),
    /// The cluster, where one is asked for.
    #[error(transparent)]
    Cluster(#[from] ConnectError),
    /// There is nothing to register with.
    #[error("--register needs a cluster: --kubeconfig FILE or --in-cluster")]
    NoCluster,
    /// A second signal came while draining.
    #[error("stopped before all requests were answered")]
    Interrupted,
}

impl ServeArgs {
    /// Runs the webhook until it is told to stop: 0 when all requests were answered, 2 when it did not start or was
    /// cut short.
    pub fn run(self) -> ExitCode {
        match run(self) {
            Ok(()) => ExitCode::from(DONE),
            Err(error) => super::fail(&error.to_string()),
        }
    }
}

fn run(args: ServeArgs) -> Result<(), ServeError> {
    log_to_stderr(args.log_format);
    hide_panic_texts();
    let settings = Settings { lame_duck: args.lame_duck, ..Settings::default() };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(settings.worker_threads())
        .max_blocking_threads(settings.pooled_evaluations + 16)
        .thread_name("plimsoll")
        .enable_all()
        .build()
        .map_err(ServeError::Start)?;
    let served = runtime.block_on(serve(args, settings));
    // an evaluation that forgot the time is not waited for
    runtime.shutdown_background();
    served
}

/// Reads and compiles policies as every other subcommand does. The error is for `/readyz` and the log: where and
/// what, without the lines themselves.
fn load(selection: &Selection, cluster: Option<&Cluster>) -> Result<Loaded, LoadError> {
    const SHOWN: usize = 3;
    let Selected { set, errors, .. } = selection.load(None, &[], &[]);
    if !errors.is_empty() {
        let line = |error: &Diagnostic| match error.position() {
            Some((line, column)) => format!("{}:{line}:{column}: {}", error.file, error.message),
            None => format!("{}: {}", error.file, error.message),
        };
        let mut lines: Vec<String> = errors.iter().take(SHOWN).map(line).collect();
        if errors.len() > SHOWN {
            lines.push(format!("and {} more", errors.len() - SHOWN));
        }
        return Err(LoadError(lines.join("; ")));
    }
    if set.is_empty() && !(selection.no_embedded && selection.policies.is_empty()) {
        // a folder emptied by mistake must not open the door
        return Err(LoadError("no policy is loaded".to_owned()));
    }
    let policies = set.policies().len();
    let set = Arc::new(set);
    let engine = match cluster {
        Some(Cluster { reflectors, policies, .. }) => {
            reflectors.need(Needs::of(&set));
            policies.store(Some(set.clone()));
            Engine::over(set, reflectors.mirror.clone())
        }
        None => Engine::new(set, Arc::new(NoHost)),
    };
    Ok(Loaded { judge: Arc::new(engine), policies })
}

/// The files that policies come from.
fn watched(selection: &Selection) -> Vec<PathBuf> {
    let mut paths = selection.policies.clone();
    if let Some(file) = &selection.config {
        paths.push(file.clone());
        // unreadable now: the loader says so, and a restart is needed for folders named in there
        paths.extend(Configuration::read(file).map(|read| read.policies).unwrap_or_default());
    }
    paths
}

async fn serve(args: ServeArgs, settings: Settings) -> Result<(), ServeError> {
    let ServeArgs {
        watch_policies,
        bind: bind_to,
        admin_bind,
        tls_cert,
        tls_key,
        self_signed: _,
        ca_file,
        service,
        service_namespace,
        lame_duck,
        certificate_interval,
        policy_interval,
        kubeconfig,
        in_cluster,
        register,
        log_format: _,
        mut selection,
    } = args;
    let mut signals = Signals::new().map_err(ServeError::Start)?;
    let readiness = Readiness::waiting_for(&["certificate", "listener", "policies"]);
    let board = Board { readiness, metrics: Arc::default() };

    let admin_listener = bind(admin_bind, 8080).await?;
    tokio::spawn(admin::serve(admin_listener, board.clone()));
    let listener = bind(bind_to, 8443).await?;
    let address = listener.local_addr().map_err(ServeError::Start)?;
    board.readiness.report("listener", true, format!("bound to {address}"));
    tracing::info!(%address, "listening");

    let slot = Arc::new(Slot::default());
    let self_signed = tls_cert.is_none() && !register;
    let names = match (&service, &service_namespace) {
        (Some(service), Some(namespace)) => Names::of_service(service, namespace)?,
        _ => Names::local(),
    };
    let access = kubeconfig.map(Access::Kubeconfig).or(in_cluster.then_some(Access::InCluster));
    let cluster = match &access {
        Some(access) => Some(Cluster::connect(access, &mut selection, &board).await?),
        None if register => return Err(ServeError::NoCluster),
        None => None,
    };
    let own_secret = tls_cert.is_none();
    match tls_cert.zip(tls_key) {
        Some(paths) => files(paths, &slot, &board, certificate_interval)?,
        None if self_signed => authority(names.clone(), &ca_file, &slot, &board, certificate_interval)?,
        None => {}
    }
    let candidate = match (&cluster, service_namespace) {
        (Some(cluster), Some(namespace)) if register => {
            let secret = own_secret.then(|| (names, slot.clone(), certificate_interval));
            Some(cluster.register(&namespace, secret, &board))
        }
        _ => None,
    };
    let paths = watched(&selection);
    let load: Loader = Box::new(move || load(&selection, cluster.as_ref()));
    let policies = Arc::new(Policies::default());
    if watch_policies {
        let watch = policies.clone();
        let clock = Arc::new(SystemTime::now);
        tokio::spawn(watch.watch(paths, load, board.clone(), policy_interval, clock));
    } else {
        policies.load(&load, &board, SystemTime::now())?;
    }
    if self_signed {
        print_newcomer_lines(&ca_file, address);
    }

    let shutdown = Shutdown::default();
    let server = Server::new(settings, policies, slot, &board);
    let (drain, stop) = (shutdown.reached(Stage::LameDuck), shutdown.reached(Stage::Stopping));
    let served = tokio::spawn(server.run(listener, drain, stop));
    signals.next().await;
    tracing::info!(?lame_duck, "asked to stop; not ready from here on");
    board.readiness.report("shutdown", false, "draining");
    tokio::select! {
        () = async {
            shutdown.begin(lame_duck).await;
            let _ = served.await;
            tracing::info!("all requests answered");
            if let Some(candidate) = candidate {
                candidate.resign().await;
            }
        } => {
            Ok(())
        }
        () = signals.next() => Err(ServeError::Interrupted),
    }
}

/// What serving shares with a cluster.
struct Cluster {
    client: kube::Client,
    reflectors: Arc<Reflectors>,
    /// The policies in force, for the registration.
    policies: Arc<ArcSwapOption<PolicySet>>,
}

impl Cluster {
    /// Connects, and speaks the CEL of that cluster unless told otherwise.
    async fn connect(access: &Access, selection: &mut Selection, board: &Board) -> Result<Self, ServeError> {
        board.readiness.report("cluster", false, "connecting");
        let client = client::connect(access).await?;
        let (major, minor) = client::release(&client).await?;
        let (profile, own) = Profile::for_release(major, minor);
        let spoken = selection.kubernetes_version.get_or_insert_with(|| format!("{major}.{minor}"));
        tracing::info!(
            release = format!("{major}.{minor}"),
            cel = %profile,
            own,
            spoken,
            "connected to the cluster"
        );
        board.readiness.report("cluster", true, format!("Kubernetes {major}.{minor}"));
        let reflectors = Reflectors::start(client.clone(), board.readiness.clone());
        Ok(Cluster { client, reflectors, policies: Arc::default() })
    }

    /// Takes part in keeping the registration, and, with names and a slot, the certificates.
    fn register(
        &self,
        namespace: &str,
        secret: Option<(Names, Arc<Slot>, Duration)>,
        board: &Board,
    ) -> Candidate {
        let Cluster { client, policies, .. } = self;
        let candidate = Candidate::start(client.clone(), namespace, install::NAME, identity());
        let bundle = secret.map(|(names, slot, interval)| {
            let (bundle, receiver) = watch::channel(None);
            let shared = Shared {
                client: client.clone(),
                namespace: namespace.to_owned(),
                name: install::SECRET.to_owned(),
                names,
                slot,
                board: board.clone(),
                bundle,
            };
            tokio::spawn(shared.keep(interval));
            receiver
        });
        let registrar = Registrar {
            client: client.clone(),
            leadership: candidate.leadership.clone(),
            readiness: board.readiness.clone(),
            policies: policies.clone(),
            bundle,
        };
        tokio::spawn(registrar.run());
        candidate
    }
}

/// The Pod's name, and a number for processes that share one.
fn identity() -> String {
    let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "plimsoll".to_owned());
    format!("{host}_{}", std::process::id())
}

/// On the address asked for, or on all: IPv6 with IPv4 where there is IPv6.
async fn bind(asked: Option<SocketAddr>, port: u16) -> Result<TcpListener, ServeError> {
    let on = |address: SocketAddr| async move {
        TcpListener::bind(address).await.map_err(|source| ServeError::Bind { address, source })
    };
    match asked {
        Some(address) => on(address).await,
        None => match on((Ipv6Addr::UNSPECIFIED, port).into()).await {
            Ok(listener) => Ok(listener),
            Err(_) => on((Ipv4Addr::UNSPECIFIED, port).into()).await,
        },
    }
}

/// A pair that cannot be served at the start is an error: nobody would notice it later.
fn files(
    (certificate, key): (PathBuf, PathBuf),
    slot: &Arc<Slot>,
    board: &Board,
    interval: Duration,
) -> Result<(), ServeError> {
    let mut files = Files::new(certificate, key);
    let pair: Pair = files.poll().expect("the first look is always news")?;
    reload::serve(slot, pair, board);
    tokio::spawn(reload::watch_certificate(files, slot.clone(), board.clone(), interval));
    Ok(())
}

fn authority(
    names: Names,
    ca_file: &Path,
    slot: &Arc<Slot>,
    board: &Board,
    interval: Duration,
) -> Result<(), ServeError> {
    let material = Material::new(&names, SystemTime::now())?;
    let failed = |source| ServeError::CaFile { path: ca_file.to_owned(), source };
    std::fs::write(ca_file, material.bundle_pem()).map_err(failed)?;
    reload::serve_material(slot, &material, board);
    let (path, clock) = (ca_file.to_owned(), Arc::new(SystemTime::now));
    let publish = move |material: &Material| {
        if let Err(error) = std::fs::write(&path, material.bundle_pem()) {
            tracing::error!(%error, path = %path.display(), "cannot write the CA bundle");
        }
    };
    let (slot, board) = (slot.clone(), board.clone());
    tokio::spawn(reload::watch_authority(material, names, slot, board, interval, clock, publish));
    Ok(())
}

/// The whole path without a cluster, ready to paste.
fn print_newcomer_lines(ca_file: &Path, address: SocketAddr) {
    let (ca, port) = (ca_file.display(), address.port());
    // nobody may be reading; that is no reason not to serve
    let _ = writeln!(
        io::stdout(),
        "plimsoll serve --self-signed --ca-file {ca}\n\
         plimsoll review --server https://127.0.0.1:{port} --ca {ca} REVIEW.json"
    );
}

fn log_to_stderr(format: LogFormat) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("PLIMSOLL_LOG")
        // what kube_runtime warns of, the reflectors say in their own words
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info,kube_runtime=error"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // a subscriber that is there already stays
    let _ = match format {
        LogFormat::Text => builder.with_ansi(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}

/// A panic's text may quote what was being judged; its place is enough to find it.
fn hide_panic_texts() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "internal error");
    }));
}

fn duration(text: &str) -> Result<Duration, String> {
    goduration::parse(text).ok_or_else(|| "expected a duration such as 5s or 500ms".to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use clap::{CommandFactory as _, Parser};

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        serve: ServeArgs,
    }

    #[test]
    fn flags_fit_together() {
        Cli::command().debug_assert();
        let rows: &[(&[&str], Option<&str>)] = &[
            (&["--self-signed"], None),
            (&["--self-signed", "--service", "s", "--service-namespace", "n"], None),
            (&["--tls-cert", "c", "--tls-key", "k", "--action-override", "Audit"], None),
            (&["--self-signed", "--kubeconfig", "f"], None),
            (&["--self-signed", "--in-cluster"], None),
            (&["--register", "--in-cluster", "--service", "s", "--service-namespace", "n"], None),
            (&["--register", "--in-cluster"], Some("--service-namespace")),
            (
                &["--register", "--self-signed", "--service", "s", "--service-namespace", "n"],
                Some("cannot be used with"),
            ),
            (&["--self-signed", "--in-cluster", "--kubeconfig", "f"], Some("cannot be used with")),
            (&[], Some("--self-signed")),
            (&["--tls-cert", "c"], Some("--tls-key")),
            (&["--self-signed", "--tls-cert", "c", "--tls-key", "k"], Some("cannot be used with")),
            (&["--self-signed", "--service", "s"], Some("--service-namespace")),
            (&["--self-signed", "--action-override", "Deny"], Some("Warn or Audit")),
            (&["--self-signed", "--lame-duck", "5"], Some("expected a duration such as 5s or 500ms")),
        ];
        for (args, error) in rows {
            let parsed = Cli::try_parse_from([&["plimsoll"], *args].concat());
            match (parsed, error) {
                (Ok(_), None) => {}
                (Err(got), Some(expected)) => assert!(got.to_string().contains(expected), "{args:?}: {got}"),
                (got, _) => panic!("{args:?}: {got:?}"),
            }
        }
    }
}
