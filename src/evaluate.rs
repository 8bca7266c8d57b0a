//! Runs matching policies over one request.
