//! Findings that an exception lifts. They stay findings, so that whoever tells of them can say so.

use chrono::NaiveDate;

use crate::check::Findings;
use crate::host::Host;
use crate::matching::Applies;
use crate::request::Request;
use crate::store::PolicySet;

/// Marks what the exceptions of the set lift on this day. Where nobody can tell whether an exception is about the object,
/// it lifts nothing.
pub(super) fn lift(
    set: &PolicySet,
    request: &Request<'_>,
    host: &dyn Host,
    today: Option<NaiveDate>,
    findings: &mut Findings,
) {
    if findings.is_empty() {
        return;
    }
    for exception in
        set.exceptions().iter().filter(|exception| exception.holds(today.unwrap_or(NaiveDate::MIN)))
    {
        let mut lifted =
            findings.iter_mut().filter(|f| f.excepted.is_none() && exception.is_about(f)).peekable();
        if lifted.peek().is_none() {
            continue;
        }
        if exception.matches.holds(request, set.templates(), host) == Applies::Yes {
            lifted.for_each(|finding| finding.excepted = Some(exception.info.clone()));
        }
    }
}
