//! Look-ups of other objects.
