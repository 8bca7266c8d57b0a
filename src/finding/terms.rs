//! What every form of a waiver is made of: codes, and a last day.

use chrono::NaiveDate;

use super::codes::{CodePattern, CodePatternError};

/// The policy part of the codes about waivers themselves.
const OWN: &str = "waiver";

/// Why a code or a date of a waiver cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TermError {
    /// No codes.
    #[error(
        "no code is named: expected policies or rules, as in `image-tag` or `image-tag/mutable`, or `*` for all"
    )]
    NoCode,
    /// A code in another form.
    #[error(transparent)]
    Code(#[from] CodePatternError),
    /// One that no waiver may name.
    #[error("{code} cannot be waived: give it another severity in plimsoll.yaml, or --skip it")]
    Own {
        /// The code as it is written.
        code: String,
    },
    /// A date in another form, or none.
    #[error("{date:?} is not a date: expected one such as 2027-03-31")]
    Date {
        /// What is written in the place of a date.
        date: String,
    },
}

/// A date as `until` has it.
///
/// # Errors
/// When it is none.
pub fn date(text: &str) -> Result<NaiveDate, TermError> {
    // chrono takes signs and blanks, too
    let is_plain = text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    let parsed = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| is_plain);
    parsed.ok_or_else(|| TermError::Date { date: shortened(text, 40) })
}

/// Codes that waivers may name.
///
/// # Errors
/// When one of them is none, or there are none.
pub fn patterns<'t>(texts: impl Iterator<Item = &'t str>) -> Result<Vec<CodePattern>, TermError> {
    let pattern = |text: &str| {
        let pattern = CodePattern::parse(text.trim())?;
        match pattern.as_str().split('/').next() {
            Some(OWN) => Err(TermError::Own { code: pattern.as_str().to_owned() }),
            _ => Ok(pattern),
        }
    };
    let patterns = texts.map(pattern).collect::<Result<Vec<_>, _>>()?;
    if patterns.is_empty() { Err(TermError::NoCode) } else { Ok(patterns) }
}

/// Whether a waiver may be about findings of this code: those about waivers are not waived, or one could hide another.
#[must_use]
pub fn is_waivable(code: &str) -> bool {
    code.split('/').next() != Some(OWN)
}

/// A text of no more than so many characters.
#[must_use]
pub fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_has_one_form() {
        for (text, expected) in [
            ("2027-03-31", true),
            ("2028-02-29", true),
            ("2027-02-29", false),
            ("2027-3-31", false),
            ("+027-03-31", false),
            ("2027-03-1 ", false),
            ("2027-03-31T00:00:00Z", false),
            ("", false),
        ] {
            assert_eq!(date(text).is_ok(), expected, "{text:?}");
        }
        let long = date(&"9".repeat(100)).expect_err("no date").to_string();
        assert!(long.chars().count() < 100, "{long}");
    }

    #[test]
    fn codes_about_waivers_are_not_waived() {
        for (code, expected) in
            [("waiver/unused", false), ("waiver", false), ("image-tag/mutable", true), ("yaml/octal", true)]
        {
            assert_eq!(is_waivable(code), expected, "{code}");
        }
        let own = patterns(["image-tag", "waiver/unused"].into_iter()).expect_err("one is not waived");
        assert_eq!(own, TermError::Own { code: "waiver/unused".to_owned() });
    }
}
