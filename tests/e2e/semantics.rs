//! What only a cluster can show of the format's semantics: who may do what, who made what, and in which order the two
//! entries of a registration are asked.

use std::sync::Arc;

use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::json;

use crate::cluster::Cluster;
use crate::door::{Door, Verb, kubectl};
use crate::installed::{Installed, install_with, may_install};
use crate::manifest::{pod, workload};
use crate::policies::{NOTHING, PROBES};
use crate::stage::Stage;
use crate::webhook::{Plan, VALIDATING, Webhook};
use crate::{Test, test};

pub(crate) fn tests() -> Vec<(String, Test)> {
    vec![
        test("semantics::authorizer_is_asked", authorizer_is_asked),
        test(
            "semantics::the_installed_account_asks_the_authorizer",
            the_installed_account_asks_the_authorizer,
        ),
        test("semantics::what_a_judged_owner_makes", what_a_judged_owner_makes),
        test("semantics::one_order_of_mutations", one_order_of_mutations),
    ]
}

/// Pods only by those who may delete Deployments.
const OPERATORS: (&str, &str) = (
    "operators.yaml",
    "apiVersion: plimsoll.dev/v1alpha1
kind: ClusterManifestPolicy
metadata: {name: operators}
spec:
  title: Operators
  severity: error
  action: Deny
  match: {kinds: [Pod]}
  rules:
    - name: may-delete
      validate: >-
        authorizer.group('apps').resource('deployments').namespace(request.namespace).check('delete').allowed()
      message: '{request.userInfo.username} may not make bare Pods'
",
);

/// Two users who may make Pods, the first of whom may delete Deployments as well.
async fn operator_and_user(cluster: &Cluster, stage: &Stage) -> (String, String) {
    let (alice, bob) = (cluster.unique("alice"), cluster.unique("bob"));
    let [user_alice, user_bob] = [&alice, &bob].map(|user| format!("--user={user}"));
    for arguments in [
        &["create", "role", "pods", "--verb=create,get", "--resource=pods"][..],
        &["create", "role", "operator", "--verb=delete", "--resource=deployments.apps"],
        &["create", "rolebinding", "pods", "--role=pods", &user_alice, &user_bob],
        &["create", "rolebinding", "operator", "--role=operator", &user_alice],
    ] {
        stage.kubectl(arguments).await;
    }
    (alice, bob)
}

/// The answer is the API server's, by SubjectAccessReview for the requester: of two users who may both make Pods, one may
/// delete Deployments.
async fn authorizer_is_asked(cluster: Arc<Cluster>) {
    let webhook = Webhook::launch(&cluster, Plan::of(&[OPERATORS])).await;
    let stage = webhook.stage("authorizer").await;
    let namespace = format!("--namespace={}", stage.namespace);
    let (alice, bob) = operator_and_user(&cluster, &stage).await;
    let make = async |user: &str| {
        let object = pod(user, "nginx").to_string();
        kubectl(&cluster, &["create", "-f", "-", &format!("--as={user}"), &namespace], &object).await
    };
    let made = make(&alice).await;
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let refused = make(&bob).await;
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    let expected = format!("operators/may-delete: {bob} may not make bare Pods");
    assert!(!refused.status.success() && said.contains(VALIDATING) && said.contains(&expected), "{said}");
    stage.strike().await;
    webhook.dismiss().await;
}

/// With the rights that `install` gives to the ServiceAccount, and no others: it may ask where a policy that it was given
/// uses `authorizer`. Without, the answer is unknown, and the policy fails closed.
async fn the_installed_account_asks_the_authorizer(cluster: Arc<Cluster>) {
    if !may_install(&cluster) {
        return;
    }
    let mut installed = Installed::launch(&cluster, &[OPERATORS], &[]).await;
    let stage = Stage::set(&cluster, "authorizer").await;
    let namespace = format!("--namespace={}", stage.namespace);
    let (alice, bob) = operator_and_user(&cluster, &stage).await;
    let make = async |user: &str| {
        let object = pod(user, "nginx").to_string();
        let arguments = ["create", "-f", "-", "--dry-run=server", &format!("--as={user}"), &namespace];
        let output = kubectl(&cluster, &arguments, &object).await;
        if output.status.success() { Ok(()) } else { Err(String::from_utf8(output.stderr).unwrap()) }
    };
    // installed without the policy: no such right
    let unknown = "operators/may-delete: cannot be decided: the answer of the cluster's authorizer (the API server refuses \
                   the SubjectAccessReview: Forbidden) could not be looked up";
    crate::cluster::eventually("nobody can tell what Alice may do", async || {
        let said = make(&alice).await.err()?;
        (said.contains(VALIDATING) && said.contains(unknown)).then_some(())
    })
    .await;
    // with it
    installed.stop().await;
    let file = installed.policies.file(OPERATORS.0);
    install_with(&cluster, &installed.home.namespace, &["--enforce", "--policies", file.to_str().unwrap()]);
    installed.reach().await;
    installed.start().await;
    crate::cluster::eventually("Alice may", async || make(&alice).await.ok()).await;
    let said = make(&bob).await.unwrap_err();
    let expected = format!("operators/may-delete: {bob} may not make bare Pods");
    assert!(said.contains(VALIDATING) && said.contains(&expected), "{said}");
    stage.strike().await;
    installed.remove().await;
}

/// A Deployment from before the policy makes Pods that would be denied by themselves: `controlled: Skip` leaves them to
/// what was, or will be, judged in their owner. A bare Pod, and one that only says that it is owned, have no such owner.
async fn what_a_judged_owner_makes(cluster: Arc<Cluster>) {
    let mut webhook = Webhook::launch(&cluster, Plan::of(&[NOTHING])).await;
    let stage = webhook.stage("controlled").await;
    stage.accepts(Door::Kube, Verb::Create, &workload("Deployment", "web", "nginx", 1)).await;
    let owned = stage.pods("app=web", 1).await;
    webhook.publish(&[PROBES]).await;
    stage.kubectl(&["scale", "deployment/web", "--replicas=3"]).await;
    stage.pods("app=web", 3).await;

    let bare = pod("bare", "nginx");
    let refused = stage.attempt(Door::Kube, Verb::Create, &bare).await.answer.unwrap_err();
    assert!(refused.contains("probes/both"), "{refused}");
    // the reference is true, and the requester is not the controller
    let mut claimed = pod("claimed", "nginx");
    claimed["metadata"]["ownerReferences"] = json!(owned[0].metadata.owner_references);
    let refused = stage.attempt(Door::Kube, Verb::Create, &claimed).await.answer.unwrap_err();
    assert!(refused.contains("probes/both"), "{refused}");
    stage.strike().await;
    webhook.dismiss().await;
}

/// By name the first fails open and the second closed, so that the API server asks for the second first.
const ORDER: (&str, &str) = (
    "order.yaml",
    "apiVersion: plimsoll.dev/v1alpha1
kind: ClusterManifestPolicy
metadata: {name: a-first}
spec:
  title: First
  failurePolicy: Ignore
  match: {kinds: [ConfigMap]}
  rules:
    - {name: team, mutate: [{set: data.team, value: first}]}
---
apiVersion: plimsoll.dev/v1alpha1
kind: ClusterManifestPolicy
metadata: {name: b-second}
spec:
  title: Second
  failurePolicy: Fail
  action: Deny
  match: {kinds: [ConfigMap]}
  rules:
    - {name: saw, mutate: [{set: data.saw, value: {cel: object.data.team}}]}
    - {name: team, mutate: [{set: data.team, value: second}]}
",
);

async fn one_order_of_mutations(cluster: Arc<Cluster>) {
    if !may_install(&cluster) {
        return;
    }
    let installed = Installed::launch(&cluster, &[ORDER], &[]).await;
    let stage = Stage::set(&cluster, "order").await;
    let map =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"team": "none"}});
    let changes = [("/data/team", json!("second")), ("/data/saw", json!("first"))];
    crate::cluster::eventually("both halves are asked about ConfigMaps", async || {
        let tried = stage.dry_run(Door::Kube, Verb::Create, &map).await.answer.ok()?;
        (tried["data"]["saw"] != json!(null)).then_some(())
    })
    .await;
    stage.mutates(Door::Kube, Verb::Create, &map, &changes).await;
    let maps: kube::api::Api<ConfigMap> = stage.api();
    let stored = maps.get("m").await.unwrap().data.unwrap();
    assert_eq!((&*stored["team"], &*stored["saw"]), ("second", "first"));
    stage.strike().await;
    installed.remove().await;
}
