//! The flags that say what the API server is like.

use std::collections::HashSet;
use std::path::PathBuf;

use clap::Args;

use crate::apiserver::ApiServer;
use crate::cel::profile::Release;
use crate::document::NodeRef;
use crate::manifest::{Inventory, ReadLimits, read_sources};
use crate::resource::identity::Identity;

/// What the API server makes of manifests before policies are asked.
#[derive(Debug, Clone, Default, Args)]
pub struct ServingArgs {
    /// Judge manifests as they are written: without the API server's types, defaults and validation
    #[arg(long, env = "PLIMSOLL_RAW", help_heading = "Requests")]
    raw: bool,
    #[command(flatten)]
    definitions: DefinitionArgs,
}

/// Which custom kinds the API server knows.
#[derive(Debug, Clone, Default, Args)]
pub struct DefinitionArgs {
    /// A file or folder with CustomResourceDefinitions, beside those of the input; may be repeated
    #[arg(
        long,
        value_name = "PATH",
        env = "PLIMSOLL_CRDS",
        value_delimiter = ',',
        help_heading = "Requests"
    )]
    crds: Vec<PathBuf>,
}

impl ServingArgs {
    /// Whether manifests are judged as they are written.
    pub(super) fn is_raw(&self) -> bool {
        self.raw
    }

    /// See [`DefinitionArgs::server`].
    pub(super) fn server(&self, release: Release, inventory: &Inventory<'_>) -> Result<ApiServer, Unread> {
        self.definitions.server(release, inventory)
    }
}

impl DefinitionArgs {
    /// The API server of a release with the custom kinds of the input and of the flags, as far as the input has objects of
    /// them.
    ///
    /// # Errors
    /// When a file with definitions cannot be read, which has been said.
    pub(super) fn server(&self, release: Release, inventory: &Inventory<'_>) -> Result<ApiServer, Unread> {
        let mut server = ApiServer::new(u8::try_from(release.minor).unwrap_or(u8::MAX));
        let kind = |object| Identity::of(object).map(|identity| (identity.gvk.group, identity.gvk.kind));
        let kinds: HashSet<(&str, &str)> = objects(inventory).filter_map(kind).collect();
        if !self.crds.is_empty() {
            let paths: Vec<String> = self.crds.iter().map(|path| path.display().to_string()).collect();
            let sources = read_sources(&paths, &mut std::io::empty(), ReadLimits::default());
            let further = Inventory::load(&sources);
            if !super::lint::report_broken(&sources, &further) {
                return Err(Unread);
            }
            server.learn_kinds(objects(&further), &kinds);
        }
        // what is applied with the manifests has the last word
        server.learn_kinds(objects(inventory), &kinds);
        Ok(server)
    }
}

/// A file with definitions could not be read.
#[derive(Debug)]
pub(super) struct Unread;

/// The objects of the input as they are judged.
fn objects<'i>(inventory: &'i Inventory<'_>) -> impl Iterator<Item = NodeRef<'i>> {
    (0..inventory.manifests().len()).map(|index| inventory.judged(index))
}
