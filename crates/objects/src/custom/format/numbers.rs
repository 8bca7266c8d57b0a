//! Numbers with check digits (kube-openapi's govalidator).

fn digits(text: &str) -> impl DoubleEndedIterator<Item = u32> {
    text.chars().filter_map(|c| c.to_digit(10))
}

/// Blanks and dashes do not count.
fn compact(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, '\t' | '\n' | '\u{c}' | '\r' | ' ' | '-')).collect()
}

pub(super) fn isbn10(text: &str) -> bool {
    let text = compact(text);
    let Some((front, last)) = text.split_at_checked(9) else { return false };
    let last = match last {
        "X" => 10,
        _ => match last.parse::<u32>() {
            Ok(digit) if last.len() == 1 && last != "+" => digit,
            _ => return false,
        },
    };
    front.bytes().all(|byte| byte.is_ascii_digit())
        && ((1..).zip(digits(front)).map(|(weight, digit)| weight * digit).sum::<u32>() + 10 * last) % 11 == 0
}

pub(super) fn isbn13(text: &str) -> bool {
    let text = compact(text);
    if text.len() != 13 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let sum: u32 =
        digits(&text).take(12).zip([1, 3].into_iter().cycle()).map(|(digit, weight)| digit * weight).sum();
    digits(&text).next_back() == Some((10 - sum % 10) % 10)
}

/// Any character may stand between the digits.
pub(super) fn credit_card(text: &str) -> bool {
    let number: String = text.chars().filter(char::is_ascii_digit).collect();
    let begins = |prefixes: &[&str]| prefixes.iter().any(|prefix| number.starts_with(prefix));
    let issued = match number.len() {
        13 => begins(&["4"]),
        14 => begins(&["300", "301", "302", "303", "304", "305", "36", "38"]),
        15 => begins(&["34", "37", "2131", "1800"]),
        16 => begins(&["4", "51", "52", "53", "54", "55", "6011", "65", "35"]),
        _ => false,
    };
    let doubled = |(at, digit): (usize, u32)| match digit * 2 {
        _ if at % 2 == 0 => digit,
        twice if twice >= 10 => twice - 9,
        twice => twice,
    };
    issued && digits(&number).rev().enumerate().map(doubled).sum::<u32>() % 10 == 0
}

/// Eleven characters, though the pattern would take fewer.
pub(super) fn ssn(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 11
        && bytes.iter().enumerate().all(|(at, byte)| match at {
            3 | 6 => matches!(byte, b'-' | b' '),
            _ => byte.is_ascii_digit(),
        })
}
