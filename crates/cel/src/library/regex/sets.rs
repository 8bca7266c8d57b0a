//! What a backslash or a name between brackets stands for: one code point, or a set of them.

use super::translate::{Code, RegexError, Translated};

/// Matches nothing; for code points that are no characters.
pub(super) const NEVER: &str = r"[^\x{0}-\x{10FFFF}]";

pub(super) fn read_class_character<'p>(text: &'p str, whole: &str) -> Translated<(u32, &'p str)> {
    match text.chars().next() {
        None => Err(RegexError::new(Code::MissingBracket, whole)),
        Some('\\') => read_escape(text),
        Some(character) => Ok((character as u32, &text[character.len_utf8()..])),
    }
}

/// A backslash and what belongs to it, as one code point.
pub(super) fn read_escape(text: &str) -> Translated<(u32, &str)> {
    let mut characters = text[1..].chars();
    let Some(kind) = characters.next() else { return Err(RegexError::new(Code::TrailingBackslash, "")) };
    let rest = characters.as_str();
    let wrong = |rest: &str| RegexError::new(Code::Escape, &text[..text.len() - rest.len()]);
    let octal = |text: &str| text.bytes().take_while(|digit| (b'0'..=b'7').contains(digit)).take(2).count();
    let value = match kind {
        '0'..='7' if kind == '0' || octal(rest) > 0 => {
            let (digits, rest) = rest.split_at(octal(rest));
            let value =
                digits.bytes().fold(kind as u32 - 48, |value, digit| value * 8 + u32::from(digit - 48));
            return Ok((value, rest));
        }
        'x' => return read_hexadecimal(rest).map_err(wrong),
        'a' => 7,
        'f' => 12,
        'n' => 10,
        'r' => 13,
        't' => 9,
        'v' => 11,
        other if other.is_ascii() && !other.is_ascii_alphanumeric() => other as u32,
        _ => return Err(wrong(rest)),
    };
    Ok((value, rest))
}

/// `41` or `{41}`; an error is the rest at which Go stops reading.
fn read_hexadecimal(text: &str) -> Result<(u32, &str), &str> {
    let mut characters = text.chars();
    let Some(first) = characters.next() else { return Err(text) };
    if first != '{' {
        let second = characters.next();
        let rest = characters.as_str();
        let (Some(high), Some(low)) = (first.to_digit(16), second.and_then(|digit| digit.to_digit(16)))
        else {
            return Err(rest);
        };
        return Ok((high * 16 + low, rest));
    }
    let (mut value, mut digits) = (0, 0);
    loop {
        match characters.next() {
            None => return Err(characters.as_str()),
            Some('}') if digits == 0 => return Err(characters.as_str()),
            Some('}') => return Ok((value, characters.as_str())),
            Some(digit) => {
                value = value * 16 + digit.to_digit(16).ok_or(characters.as_str())?;
                digits += 1;
                if value > 0x10_ffff {
                    return Err(characters.as_str());
                }
            }
        }
    }
}

/// `\d` and its like, or `\p{…}`, as a set that may stand within or without brackets.
pub(super) fn named_set(text: &str) -> Translated<Option<(String, &str)>> {
    let Some(kind) = text.strip_prefix('\\').and_then(|text| text.chars().next()) else { return Ok(None) };
    let set = match kind {
        'd' => "[0-9]",
        'D' => "[^0-9]",
        's' => r"[\t\n\x0C\r ]",
        'S' => r"[^\t\n\x0C\r ]",
        'w' => "[0-9A-Za-z_]",
        'W' => "[^0-9A-Za-z_]",
        'p' | 'P' => return unicode_set(text, kind == 'P').map(Some),
        _ => return Ok(None),
    };
    Ok(Some((set.to_owned(), &text[2..])))
}

fn unicode_set(text: &str, negated: bool) -> Translated<(String, &str)> {
    let (written, name, rest) = match text[2..].chars().next() {
        None => (text, "", ""),
        Some('{') => {
            let Some(end) = text.find('}') else { return Err(RegexError::new(Code::CharRange, text)) };
            (&text[..=end], &text[3..end], &text[end + 1..])
        }
        Some(letter) => {
            let end = 2 + letter.len_utf8();
            (&text[..end], &text[2..end], &text[end..])
        }
    };
    let (name, negated) = name.strip_prefix('^').map_or((name, negated), |name| (name, !negated));
    let set = unicode_name(name).ok_or_else(|| RegexError::new(Code::CharRange, written))?;
    let not = if negated { "^" } else { "" };
    Ok((format!("[{not}{set}]"), rest))
}

/// Categories, scripts by their long name, and the long names of categories; case, spaces, `_` and `-` do
/// not matter. Go knows neither other properties nor the short names of scripts.
fn unicode_name(name: &str) -> Option<String> {
    const CATEGORIES: [&str; 38] = [
        "c", "cc", "cf", "cn", "co", "cs", "l", "lc", "ll", "lm", "lo", "lt", "lu", "m", "mc", "me", "mn",
        "n", "nd", "nl", "no", "p", "pc", "pd", "pe", "pf", "pi", "po", "ps", "s", "sc", "sk", "sm", "so",
        "z", "zl", "zp", "zs",
    ];
    // long names of scripts that are as long as the short ones
    const FOUR: [&str; 9] = ["ahom", "cham", "kawi", "lisu", "miao", "modi", "newa", "thai", "toto"];
    let name: String = name.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).collect();
    let name = name.to_ascii_lowercase();
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    match name.as_str() {
        "any" | "assigned" | "ascii" => return Some(format!("\\p{{{name}}}")),
        "cs" | "surrogate" => return Some(NEVER.to_owned()),
        short if CATEGORIES.contains(&short) => return Some(format!("\\p{{gc={name}}}")),
        _ => {}
    }
    let known = |set: String| regex_syntax::parse(&set).is_ok().then_some(set);
    let script = (name.len() != 4 || FOUR.contains(&name.as_str())).then(|| format!("\\p{{sc={name}}}"));
    script.and_then(known).or_else(|| if name.len() > 3 { known(format!("\\p{{gc={name}}}")) } else { None })
}

/// `[:alpha:]` and its like, which are ASCII.
pub(super) fn posix_set(name: &str) -> Option<String> {
    let name = name.strip_prefix("[:")?.strip_suffix(":]")?;
    let (not, name) = name.strip_prefix('^').map_or(("", name), |name| ("^", name));
    let set = match name {
        "alnum" => "0-9A-Za-z",
        "alpha" => "A-Za-z",
        "ascii" => r"\x00-\x7F",
        "blank" => r"\t ",
        "cntrl" => r"\x00-\x1F\x7F",
        "digit" => "0-9",
        "graph" => r"\x21-\x7E",
        "lower" => "a-z",
        "print" => r"\x20-\x7E",
        "punct" => r"\x21-\x2F\x3A-\x40\x5B-\x60\x7B-\x7E",
        "space" => r"\t-\r ",
        "upper" => "A-Z",
        "word" => "0-9A-Za-z_",
        "xdigit" => "0-9A-Fa-f",
        _ => return None,
    };
    Some(format!("[{not}{set}]"))
}
