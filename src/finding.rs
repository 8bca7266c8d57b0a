//! What a rule has found.
