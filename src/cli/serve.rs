//! `plimsoll serve`: the admission webhook.
//!
//! This file decides what the flags mean and in which order things start; the server itself is
//! [`webhook`](crate::webhook).

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwapOption;
use clap::Args;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::DONE;
use super::configuration::Configuration;
use super::selection::{Selected, Selection};
use crate::admission::needs::Needs;
use crate::cel::profile::Profile;
use crate::cluster::certificates::{Keeper, Shared, Terms};
use crate::cluster::client::{self, Access, ConnectError};
use crate::cluster::install::{self, Entries};
use crate::cluster::leader::Candidate;
use crate::cluster::reflect::Reflectors;
use crate::cluster::register::{Bundle, Registrar};
use crate::diagnostic::Diagnostic;
use crate::host::NoHost;
use crate::limits;
use crate::review::engine::Engine;
use crate::store::PolicySet;
use crate::store::kept::Store;
use crate::webhook::admin;
use crate::webhook::authority::{AuthorityError, Material, Names};
use crate::webhook::callers::{self, Callers, CallersError};
use crate::webhook::certificate::{CertificateError, Files, Pair, Slot};
use crate::webhook::memory;
use crate::webhook::readiness::Readiness;
use crate::webhook::reload::{self, Board, Clock, InForce, LoadError, Loader, Policies};
use crate::webhook::server::Server;
use crate::webhook::settings::Settings;
use crate::webhook::shutdown::{Shutdown, ShutdownPhase, Signals};

pub mod flags;

use flags::{Certificate, Flags, FlagsError, LogFormat, Plan};

/// Serve the admission webhook over TLS
///
/// Each of these can also be set in the environment, and in the `serve` section of the file that --config names, by the
/// same name in camelCase (adminBind, tlsCert). A flag wins over the environment, and that over the file.
#[derive(Debug, Clone, Args)]
pub struct ServeArgs {
    #[command(flatten)]
    flags: Flags,
    #[command(flatten)]
    selection: Selection,
}

/// Why the webhook did not start or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// No threads, no signals.
    #[error("cannot start: {0}")]
    Start(#[source] io::Error),
    /// The address is taken, or not ours.
    #[error("cannot listen on {address}: {source}; see {flag}")]
    Bind {
        /// Which says another address.
        flag: &'static str,
        /// As asked for.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The given certificate or key.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// Whose clients may ask.
    #[error(transparent)]
    Callers(#[from] CallersError),
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
    /// The flags do not fit together.
    #[error(transparent)]
    Flags(#[from] FlagsError),
    /// The configuration file.
    #[error("{0}")]
    Configuration(Box<Diagnostic>),
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
            Err(ServeError::Configuration(error)) => {
                super::print_errors(&[*error]);
                ExitCode::from(super::NOT_DONE)
            }
            Err(error) => super::fail(&error.to_string()),
        }
    }
}

fn run(args: ServeArgs) -> Result<(), ServeError> {
    let ServeArgs { flags, selection } = args;
    let written = match &selection.config {
        Some(file) => Configuration::read(file).map_err(|e| ServeError::Configuration(Box::new(e)))?.serve,
        None => Flags::default(),
    };
    let plan = flags.over(written).settle()?;
    log_to_stderr(plan.log_format);
    hide_panic_texts();
    let settings = settings(&plan);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(settings.worker_threads())
        .max_blocking_threads(settings.blocking_threads())
        .thread_name("plimsoll")
        .enable_all()
        .build()
        .map_err(ServeError::Start)?;
    let served = runtime.block_on(serve(plan, selection, settings));
    // an evaluation that forgot the time is not waited for
    runtime.shutdown_background();
    served
}

/// The server's limits as they are asked for, and as the container's memory allows.
fn settings(plan: &Plan) -> Settings {
    let limit = memory::limit();
    let body_budget = plan.body_budget.unwrap_or_else(|| memory::body_budget(limit));
    let max_connections = plan.max_connections.unwrap_or(limits::CONNECTIONS);
    tracing::info!(memory_limit = limit, body_budget, max_connections, "limits");
    Settings { lame_duck: plan.lame_duck, body_budget, ..Settings::default() }
        .with_connections(max_connections)
}

/// Reads and compiles policies as every other subcommand does, and keeps the last good form of those that are broken.
/// Only where nothing can be used, or nobody knows what is meant, is there an error.
fn load(
    selection: &Selection,
    store: &Store,
    findings: usize,
    own: bool,
    cluster: Option<&Cluster>,
) -> Result<InForce, LoadError> {
    let Selected { set, errors, origins, refused, astray, .. } = selection.load(None, &[], &[]);
    let complaint = complaint(&errors);
    if astray {
        return Err(LoadError(complaint));
    }
    let set = if own { set } else { set.without_servers_own() };
    let snapshot = store.next(set, origins, &refused);
    if snapshot.set.is_empty() && !(selection.no_embedded && selection.policies.is_empty()) {
        // a folder emptied by mistake must not open the door
        let nothing = "no policies are loaded".to_owned();
        return Err(LoadError(if complaint.is_empty() { nothing } else { complaint }));
    }
    store.keep(&snapshot);
    let set = snapshot.set;
    for policy in set.policies() {
        for said in crate::matching::unasked(&policy.matches) {
            tracing::warn!(policy = policy.id.name, "{said}");
        }
    }
    let policies = set.policies().len();
    let engine = match cluster {
        Some(Cluster { reflectors, policies, .. }) => {
            reflectors.need(Needs::of(&set));
            policies.store(Some(set.clone()));
            Engine::over(set, reflectors.mirror.clone())
        }
        None => Engine::new(set, Arc::new(NoHost)),
    };
    // what is wrong with the selection is no policy, and shows all the same
    let broken = if errors.is_empty() { 0 } else { refused.len().max(snapshot.kept.len()).max(1) };
    Ok(InForce {
        judge: Arc::new(engine.with_findings_per_rule(findings)),
        policies,
        hash: snapshot.hash,
        broken,
        kept: snapshot.kept.len(),
        complaint,
    })
}

/// For `/readyz` and the log: where and what, without the lines themselves.
fn complaint(errors: &[Diagnostic]) -> String {
    const SHOWN: usize = 3;
    let line = |error: &Diagnostic| match error.position() {
        Some((line, column)) => format!("{}:{line}:{column}: {}", error.file, error.message),
        None => format!("{}: {}", error.file, error.message),
    };
    let mut lines: Vec<String> = errors.iter().take(SHOWN).map(line).collect();
    if errors.len() > SHOWN {
        lines.push(format!("and {} more", errors.len() - SHOWN));
    }
    lines.join("; ")
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

async fn serve(plan: Plan, mut selection: Selection, settings: Settings) -> Result<(), ServeError> {
    let Plan {
        watch_policies,
        admission_policies,
        bind: bind_to,
        admin_bind,
        certificate,
        client_ca,
        service,
        lame_duck,
        certificate_interval,
        policy_interval,
        access,
        registered_in,
        ca_settle,
        findings_per_rule,
        max_connections: _,
        body_budget: _,
        exempt_namespaces,
        fail_open,
        registration_interval,
        log_format: _,
    } = plan;
    let mut signals = Signals::new().map_err(ServeError::Start)?;
    let readiness = Readiness::waiting_for(&["certificate", "listener", "policies"]);
    let board = Board { readiness, metrics: Arc::default() };

    let admin_listener = bind(admin_bind, 8080, "--admin-bind").await?;
    admin::spawn(admin_listener, board.clone()).map_err(ServeError::Start)?;
    let listener = bind(bind_to, 8443, "--bind").await?;
    let address = listener.local_addr().map_err(ServeError::Start)?;
    board.readiness.report("listener", true, format!("bound to {address}"));
    tracing::info!(%address, "listening");

    let callers = asked_by(client_ca, &board, certificate_interval)?;
    let slot = Arc::new(Slot::default());
    let names = match &service {
        Some((service, namespace)) => Names::of_service(service, namespace)?,
        None => Names::local(),
    };
    let cluster = match &access {
        Some(access) => Some(Cluster::connect(access, &mut selection, &board).await?),
        None => None,
    };
    let mut newcomer = None;
    let mut shared = None;
    match certificate {
        Certificate::Files(paths) => files(paths, &slot, &board, certificate_interval)?,
        Certificate::OwnInMemory { ca_file } => {
            authority(names, &ca_file, &slot, &board, certificate_interval)?;
            newcomer = Some(ca_file);
        }
        Certificate::OwnInSecret => {
            let terms = Terms { identity: identity(), names, settle: ca_settle };
            shared = Some((terms, slot.clone(), certificate_interval));
        }
    }
    let registration = match (&cluster, registered_in) {
        (Some(cluster), Some(namespace)) => {
            let fail_open = fail_open || lowers(&selection);
            let entries = Entries { namespace, exempt: exempt_namespaces, fail_open };
            Some(cluster.register(entries, registration_interval, shared, &board))
        }
        _ => None,
    };
    if admission_policies {
        tracing::info!(
            "ValidatingAdmissionPolicies and MutatingAdmissionPolicies of policy folders are run here"
        );
    }
    let paths = watched(&selection);
    let (store, findings) = (Store::default(), findings_per_rule);
    let load: Loader =
        Box::new(move || load(&selection, &store, findings, admission_policies, cluster.as_ref()));
    let policies = Arc::new(Policies::default());
    if watch_policies {
        let watch = policies.clone();
        let clock = Arc::new(SystemTime::now);
        tokio::spawn(watch.watch(paths, load, board.clone(), policy_interval, clock));
    } else {
        policies.load(&load, &board, SystemTime::now())?;
    }
    if let Some(ca_file) = newcomer {
        print_newcomer_lines(&ca_file, bind_to, address);
    }

    let shutdown = Shutdown::default();
    let server = Server::new(settings, policies, slot, &board).asked_by(callers);
    let (drain, stop) =
        (shutdown.reached(ShutdownPhase::LameDuck), shutdown.reached(ShutdownPhase::Stopping));
    let served = tokio::spawn(server.run(listener, drain, stop));
    signals.next().await;
    tracing::info!(?lame_duck, "asked to stop; not ready from here on");
    board.readiness.report("shutdown", false, "draining");
    tokio::select! {
        () = async {
            shutdown.begin(lame_duck).await;
            let _ = served.await;
            tracing::info!("all requests answered");
            if let Some(registration) = registration {
                registration.leave().await;
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
        let mirror = reflectors.mirror.clone();
        board.metrics.mirrors(move || mirror.ages(Instant::now()));
        Ok(Cluster { client, reflectors, policies: Arc::default() })
    }

    /// Takes part in keeping the registration, and, where they are shared, the certificates.
    fn register(
        &self,
        entries: Entries,
        interval: Duration,
        shared: Option<(Terms, Arc<Slot>, Duration)>,
        board: &Board,
    ) -> Registration {
        let Cluster { client, policies, .. } = self;
        let namespace = &*entries.namespace;
        let clock: Clock = Arc::new(SystemTime::now);
        let candidate = Candidate::start(client.clone(), namespace, install::NAME, identity());
        let (keeper, bundle) = shared
            .map(|(terms, slot, every)| {
                let (bundle, wanted) = watch::channel(None);
                let (held, heard) = watch::channel(None);
                let shared = Shared {
                    client: client.clone(),
                    namespace: namespace.to_owned(),
                    name: install::SECRET.to_owned(),
                    terms,
                    slot,
                    board: board.clone(),
                    bundle,
                    held: heard,
                    clock: clock.clone(),
                };
                (shared.keep(every), Bundle { wanted, held, clock })
            })
            .unzip();
        let registrar = Registrar {
            client: client.clone(),
            leadership: candidate.leadership.clone(),
            board: board.clone(),
            entries,
            interval,
            policies: policies.clone(),
            bundle,
        };
        tokio::spawn(registrar.run());
        Registration { candidate, keeper }
    }
}

/// Whether every action is lowered, so that nothing is denied: then nothing is to wait for us, as `install` has it.
fn lowers(selection: &Selection) -> bool {
    let written = || selection.config.as_ref().and_then(|file| Configuration::read(file).ok());
    selection.action_override.is_some() || written().is_some_and(|file| file.action_override.is_some())
}

/// What this replica has a part in.
struct Registration {
    candidate: Candidate,
    keeper: Option<Keeper>,
}

impl Registration {
    /// Gives everything back, so that nobody waits for us.
    async fn leave(self) {
        let Registration { candidate, keeper } = self;
        let leave = async {
            if let Some(keeper) = keeper {
                keeper.leave().await;
            }
        };
        tokio::join!(candidate.resign(), leave);
    }
}

/// The Pod's name, and a number for processes that share one.
fn identity() -> String {
    let host = std::env::var("HOSTNAME").unwrap_or_else(|_| "plimsoll".to_owned());
    format!("{host}_{}", std::process::id())
}

/// On the address asked for, or on all: IPv6 with IPv4 where there is IPv6.
async fn bind(asked: Option<SocketAddr>, port: u16, flag: &'static str) -> Result<TcpListener, ServeError> {
    let on = |address: SocketAddr| async move {
        TcpListener::bind(address).await.map_err(|source| ServeError::Bind { flag, address, source })
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

/// A file that cannot be used at the start is an error: nobody, or anybody, could ask.
fn asked_by(
    client_ca: Option<PathBuf>,
    board: &Board,
    interval: Duration,
) -> Result<Option<Arc<Callers>>, CallersError> {
    let Some(path) = client_ca else { return Ok(None) };
    let (file, callers) = callers::File::start(path, board)?;
    tokio::spawn(file.watch(callers.clone(), board.clone(), interval));
    Ok(Some(callers))
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
fn print_newcomer_lines(ca_file: &Path, bind: Option<SocketAddr>, address: SocketAddr) {
    let ca = quoted(&ca_file.display().to_string());
    let bind = bind.map(|asked| format!(" --bind {asked}")).unwrap_or_default();
    let server = match address.ip().is_unspecified() {
        true => (Ipv4Addr::LOCALHOST, address.port()).into(),
        false => address,
    };
    // nobody may be reading; that is no reason not to serve
    let _ = writeln!(
        io::stdout(),
        "plimsoll serve --self-signed --ca-file {ca}{bind}\n\
         plimsoll review --server https://{server} --ca {ca} REVIEW.json"
    );
}

/// As a shell reads it as one word.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

fn log_to_stderr(format: LogFormat) {
    let wanted = std::env::var("PLIMSOLL_LOG").ok().and_then(|written| written.parse::<Targets>().ok());
    // what kube_runtime warns of, the reflectors say in their own words
    let usual =
        || Targets::new().with_default(LevelFilter::INFO).with_target("kube_runtime", LevelFilter::ERROR);
    let wanted = wanted.unwrap_or_else(usual);
    let layer = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    // a subscriber that is there already stays
    let _ = match format {
        LogFormat::Text => {
            tracing_subscriber::registry().with(layer.with_ansi(false).with_filter(wanted)).try_init()
        }
        LogFormat::Json => tracing_subscriber::registry()
            .with(layer.json().flatten_event(true).with_filter(wanted))
            .try_init(),
    };
}

/// A panic's text may quote what was being judged; its place is enough to find it.
fn hide_panic_texts() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "internal error");
    }));
}
