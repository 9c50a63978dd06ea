//! What every driver that speaks HTTP shares: Digest login with a lock-out guard, certificates pinned on first use,
//! bounded bodies and times, and documents read by local name.
#![warn(missing_docs)]
