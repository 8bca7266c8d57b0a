//! Webhook configurations and admission policies.

mod expressions;
mod matching;
pub(crate) mod policies;
pub(crate) mod webhooks;
