//! Which policies apply to a request.
