//! The admission webhook server.
