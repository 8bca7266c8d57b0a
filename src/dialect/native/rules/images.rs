//! `rewriteImages`.

use schemars::JsonSchema;
use serde::Deserialize;

use super::RuleType;
use crate::check::{self, Check};
use crate::dialect::native::lower::Lowering;
use crate::resource::rewrite::{Field, RewriteRule, RewriteTable};

/// Images below `from` come from `to`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RewriteImage {
    /// A registry, a prefix of whole segments, or one repository; a segment may be a glob.
    pub from: String,
    /// `host[:port][/prefix]`, or a bare prefix, which means Docker Hub.
    pub to: String,
    /// Prefixes that are left alone.
    #[serde(default)]
    pub except: Vec<String>,
}

impl RuleType for Vec<RewriteImage> {
    fn lower(&self, at: &str, lowering: &mut Lowering<'_>) -> Option<Box<dyn Check>> {
        if self.is_empty() {
            lowering.issue(at, "rewrites nothing");
            return None;
        }
        let rule = |r: &RewriteImage| RewriteRule {
            from: r.from.clone(),
            to: r.to.clone(),
            except: r.except.clone(),
        };
        match RewriteTable::compile(&self.iter().map(rule).collect::<Vec<_>>()) {
            Ok(table) => Some(Box::new(check::RewriteImages(table))),
            Err(errors) => {
                for error in errors {
                    let field = match error.field {
                        Field::From => "from".to_owned(),
                        Field::To => "to".to_owned(),
                        Field::Except(index) => format!("except/{index}"),
                    };
                    lowering.issue(&format!("{at}/{}/{field}", error.rule), error.to_string());
                }
                None
            }
        }
    }
}
