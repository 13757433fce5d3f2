//! How large pictures are.

/// The size of a picture, in pixels.
#[derive(Debug, Clone)]
pub struct VideoResolution {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl Default for VideoResolution {
    /// 1280 by 720.
    fn default() -> Self {
        Self {
            width: 1280,
            height: 720,
        }
    }
}
