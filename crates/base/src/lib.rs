//! What the product's modules stand on, and nothing of calls: sound as values that know their rate
//! ([`audio`]), and the one place where they read a clock ([`clock`]). Imports none of the workspace.

pub mod audio;
pub mod clock;
