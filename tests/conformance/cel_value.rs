//! Compares a CEL value with the vectors' encoding of one.
