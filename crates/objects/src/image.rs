//! The tag of an image, as defaults of `imagePullPolicy` see it: pkg/util/parsers `ParseImageName`, and
//! distribution/reference `ParseNormalizedNamed` below it.

/// Whether the image may change under its name: the tag is `latest`, or there is neither tag nor digest. What is no
/// valid reference has no tag.
pub(crate) fn is_latest(image: &str) -> bool {
    match parse(image) {
        Some((Some(tag), _)) => tag == "latest",
        Some((None, digest)) => !digest,
        None => false,
    }
}

/// Tag, and whether there is a digest; `None` where it is no valid reference.
fn parse(image: &str) -> Option<(Option<&str>, bool)> {
    if image.len() == 64 && image.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let (named, digest) = match image.split_once('@') {
        Some((named, digest)) => (named, Some(digest)),
        None => (image, None),
    };
    if !digest.is_none_or(is_digest) {
        return None;
    }
    let (domain, path) = match named.split_once('/') {
        Some((domain, path)) if is_domain_like(domain) => (domain, path),
        _ => ("docker.io", named),
    };
    let (path, tag) = match path.rsplit_once(':') {
        Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
        _ => (path, None),
    };
    let good = is_domain(domain)
        && domain.len() + 1 + path.len() <= 255
        && path.split('/').all(is_path_component)
        && tag.is_none_or(is_tag);
    good.then_some((tag, digest.is_some()))
}

/// Whether what stands before the first slash is a host (`splitDockerDomain`).
fn is_domain_like(text: &str) -> bool {
    text.contains(['.', ':']) || text == "localhost" || text.to_lowercase() != text
}

fn is_domain(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let component = |part: &str| {
        !part.is_empty()
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).is_some_and(|address| {
        !address.is_empty() && address.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':')
    });
    (address || host.split('.').all(component))
        && port.is_none_or(|port| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// `[a-z0-9]+((?:[._]|__|[-]+)[a-z0-9]+)*`
fn is_path_component(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    plain(*first)
        && plain(*last)
        && bytes.chunk_by(|a, b| plain(*a) == plain(*b)).all(|run| {
            plain(run[0])
                || matches!(run, [b'.' | b'_'] | [b'_', b'_'])
                || run.iter().all(|byte| *byte == b'-')
        })
}

fn is_tag(text: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.len() <= 128
        && text.bytes().next().is_some_and(word)
        && text.bytes().all(|byte| word(byte) || matches!(byte, b'.' | b'-'))
}

/// Only of the algorithms that Go has at hand, and as long as theirs are.
fn is_digest(text: &str) -> bool {
    let length = match text.split_once(':') {
        Some(("sha256", _)) => 64,
        Some(("sha384", _)) => 96,
        Some(("sha512", _)) => 128,
        _ => return false,
    };
    text.split_once(':').is_some_and(|(_, hex)| {
        hex.len() == length && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    })
}

#[cfg(test)]
mod tests {
    use super::is_latest;

    #[test]
    fn what_may_change() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for image in [
            "nginx",
            "nginx:latest",
            "localhost:5000/app",
            "a.b/c",
            "docker.io/x",
            &format!("nginx:latest@{digest}"),
        ] {
            assert!(is_latest(image), "{image}");
        }
        for image in [
            "nginx:1",
            "nginx:",
            "UPPER/Case",
            "nginx@sha256:short",
            "",
            "a b",
            "NGINX",
            "localhost:5000/app:1",
            "a//b",
            "a._b",
            &format!("nginx@{digest}"),
            &"a".repeat(64),
        ] {
            assert!(!is_latest(image), "{image}");
        }
    }
}
