//! Endless `multipart/mixed` and `multipart/x-mixed-replace` bodies (RFC 2046 §5.1), as devices really send them.
