//! Helpers for several test modules.

use std::path::{Path, PathBuf};

use crate::cache::Cache;
use crate::{fetch, manifest};

/// The machine's cache, with this model in it.
pub async fn fetched(model: &str) -> Cache {
    let cache = Cache::default();
    let mut bars = fetch::Bars::default();
    let models = [manifest::model(model).unwrap()];
    fetch::fetch(&cache, &models, &mut |progress| bars.draw(progress))
        .await
        .unwrap();
    cache
}

/// A folder that is removed when its owner is dropped.
pub struct TempDir(PathBuf);

impl TempDir {
    pub fn new() -> Self {
        let path = std::env::temp_dir().join(format!("sidetone-models-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
