//! URLs as Go's `net/url` takes them apart: only absolute ones, or an absolute path.
//!
//! Kubernetes reads a text twice: `url.ParseRequestURI` decides whether it is a URL, but takes a fragment for
//! a part of the path or query; `url.Parse` then takes it apart, and takes `//host/path` for a host.
//!
//! Go keeps a path twice, decoded and as written, and writes it as written only where that decodes to the
//! same and has no character that needs an escape; `getEscapedPath` and `string()` show the difference.

use std::collections::BTreeMap;
use std::fmt;

use super::net;
use super::numbers::{quote, quote_bytes};

/// Why a text is no URL. Display is Go's text, `parse "x": …`; the CEL function puts
/// `URL parse error during conversion from string: ` in front (see [`UrlError`]).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("parse {}: {reason}", quote(text))]
pub struct ParseUrlError {
    text: String,
    reason: Reason,
}

impl ParseUrlError {
    fn new(text: &str, reason: Reason) -> Self {
        Self { text: text.to_owned(), reason }
    }
}

/// What `url(text)` says to a text that is no URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("URL parse error during conversion from string: {0}")]
pub struct UrlError(#[from] ParseUrlError);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Reason {
    #[error("net/url: invalid control character in URL")]
    Control,
    #[error("empty url")]
    Empty,
    #[error("missing protocol scheme")]
    Scheme,
    #[error("invalid URI for request")]
    Relative,
    #[error("first path segment in URL cannot contain colon")]
    Colon,
    #[error("missing ']' in host")]
    Bracket,
    #[error("invalid IP-literal")]
    IpLiteral,
    #[error("invalid host: {0}")]
    Host(net::AddressError),
    #[error("invalid port {} after host", quote(.0))]
    Port(String),
    #[error("net/url: invalid userinfo")]
    Userinfo,
    /// Three bytes at most, which may cut a character.
    #[error("invalid URL escape {}", quote_bytes(.0))]
    Escape(Vec<u8>),
    #[error("invalid character {} in host name", quote(.0))]
    HostCharacter(String),
}

/// Which characters need an escape, and which escapes are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Path,
    Host,
    Zone,
    Userinfo,
    Query,
    Fragment,
}

/// A URL taken apart. Decoded parts are bytes: an escape may stand for anything.
#[derive(Debug, Clone)]
pub struct Url {
    scheme: String,
    opaque: String,
    user: Option<Vec<u8>>,
    host: Vec<u8>,
    path: Vec<u8>,
    raw_path: Option<String>,
    query: String,
    force_query: bool,
    omit_host: bool,
    /// As it is written, not decoded.
    fragment: String,
}

/// Whether the text came in a request, where a reference relative to something is no URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Request,
    Reference,
}

impl Url {
    /// `isURL(text)` and the format `uri`: whether `url.ParseRequestURI` takes it.
    ///
    /// # Errors
    /// What `url.ParseRequestURI` refuses, in its words.
    pub fn check(text: &str) -> Result<(), ParseUrlError> {
        Self::take_apart(text, Mode::Request).map(drop).map_err(|reason| ParseUrlError::new(text, reason))
    }

    /// `url(text)` without the prefix of the CEL function.
    ///
    /// # Errors
    /// What `url.ParseRequestURI` refuses, in its words.
    pub fn parse(text: &str) -> Result<Self, ParseUrlError> {
        Self::check(text)?;
        Self::parse_reference(text)
    }

    /// `url.Parse`: references relative to something are taken as well.
    ///
    /// # Errors
    /// What `url.Parse` refuses, in its words.
    pub fn parse_reference(text: &str) -> Result<Self, ParseUrlError> {
        let (main, fragment) = text.split_once('#').unwrap_or((text, ""));
        let mut url =
            Self::take_apart(main, Mode::Reference).map_err(|reason| ParseUrlError::new(main, reason))?;
        let decoded = unescape(fragment.as_bytes(), Part::Fragment)
            .map_err(|reason| ParseUrlError::new(text, reason))?;
        url.fragment = if is_escaped(fragment, Part::Fragment) {
            fragment.to_owned()
        } else {
            escape(&decoded, Part::Fragment)
        };
        Ok(url)
    }

    fn take_apart(text: &str, mode: Mode) -> Result<Self, Reason> {
        if text.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
            return Err(Reason::Control);
        }
        if text.is_empty() && mode == Mode::Request {
            return Err(Reason::Empty);
        }
        let mut url = Self {
            scheme: String::new(),
            opaque: String::new(),
            user: None,
            host: Vec::new(),
            path: Vec::new(),
            raw_path: None,
            query: String::new(),
            force_query: false,
            omit_host: false,
            fragment: String::new(),
        };
        if text == "*" {
            url.path = b"*".to_vec();
            return Ok(url);
        }
        let (scheme, rest) = split_scheme(text)?;
        url.scheme = scheme.to_ascii_lowercase();
        let (mut rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        url.force_query = text.ends_with('?') && query.is_empty();
        query.clone_into(&mut url.query);
        if !rest.starts_with('/') {
            if !url.scheme.is_empty() {
                rest.clone_into(&mut url.opaque);
                return Ok(url);
            }
            if mode == Mode::Request {
                return Err(Reason::Relative);
            }
            if rest.split('/').next().is_some_and(|segment| segment.contains(':')) {
                return Err(Reason::Colon);
            }
        }
        let authority = !url.scheme.is_empty() || mode == Mode::Reference && !rest.starts_with("///");
        match rest.strip_prefix("//").filter(|_| authority) {
            Some(after) => {
                let (authority, path) = after.split_at(after.find('/').unwrap_or(after.len()));
                rest = path;
                (url.user, url.host) = parse_authority(authority)?;
            }
            None => url.omit_host = !url.scheme.is_empty() && rest.starts_with('/'),
        }
        url.path = unescape(rest.as_bytes(), Part::Path)?;
        url.raw_path = (escape(&url.path, Part::Path) != rest).then(|| rest.to_owned());
        Ok(url)
    }

    /// `getScheme()`, in lower case.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// `getHost()`: host and port.
    pub fn host(&self) -> String {
        lossy(&self.host)
    }

    /// `getHostname()`: the host without port and brackets.
    pub fn hostname(&self) -> String {
        lossy(self.split_host().0)
    }

    /// `getPort()`, empty where there is none.
    pub fn port(&self) -> String {
        lossy(self.split_host().1)
    }

    /// Name and password, escaped, where there are any.
    pub fn user(&self) -> Option<String> {
        self.user.as_deref().map(lossy)
    }

    /// What follows the `?`, as written.
    pub fn raw_query(&self) -> &str {
        &self.query
    }

    /// What follows the `#`, decoded.
    pub fn fragment(&self) -> String {
        unescape(self.fragment.as_bytes(), Part::Fragment)
            .map_or_else(|_| self.fragment.clone(), |f| lossy(&f))
    }

    /// `getEscapedPath()`
    pub fn escaped_path(&self) -> String {
        if let Some(raw) = self.raw_path.as_ref().filter(|raw| is_escaped(raw, Part::Path)) {
            return raw.clone();
        }
        if self.path == b"*" { "*".to_owned() } else { escape(&self.path, Part::Path) }
    }

    /// `getQuery()`: the values of each key. What does not decode, or has a `;`, is left out.
    pub fn query(&self) -> BTreeMap<String, Vec<String>> {
        let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for setting in self.query.split('&').filter(|setting| !setting.is_empty() && !setting.contains(';')) {
            let (key, value) = setting.split_once('=').unwrap_or((setting, ""));
            let key = unescape(key.as_bytes(), Part::Query);
            let value = unescape(value.as_bytes(), Part::Query);
            if let (Ok(key), Ok(value)) = (key, value) {
                values.entry(lossy(&key)).or_default().push(lossy(&value));
            }
        }
        values
    }

    fn split_host(&self) -> (&[u8], &[u8]) {
        let (mut host, mut port): (&[u8], &[u8]) = (&self.host, b"");
        if let Some(colon) = host.iter().rposition(|byte| *byte == b':')
            && host[colon + 1..].iter().all(u8::is_ascii_digit)
        {
            (host, port) = (&host[..colon], &host[colon + 1..]);
        }
        if let Some(inner) = host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]")) {
            host = inner;
        }
        (host, port)
    }
}

/// The URL written again, which is not always as it was read.
impl fmt::Display for Url {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.scheme.is_empty() {
            write!(out, "{}:", self.scheme)?;
        }
        if self.opaque.is_empty() {
            let authority = !self.host.is_empty() || self.user.is_some();
            let empty_authority = !self.scheme.is_empty() && !self.omit_host && !self.path.is_empty();
            if authority || empty_authority {
                out.write_str("//")?;
                if let Some(user) = &self.user {
                    write!(out, "{}@", lossy(user))?;
                }
                out.write_str(&escape(&self.host, Part::Host))?;
            }
            out.write_str(&self.escaped_path())?;
        } else {
            out.write_str(&self.opaque)?;
        }
        if self.force_query || !self.query.is_empty() {
            write!(out, "?{}", self.query)?;
        }
        if !self.fragment.is_empty() {
            write!(out, "#{}", self.fragment)?;
        }
        Ok(())
    }
}

/// URLs are equal when their texts are.
impl PartialEq for Url {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn split_scheme(text: &str) -> Result<(&str, &str), Reason> {
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if index > 0 => {}
            b':' if index == 0 => return Err(Reason::Scheme),
            b':' => return Ok((&text[..index], &text[index + 1..])),
            _ => break,
        }
    }
    Ok(("", text))
}

type Authority = (Option<Vec<u8>>, Vec<u8>);

fn parse_authority(authority: &str) -> Result<Authority, Reason> {
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, authority),
    };
    let host = parse_host(host)?;
    let Some(user) = user else { return Ok((None, host)) };
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&byte);
    if !user.bytes().all(valid) {
        return Err(Reason::Userinfo);
    }
    let (name, password) = user.split_once(':').map_or((user, None), |(name, word)| (name, Some(word)));
    let mut written = escape(&unescape(name.as_bytes(), Part::Userinfo)?, Part::Userinfo);
    if let Some(password) = password {
        written.push(':');
        written.push_str(&escape(&unescape(password.as_bytes(), Part::Userinfo)?, Part::Userinfo));
    }
    Ok((Some(written.into_bytes()), host))
}

fn check_port(port: &str) -> Result<(), Reason> {
    let digits = port.strip_prefix(':');
    let valid =
        port.is_empty() || digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    if valid { Ok(()) } else { Err(Reason::Port(port.to_owned())) }
}

/// `host[:port]`; brackets may hold an IPv6 address only, whose zone follows `%25`.
fn parse_host(host: &str) -> Result<Vec<u8>, Reason> {
    match host.rfind('[') {
        Some(0) => {
            let close = host.rfind(']').ok_or(Reason::Bracket)?;
            let (literal, port) = (&host[1..close], &host[close + 1..]);
            check_port(port)?;
            let mut address = Vec::new();
            match literal.find("%25") {
                Some(zone) => {
                    address.extend(unescape(&literal.as_bytes()[..zone], Part::Host)?);
                    address.extend(unescape(&literal.as_bytes()[zone..], Part::Zone)?);
                }
                None => address.extend(unescape(literal.as_bytes(), Part::Host)?),
            }
            if net::is_ipv4(&lossy(&address)).map_err(Reason::Host)? {
                return Err(Reason::IpLiteral);
            }
            Ok([b"[", address.as_slice(), b"]", port.as_bytes()].concat())
        }
        Some(_) => Err(Reason::IpLiteral),
        None => {
            if let Some(colon) = host.rfind(':') {
                check_port(&host[colon..])?;
            }
            unescape(host.as_bytes(), Part::Host)
        }
    }
}

fn needs_escape(byte: u8, part: Part) -> bool {
    if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
        return false;
    }
    match part {
        Part::Host | Part::Zone => !b"!$&'()*+,;=:[]<>\"".contains(&byte),
        Part::Path => !b"$&+,/:;=@".contains(&byte),
        Part::Userinfo => !b"$&+,;=".contains(&byte),
        Part::Fragment => !b"$&+,/:;=?@!()*".contains(&byte),
        Part::Query => true,
    }
}

/// Whether a text may stand as it is written (`validEncoded`).
fn is_escaped(text: &str, part: Part) -> bool {
    text.bytes().all(|byte| b"!$&'()*+,;=:@[]%".contains(&byte) || !needs_escape(byte, part))
}

fn unescape(bytes: &[u8], part: Part) -> Result<Vec<u8>, Reason> {
    let host = matches!(part, Part::Host | Part::Zone);
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'%' => {
                let sequence = &bytes[at..bytes.len().min(at + 3)];
                let wrong = || Reason::Escape(sequence.to_vec());
                let digit = |index: usize| {
                    sequence.get(index).and_then(|digit| (*digit as char).to_digit(16)).ok_or_else(wrong)
                };
                let value = (digit(1)? << 4 | digit(2)?) as u8;
                if part == Part::Host && value < 0x80 && sequence != b"%25" {
                    return Err(wrong());
                }
                if part == Part::Zone
                    && sequence != b"%25"
                    && value != b' '
                    && needs_escape(value, Part::Host)
                {
                    return Err(wrong());
                }
                out.push(value);
                at += 3;
                continue;
            }
            b'+' if part == Part::Query => out.push(b' '),
            byte if host && *byte < 0x80 && needs_escape(*byte, part) => {
                return Err(Reason::HostCharacter((*byte as char).to_string()));
            }
            byte => out.push(*byte),
        }
        at += 1;
    }
    Ok(out)
}

fn escape(bytes: &[u8], part: Part) -> String {
    let mut out = String::with_capacity(bytes.len());
    for byte in bytes {
        if needs_escape(*byte, part) {
            const DIGITS: [char; 16] =
                ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
            out.push('%');
            out.push(DIGITS[usize::from(byte >> 4)]);
            out.push(DIGITS[usize::from(byte & 15)]);
        } else {
            out.push(*byte as char);
        }
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn parts() {
        let url = Url::parse("HTTP://me:p%40ss@[2001:db8::1]:81/a%2fb/c d?x=1&y&x=%C3%BC+z&bad=%g").unwrap();
        assert_eq!(
            url.to_string(),
            "http://me:p%40ss@[2001:db8::1]:81/a%2Fb/c%20d?x=1&y&x=%C3%BC+z&bad=%g".replace("%2F", "/")
        );
        assert_eq!((url.hostname().as_str(), url.port().as_str()), ("2001:db8::1", "81"));
        assert_eq!(url.host(), "[2001:db8::1]:81");
        let query = url.query();
        assert_eq!(query["x"], ["1", "ü z"]);
        assert_eq!(query["y"], [""]);
        assert!(!query.contains_key("bad"));
        let relative = Url::parse("//host:1/p#f?x=1").unwrap();
        assert_eq!((relative.host().as_str(), relative.query().len()), ("host:1", 0));
        let kept = Url::parse("/a%2fb").unwrap();
        assert_eq!((kept.escaped_path().as_str(), kept.to_string().as_str()), ("/a%2fb", "/a%2fb"));
    }

    #[test]
    fn written_again() {
        for (text, written) in [
            ("a:/b", "a:/b"),
            ("a:///b", "a:///b"),
            ("a://", "a:"),
            ("a://?", "a:?"),
            ("http://h#f", ""),
            ("http://h/#f g'%41", "http://h/#f%20g%27A"),
            ("http://h/?#%2f'", "http://h/?#%2f'"),
            ("//h/p", "//h/p"),
            ("x:y?z#w", "x:y?z#w"),
            ("/p?", "/p?"),
            ("http://ü/", "http://%C3%BC/"),
            ("http://@h", "http://@h"),
        ] {
            let again = Url::parse(text).map(|url| url.to_string()).unwrap_or_default();
            assert_eq!(again, written, "{text}");
        }
    }

    #[test]
    fn refusals() {
        for (text, reason) in [
            (":a", "missing protocol scheme"),
            ("http://a[::1]", "invalid IP-literal"),
            ("http://[1.2.3.4]", "invalid IP-literal"),
            ("http://[x]", "invalid host: ParseAddr(\"x\"): unable to parse IP"),
            ("http://[::1]x", "invalid port \"x\" after host"),
            ("http://a:1b", "invalid port \":1b\" after host"),
            ("http://u ser@h", "net/url: invalid userinfo"),
            ("http://%41", "invalid URL escape \"%41\""),
            ("http://a/%a", "invalid URL escape \"%a\""),
            ("http://a^b", "invalid character \"^\" in host name"),
        ] {
            let error = Url::parse(text).unwrap_err().to_string();
            assert_eq!(error, format!("parse {}: {reason}", quote(text)));
        }
    }
}
