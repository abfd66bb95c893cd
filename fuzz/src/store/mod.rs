//! The store over files that are not as it left them: it opens or says why not, and whatever it is then asked to do
//! succeeds or fails, but ends.

pub(crate) mod bytes;
mod exercise;
pub(crate) mod rows;
mod template;
