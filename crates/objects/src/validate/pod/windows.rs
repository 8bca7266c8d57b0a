//! Options for Windows, and containers that are processes of the host.

use super::all_containers;
use crate::field::{At, Causes};
use crate::names;

/// `validateWindowsSecurityContextOptions`
pub(super) fn options(at: At<'_>, causes: &mut Causes) {
    if at.is_empty() {
        return;
    }
    let (name, spec, user) =
        (at.field("gmsaCredentialSpecName"), at.field("gmsaCredentialSpec"), at.field("runAsUserName"));
    if let Some(text) = name.opt_str() {
        causes.invalid_each(name, text, names::dns1123_subdomain(text));
    }
    match spec.opt_str().map(str::len) {
        Some(0) => causes.invalid(spec, "gmsaCredentialSpec cannot be an empty string"),
        Some(length) if length > 64 * 1024 => {
            causes.invalid(spec, "gmsaCredentialSpec size must be under 64 KiB");
        }
        _ => {}
    }
    if let Some(text) = user.opt_str() {
        for fault in user_name(text) {
            causes.invalid(user, fault);
        }
    }
}

/// `DOMAIN\user`, or a user alone.
fn user_name(text: &str) -> Vec<&'static str> {
    if text.is_empty() {
        return vec!["runAsUserName cannot be an empty string"];
    }
    if text.bytes().any(|byte| byte.is_ascii_control()) {
        return vec!["runAsUserName cannot contain control characters"];
    }
    if text.matches('\\').count() > 1 {
        return vec!["runAsUserName cannot contain more than one backslash"];
    }
    let (domain, user) = match text.split_once('\\') {
        Some((domain, user)) => (Some(domain), user),
        None => (None, text),
    };
    let mut faults = Vec::new();
    if domain.is_some_and(|domain| domain.len() >= 256) {
        faults.push("runAsUserName's Domain length must be under 256 characters");
    }
    if domain.is_some_and(|domain| !is_net_bios(domain) && !is_dns(domain)) {
        faults.push("runAsUserName's Domain doesn't match the NetBios nor the DNS format");
    }
    if user.is_empty() {
        faults.push("runAsUserName's User cannot be empty");
    } else if user.len() > 104 {
        faults.push("runAsUserName's User length must not be longer than 104 characters");
    }
    if !user.is_empty() && user.chars().all(|c| matches!(c, '.' | ' ')) {
        faults.push("runAsUserName's User cannot contain only periods or spaces");
    }
    if user.contains(['"', '/', '\\', ':', ';', '|', '=', ',', '+', '*', '?', '<', '>', '@', '[', ']']) {
        faults.push("runAsUserName's User cannot contain the following characters: \"/\\:;|=,+*?<>@[]");
    }
    faults
}

fn is_net_bios(domain: &str) -> bool {
    let length = domain.chars().count();
    (1..=15).contains(&length)
        && !domain.starts_with('.')
        && !domain.contains(['\\', '/', ':', '*', '?', '"', '<', '>', '|'])
}

fn is_dns(domain: &str) -> bool {
    domain.split('.').all(|label| {
        let bytes = label.as_bytes();
        (1..=63).contains(&bytes.len())
            && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
            && bytes.first() != Some(&b'-')
            && bytes.last() != Some(&b'-')
    })
}

/// `validateWindowsHostProcessPod`
pub(super) fn host_process(spec: At<'_>, causes: &mut Causes) {
    const OPTION: &str = "securityContext.windowsOptions.hostProcess";
    let own = |at: At<'_>| match at.has("securityContext") {
        true => at.fields(OPTION).opt_bool(),
        false => None,
    };
    let of_pod = own(spec);
    let (mut all, mut of_host) = (0, 0);
    for container in all_containers(spec) {
        all += 1;
        let own = own(container);
        if let (Some(pod), Some(own)) = (of_pod, own)
            && pod != own
        {
            let detail = format!("pod hostProcess value must be identical if both are specified, was {pod}");
            causes.invalid(container.fields(OPTION), &detail);
        }
        of_host += usize::from(own.or(of_pod) == Some(true));
    }
    if of_host == 0 {
        return;
    }
    if of_host != all {
        causes.invalid_value(
            spec,
            "",
            "If pod contains any hostProcess containers then all containers must be HostProcess containers",
        );
    }
    let network = spec.field("hostNetwork");
    if !network.bool() {
        causes.invalid_value(
            network,
            false,
            "hostNetwork must be true if pod contains any hostProcess containers",
        );
    }
}
