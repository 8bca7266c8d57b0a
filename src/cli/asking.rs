//! The flags that say what the made-up requests are like.

use chrono::{NaiveDate, Utc};
use clap::{Args, ValueEnum};

use crate::finding::terms::date;
use crate::matching::Operation;
use crate::offline::Asking;

/// What manifests are asked about.
#[derive(Debug, Clone, Args)]
pub struct AskingArgs {
    /// Namespace of objects that name none [default: default]
    #[arg(long, value_name = "NAME", help_heading = "Requests")]
    pub namespace: Option<String>,
    /// Treat objects that are not part of the input as absent, rather than unknown
    #[arg(long, help_heading = "Requests")]
    pub complete: bool,
    /// Operation of the requests
    #[arg(long, value_enum, default_value_t = OperationArg::Create, ignore_case = true, help_heading = "Requests")]
    pub operation: OperationArg,
    /// A file or folder with the objects before an UPDATE or DELETE
    #[arg(long, value_name = "PATH", help_heading = "Requests")]
    pub old: Option<String>,
    /// The user who makes the request [default: unknown to expressions]
    #[arg(long = "as", value_name = "USER", help_heading = "Requests")]
    pub user: Option<String>,
    /// A group of the user; may be repeated
    #[arg(long = "as-group", value_name = "GROUP", requires = "user", help_heading = "Requests")]
    pub groups: Vec<String>,
    /// The day by which waivers end, as in 2027-03-31 [default: today, in UTC]
    #[arg(long, value_name = "DATE", value_parser = |text: &str| date(text), help_heading = "Requests")]
    pub today: Option<NaiveDate>,
}

/// An operation, as a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OperationArg {
    /// CREATE
    Create,
    /// UPDATE
    Update,
    /// DELETE
    Delete,
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
        }
    }
}
