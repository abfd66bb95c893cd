//! The wire contract, held from outside: golden frames that every SDK reads as well, and properties
//! of the codec.

mod golden;
mod properties;
