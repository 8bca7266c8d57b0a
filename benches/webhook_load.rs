//! A bounded load test of the webhook on loopback, beside a floor in the same run.
//!
//! ```text
//! cargo bench --profile dist --bench webhook_load -- [SECONDS]     (default 3 for each cell of the table)
//! cargo bench --profile dist --bench webhook_load -- --evaluate [PACK [ROUNDS [BODY]]]
//!                                                                  the judging alone, in this thread
//! cargo bench --profile dist --bench webhook_load -- --each [PACK [ROUNDS [BODY]]]
//!                                                                  the same for each policy by itself, the costly first
//! cargo bench --profile dist --bench webhook_load -- --admission-policies [ROUNDS]
//!                                                                  the same by sixteen ValidatingAdmissionPolicies
//! ```
//!
//! The floor is the same TLS, HTTP/1.1 and JSON reading, builds a `serde_json::Value` of the object, and always
//! allows: what any webhook must cost. No two reviews are the same: fifty workloads, which differ in ports, resources and
//! times, take turns; every eighth of a workload is of another rollout, with other image tags, labels and values of its
//! environment; names and uids differ in each. Servers run as processes of their own, so that CPU time and memory are theirs
//! alone; the load comes from this one. Figures of one run compare with each other, not with other machines.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use plimsoll::host::Absent;
use plimsoll::resource::workload::TemplatePaths;
use plimsoll::review::engine::Engine;
use plimsoll::review::{self, Endpoint};
use plimsoll::store::load::{PolicySources, load};
use plimsoll::store::set::Adjustments;
use plimsoll::webhook::authority::{Material, Names};
use plimsoll::webhook::certificate::{Slot, server_config};
use plimsoll::webhook::client::{Client, Session};
use plimsoll::webhook::readiness::Readiness;
use plimsoll::webhook::reload::{Board, InForce, LoadError, Loader, Policies, serve_material};
use plimsoll::webhook::server::Server;
use plimsoll::webhook::settings::Settings;
use serde::Deserialize;
use serde_json::Value;
use tokio::net::TcpListener;

type Failed = Box<dyn std::error::Error + Send + Sync>;

/// The servers that are compared: what ratios are taken against, and ours with no policies or those of a pack.
const SERVERS: [&str; 5] = [FLOOR, NONE, "pod-security-restricted", "default", "all"];
const FLOOR: &str = "floor";
const NONE: &str = "none";

fn main() -> Result<(), Failed> {
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    match args.next().as_deref() {
        Some("--child") => child(&args.next().ok_or("no server named")?),
        Some("--evaluate") => {
            let (pack, rounds, body) = (args.next(), args.next(), args.next());
            evaluate(pack.as_deref(), rounds.as_deref().unwrap_or("2000").parse()?, body.as_deref())
        }
        Some("--each") => {
            let (pack, rounds, body) = (args.next(), args.next(), args.next());
            each(pack.as_deref(), rounds.as_deref().unwrap_or("2000").parse()?, body.as_deref())
        }
        Some("--admission-policies") => admission_policies(args.next().as_deref().unwrap_or("2000").parse()?),
        // `cargo test --benches` runs this too: nothing to check there
        Some("--test" | "--list") => Ok(()),
        seconds => {
            let seconds: f64 = seconds.unwrap_or("3").parse()?;
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
            runtime.block_on(measure(Duration::from_secs_f64(seconds.clamp(0.2, 60.0))))
        }
    }
}

// ---- the servers

fn child(name: &str) -> Result<(), Failed> {
    let settings = Settings::default();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    match name {
        FLOOR => runtime.worker_threads(2),
        _ => runtime
            .worker_threads(settings.worker_threads())
            .max_blocking_threads(settings.blocking_threads()),
    };
    let runtime = runtime.enable_all().build()?;
    runtime.block_on(async {
        let material = Material::new(&Names::local(), SystemTime::now())?;
        let board = Board { readiness: Readiness::default(), metrics: Arc::default() };
        let slot = Arc::new(Slot::default());
        serve_material(&slot, &material, &board);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}\n{}", listener.local_addr()?, material.bundle_pem().replace('\n', "|"));
        std::io::stdout().flush()?;
        if name == FLOOR {
            return floor(listener, slot).await;
        }
        let policies = Arc::new(Policies::default());
        let pack = (name != NONE).then(|| name.to_owned());
        let loader: Loader = Box::new(move || {
            engine(pack.as_deref(), Vec::new()).map_err(|error| LoadError(error.to_string()))
        });
        policies.load(&loader, &board, SystemTime::now())?;
        let server = Server::new(settings, policies, slot, &board);
        server.run(listener, std::future::pending(), std::future::pending()).await;
        Ok(())
    })
}

/// The engine of production, with the policies of a pack or none; of these only those that are named, if some are.
fn engine(pack: Option<&str>, only: Vec<String>) -> Result<InForce, Failed> {
    let profile = plimsoll::cel::profile::Profile::NEWEST;
    let loaded = load(&PolicySources { embedded: pack.is_some(), paths: Vec::new(), profile });
    if let Some(error) = loaded.errors.first() {
        return Err(error.message.clone().into());
    }
    let packs = pack.map(|pack| BTreeSet::from([pack.to_owned()]));
    let adjustments = Adjustments { packs, only, ..Adjustments::default() };
    let set = loaded.into_set(&adjustments, TemplatePaths::default());
    let policies = set.policies().len();
    Ok(InForce::whole(Arc::new(Engine::new(Arc::new(set), Arc::new(Absent))), policies, "bench"))
}

/// What any webhook does: no limits, no metrics, no policies.
async fn floor(listener: TcpListener, slot: Arc<Slot>) -> Result<(), Failed> {
    let acceptor = tokio_rustls::TlsAcceptor::from(server_config(slot, None));
    loop {
        let (tcp, _) = listener.accept().await?;
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            tcp.set_nodelay(true)?;
            let tls = acceptor.accept(tcp).await?;
            let service = hyper::service::service_fn(floor_answer);
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(tls), service).await?;
            Ok::<_, Failed>(())
        });
    }
}

async fn floor_answer(
    request: hyper::Request<hyper::body::Incoming>,
) -> Result<hyper::Response<Full<Bytes>>, Failed> {
    let body = request.into_body().collect().await?.to_bytes();
    let response = hyper::Response::builder().header("content-type", "application/json");
    Ok(response.body(Full::new(Bytes::from(floor_of(&body)?)))?)
}

/// From a body to its answer as any webhook must.
fn floor_of(body: &[u8]) -> Result<Vec<u8>, Failed> {
    #[derive(Deserialize)]
    struct Review {
        request: Request,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Request {
        uid: String,
        object: Value,
        old_object: Value,
    }
    let review: Review = serde_json::from_slice(body)?;
    let Request { uid, object, old_object } = review.request;
    std::hint::black_box((object, old_object));
    Ok(serde_json::to_vec(&serde_json::json!({"apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview", "response": {"uid": uid, "allowed": true}}))?)
}

// ---- the judging alone

/// From a body to its answer without TLS and HTTP, with the policies of one pack or of each; for a profiler, mostly: where a
/// machine is never quiet, `valgrind --tool=callgrind` counts instructions of a hundred rounds.
fn evaluate(pack: Option<&str>, rounds: u32, body: Option<&str>) -> Result<(), Failed> {
    let bodies = [("pod", pod()), ("seven-faults", seven_faults()), ("deployment", deployment())];
    println!("{:<24} {:>8} {:<14} {:>10}", "pack", "policies", "body", "µs");
    for pack in SERVERS.into_iter().skip(1).filter(|server| pack.is_none_or(|pack| pack == *server)) {
        let loaded = engine((pack != NONE).then_some(pack), Vec::new())?;
        for (name, bodies) in bodies.iter().filter(|(name, _)| body.is_none_or(|body| body == *name)) {
            let each = micros(&loaded, rounds, bodies);
            println!("{pack:<24} {:>8} {name:<14} {each:>10.1}", loaded.policies);
        }
    }
    Ok(())
}

/// The same for the profile `restricted` of Pod Security as ValidatingAdmissionPolicies, beside the pack of the same meaning and
/// what any webhook does with a body.
fn admission_policies(rounds: u32) -> Result<(), Failed> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/admission_policies.yaml");
    let profile = plimsoll::cel::profile::Profile::NEWEST;
    let loaded = load(&PolicySources { embedded: false, paths: vec![path], profile });
    if let Some(error) = loaded.errors.first() {
        return Err(error.message.clone().into());
    }
    let set = loaded.into_set(&Adjustments::default(), TemplatePaths::default());
    let policies = set.policies().len();
    let own = InForce::whole(Arc::new(Engine::new(Arc::new(set), Arc::new(Absent))), policies, "bench");
    let (none, pack) = (engine(None, Vec::new())?, engine(Some("pod-security-restricted"), Vec::new())?);
    println!("{:<28} {:>8} {:<14} {:>10} {:>8}", "policies", "number", "body", "µs", "× floor");
    for (name, bodies) in [("pod", pod()), ("seven-faults", seven_faults()), ("deployment", deployment())] {
        let each: Vec<Bytes> = (0..rounds).map(|_| bodies.next()).collect();
        let began = Instant::now();
        for body in &each {
            std::hint::black_box(floor_of(body)?);
        }
        let floor = began.elapsed().as_secs_f64() * 1e6 / f64::from(rounds);
        println!("{:<28} {:>8} {name:<14} {floor:>10.1} {:>8.2}", FLOOR, "", 1.0);
        for (of, loaded) in [(NONE, &none), ("pod-security-restricted", &pack), ("admission policies", &own)]
        {
            let each = micros(loaded, rounds, &bodies);
            let number = loaded.policies;
            println!("{of:<28} {number:>8} {name:<14} {each:>10.1} {:>8.2}", each / floor);
        }
    }
    Ok(())
}

/// What a review takes, in µs.
fn micros(loaded: &InForce, rounds: u32, bodies: &Bodies) -> f64 {
    let bodies: Vec<Bytes> = (0..rounds).map(|_| bodies.next()).collect();
    let began = Instant::now();
    for body in &bodies {
        let deadline = Instant::now() + Duration::from_secs(5);
        std::hint::black_box(review::answer(&*loaded.judge, Endpoint::Validate, body, deadline));
    }
    began.elapsed().as_secs_f64() * 1e6 / f64::from(rounds)
}

/// What each rule of a pack adds to a review without policies.
fn each(pack: Option<&str>, rounds: u32, body: Option<&str>) -> Result<(), Failed> {
    let body = match body {
        None | Some("pod") => pod(),
        Some("seven-faults") => seven_faults(),
        Some(_) => deployment(),
    };
    let profile = plimsoll::cel::profile::Profile::NEWEST;
    let loaded = load(&PolicySources { embedded: true, paths: Vec::new(), profile });
    let packs = Some(BTreeSet::from([pack.unwrap_or("all").to_owned()]));
    let set = loaded.into_set(&Adjustments { packs, ..Adjustments::default() }, TemplatePaths::default());
    let nothing = micros(&engine(None, Vec::new())?, rounds, &body);
    let mut all = Vec::new();
    for rule in set.policies().iter().flat_map(|policy| &policy.rules) {
        let loaded = engine(pack.or(Some("all")), vec![rule.info.code.clone()])?;
        all.push((micros(&loaded, rounds, &body) - nothing, &rule.info.code));
    }
    all.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    println!("{:>10.1} without policies", nothing);
    println!("{:>10.1} all", all.iter().map(|(each, _)| each).sum::<f64>());
    all.iter().for_each(|(each, code)| println!("{each:>10.1} {code}"));
    Ok(())
}

// ---- the measuring

struct Running {
    name: &'static str,
    process: Child,
    client: Client,
    ready: Duration,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Running {
    async fn start(name: &'static str) -> Result<Self, Failed> {
        let began = Instant::now();
        let mut process =
            Command::new(std::env::current_exe()?).args(["--child", name]).stdout(Stdio::piped()).spawn()?;
        let mut lines = BufReader::new(process.stdout.take().ok_or("no output")?).lines();
        let mut line = || lines.next().ok_or("the server ended")?.map_err(Failed::from);
        let (address, ca) = (line()?, line()?.replace('|', "\n"));
        let client = Client::new(&format!("https://{address}"), ca.as_bytes())?;
        client.post(Endpoint::Validate, pod().next(), Duration::from_secs(5)).await?;
        Ok(Running { name, process, client, ready: began.elapsed() })
    }

    /// User and system time so far. The kernel counts hundredths of a second.
    fn cpu(&self) -> Result<Duration, Failed> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        let after_name = stat.rsplit_once(')').ok_or("no stat")?.1;
        let ticks =
            after_name.split_whitespace().skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
        Ok(Duration::from_millis(ticks * 10))
    }

    fn resident_mib(&self) -> Result<f64, Failed> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
    }
}

/// One cell: what `count` reviews took.
struct Cell {
    count: usize,
    errors: usize,
    cpu_us: f64,
    p50: Duration,
    p99: Duration,
    per_second: f64,
}

enum Load {
    Closed { connections: usize },
    Open { connections: usize, per_second: u32 },
}

async fn cell(server: &Running, load: &Load, bodies: &Arc<Bodies>, time: Duration) -> Result<Cell, Failed> {
    let connections = match load {
        Load::Closed { connections } | Load::Open { connections, .. } => *connections,
    };
    let mut sessions = Vec::with_capacity(connections);
    for _ in 0..connections {
        let mut session = server.client.connect().await?;
        session.post(Endpoint::Validate, bodies.next(), Duration::from_secs(10)).await?;
        sessions.push(session);
    }
    let (cpu, began) = (server.cpu()?, Instant::now());
    let until = began + time;
    let mut tasks = Vec::with_capacity(connections);
    for (i, session) in sessions.into_iter().enumerate() {
        let body = Arc::clone(bodies);
        tasks.push(match load {
            Load::Closed { .. } => tokio::spawn(closed(session, body, until)),
            Load::Open { per_second, .. } => {
                let period = Duration::from_secs(1) * u32::try_from(connections)? / *per_second;
                let first = began + period * u32::try_from(i)? / u32::try_from(connections)?;
                tokio::spawn(open(session, body, first, period, until))
            }
        });
    }
    let (mut latencies, mut errors) = (Vec::new(), 0);
    for task in tasks {
        let (mut of_one, failed) = task.await?;
        latencies.append(&mut of_one);
        errors += failed;
    }
    let (took, cpu) = (began.elapsed(), server.cpu()? - cpu);
    latencies.sort_unstable();
    let at = |part: f64| latencies[((latencies.len() - 1) as f64 * part) as usize];
    let count = latencies.len();
    Ok(Cell {
        count,
        errors,
        cpu_us: cpu.as_secs_f64() * 1e6 / count as f64,
        p50: at(0.50),
        p99: at(0.99),
        per_second: count as f64 / took.as_secs_f64(),
    })
}

async fn one(session: &mut Session, bodies: &Bodies) -> bool {
    let reply = session.post(Endpoint::Validate, bodies.next(), Duration::from_secs(10)).await;
    reply.is_ok_and(|reply| reply.http_status == 200)
}

async fn closed(mut session: Session, bodies: Arc<Bodies>, until: Instant) -> (Vec<Duration>, usize) {
    let (mut latencies, mut errors) = (Vec::new(), 0);
    while Instant::now() < until {
        let began = Instant::now();
        errors += usize::from(!one(&mut session, &bodies).await);
        latencies.push(began.elapsed());
    }
    (latencies, errors)
}

/// Latency counts from when a review was due, not from when it could be sent.
async fn open(
    mut session: Session,
    bodies: Arc<Bodies>,
    first: Instant,
    period: Duration,
    until: Instant,
) -> (Vec<Duration>, usize) {
    let (mut latencies, mut errors, mut due) = (Vec::new(), 0, first);
    while due < until {
        tokio::time::sleep_until(due.into()).await;
        errors += usize::from(!one(&mut session, &bodies).await);
        latencies.push(due.elapsed());
        due += period;
    }
    (latencies, errors)
}

async fn measure(time: Duration) -> Result<(), Failed> {
    let mut servers = Vec::new();
    for name in SERVERS {
        servers.push(Running::start(name).await?);
    }
    println!("{:<24} {:>10} {:>9}", "server", "ready ms", "idle MiB");
    for server in &servers {
        let (ready, idle) = (server.ready.as_secs_f64() * 1e3, server.resident_mib()?);
        println!("{:<24} {ready:>10.1} {idle:>9.1}", server.name);
    }
    let (pod, faulty, deployment) = (Arc::new(pod()), Arc::new(seven_faults()), Arc::new(deployment()));
    println!(
        "\nPod review {} bytes, Deployment review {} bytes, {time:?} a cell",
        pod.next().len(),
        deployment.next().len()
    );
    println!(
        "{:<26} {:<24} {:>8} {:>6} {:>9} {:>7} {:>9} {:>9} {:>8} {:>7}",
        "load", "server", "reviews", "errors", "CPU µs", "× floor", "p50 µs", "p99 µs", "per s", "MiB"
    );
    let closed = |connections| Load::Closed { connections };
    for (name, load, body) in [
        ("Pod, closed, 1", closed(1), &pod),
        ("Pod, closed, 16", closed(16), &pod),
        ("Seven faults, closed, 16", closed(16), &faulty),
        ("Pod, closed, 64", closed(64), &pod),
        ("Pod, closed, 500", closed(500), &pod),
        ("Deployment, closed, 16", closed(16), &deployment),
        ("Pod, open, 1000/s over 500", Load::Open { connections: 500, per_second: 1000 }, &pod),
    ] {
        let mut floor = None;
        for server in &servers {
            let Cell { count, errors, cpu_us, p50, p99, per_second } =
                cell(server, &load, body, time).await?;
            let ratio = cpu_us / *floor.get_or_insert(cpu_us);
            let (p50, p99) = (p50.as_secs_f64() * 1e6, p99.as_secs_f64() * 1e6);
            println!(
                "{name:<26} {:<24} {count:>8} {errors:>6} {cpu_us:>9.1} {ratio:>7.2} {p50:>9.0} {p99:>9.0} {per_second:>8.0} {:>7.1}",
                server.name,
                server.resident_mib()?
            );
        }
    }
    Ok(())
}

// ---- the reviews

/// Reviews that differ in what differs between the objects of a cluster.
struct Bodies {
    /// With [`EACH`] where each is another, and [`WORKLOAD`] where each workload is.
    template: String,
    next: AtomicU32,
}

/// Six characters that are others in each review.
const EACH: &str = "@each@";
/// Six characters that are others in each rollout of a workload.
const ROLLOUT: &str = "@roll@";
/// Two digits that are others in each workload.
const WORKLOAD: &str = "@@";
const WORKLOADS: u32 = 50;
/// Pods that come of one rollout.
const REPLICAS: u32 = 8;

impl Bodies {
    fn next(&self) -> Bytes {
        let number = self.next.fetch_add(1, Relaxed);
        let (each, rollout) = (format!("{number:06}"), format!("{:06}", number / WORKLOADS / REPLICAS));
        let workload = format!("{:02}", 10 + number % WORKLOADS);
        self.template.replace(EACH, &each).replace(ROLLOUT, &rollout).replace(WORKLOAD, &workload).into()
    }
}

/// About as large as the API server sends for a Pod of two containers.
fn pod() -> Bodies {
    review("", "Pod", "pods", pod_spec(2))
}

/// The same Pod with faults that seven policies of `pod-security-restricted` see.
fn seven_faults() -> Bodies {
    let spec = pod_spec(2);
    let faults = [
        (r#""restartPolicy":"Always""#, r#""restartPolicy":"Always","hostNetwork":true,"hostPID":true"#),
        (r#""emptyDir":{}"#, r#""hostPath":{"path":"/tmp"}"#),
        (r#""type":"RuntimeDefault""#, r#""type":"Unconfined""#),
        (r#""drop":["ALL"]"#, r#""add":["NET_ADMIN"]"#),
        (r#""runAsNonRoot":true"#, r#""runAsNonRoot":false"#),
        (r#""allowPrivilegeEscalation":false"#, r#""allowPrivilegeEscalation":true"#),
    ];
    let spec = faults.into_iter().fold(spec, |spec, (good, bad)| {
        assert!(spec.contains(good), "{good}");
        spec.replacen(good, bad, 1)
    });
    review("", "Pod", "pods", spec)
}

/// About as large as for a Deployment of six.
fn deployment() -> Bodies {
    let spec = format!(
        r#"{{"replicas":3,"selector":{{"matchLabels":{{"app":"web"}}}},"template":{{"metadata":{{"labels":{{"app":"web"}}}},"spec":{}}},"strategy":{{"type":"RollingUpdate","rollingUpdate":{{"maxUnavailable":"25%","maxSurge":"25%"}}}},"revisionHistoryLimit":10,"progressDeadlineSeconds":600}}"#,
        pod_spec(6)
    );
    review("apps", "Deployment", "deployments", spec)
}

fn pod_spec(containers: usize) -> String {
    let container = |i: usize| {
        let probe = r#""livenessProbe":{"httpGet":{"path":"/healthz","port":80@@,"scheme":"HTTP"},"initialDelaySeconds":@@,"timeoutSeconds":1,"periodSeconds":10,"successThreshold":1,"failureThreshold":3},"readinessProbe":{"httpGet":{"path":"/ready","port":80@@,"scheme":"HTTP"},"timeoutSeconds":1,"periodSeconds":10,"successThreshold":1,"failureThreshold":3},"#;
        format!(
            r#"{{"name":"c{i}","image":"registry.example.com/team/app-{i}:1.@@.@roll@","command":["/bin/app","--listen=:80@@"],"ports":[{{"name":"http","containerPort":80@@,"protocol":"TCP"}}],"env":[{{"name":"POD_NAME","valueFrom":{{"fieldRef":{{"apiVersion":"v1","fieldPath":"metadata.name"}}}}}},{{"name":"LEVEL","value":"info-@roll@"}}],"resources":{{"limits":{{"cpu":"5@@m","memory":"2@@Mi"}},"requests":{{"cpu":"1@@m","memory":"1@@Mi"}}}},"volumeMounts":[{{"name":"tmp","mountPath":"/tmp"}}],{probe}"terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File","imagePullPolicy":"IfNotPresent","securityContext":{{"capabilities":{{"drop":["ALL"]}},"runAsNonRoot":true,"readOnlyRootFilesystem":true,"allowPrivilegeEscalation":false}}}}"#
        )
    };
    let containers: Vec<String> = (0..containers).map(container).collect();
    format!(
        r#"{{"volumes":[{{"name":"tmp","emptyDir":{{}}}}],"containers":[{}],"restartPolicy":"Always","terminationGracePeriodSeconds":30,"dnsPolicy":"ClusterFirst","serviceAccountName":"web","securityContext":{{"seccompProfile":{{"type":"RuntimeDefault"}}}},"schedulerName":"default-scheduler"}}"#,
        containers.join(",")
    )
}

fn review(group: &str, kind: &str, resource: &str, spec: String) -> Bodies {
    let api_version = if group.is_empty() { "v1".to_owned() } else { format!("{group}/v1") };
    let gvk = format!(r#"{{"group":"{group}","version":"v1","kind":"{kind}"}}"#);
    let gvr = format!(r#"{{"group":"{group}","version":"v1","resource":"{resource}"}}"#);
    let managed: Vec<String> = ["image", "name", "command", "env", "ports", "resources", "volumeMounts"]
        .iter()
        .map(|field| {
            format!(r#""k:{{\"name\":\"{field}\"}}":{{".":{{}},"f:{field}":{{}},"f:imagePullPolicy":{{}}}}"#)
        })
        .collect();
    let template = format!(
        r#"{{"kind":"AdmissionReview","apiVersion":"admission.k8s.io/v1","request":{{"uid":"32c2d342-921f-4744-987b-a82d24@each@","kind":{gvk},"resource":{gvr},"requestKind":{gvk},"requestResource":{gvr},"name":"web-@each@","namespace":"shop","operation":"CREATE","userInfo":{{"username":"kubernetes-admin","groups":["system:masters","system:authenticated"]}},"object":{{"kind":"{kind}","apiVersion":"{api_version}","metadata":{{"name":"web-@each@","namespace":"shop","uid":"c8c00031-9e6b-4303-8d27-823ac0@each@","creationTimestamp":"2026-11-21T06:49:36Z","labels":{{"app":"web","pod-template-hash":"@@@roll@"}},"managedFields":[{{"manager":"kubectl","operation":"Update","apiVersion":"{api_version}","time":"2026-11-21T06:49:36Z","fieldsType":"FieldsV1","fieldsV1":{{{}}}}}]}},"spec":{spec}}},"oldObject":null,"dryRun":false,"options":{{"kind":"CreateOptions","apiVersion":"meta.k8s.io/v1"}}}}}}"#,
        managed.join(",")
    );
    Bodies { template, next: AtomicU32::new(0) }
}
