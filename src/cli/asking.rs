//! The flags that say what the made-up requests are like.

use chrono::{NaiveDate, Utc};
use clap::{Args, ValueEnum};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::finding::terms::date;
use crate::matching::Operation;
use crate::offline::Asking;

/// What manifests are asked about.
#[derive(Debug, Clone, Args)]
pub struct AskingArgs {
    /// Namespace of objects that name none [default: default]
    #[arg(long, value_name = "NAME", env = "PLIMSOLL_NAMESPACE", help_heading = "Requests")]
    pub namespace: Option<String>,
    /// Treat objects that are not part of the input as absent, rather than unknown
    #[arg(long, env = "PLIMSOLL_COMPLETE", help_heading = "Requests")]
    pub complete: bool,
    /// Operation of the requests
    #[arg(long, value_enum, env = "PLIMSOLL_OPERATION", default_value_t = OperationArg::Create, ignore_case = true, help_heading = "Requests")]
    pub operation: OperationArg,
    /// A file or folder with the objects before an UPDATE or DELETE
    #[arg(long, value_name = "PATH", env = "PLIMSOLL_OLD", help_heading = "Requests")]
    pub old: Option<String>,
    /// The user who makes the request [default: unknown to expressions]
    #[arg(long = "as", value_name = "USER", env = "PLIMSOLL_AS", help_heading = "Requests")]
    pub user: Option<String>,
    /// A group of the user; may be repeated
    #[arg(
        long = "as-group",
        value_name = "GROUP",
        env = "PLIMSOLL_AS_GROUPS",
        value_delimiter = ',',
        requires = "user",
        help_heading = "Requests"
    )]
    pub groups: Vec<String>,
    /// The day by which waivers end, as in 2027-03-31 [default: today, in UTC]
    #[arg(long, value_name = "DATE", env = "PLIMSOLL_TODAY", value_parser = |text: &str| date(text), help_heading = "Requests")]
    pub today: Option<NaiveDate>,
}

/// An operation, as a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OperationArg {
    /// CREATE
    Create,
    /// UPDATE
    Update,
    /// DELETE
    Delete,
}

impl OperationArg {
    /// As the flag takes it.
    #[must_use]
    pub fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }
}

impl AskingArgs {
    /// What is asked; `namespace` is that of the configuration.
    #[must_use]
    pub fn asking(&self, namespace: Option<&str>) -> Asking {
        let Self { namespace: flag, complete, operation, old: _, user, groups, today } = self;
        Asking {
            namespace: flag.as_deref().or(namespace).unwrap_or("default").to_owned(),
            operation: match operation {
                OperationArg::Create => Operation::Create,
                OperationArg::Update => Operation::Update,
                OperationArg::Delete => Operation::Delete,
            },
            user: user.clone(),
            groups: groups.clone(),
            complete: *complete,
            explain: false,
            today: today.unwrap_or_else(|| Utc::now().date_naive()),
            fingerprints: false,
        }
    }
}
