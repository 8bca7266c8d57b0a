//! What a configuration file says of `plimsoll serve`, to a program that cannot serve: it may be there, and is not looked at.

use std::convert::Infallible;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// Flags of a command that there is not.
#[derive(Debug, Clone, Default, JsonSchema)]
pub struct Flags {}

impl<'de> Deserialize<'de> for Flags {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self {})
    }
}

impl Flags {
    /// None.
    pub fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        std::iter::empty()
    }

    /// # Errors
    /// Never.
    pub fn contradict(&self) -> Result<(), Infallible> {
        Ok(())
    }
}
