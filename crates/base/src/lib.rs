//! What every other crate stands on, and nothing of calls: sound as values that know their rate
//! ([`audio`]), and the one place that reads a clock ([`clock`]). Imports none of the workspace.

pub mod audio;
pub mod clock;
