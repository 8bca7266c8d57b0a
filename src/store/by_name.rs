//! What is found by the name of a member of an object.

/// Values by name, ordered by how long the names are: so most members of an object are compared with one name or none.
#[derive(Debug)]
pub(super) struct ByName<T>(Vec<Vec<(Box<str>, T)>>);

impl<T> Default for ByName<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> ByName<T> {
    pub(super) fn get(&self, name: &str) -> Option<&T> {
        self.0.get(name.len())?.iter().find(|(known, _)| **known == *name).map(|(_, value)| value)
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, &T)> {
        self.0.iter().flatten().map(|(name, value)| (&**name, value))
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flatten().map(|(_, value)| value)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T: Default> ByName<T> {
    /// The value of a name, made where there is none.
    pub(super) fn entry(&mut self, name: &str) -> &mut T {
        if self.0.len() <= name.len() {
            self.0.resize_with(name.len() + 1, Vec::new);
        }
        let of_length = &mut self.0[name.len()];
        let at = of_length.iter().position(|(known, _)| **known == *name).unwrap_or_else(|| {
            of_length.push((name.into(), T::default()));
            of_length.len() - 1
        });
        &mut of_length[at].1
    }
}
