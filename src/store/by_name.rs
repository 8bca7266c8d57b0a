//! What is found by the name of a member of an object.

/// Values by name, ordered by how long the names are: so most members of an object are compared with one name or none. Each has
/// a number, in the order in which they came.
#[derive(Debug)]
pub(super) struct ByName<T> {
    by_length: Vec<Vec<(Box<str>, T, u32)>>,
    count: u32,
}

impl<T> Default for ByName<T> {
    fn default() -> Self {
        Self { by_length: Vec::new(), count: 0 }
    }
}

impl<T> ByName<T> {
    /// With its number.
    pub(super) fn get(&self, name: &str) -> Option<(&T, u32)> {
        let of_length = self.by_length.get(name.len())?;
        of_length.iter().find(|(known, ..)| **known == *name).map(|(_, value, number)| (value, *number))
    }

    /// With their numbers.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&str, &T, u32)> {
        self.by_length.iter().flatten().map(|(name, value, number)| (&**name, value, *number))
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.by_length.iter().flatten().map(|(_, value, _)| value)
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.by_length.iter_mut().flatten().map(|(_, value, _)| value)
    }

    /// Gives back the room that was left for more.
    pub(super) fn shrink(&mut self) {
        self.by_length.shrink_to_fit();
        self.by_length.iter_mut().for_each(Vec::shrink_to_fit);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn len(&self) -> u32 {
        self.count
    }
}

impl<T: Default> ByName<T> {
    /// The value of a name, made where there is none.
    pub(super) fn entry(&mut self, name: &str) -> &mut T {
        if self.by_length.len() <= name.len() {
            self.by_length.resize_with(name.len() + 1, Vec::new);
        }
        let of_length = &mut self.by_length[name.len()];
        let at = of_length.iter().position(|(known, ..)| **known == *name).unwrap_or_else(|| {
            of_length.push((name.into(), T::default(), self.count));
            self.count += 1;
            of_length.len() - 1
        });
        &mut of_length[at].1
    }
}
