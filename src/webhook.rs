//! The admission webhook: what kube-apiserver posts, what it is answered, and the server in between.
//!
//! ```text
//! kube-apiserver ─TLS─▶ server ─bytes─▶ review::answer ─ReviewRequest─▶ Judge (policies)
//!                         │                    ◀────────── Answer ──────────┘
//!                    limits, drain, metrics     uid, patch verified, warnings trimmed ─▶ bytes
//! ```
//!
//! [`review`] is synchronous and knows the wire only; it is also what `plimsoll review` runs. Nothing in this
//! module knows a rule: it meets the policies at [`review::Judge`].

pub mod review;
