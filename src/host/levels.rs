//! Which files are near to each other.
//!
//! A look-up takes the nearest level that has an answer: the object's own file, the files of its folder, what lies below
//! that folder, then the same for the folder above, up to the whole input. What lies in sibling folders (overlays,
//! versions, samples) are alternatives of one level.
//!
//! Files are ranked so that those of a folder come before those of the folders below it. So a folder's own files are a
//! range of ranks and everything below it is another, and a level of a sorted list of positions is found by bisection.

use std::ops::Range;

use super::Map;
use crate::folders::{self, by_folders};

/// Ranks or positions.
pub type Ranks = Range<u32>;

/// The order of the files, and their folders.
#[derive(Debug, Clone, Default)]
pub struct Layout {
    /// By file: its rank.
    ranks: Vec<u32>,
    /// By rank: the folder.
    folder_of: Vec<u32>,
    folders: Vec<Folder>,
}

#[derive(Debug, Clone)]
struct Folder {
    /// The files in it.
    direct: Ranks,
    /// Those below it as well.
    below: Ranks,
    parent: Option<u32>,
}

/// What a level is made of, nothing twice.
pub type Level = [Ranks; 2];

impl Layout {
    /// The layout of files with these names, in which `/` stands between folders.
    #[must_use]
    pub fn new(paths: &[&str]) -> Self {
        let mut order: Vec<usize> = (0..paths.len()).collect();
        let split: Vec<(&str, &str)> = paths.iter().map(|path| folders::split(path)).collect();
        // they are nearly in this order already
        order.sort_by(|a, b| {
            let ((a_folder, a_name), (b_folder, b_name)) = (split[*a], split[*b]);
            by_folders(a_folder, b_folder).then_with(|| a_name.cmp(b_name))
        });
        let mut layout = Self { ranks: vec![0; paths.len()], ..Self::default() };
        let mut known: Map<&str, u32> = Map::default();
        for (rank, path) in (0_u32..).zip(order) {
            let folder = layout.folder(split[path].0, rank, &mut known);
            layout.ranks[path] = rank;
            layout.folder_of.push(folder);
            let own = &mut layout.folders[folder as usize].direct;
            own.end = rank + 1;
            let mut at = Some(folder);
            while let Some(folder) = at {
                let folder = &mut layout.folders[folder as usize];
                folder.below.end = rank + 1;
                at = folder.parent;
            }
        }
        layout
    }

    /// The number of a folder whose first file, or first file below it, has this rank.
    fn folder<'p>(&mut self, folder: &'p str, rank: u32, known: &mut Map<&'p str, u32>) -> u32 {
        let mut missing = Vec::new();
        let mut at = folder;
        let mut parent = loop {
            if let Some(known) = known.get(at) {
                break Some(*known);
            }
            missing.push(at);
            if at.is_empty() {
                break None;
            }
            at = at.rsplit_once('/').map_or("", |(parent, _)| parent);
        };
        for folder in missing.into_iter().rev() {
            let number = u32::try_from(self.folders.len()).unwrap_or(u32::MAX);
            self.folders.push(Folder { direct: rank..rank, below: rank..rank, parent });
            known.insert(folder, number);
            parent = Some(number);
        }
        parent.unwrap_or_default()
    }

    /// The rank of a file.
    #[must_use]
    pub fn rank(&self, file: usize) -> u32 {
        self.ranks.get(file).copied().unwrap_or_default()
    }

    /// A number that files of one folder share.
    #[must_use]
    pub fn folder_of(&self, file: usize) -> u32 {
        self.folder_of.get(self.rank(file) as usize).copied().unwrap_or_default()
    }

    /// The levels around a file, the nearest first. Together they are all ranks, none twice.
    pub fn levels(&self, file: usize) -> impl Iterator<Item = Level> {
        let rank = self.rank(file);
        let mut at = self.folder_of.get(rank as usize).copied();
        let mut seen = rank..rank + 1;
        let mut own = at.is_some().then(|| [seen.clone(), 0..0]);
        // of each folder first its own files, then what lies below it
        let mut deep = false;
        std::iter::from_fn(move || {
            if let Some(own) = own.take() {
                return Some(own);
            }
            let folder = &self.folders[at? as usize];
            let level = if deep {
                at = folder.parent;
                let level =
                    [folder.direct.end..seen.start.max(folder.direct.end), seen.end..folder.below.end];
                seen = folder.below.clone();
                level
            } else if folder.direct.contains(&rank) {
                let level = [folder.direct.start..rank, rank + 1..folder.direct.end];
                seen = folder.direct.clone();
                level
            } else {
                [folder.direct.clone(), 0..0]
            };
            deep = !deep;
            Some(level)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_go_from_the_file_to_the_whole_input() {
        let paths =
            ["x.yaml", "a/b/one.yaml", "a/two.yaml", "a/b/three.yaml", "a/c/d/four.yaml", "a-z/five.yaml"];
        let layout = Layout::new(&paths);
        let name = |rank: u32| {
            let at = (0..paths.len()).find(|file| layout.rank(*file) == rank);
            at.and_then(|at| paths[at].rsplit('/').next()).unwrap_or_default()
        };
        let rows = [
            (1, vec!["one.yaml", "three.yaml", "two.yaml", "four.yaml", "x.yaml", "five.yaml"]),
            (0, vec!["x.yaml", "two.yaml one.yaml three.yaml four.yaml five.yaml"]),
            (4, vec!["four.yaml", "two.yaml", "one.yaml three.yaml", "x.yaml", "five.yaml"]),
        ];
        for (file, expected) in rows {
            let levels: Vec<String> = layout
                .levels(file)
                .map(|level| level.into_iter().flatten().map(name).collect::<Vec<_>>().join(" "))
                .filter(|level| !level.is_empty())
                .collect();
            assert_eq!(levels, expected, "{}", paths[file]);
        }
        assert_eq!(layout.folder_of(1), layout.folder_of(3));
        assert_ne!(layout.folder_of(1), layout.folder_of(2));
    }

    #[test]
    fn nothing_and_odd_names() {
        assert_eq!(Layout::new(&[]).levels(0).count(), 0);
        let layout = Layout::new(&["-", "/etc/a.yaml", "../b.yaml"]);
        for file in 0..3 {
            let all: u32 = layout.levels(file).flatten().map(|r| u32::try_from(r.len()).unwrap_or(99)).sum();
            assert_eq!(all, 3, "{file}");
        }
    }
}
