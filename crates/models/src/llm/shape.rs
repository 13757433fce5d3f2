//! Sizes that the network and its memory share.

/// Maximum length of a conversation in tokens. The model supports 32,768; memory use sets this limit.
pub(super) const CONTEXT: usize = 4096;

/// The dimensions of attention.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    /// Number of query heads.
    pub(super) heads: usize,
    /// Number of key and value heads, each shared by a group of query heads.
    pub(super) kv_heads: usize,
    /// Width of a head.
    pub(super) width: usize,
}
