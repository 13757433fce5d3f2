//! Judging what an agent said.

pub mod word_error;
