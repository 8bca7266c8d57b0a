//! What Prometheus reads. Labels are policy, rule, decision, operation and kind; never a namespace, a name or a
//! message, so that neither the number of series nor a secret can come from a cluster's objects.

use std::collections::HashSet;
use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::reload::InForce;
use crate::review::{Answer, Endpoint, Failure, ReviewRequest};

/// Beyond so many different kinds, new ones are counted as `other`: whoever reaches the port may invent kinds.
const MAX_KINDS: usize = 500;

/// Seconds: a review takes tens of microseconds, a bad day seconds.
const BUCKETS: [f64; 17] = [
    0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
    0.5, 1.0, 2.5, 10.0,
];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReviewLabels {
    stage: &'static str,
    operation: &'static str,
    kind: Name,
    decision: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RuleLabels {
    policy: Name,
    rule: Name,
    decision: &'static str,
    operation: &'static str,
    kind: Name,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FailureLabels {
    policy: Name,
    rule: Name,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Name(Arc<str>);

impl EncodeLabelValue for Name {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        encoder.write_str(&self.0)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StageLabel {
    stage: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KeptLabel {
    kept: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabel {
    kind: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct HashLabel {
    hash: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ConfigurationLabel {
    configuration: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabel {
    result: &'static str,
}

/// What counts the decisions of an answer's rules: looked up once, for an answer is given often.
#[derive(Debug)]
pub(super) struct RuleCounters {
    /// The metrics that they are of, and the operation.
    of: (u64, &'static str),
    kind: Name,
    all: Vec<Counter>,
}

/// All metrics of the webhook.
#[derive(Debug)]
pub struct Metrics {
    /// Another one for each in a process.
    id: u64,
    registry: Registry,
    kinds: RwLock<HashSet<Arc<str>>>,
    reviews: Family<ReviewLabels, Counter>,
    rules: Family<RuleLabels, Counter>,
    rule_failures: Family<FailureLabels, Counter>,
    validate_seconds: Histogram,
    mutate_seconds: Histogram,
    refused: Family<ReasonLabel, Counter>,
    failures: Family<ReasonLabel, Counter>,
    /// Evaluations that ran on the pool rather than on an I/O thread.
    pub(super) pooled: Counter,
    /// Open connections.
    pub(super) connections: Gauge,
    /// Accepted connections.
    pub(super) accepted: Counter,
    accept_errors: Counter,
    closed: Family<ReasonLabel, Counter>,
    ready: Gauge,
    registered: Family<ConfigurationLabel, Gauge>,
    leader: Gauge,
    mirror_age: Family<KindLabel, Gauge<f64, AtomicU64>>,
    mirrors: OnceLock<Ages>,
    certificate_not_after: Gauge,
    certificate_reloads: Family<ResultLabel, Counter>,
    policies: Gauge,
    policies_broken: Family<KeptLabel, Gauge>,
    policy_generation: Gauge,
    policy_hash: Family<HashLabel, Gauge>,
    policy_reloads: Family<ResultLabel, Counter>,
    policy_last_reload_good: Gauge,
    policy_last_good: Gauge<f64, AtomicU64>,
}

/// Kinds, and how old what is known of them is.
struct Ages(Box<dyn Fn() -> Vec<(String, f64)> + Send + Sync>);

impl fmt::Debug for Ages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ages").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Metrics::new(Registry::with_prefix("plimsoll"))
    }
}

impl Metrics {
    /// Registers everything in `registry`, which may hold more (the cluster's reflectors, say).
    #[must_use]
    pub fn new(mut registry: Registry) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        macro_rules! register {
            ($name:literal, $help:literal, $metric:expr) => {{
                let metric = $metric;
                registry.register($name, $help, metric.clone());
                metric
            }};
        }
        let seconds = || Histogram::new(BUCKETS);
        let durations = Family::<StageLabel, Histogram, fn() -> Histogram>::new_with_constructor(seconds);
        let validate_seconds =
            durations.get_or_create_owned(&StageLabel { stage: Endpoint::Validate.name() });
        let mutate_seconds = durations.get_or_create_owned(&StageLabel { stage: Endpoint::Mutate.name() });
        registry.register(
            "review_duration_seconds",
            "Time from a request's head to its answer, body and queue included",
            durations,
        );
        Metrics {
            kinds: RwLock::default(),
            reviews: register!("reviews", "Reviews answered", Family::default()),
            rules: register!("rule_outcomes", "What each rule said", Family::default()),
            rule_failures: register!(
                "rule_evaluation_failures",
                "Rules that could not be evaluated, so that their failure policy decided",
                Family::default()
            ),
            validate_seconds,
            mutate_seconds,
            refused: register!("requests_refused", "Requests that were not reviews", Family::default()),
            failures: register!(
                "review_failures",
                "Reviews answered as the failure policy says",
                Family::default()
            ),
            pooled: register!("evaluations_pooled", "Evaluations off the I/O threads", Counter::default()),
            connections: register!("connections", "Open connections", Gauge::default()),
            accepted: register!("connections_accepted", "Connections accepted", Counter::default()),
            accept_errors: register!("accept_errors", "Failed accepts", Counter::default()),
            closed: register!(
                "connections_closed",
                "Connections that we closed, by reason",
                Family::default()
            ),
            ready: register!("ready", "1 when ready for traffic", Gauge::default()),
            registered: register!(
                "registered",
                "1 while the entries of our webhook configuration are as they must be, as this replica sees it",
                Family::default()
            ),
            leader: register!("leader", "1 while this replica writes the registration", Gauge::default()),
            mirror_age: register!(
                "mirror_age_seconds",
                "How long ago what is known of a kind that policies look up was last known to be good; 0 while it is watched",
                Family::default()
            ),
            mirrors: OnceLock::new(),
            certificate_not_after: register!(
                "certificate_not_after_timestamp_seconds",
                "When the served certificate expires",
                Gauge::default()
            ),
            certificate_reloads: register!(
                "certificate_reloads",
                "Changed certificates, by result",
                Family::default()
            ),
            policies: register!("policies", "Policies in force", Gauge::default()),
            policies_broken: register!(
                "policies_broken",
                "Policies, or files of them, that do not load; kept: in force in the last form that did",
                Family::default()
            ),
            policy_generation: register!(
                "policy_generation",
                "How often the policies in force have changed",
                Gauge::default()
            ),
            policy_hash: register!(
                "policy_hash_info",
                "1 for the hash of the policies in force; replicas with the same judge alike",
                Family::default()
            ),
            policy_reloads: register!(
                "policy_reloads",
                "Changed policy folders, by result",
                Family::default()
            ),
            policy_last_reload_good: register!(
                "policy_last_reload_successful",
                "0 while older policies are kept because the newest do not load",
                Gauge::default()
            ),
            policy_last_good: register!(
                "policy_last_reload_success_timestamp_seconds",
                "When the policies in force were loaded",
                Gauge::default()
            ),
            id: NEXT.fetch_add(1, Relaxed),
            registry,
        }
    }

    /// The exposition text.
    #[must_use]
    pub fn text(&self) -> String {
        if let Some(Ages(ages)) = self.mirrors.get() {
            self.mirror_age.clear();
            for (kind, age) in ages() {
                self.mirror_age.get_or_create(&KindLabel { kind }).set(age);
            }
        }
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry)
            .expect("a String takes everything");
        text
    }

    pub(super) fn answered(
        &self,
        stage: Endpoint,
        review: &ReviewRequest<'_>,
        answer: &Answer,
        failure: Option<&Failure>,
        took: Duration,
    ) {
        let decision = match (answer.allowed(), failure) {
            (true, None) if answer.patch_json().is_some() => "mutate",
            (true, None) => "allow",
            (false, None) => "deny",
            (true, Some(_)) => "failed_open",
            (false, Some(_)) => "failed_closed",
        };
        let operation = review.operation.name();
        let kind = self.kind(&review.kind.kind);
        let counters: Option<&RuleCounters> = answer.beside(|| self.counters(answer, operation, &kind));
        let others;
        let is_ours = |counters: &&RuleCounters| counters.of == (self.id, operation) && counters.kind == kind;
        let counters = match counters.filter(is_ours) {
            Some(counters) => counters,
            // the same answer to another request
            None => {
                others = self.counters(answer, operation, &kind);
                &others
            }
        };
        counters.all.iter().for_each(|counter| {
            counter.inc();
        });
        self.reviews.get_or_create(&ReviewLabels { stage: stage.name(), operation, kind, decision }).inc();
        if let Some(failure) = failure {
            self.failures.get_or_create(&ReasonLabel { reason: failure.label() }).inc();
        }
        match stage {
            Endpoint::Validate => &self.validate_seconds,
            Endpoint::Mutate => &self.mutate_seconds,
        }
        .observe(took.as_secs_f64());
    }

    /// What counts the decisions of an answer's rules about such a request.
    fn counters(&self, answer: &Answer, operation: &'static str, kind: &Name) -> RuleCounters {
        let mut all = Vec::with_capacity(answer.outcomes().len());
        for outcome in answer.outcomes() {
            let (policy, rule) = outcome.names();
            let (policy, rule) = (Name(policy.into()), Name(rule.into()));
            let (decision, kind) = (outcome.decision, kind.clone());
            if outcome.failed {
                let (policy, rule) = (policy.clone(), rule.clone());
                all.push(self.rule_failures.get_or_create_owned(&FailureLabels { policy, rule }));
            }
            let labels = RuleLabels { policy, rule, decision, operation, kind };
            all.push(self.rules.get_or_create_owned(&labels));
        }
        RuleCounters { of: (self.id, operation), kind: kind.clone(), all }
    }

    /// The kind's one shared name.
    fn kind(&self, kind: &str) -> Name {
        if let Some(known) = self.kinds.read().unwrap_or_else(PoisonError::into_inner).get(kind) {
            return Name(known.clone());
        }
        let mut kinds = self.kinds.write().unwrap_or_else(PoisonError::into_inner);
        let kind: Arc<str> = if kinds.len() < MAX_KINDS { kind.into() } else { "other".into() };
        kinds.insert(kind.clone());
        Name(kind)
    }

    pub(super) fn refused(&self, reason: &'static str) {
        self.refused.get_or_create(&ReasonLabel { reason }).inc();
    }

    pub(super) fn accept_error(&self) {
        self.accept_errors.inc();
    }

    pub(super) fn closed(&self, reason: &'static str) {
        self.closed.get_or_create(&ReasonLabel { reason }).inc();
    }

    pub(crate) fn registered(&self, configuration: &'static str, as_it_must_be: bool) {
        let label = ConfigurationLabel { configuration };
        self.registered.get_or_create(&label).set(i64::from(as_it_must_be));
    }

    /// Who tells how old what is known of each kind is, in seconds; asked whenever somebody reads metrics.
    pub(crate) fn mirrors(&self, ages: impl Fn() -> Vec<(String, f64)> + Send + Sync + 'static) {
        let _ = self.mirrors.set(Ages(Box::new(ages)));
    }

    pub(crate) fn leads(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    pub(super) fn set_ready(&self, ready: bool) {
        self.ready.set(i64::from(ready));
    }

    pub(crate) fn certificate(&self, result: Result<i64, ()>) {
        let label = ResultLabel { result: if result.is_ok() { "ok" } else { "error" } };
        self.certificate_reloads.get_or_create(&label).inc();
        if let Ok(not_after) = result {
            self.certificate_not_after.set(not_after);
        }
    }

    /// Policies were loaded, some of them perhaps not.
    pub(super) fn policies(&self, loaded: &InForce, generation: u64, now: f64) {
        let good = loaded.broken == 0;
        let gauge = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        let label = ResultLabel { result: if good { "ok" } else { "error" } };
        self.policy_reloads.get_or_create(&label).inc();
        self.policy_last_reload_good.set(i64::from(good));
        self.policies.set(gauge(loaded.policies));
        self.policy_last_good.set(now);
        for (kept, count) in [("true", loaded.kept), ("false", loaded.broken.saturating_sub(loaded.kept))] {
            self.policies_broken.get_or_create(&KeptLabel { kept }).set(gauge(count));
        }
        self.policy_generation.set(i64::try_from(generation).unwrap_or(i64::MAX));
        self.policy_hash.clear();
        self.policy_hash.get_or_create(&HashLabel { hash: loaded.hash.clone() }).set(1);
    }

    /// Nothing of what was read can be used.
    pub(super) fn policies_refused(&self) {
        self.policy_reloads.get_or_create(&ResultLabel { result: "error" }).inc();
        self.policy_last_reload_good.set(0);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::review::{Review, RuleDecision};

    #[test]
    fn mirrors_are_asked_for_their_age() {
        let metrics = Metrics::default();
        assert!(!metrics.text().contains("plimsoll_mirror_age_seconds{"));
        let ages = std::sync::Mutex::new(vec![
            vec![("Service".to_owned(), 0.0)],
            vec![("Service".to_owned(), 61.5), ("Rollout.argoproj.io".to_owned(), 1.0)],
        ]);
        metrics.mirrors(move || ages.lock().unwrap().pop().unwrap());
        let text = metrics.text();
        assert!(text.contains("plimsoll_mirror_age_seconds{kind=\"Service\"} 61.5\n"), "{text}");
        assert!(text.contains("plimsoll_mirror_age_seconds{kind=\"Rollout.argoproj.io\"} 1.0\n"), "{text}");
        let text = metrics.text();
        assert!(text.contains("plimsoll_mirror_age_seconds{kind=\"Service\"} 0.0\n"), "{text}");
        assert!(!text.contains("Rollout"), "no longer watched: {text}");
    }

    #[test]
    fn an_answer_that_is_given_often_counts_where_it_is_given() {
        let (one, other) = (Metrics::default(), Metrics::default());
        let answer = Answer::allow().outcome(RuleDecision::of("p/r", "warn"));
        for (metrics, kind, operation) in [
            (&one, "A", "CREATE"),
            (&one, "A", "CREATE"),
            (&one, "B", "CREATE"),
            (&one, "A", "UPDATE"),
            (&other, "A", "CREATE"),
        ] {
            let body = format!(
                r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{{"uid":"u",
                "operation":"{operation}","kind":{{"kind":"{kind}"}}}}}}"#
            );
            let review = Review::read(body.as_bytes()).request.unwrap();
            metrics.answered(Endpoint::Validate, &review, &answer.clone(), None, Duration::ZERO);
        }
        let counted = |metrics: &Metrics| -> Vec<String> {
            let text = metrics.text();
            let rules = text.lines().filter_map(|line| line.strip_prefix("plimsoll_rule_outcomes_total"));
            let mut rules: Vec<String> = rules.map(str::to_owned).collect();
            rules.sort();
            rules
        };
        let series = |operation: &str, kind: &str, count: u32| {
            format!(
                "{{policy=\"p\",rule=\"r\",decision=\"warn\",operation=\"{operation}\",kind=\"{kind}\"}} {count}"
            )
        };
        assert_eq!(
            counted(&one),
            [series("CREATE", "A", 2), series("CREATE", "B", 1), series("UPDATE", "A", 1)]
        );
        assert_eq!(counted(&other), [series("CREATE", "A", 1)]);
    }

    #[test]
    fn counts_what_was_answered_and_bounds_the_kinds() {
        let metrics = Metrics::default();
        for i in 0..MAX_KINDS + 500 {
            let body = format!(
                r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{{"uid":"u","operation":"CREATE",
                "namespace":"secret-ns","name":"secret-name","kind":{{"kind":"K{i}"}}}}}}"#
            );
            let review = Review::read(body.as_bytes()).request.unwrap();
            let answer = Answer::forbid("secret message").outcome(RuleDecision::of("p/r", "deny"));
            metrics.answered(Endpoint::Validate, &review, &answer, None, Duration::from_micros(70));
        }
        let text = metrics.text();
        assert!(text.contains(
            "plimsoll_reviews_total{stage=\"validate\",operation=\"CREATE\",kind=\"K1\",decision=\"deny\"} 1\n"
        ));
        assert!(text.contains("plimsoll_rule_outcomes_total{policy=\"p\",rule=\"r\",decision=\"deny\",operation=\"CREATE\",kind=\"other\"} 500\n"));
        assert!(
            text.contains("plimsoll_review_duration_seconds_bucket{le=\"0.0001\",stage=\"validate\"} 1000\n")
        );
        assert!(!text.contains("secret"));
        assert!(text.lines().filter(|l| l.starts_with("plimsoll_reviews_total")).count() <= MAX_KINDS + 1);
    }
}
