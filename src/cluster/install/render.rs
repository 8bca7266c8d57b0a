//! The objects as YAML with a few words for whoever reads them.

use serde_json::Value;

use super::Installation;

/// Why the objects cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write YAML: {0}")]
pub struct RenderError(String);

/// A stream of YAML documents.
///
/// # Errors
/// When the writer of YAML refuses.
pub fn yaml(installation: &Installation, objects: &[Value]) -> Result<String, RenderError> {
    let mut text = head(installation);
    for object in objects {
        text.push_str("---\n");
        for line in remark(installation, object) {
            text.push_str(&format!("# {line}\n"));
        }
        let written = serde_saphyr::to_string(object).map_err(|error| RenderError(error.to_string()))?;
        text.push_str(&written);
        if !text.ends_with('\n') {
            text.push('\n');
        }
    }
    Ok(text)
}

fn head(installation: &Installation) -> String {
    let mut text = "# Plimsoll in a cluster, as `plimsoll install` writes it.\n".to_owned();
    match &installation.action_override {
        Some(action) => text.push_str(&format!(
            "#\n# It starts with `--action-override {action}`: nothing is denied, and all entries of the webhook configurations\n\
             # have failurePolicy Ignore, so nothing waits for it. Read the warnings and the metric plimsoll_rule_outcomes_total\n\
             # for a while; then `plimsoll install --enforce` writes it so that policies deny as they are written.\n"
        )),
        None => text.push_str("#\n# Policies deny as they are written.\n"),
    }
    text.push_str(
        "#\n# To uninstall: delete both webhook configurations first, then the rest; the other way round the API\n\
         # server would for a while call a webhook that is gone.\n",
    );
    text
}

fn remark(installation: &Installation, object: &Value) -> &'static [&'static str] {
    let (kind, name) = (object["kind"].as_str(), object["metadata"]["name"].as_str());
    match (kind, name) {
        (Some("Secret"), _) => {
            &["Empty: the webhook keeps its CA and certificate here, and reads no other Secret."]
        }
        (Some("Lease"), _) => &["Empty: whoever holds it writes the registration."],
        (Some("ConfigMap"), Some("plimsoll-configuration")) => {
            &["What --config named; read again when it changes."]
        }
        (Some("ConfigMap"), Some("plimsoll-client-ca")) => &[
            "What --client-ca named: who may ask shows a certificate of one of these; read again when it changes.",
        ],
        (Some("ConfigMap"), _) => &[
            "Policies beside those in the binary, one or more in each key:",
            "kubectl create configmap plimsoll-policies --from-file=FOLDER --dry-run=client -o yaml | kubectl apply -f -",
        ],
        (Some("ClusterRole"), Some("plimsoll-lookups")) => &[
            "What policies look up. For a policy that looks up another kind, bind another ClusterRole to the ServiceAccount.",
        ],
        (Some("ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration"), _) => {
            match (installation.fixed.is_some(), installation.replicas) {
                (true, _) => &["With rules for the policies of now: write it again when policies change."],
                (false, 0..=1) => &[
                    "Without rules: the webhook adds them when it serves, and keeps them in step with the policies.",
                    "A single replica cannot fail closed: all entries have failurePolicy Ignore.",
                ],
                (false, _) => &[
                    "Without rules: the webhook adds them when it serves, and keeps them in step with the policies.",
                ],
            }
        }
        _ => &[],
    }
}
