//! Holds the integration tests in `it/`.
