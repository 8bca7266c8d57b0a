//! Files as a ConfigMap or Secret volume has them: the kubelet writes a new folder and swaps the symlink `..data`,
//! so that all files change at once and a watch on a file fires at most once.
//!
//! ```text
//! tls.crt ─▶ ..data/tls.crt      ..data ─▶ ..3      ..3/tls.crt
//! ```

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Such a volume.
pub(crate) struct Volume {
    folder: PathBuf,
    generation: u32,
}

impl Volume {
    /// An empty one, mounted at this path.
    pub(crate) fn mount(folder: PathBuf) -> Self {
        fs::create_dir_all(&folder).unwrap();
        let mut volume = Volume { folder, generation: 0 };
        volume.publish::<&str>(&[]);
        volume
    }

    pub(crate) fn path(&self) -> &Path {
        &self.folder
    }

    /// The path of a file of it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Replaces all files at once.
    pub(crate) fn publish<T: AsRef<str>>(&mut self, files: &[(&str, T)]) {
        let old = format!("..{}", self.generation);
        self.generation += 1;
        let new = format!("..{}", self.generation);
        let payload = self.folder.join(&new);
        fs::create_dir(&payload).unwrap();
        for (name, text) in files {
            fs::write(payload.join(name), text.as_ref()).unwrap();
        }
        let swap = self.folder.join("..data_tmp");
        symlink(&new, &swap).unwrap();
        fs::rename(&swap, self.folder.join("..data")).unwrap();
        for (name, _) in files {
            let link = self.folder.join(name);
            if fs::symlink_metadata(&link).is_err() {
                symlink(Path::new("..data").join(name), &link).unwrap();
            }
        }
        for entry in fs::read_dir(&self.folder).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            if !name.starts_with("..") && !files.iter().any(|(file, _)| *file == name) {
                fs::remove_file(entry.path()).unwrap();
            }
        }
        let _ = fs::remove_dir_all(self.folder.join(old));
    }
}
