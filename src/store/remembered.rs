//! A table of what was found out before, of a fixed number of places and of bytes: what comes later takes the place of what was
//! there, and of that what nobody asked for of late. What is not found in it is found out again; so a table that is too small costs
//! time, and nothing else.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwapOption;

use super::memory::Signature;

/// Places that a signature may take, whichever is free.
const WAYS: usize = 4;

/// What a table may hold.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    /// How many: a multiple of four.
    pub places: usize,
    /// Of all of them together.
    pub bytes: usize,
    /// Of one; what is larger is not remembered.
    pub bytes_of_one: usize,
}

/// Things by signatures.
pub struct Table<T> {
    room: Room,
    /// Made when the first comes.
    sets: OnceLock<Box<[Set<T>]>>,
    bytes: AtomicUsize,
    /// The place that is emptied next where there is no room.
    next: AtomicUsize,
}

/// How many places are looked at for one at most, to be emptied.
const EMPTIED: usize = 1024;

/// The places of a signature.
type Set<T> = [ArcSwapOption<Entry<T>>; WAYS];

struct Entry<T> {
    signature: Signature,
    of: T,
    bytes: usize,
    /// Whether it was asked for, or came, since the table was last short of room.
    asked_for: AtomicBool,
}

/// Whether what is in a place was asked for, or came, since this was last asked.
fn is_needed<T>(place: &ArcSwapOption<Entry<T>>) -> bool {
    place.load().as_ref().is_some_and(|entry| entry.asked_for.swap(false, Relaxed))
}

impl<T> fmt::Debug for Table<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("room", &self.room).field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl<T: Clone> Table<T> {
    /// An empty one.
    #[must_use]
    pub fn new(room: Room) -> Self {
        Self { room, sets: OnceLock::new(), bytes: AtomicUsize::new(0), next: AtomicUsize::new(0) }
    }

    fn sets(&self) -> &[Set<T>] {
        let sets = (self.room.places / WAYS).max(1);
        self.sets.get_or_init(|| (0..sets).map(|_| Default::default()).collect())
    }

    fn places(&self, signature: Signature) -> &Set<T> {
        let sets = self.sets();
        &sets[signature.number(sets.len())]
    }

    /// What goes by this signature.
    #[must_use]
    pub fn get(&self, signature: Signature) -> Option<T> {
        self.places(signature).iter().find_map(|place| {
            let place = place.load();
            let entry = place.as_ref().filter(|entry| entry.signature == signature)?;
            entry.asked_for.store(true, Relaxed);
            Some(entry.of.clone())
        })
    }

    /// Remembers something that takes about so many bytes, as far as there is room.
    pub fn keep(&self, signature: Signature, of: T, bytes: usize) {
        if bytes > self.room.bytes_of_one {
            return;
        }
        let places = self.places(signature);
        let free = places.iter().find(|place| place.load().is_none());
        let free = free.or_else(|| places.iter().find(|place| !is_needed(place)));
        let place = free.unwrap_or_else(|| &places[signature.other_number(WAYS)]);
        self.give_back(place.swap(None));
        if !self.has_room(bytes) {
            return;
        }
        let asked_for = AtomicBool::new(true);
        self.give_back(place.swap(Some(Arc::new(Entry { signature, of, bytes, asked_for }))));
    }

    /// Takes so many bytes, if need be from others; they are given back where that is not enough.
    fn has_room(&self, bytes: usize) -> bool {
        let mut taken = self.bytes.fetch_add(bytes, Relaxed) + bytes;
        let sets = self.sets();
        for _ in 0..EMPTIED {
            if taken <= self.room.bytes {
                return true;
            }
            let next = self.next.fetch_add(1, Relaxed);
            let place = &sets[next / WAYS % sets.len()][next % WAYS];
            if is_needed(place) {
                continue;
            }
            self.give_back(place.swap(None));
            taken = self.bytes.load(Relaxed);
        }
        self.bytes.fetch_sub(bytes, Relaxed);
        false
    }

    fn give_back(&self, entry: Option<Arc<Entry<T>>>) {
        if let Some(entry) = entry {
            self.bytes.fetch_sub(entry.bytes, Relaxed);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::memory::Memory;
    use super::*;

    const ROOM: Room = Room { places: 1 << 10, bytes: 1 << 20, bytes_of_one: 10_000 };

    #[test]
    fn what_is_told_is_what_was_kept() {
        let (table, memory) = (Table::new(ROOM), Memory::new().unwrap());
        let signature = |n: usize| memory.signature(&n.to_le_bytes());
        for n in 0..2 * ROOM.places {
            assert_eq!(table.get(signature(n)), None);
            table.keep(signature(n), n, 100);
            assert_eq!(table.get(signature(n)), Some(n));
        }
        let left =
            (0..2 * ROOM.places).filter_map(|n| Some(table.get(signature(n))? == n)).collect::<Vec<_>>();
        assert!(left.iter().all(|same| *same));
        assert!(left.len() > ROOM.places / 2 && left.len() <= ROOM.places, "{}", left.len());
    }

    #[test]
    fn there_is_an_end_to_what_is_remembered() {
        let (table, memory) = (Table::new(ROOM), Memory::new().unwrap());
        let signature = |n: usize| memory.signature(&n.to_le_bytes());
        table.keep(signature(0), 0, ROOM.bytes_of_one + 1);
        assert_eq!(table.get(signature(0)), None, "too large to be kept");
        for n in 0..2 * ROOM.places {
            table.keep(signature(n), n, ROOM.bytes_of_one);
            assert!(table.bytes.load(Relaxed) <= ROOM.bytes);
        }
        // where there was no room, some is made
        let of_late = ROOM.places..2 * ROOM.places;
        let known = of_late.filter(|n| table.get(signature(*n)).is_some()).count();
        assert!(known > ROOM.bytes / ROOM.bytes_of_one / 4, "{known}");
    }

    #[test]
    fn what_is_asked_for_stays() {
        let (table, memory) = (Table::new(ROOM), Memory::new().unwrap());
        let signature = |n: usize| memory.signature(&n.to_le_bytes());
        // a quarter of what there is room for
        let needed = ROOM.bytes / ROOM.bytes_of_one / 4;
        (0..needed).for_each(|n| table.keep(signature(n), n, ROOM.bytes_of_one));
        let mut missed = 0;
        for others in 1..20 {
            for n in 0..needed {
                if table.get(signature(n)).is_none() {
                    missed += 1;
                    table.keep(signature(n), n, ROOM.bytes_of_one);
                }
                table.keep(signature(others * 1_000 + n), n, ROOM.bytes_of_one);
            }
        }
        assert!(missed <= needed, "{missed} misses of {needed}, each asked for 19 times");
    }
}
