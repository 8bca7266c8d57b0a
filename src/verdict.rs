//! How findings become an answer.
