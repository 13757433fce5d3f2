//! Local speech and language models behind the OpenAI protocol, on loopback.
//!
//! [`fetch`](fetch::fetch) downloads model files into the [`Cache`], [`load`] starts one thread per model, and
//! [`serve`] answers OpenAI requests with them.

mod audio;
mod byte_level;
pub mod cache;
mod compute;
pub mod end_of_turn;
mod engine;
pub mod fetch;
mod http;
pub mod llm;
mod machine;
pub mod manifest;
mod meaning;
mod mel;
mod quant;
pub mod stt;
#[cfg(test)]
mod testing;
pub mod tts;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

pub use cache::Cache;
pub use compute::{default_threads, limit_threads};
pub use end_of_turn::EndOfTurn;
pub use engine::Failure;
pub use http::serve;
pub use machine::{Machine, machine};

/// Which models to load, and how.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the model files are.
    pub cache: Cache,
    /// Threads that the models compute with. candle's own pool does not know this number: also pass it to
    /// [`limit_threads`] at the very start of `main`.
    pub threads: NonZeroUsize,
    /// The language model.
    pub llm: llm::LlmModel,
    /// The speech-to-text model.
    pub stt: stt::SttModel,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            cache: Cache::default(),
            threads: default_threads(),
            llm: llm::LlmModel::default(),
            stt: stt::SttModel::default(),
        }
    }
}

impl Settings {
    /// The defaults, with the language model of this name; as in a request, an unknown name selects the default.
    pub fn with_llm(name: &str) -> Self {
        Self {
            llm: llm::LlmModel::named(name).unwrap_or_default(),
            ..Self::default()
        }
    }

    /// The models that must be fetched for these settings.
    pub fn models(&self) -> Vec<&'static manifest::Model> {
        let names = [self.stt.name(), self.llm.name()];
        // the larger models phrase the facts themselves
        let meaning = self.llm.is_small().then_some(meaning::NAME);
        names
            .into_iter()
            .chain(meaning)
            .chain(tts::NEEDED)
            .filter_map(manifest::model)
            .collect()
    }

    /// Models that improve these settings but are not available everywhere.
    pub fn extras(&self) -> Vec<&'static manifest::Model> {
        tts::extras().collect()
    }
}

/// Handles on the loaded models, each on its own thread. Cheap to clone; the threads end when the last clone is
/// dropped.
#[derive(Clone)]
pub struct Loaded {
    /// Speech to text.
    pub stt: stt::Stt,
    /// The language model.
    pub llm: llm::Llm,
    /// Text to speech.
    pub tts: tts::Tts,
    names: (&'static str, &'static str),
}

impl Loaded {
    fn stt_name(&self) -> &'static str {
        self.names.0
    }

    fn llm_name(&self) -> &'static str {
        self.names.1
    }

    fn tts_name(&self) -> &'static str {
        tts::NAME
    }
}

/// Loads the models and warms them up. This takes seconds, the first time up to a minute, and blocks: call it on a
/// blocking thread.
pub fn load(settings: &Settings) -> Result<Loaded, Error> {
    let Settings {
        cache,
        threads,
        llm,
        stt,
    } = settings;
    for model in settings.models() {
        present(cache, &model.name)?;
    }
    let start = Instant::now();
    let compute = Arc::<compute::Compute>::default();
    let loaded = Loaded {
        tts: tts::Tts::load(cache, threads.get(), compute.clone())?,
        stt: stt::Stt::load(cache, *stt, compute.clone())?,
        llm: llm::Llm::load(cache, *llm, compute)?,
        names: (stt.name(), llm.name()),
    };
    tracing::info!(
        stt = stt.name(),
        llm = llm.name(),
        tts = tts::NAME,
        threads,
        ms = start.elapsed().as_millis() as u64,
        "local models are ready"
    );
    Ok(loaded)
}

/// Why the models could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A model file is not in the cache.
    #[error("model {model} is not downloaded ({file} is missing or incomplete): run `sidetone models fetch{}`", fetch_argument(.model))]
    Missing {
        /// The model's name in the manifest.
        model: &'static str,
        /// The path that was checked.
        file: String,
    },
    /// A model file is not usable.
    #[error(
        "model {model} cannot be loaded: {cause}; run `sidetone models fetch` to check and repair the files"
    )]
    Model {
        /// The model's name in the manifest.
        model: &'static str,
        /// What is wrong with it.
        cause: String,
    },
    /// The system does not allow another thread.
    #[error("cannot start a model's thread: {0}")]
    Thread(std::io::Error),
}

fn fetch_argument(model: &str) -> String {
    match manifest::model(model) {
        Some(model) if !model.default => format!(" {}", model.name),
        _ => String::new(),
    }
}

/// Makes an [`Error::Model`] from any error that occurs while this model is loaded.
fn loading(model: &'static str) -> impl Fn(&dyn std::fmt::Display) -> Error + Copy {
    move |cause| Error::Model {
        model,
        cause: cause.to_string(),
    }
}

/// Checks by size that a model's files are in the cache: [`fetch`](fetch::fetch) has verified their hashes.
fn present(cache: &Cache, name: &'static str) -> Result<(), Error> {
    match manifest::model(name).and_then(|model| model.missing(cache)) {
        None => Ok(()),
        Some(file) => Err(Error::Missing {
            model: name,
            file: cache.path(&file.name).display().to_string(),
        }),
    }
}

/// The path of the result that `convert` makes, once, from a fetched file.
///
/// It is named after the content it was made from, so another version of the file or of the conversion never uses an
/// old result.
fn derived(
    cache: &Cache,
    model: &'static str,
    source: &str,
    convert: impl FnOnce(&Path, &Path) -> candle_core::Result<()>,
) -> Result<PathBuf, Error> {
    /// Increase this when a conversion changes.
    const CONVERSION: u32 = 1;
    let failed = loading(model);
    let sha256 = manifest::model(model)
        .and_then(|model| model.files.iter().find(|file| file.name == source))
        .map_or("unknown", |file| &file.sha256[..12]);
    let dir = cache.path("derived");
    let path = dir.join(format!("{model}-{sha256}-v{CONVERSION}.gguf"));
    if !path.exists() {
        std::fs::create_dir_all(&dir).map_err(|e| failed(&e))?;
        let start = Instant::now();
        tracing::info!(model, "preparing the model; this happens once");
        convert(&cache.path(source), &path).map_err(|e| failed(&e))?;
        tracing::info!(model, seconds = start.elapsed().as_secs(), "prepared");
    }
    Ok(path)
}
