//! Policies in their compiled form, and the set of them.
