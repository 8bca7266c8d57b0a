//! What policies of the API server's own language say, in its words: the webhook stands in for a server that does not run
//! them. Policies of other languages have the rest of the answer.
//!
//! A denial is the first that the server would meet, with its code and reason. Keys of audit annotations are what a webhook
//! may write: `policy-key` for `policy/key`.

use std::collections::BTreeMap;

use crate::admission_policy::answer::{self, Denied};
use crate::finding::{Finding, ServersOwn};
use crate::request::Request;
use crate::verdict::Verdict;

use super::{AnswerReason, Cause, Denial};

/// A verdict in two parts: what other policies say, and what the API server's own do.
pub(super) fn apart<'f>(verdict: &Verdict<'f>) -> [Verdict<'f>; 2] {
    let part = |own: bool| {
        let of = |findings: &[&'f Finding]| -> Vec<&'f Finding> {
            findings.iter().filter(|finding| finding.own.is_some() == own).copied().collect()
        };
        Verdict {
            denials: of(&verdict.denials),
            warnings: of(&verdict.warnings),
            audits: of(&verdict.audits),
            excepted: of(&verdict.excepted),
        }
    };
    [part(false), part(true)]
}

fn policy(finding: &Finding) -> &str {
    finding.rule.policy.as_ref().map_or("", |policy| &policy.name)
}

/// The denial of the server's own policies, where they deny.
pub(super) fn denial(own: &Verdict<'_>, request: &Request<'_>) -> Option<Denial> {
    let (finding, said) = own.denials.iter().find_map(|finding| Some((finding, finding.own.as_ref()?)))?;
    let cause = answer::refusal(policy(finding), said.binding.as_deref(), &finding.message);
    let Denied { reason, message, causes, .. } = answer::refused(said.reason.as_deref(), cause, request);
    // the API server takes no policy with another one
    let reason = match reason.as_str() {
        "Forbidden" => AnswerReason::Forbidden,
        "RequestEntityTooLarge" => AnswerReason::RequestEntityTooLarge,
        _ => AnswerReason::Invalid,
    };
    let cause = |message| Cause { reason: String::new(), message, field: String::new() };
    Some(Denial { reason, message, causes: causes.into_iter().map(cause).collect() })
}

/// Their warnings; the server drops one with control characters.
pub(super) fn warnings(own: &Verdict<'_>) -> Vec<String> {
    let warning = |finding: &&Finding| {
        let said = finding.own.as_ref()?;
        let text = match &said.binding {
            Some(binding) => answer::warning(policy(finding), binding, &finding.message),
            None => answer::refusal(policy(finding), None, &finding.message),
        };
        Some(text).filter(|text| !text.chars().any(char::is_control))
    };
    own.warnings.iter().filter_map(warning).collect()
}

/// Their audit annotations: those that policies make, and the first failure that is for the audit log. `findings` are all, in
/// the order in which they were found.
pub(super) fn annotations(own: &Verdict<'_>, findings: &[Finding]) -> BTreeMap<String, String> {
    let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut failed = None;
    for finding in findings.iter().filter(|finding| finding.excepted.is_none()) {
        let Some(ServersOwn { binding, validation, actions, annotation, .. }) = finding.own.as_deref() else {
            continue;
        };
        let (policy, message) = (policy(finding), &finding.message);
        if let Some(key) = annotation {
            let values = values.entry(format!("{policy}/{key}")).or_default();
            let value = answer::cut(message);
            if !values.contains(&value) {
                values.push(value);
            }
            continue;
        }
        let is_audited =
            || actions.contains(&"Audit") || own.audits.iter().any(|audited| std::ptr::eq(*audited, finding));
        if let Some(binding) = binding.as_ref().filter(|_| failed.is_none() && is_audited()) {
            failed = Some(answer::failure(policy, binding, *validation, actions, message));
        }
    }
    let joined = values.into_iter().map(|(key, values)| (key, values.join(", ")));
    joined.chain(failed.map(|failed| (answer::FAILURE.to_owned(), failed))).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use base64::{Engine as _, prelude::BASE64_STANDARD as BASE64};
    use serde_json::{Value, json};

    use crate::cel::profile::Profile;
    use crate::finding::Action;
    use crate::host::NoHost;
    use crate::policy::FailurePolicy;
    use crate::review::engine::Engine;
    use crate::review::{Endpoint, Judge as _, answer};
    use crate::store::load::{Loaded, read_text};
    use crate::store::set::Adjustments;

    const POLICY: &str = "
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: team}
spec:
  matchConstraints:
    resourceRules: [{apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [configmaps]}]
  validations:
    - {expression: object.data.team == 'a', message: team a only, reason: REASON}
    - {expression: object.data.size == 's', message: small}
  auditAnnotations: [{key: who, valueExpression: \"'team ' + object.data.team\"}]
";

    /// The review of the creation of a ConfigMap with this data.
    fn review(data: &Value) -> Value {
        let kind = json!({"group": "", "version": "v1", "kind": "ConfigMap"});
        let resource = json!({"group": "", "version": "v1", "resource": "configmaps"});
        json!({
            "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
            "request": {
                "uid": "u", "operation": "CREATE", "name": "c", "namespace": "n", "dryRun": false,
                "kind": kind, "requestKind": kind, "resource": resource, "requestResource": resource,
                "userInfo": {"username": "somebody"},
                "object": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "n"},
                           "data": data},
            },
        })
    }

    /// The response to the creation of a ConfigMap with this data, by a binding with these actions.
    fn response(policy: &str, actions: &str, lowered: Option<Action>, data: &Value) -> Value {
        let binding = format!(
            "---\napiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicyBinding\n\
             metadata: {{name: all}}\nspec: {{policyName: team, validationActions: {actions}}}\n"
        );
        let mut loaded = Loaded::default();
        read_text("p.yaml", &format!("{policy}{binding}"), false, Profile::V1_36, &mut loaded);
        assert!(loaded.errors.is_empty(), "{:?}", loaded.errors);
        let adjustments = Adjustments { action_override: lowered, ..Adjustments::default() };
        let set = loaded.into_set(&adjustments, Default::default());
        let engine = Engine::new(Arc::new(set), Arc::new(NoHost));
        let review = review(data);
        // the policy fails closed, so that the other entry has nothing to say
        let part = engine.part(FailurePolicy::Ignore).unwrap();
        let deadline = Instant::now() + Duration::from_secs(9);
        let ask = |judge: &dyn crate::review::Judge| -> Value {
            let reply = answer(judge, Endpoint::Validate, review.to_string().as_bytes(), deadline);
            serde_json::from_slice::<Value>(&reply.body).unwrap()["response"].take()
        };
        let closed = ask(&*engine.part(FailurePolicy::Fail).unwrap());
        if lowered.is_none() {
            assert_eq!(ask(&*part), json!({"uid": "u", "allowed": true}));
            assert_eq!(ask(&engine), closed);
        }
        ask(&engine)
    }

    /// apiserver `policy/validating/dispatcher.go`: code, reason and message are those of the first failure.
    #[test]
    fn a_denial_is_the_api_servers() {
        for (reason, code) in [("Invalid", 422), ("Forbidden", 403), ("RequestEntityTooLarge", 413)] {
            let policy = POLICY.replace("REASON", reason);
            let message = "ValidatingAdmissionPolicy 'team' with binding 'all' denied request: team a only";
            assert_eq!(
                response(&policy, "[Deny]", None, &json!({"team": "b", "size": "l"})),
                json!({
                    "uid": "u", "allowed": false, "auditAnnotations": {"team-who": "team b"},
                    "status": {
                        "status": "Failure", "code": code, "reason": reason,
                        "message": format!("configmaps \"c\" is forbidden: {message}"),
                        "details": {"causes": [{"message": message}]},
                    },
                })
            );
        }
        let policy = POLICY.replace("REASON", "Invalid");
        // an expression that cannot be evaluated
        let status = response(&policy, "[Deny]", None, &json!({"team": "a"}))["status"].take();
        assert_eq!(
            status["message"],
            "configmaps \"c\" is forbidden: ValidatingAdmissionPolicy 'team' with binding 'all' denied request: \
             expression 'object.data.size == 's'' resulted in error: no such key: size"
        );
        assert_eq!(status["code"], 422);
    }

    #[test]
    fn warnings_and_audit_annotations_are_the_api_servers() {
        let policy = POLICY.replace("REASON", "Invalid");
        let data = json!({"team": "b", "size": "l"});
        let warning = |text: &str| {
            format!("Validation failed for ValidatingAdmissionPolicy 'team' with binding 'all': {text}")
        };
        let failure = |actions: &str| {
            format!(
                "[{{\"message\":\"team a only\",\"policy\":\"team\",\"binding\":\"all\",\"expressionIndex\":0,\
                 \"validationActions\":{actions}}}]"
            )
        };
        let warnings = json!([warning("team a only"), warning("small")]);
        let key = "validation.policy.admission.k8s.io-validation_failure";
        assert_eq!(
            response(&policy, "[Warn, Audit]", None, &data),
            json!({
                "uid": "u", "allowed": true, "warnings": warnings,
                "auditAnnotations": {"team-who": "team b", key: failure("[\"Warn\",\"Audit\"]")},
            })
        );
        // what an installation that only tries things out makes of it
        let lowered = response(&policy, "[Deny]", Some(Action::Warn), &data);
        assert_eq!((&lowered["allowed"], &lowered["warnings"]), (&json!(true), &warnings));
        let lowered = response(&policy, "[Deny]", Some(Action::Audit), &data);
        assert_eq!(lowered["auditAnnotations"][key], failure("[\"Deny\"]"));
    }

    /// A MutatingAdmissionPolicy at the entry of its failure policy: the object comes as the API server has it.
    #[test]
    fn a_mutation_is_a_patch() {
        const MUTATION: &str = r#"
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: size}
spec:
  reinvocationPolicy: Never
  matchConstraints:
    resourceRules: [{apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [configmaps]}]
  mutations:
    - patchType: ApplyConfiguration
      applyConfiguration: {expression: "Object{metadata: Object.metadata{labels: {'size': object.data.size}}}"}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: all}
spec: {policyName: size}
"#;
        let mut loaded = Loaded::default();
        read_text("p.yaml", MUTATION, false, Profile::V1_36, &mut loaded);
        assert!(loaded.errors.is_empty(), "{:?}", loaded.errors);
        let engine = Engine::new(
            Arc::new(loaded.into_set(&Adjustments::default(), Default::default())),
            Arc::new(NoHost),
        );
        let deadline = Instant::now() + Duration::from_secs(9);
        let ask = |data: &Value, half: FailurePolicy| -> Value {
            let judge = engine.part(half).unwrap();
            let reply = answer(&*judge, Endpoint::Mutate, review(data).to_string().as_bytes(), deadline);
            serde_json::from_slice::<Value>(&reply.body).unwrap()["response"].take()
        };
        let changed = ask(&json!({"size": "s"}), FailurePolicy::Fail);
        let patch = BASE64.decode(changed["patch"].as_str().unwrap()).unwrap();
        let operations: Value = serde_json::from_slice(&patch).unwrap();
        let labels = json!([{"op": "add", "path": "/metadata/labels", "value": {"size": "s"}}]);
        assert_eq!((&changed["allowed"], operations), (&json!(true), labels));
        assert!(ask(&json!({"size": "s"}), FailurePolicy::Ignore)["patch"].is_null());
        let refused = ask(&json!({}), FailurePolicy::Fail);
        let message = refused["status"]["message"].as_str().unwrap();
        assert!(
            refused["allowed"] == false
                && message.contains("policy 'size' with binding 'all' denied request: ")
                && message.contains("no such key: size"),
            "{refused}"
        );
    }

    /// Without a cluster parameters are not known: the failure policy decides.
    #[test]
    fn what_is_not_known_follows_the_failure_policy() {
        let with = "spec:\n  paramKind: {apiVersion: v1, kind: ConfigMap}";
        let policy = POLICY.replace("REASON", "Invalid").replacen("spec:", with, 1);
        let actions = "[Deny], paramRef: {name: p, parameterNotFoundAction: Allow}";
        let data = json!({"team": "a", "size": "s"});
        let message = response(&policy, actions, None, &data)["status"]["message"].take();
        assert!(message.as_str().unwrap().contains("denied request: cannot be decided: "), "{message}");
        let ignoring = policy.replacen("spec:", "spec:\n  failurePolicy: Ignore", 1);
        let answer = response(&ignoring, actions, Some(Action::Deny), &data);
        assert_eq!(answer["allowed"], true);
    }
}
