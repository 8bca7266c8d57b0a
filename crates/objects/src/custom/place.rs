//! Where a walk stands: a chain on the stack, written out only when something is said of it.

use std::fmt;

/// A step from a place to one below it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum PathStep<'p> {
    /// `.name`
    Field(&'p str),
    /// `[0]`
    Index(usize),
    /// `[key]`
    Key(&'p str),
}

/// A place in an object; [`fmt::Display`] is `field.Path.String()`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FieldPath<'p> {
    above: Option<(&'p FieldPath<'p>, PathStep<'p>)>,
}

impl<'p> FieldPath<'p> {
    /// Upstream's nil path.
    pub(crate) const ROOT: Self = Self { above: None };

    pub(crate) fn field(&'p self, name: &'p str) -> Self {
        Self { above: Some((self, PathStep::Field(name))) }
    }

    pub(crate) fn index(&'p self, index: usize) -> Self {
        Self { above: Some((self, PathStep::Index(index))) }
    }

    pub(crate) fn key(&'p self, key: &'p str) -> Self {
        Self { above: Some((self, PathStep::Key(key))) }
    }

    /// As in `unknown field "…"`: keys and fields alike behind a dot.
    pub(crate) fn unknown(&self) -> String {
        let path = self.open_api();
        path.strip_prefix('.').map_or_else(|| path.clone(), str::to_owned)
    }

    pub(crate) fn is_root(&self) -> bool {
        self.above.is_none()
    }

    fn steps(&self) -> Vec<PathStep<'p>> {
        let mut steps = Vec::with_capacity(8);
        let mut at = *self;
        while let Some((above, step)) = at.above {
            steps.push(step);
            at = *above;
        }
        steps.reverse();
        steps
    }

    /// As kube-openapi writes it: empty for the root, map keys behind a dot. At the root an additional property
    /// begins with the dot, which is what `dotted` is for.
    pub(crate) fn open_api(&self) -> String {
        let mut out = String::new();
        for (at, step) in self.steps().into_iter().enumerate() {
            match step {
                PathStep::Field(name) if at == 0 => out.push_str(name),
                PathStep::Field(name) | PathStep::Key(name) => {
                    out.push('.');
                    out.push_str(name);
                }
                PathStep::Index(index) => out.push_str(&format!("[{index}]")),
            }
        }
        out
    }
}

impl fmt::Display for FieldPath<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.above.is_none() {
            return out.write_str("<nil>");
        }
        for (at, step) in self.steps().into_iter().enumerate() {
            match step {
                PathStep::Field(name) if at == 0 => out.write_str(name)?,
                PathStep::Field(name) => write!(out, ".{name}")?,
                PathStep::Index(index) => write!(out, "[{index}]")?,
                PathStep::Key(key) => write!(out, "[{key}]")?,
            }
        }
        Ok(())
    }
}
