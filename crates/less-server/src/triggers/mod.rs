//! What starts work from outside: HTTP today.

pub(crate) mod http;
