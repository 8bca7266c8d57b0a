//! `plimsoll explain`: a policy, a code, or a kind with its fields and the policies about it.

use std::process::ExitCode;

use clap::Args;

use super::selection::{Selected, Selection};
use super::{DONE, NOT_DONE};
use crate::api;
use crate::explain::{Page, embedded_tests, fields, text};
use crate::manifest::codes;
use crate::nearest::nearest;
use crate::policytest::read;

/// Explain a policy, a rule, a code, a kind or a field: what it checks or takes, why, and how to fix it
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// A policy, a rule (policy/rule), a code (yaml/octal), a kind (Ingress) or a field (Ingress.spec.rules)
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    selection: Selection,
}

impl ExplainArgs {
    /// Runs the subcommand: 0 done, 2 not.
    pub fn run(self) -> ExitCode {
        let Self { name, selection } = self;
        let Selected { set, errors, configuration, release, .. } = selection.load_all(Some("."));
        super::print_errors(&errors);
        let end = ExitCode::from(if errors.is_empty() { DONE } else { NOT_DONE });
        let (policy_name, rule_name) = match name.split_once('/') {
            Some((policy, rule)) => (policy, Some(rule)),
            None => (name.as_str(), None),
        };
        if let Some(row) = codes::named(&name) {
            super::print(&text::reserved(row));
            return end;
        }
        if let Some(policy) = set.policies().iter().find(|policy| policy.id.name == policy_name) {
            let rule = rule_name.map(|name| policy.rules.iter().find(|rule| rule.name == name));
            if matches!(rule, Some(None)) {
                let rules: Vec<&str> = policy.rules.iter().map(|rule| rule.name.as_str()).collect();
                let message =
                    format!("{policy_name} has no rule of that name; its rules are {}", rules.join(", "));
                return super::fail(&message);
            }
            let mut tests = embedded_tests();
            let own: Vec<_> = configuration.policies.iter().chain(&selection.policies).cloned().collect();
            tests.extend(read::find(&own).tests);
            super::print(&text::render(&Page::new(policy, rule.flatten(), &tests)));
            return end;
        }
        if codes::all().any(|row| codes::means(&name, row.code)) {
            super::print(&text::reserved_list(codes::all().filter(|row| codes::means(&name, row.code))));
            return end;
        }
        let minor = u8::try_from(release.minor).unwrap_or(u8::MAX);
        let asked = fields::asked(&name, minor);
        if let Some(field) = asked.as_ref().filter(|asked| asked.is_field()) {
            return match field.render() {
                Ok(text) => {
                    super::print(&text);
                    end
                }
                Err(error) => super::fail(&error),
            };
        }
        let kind = api::built_in()
            .find(|kind| kind.kind.eq_ignore_ascii_case(&name) || kind.resource.eq_ignore_ascii_case(&name));
        let kind = kind.map_or(name.as_str(), |kind| kind.kind);
        let about: Vec<_> = set.for_kind(kind).collect();
        if !api::is_built_in(kind) || about.is_empty() {
            let names = set.policies().iter().map(|policy| policy.id.name.as_str());
            let names = names.chain(api::built_in().map(|k| k.kind)).chain(codes::all().map(|row| row.code));
            let hint = match nearest(&name, names) {
                Some(name) => format!("did you mean {name}?"),
                None => "`plimsoll policies list` shows the names".to_owned(),
            };
            return super::fail(&format!("no policy, code or kind is named {name}: {hint}"));
        }
        if let Some(Ok(text)) = asked.map(|asked| asked.render()) {
            super::print(&format!("{text}\nPolicies about it\n"));
        }
        super::print(&text::list(about.into_iter()));
        end
    }
}
