//! The sizes that the network and its memory agree on.

/// Longest conversation in tokens. The model could take 32,768; memory decides.
pub(super) const CONTEXT: usize = 4096;

/// How attention is divided.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    /// Query heads.
    pub(super) heads: usize,
    /// Heads of keys and values, each shared by a group of query heads.
    pub(super) kv_heads: usize,
    /// Width of a head.
    pub(super) width: usize,
}
