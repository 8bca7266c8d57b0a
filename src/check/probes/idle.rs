//! Containers that do nothing but wait, as toolboxes and placeholders do: no probe could tell more of them than that they run.

use crate::document::NodeRef;
use crate::resource::image::ImageRef;

/// Whether the image is `pause` and nothing else is started, or the command is one that waits.
pub(super) fn only_waits(container: NodeRef<'_>) -> bool {
    let words = |field| container.get(field).into_iter().flat_map(NodeRef::items).map(NodeRef::as_str);
    let Some(words) = words("command").chain(words("args")).collect::<Option<Vec<&str>>>() else {
        return false;
    };
    match words.as_slice() {
        [] => container.get_str("image").is_some_and(is_pause),
        [shell, flags @ .., script] if is_shell(shell) && runs_a_script(flags) => script_waits(script),
        words => waits(words),
    }
}

fn is_pause(image: &str) -> bool {
    ImageRef::parse(image).is_ok_and(|image| image.repository().rsplit('/').next() == Some("pause"))
}

fn program(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn is_shell(path: &str) -> bool {
    matches!(program(path), "sh" | "bash" | "ash" | "dash" | "zsh")
}

/// `-c`, alone or among others (`-ec`).
fn runs_a_script(flags: &[&str]) -> bool {
    flags.iter().all(|flag| flag.starts_with('-')) && flags.last().is_some_and(|flag| flag.ends_with('c'))
}

/// Whether a command is one that waits, and does nothing else.
fn waits(words: &[&str]) -> bool {
    match words {
        ["exec", rest @ ..] => waits(rest),
        [sleep, time] if program(sleep) == "sleep" => is_time(time),
        [tail, "-f" | "-F", "/dev/null"] => program(tail) == "tail",
        [pause] => program(pause) == "pause",
        _ => false,
    }
}

/// `infinity`, `3600`, `10h`.
fn is_time(text: &str) -> bool {
    let number = text.strip_suffix(['s', 'm', 'h', 'd']).unwrap_or(text);
    matches!(text, "infinity" | "inf")
        || (!number.is_empty() && number.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
}

/// One command that waits, in a loop or not; traps of signals around it.
fn script_waits(script: &str) -> bool {
    let mut any = false;
    let every = script.split([';', '\n', '&']).all(|statement| {
        let words: Vec<&str> = statement.split_whitespace().collect();
        let words = match words.as_slice() {
            ["do", rest @ ..] => rest,
            words => words,
        };
        let is_wait = waits(words);
        any |= is_wait;
        is_wait
            || matches!(words, [] | ["while", "true" | ":" | "1"] | ["done" | "wait" | "true"] | ["trap", ..])
    });
    every && any
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::document::{Document, Limits};

    #[test]
    fn containers_that_only_wait() {
        for (container, expected) in [
            (r#"{"image":"registry.k8s.io/pause:3.9"}"#, true),
            (r#"{"image":"kubernetes/pause"}"#, true),
            (r#"{"image":"example.com/pause/server:1"}"#, false),
            (r#"{"image":"pause","command":["/server"]}"#, false),
            (r#"{"image":"pause","command":["/pause"]}"#, true),
            (r#"{"image":"a"}"#, false),
            (r#"{"command":["/bin/sleep","infinity"]}"#, true),
            (r#"{"command":["sleep"],"args":["3600"]}"#, true),
            (r#"{"command":["sleep","10h"]}"#, true),
            (r#"{"command":["sleep","$(TIME)"]}"#, false),
            (r#"{"command":["tail","-f","/dev/null"]}"#, true),
            (r#"{"command":["tail","-f","/var/log/a"]}"#, false),
            (r#"{"command":["sh","-c","sleep 99999"]}"#, true),
            (r#"{"command":["/bin/bash","-ec"],"args":["exec sleep infinity"]}"#, true),
            (r#"{"command":["sh","-c","trap : TERM INT; sleep infinity & wait"]}"#, true),
            (r#"{"command":["sh","-c","while true; do sleep 30; done;"]}"#, true),
            (r#"{"command":["sh","-c","while true\ndo sleep 30\ndone"]}"#, true),
            (r#"{"command":["sh","-c","while true; do date >> /a; sleep 30; done"]}"#, false),
            (r#"{"command":["sh","-c","./server & sleep infinity"]}"#, false),
            (r#"{"command":["sh","-c","sleep 5; ./server"]}"#, false),
            (r#"{"command":["sh","-c",""]}"#, false),
            (r#"{"command":["sh","-c","sleep 5 | ./server"]}"#, false),
            (r#"{"command":["sh","sleep 5"]}"#, false),
            (r#"{"command":[1]}"#, false),
            (r#"{"command":"sleep"}"#, false),
        ] {
            let document = Document::from_json(container, Limits::default()).unwrap();
            assert_eq!(only_waits(document.root()), expected, "{container}");
        }
    }
}
