//! `authorizer`: what a user may do, asked of the API server by SubjectAccessReview.
//!
//! Evaluation is synchronous and the client is not, so the question is a task of the runtime, and the evaluation waits for
//! its answer until the review's deadline. One that runs on a thread of the runtime hands that thread's tasks on first.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use k8s_openapi::api::authorization::v1::{SubjectAccessReview, SubjectAccessReviewStatus};
use kube::api::PostParams;
use kube::{Api, Client};
use serde_json::{Value, json};
use tokio::runtime::{Handle, RuntimeFlavor};

use crate::cel::library::authorizer::{
    Decision, FieldRequirement, LabelOperator, LabelRequirement, Opinion, Question, Selector, Subject, Target,
};
use crate::request::User;

/// How long one question may take, whatever the deadline.
const LONGEST: Duration = Duration::from_secs(5);

/// Asks the API server.
pub struct Authorizer {
    client: Client,
    runtime: Handle,
}

impl std::fmt::Debug for Authorizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authorizer")
    }
}

impl Authorizer {
    /// By this client, on the runtime of the caller.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client, runtime: Handle::current() }
    }

    /// Whether the user, or the ServiceAccount that the question names, may do it.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn ask(
        &self,
        user: &User<'_>,
        question: &Question,
        deadline: Option<Instant>,
    ) -> Result<Decision, String> {
        let review: SubjectAccessReview =
            serde_json::from_value(review(user, question)).map_err(|error| error.to_string())?;
        let now = Instant::now();
        let patience =
            deadline.map_or(LONGEST, |deadline| deadline.saturating_duration_since(now)).min(LONGEST);
        let (answer, answered) = mpsc::sync_channel(1);
        let reviews: Api<SubjectAccessReview> = Api::all(self.client.clone());
        self.runtime.spawn(async move {
            let asked = async { reviews.create(&PostParams::default(), &review).await };
            if let Ok(done) = tokio::time::timeout(patience, asked).await {
                let _ = answer.send(done);
            }
        });
        match waiting(|| answered.recv_timeout(patience)) {
            Ok(Ok(review)) => Ok(decision(review.status.unwrap_or_default())),
            Ok(Err(kube::Error::Api(status))) => {
                Err(format!("the API server refuses the SubjectAccessReview: {}", status.reason))
            }
            Ok(Err(error)) => Err(format!("the SubjectAccessReview cannot be sent: {error}")),
            Err(_) => Err("the API server did not answer the SubjectAccessReview in time".to_owned()),
        }
    }
}

/// Waits without keeping a thread of the runtime from its other tasks.
fn waiting<T>(wait: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(wait),
        _ => wait(),
    }
}

fn decision(status: SubjectAccessReviewStatus) -> Decision {
    let SubjectAccessReviewStatus { allowed, denied, evaluation_error, reason } = status;
    let verdict = match (allowed, denied.unwrap_or_default()) {
        (true, _) => Opinion::Allow,
        (false, true) => Opinion::Deny,
        (false, false) => Opinion::NoOpinion,
    };
    Decision {
        verdict,
        reason: reason.unwrap_or_default(),
        error: evaluation_error.filter(|e| !e.is_empty()),
    }
}

fn review(user: &User<'_>, question: &Question) -> Value {
    let mut spec = match &question.subject {
        Subject::Requester => json!({
            "user": user.username, "uid": user.uid, "groups": user.groups, "extra": user.extra,
        }),
        Subject::ServiceAccount { namespace, name } => json!({
            "user": format!("system:serviceaccount:{namespace}:{name}"),
            "groups": ["system:serviceaccounts", format!("system:serviceaccounts:{namespace}"), "system:authenticated"],
        }),
    };
    match &question.target {
        Target::Path(path) => {
            spec["nonResourceAttributes"] = json!({"path": path, "verb": question.verb});
        }
        Target::Resource {
            group,
            resource,
            subresource,
            namespace,
            name,
            field_selector,
            label_selector,
        } => {
            let mut attributes = json!({
                "verb": question.verb, "group": group, "version": "*", "resource": resource,
                "subresource": subresource, "namespace": namespace, "name": name,
            });
            if let Some(requirements) = requirements(field_selector, of_field) {
                attributes["fieldSelector"] = requirements;
            }
            if let Some(requirements) = requirements(label_selector, of_label) {
                attributes["labelSelector"] = requirements;
            }
            spec["resourceAttributes"] = attributes;
        }
    }
    json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "metadata": {}, "spec": spec})
}

/// What cannot be read restricts nothing, and what the API has no word for neither: who may do it to all may do it to some.
fn requirements<R>(selector: &Selector<R>, one: fn(&R) -> Option<Value>) -> Option<Value> {
    let Selector::All(all) = selector else { return None };
    let requirements: Vec<Value> = all.iter().filter_map(one).collect();
    (!requirements.is_empty()).then(|| json!({"requirements": requirements}))
}

fn of_field(requirement: &FieldRequirement) -> Option<Value> {
    let FieldRequirement { field, equals, value } = requirement;
    Some(json!({"key": field, "operator": if *equals { "In" } else { "NotIn" }, "values": [value]}))
}

fn of_label(requirement: &LabelRequirement) -> Option<Value> {
    let LabelRequirement { key, operator, values } = requirement;
    let operator = match operator {
        LabelOperator::Exists => "Exists",
        LabelOperator::DoesNotExist => "DoesNotExist",
        LabelOperator::Equals | LabelOperator::DoubleEquals | LabelOperator::In => "In",
        LabelOperator::NotEquals | LabelOperator::NotIn => "NotIn",
        LabelOperator::GreaterThan | LabelOperator::LessThan => return None,
    };
    Some(json!({"key": key, "operator": operator, "values": values}))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::cel::library::authorizer::ResourceCheck;

    #[test]
    fn questions_as_reviews() {
        let user = User { username: "jane", groups: vec!["dev"], uid: "u1", ..User::default() };
        let check = ResourceCheck {
            group: "apps".into(),
            resource: "deployments".into(),
            namespace: "shop".into(),
            name: "web".into(),
            label_selector: "a=b,c".into(),
            ..ResourceCheck::default()
        };
        let asked = review(&user, &check.question("delete"));
        assert_eq!(asked["spec"]["user"], "jane");
        assert_eq!(asked["spec"]["groups"], json!(["dev"]));
        assert_eq!(
            asked["spec"]["resourceAttributes"],
            json!({"verb": "delete", "group": "apps", "version": "*", "resource": "deployments", "subresource": "",
                "namespace": "shop", "name": "web", "labelSelector": {"requirements": [
                    {"key": "a", "operator": "In", "values": ["b"]}, {"key": "c", "operator": "Exists", "values": []}]}})
        );
        serde_json::from_value::<SubjectAccessReview>(asked).unwrap();
        let account = Subject::service_account("ci", "deployer").unwrap().path("/healthz").unwrap();
        let asked = review(&user, &account.question("get"));
        assert_eq!(asked["spec"]["user"], "system:serviceaccount:ci:deployer");
        assert_eq!(asked["spec"]["groups"][1], "system:serviceaccounts:ci");
        assert_eq!(asked["spec"]["nonResourceAttributes"], json!({"path": "/healthz", "verb": "get"}));
        assert!(!asked.to_string().contains("jane"));
    }

    #[test]
    fn answers_as_decisions() {
        for (status, expected) in [
            (json!({"allowed": true, "reason": "RBAC"}), (Opinion::Allow, None)),
            (json!({"allowed": false}), (Opinion::NoOpinion, None)),
            (json!({"allowed": false, "denied": true}), (Opinion::Deny, None)),
            (json!({"allowed": false, "evaluationError": "no role"}), (Opinion::NoOpinion, Some("no role"))),
        ] {
            let got = decision(serde_json::from_value(status).unwrap());
            assert_eq!((got.verdict, got.error.as_deref()), expected);
        }
    }
}
