//! The local models on real speech and text, through the API that the binary uses and through HTTP.
//!
//! They need the models' files: missing files are fetched first, so the tests also run on a fresh machine. All tests
//! of this binary share one set of models.
#![allow(clippy::unwrap_used)] // the lint's exception for tests does not cover what tests call

mod end_of_turn;
mod grounded;
mod http;
mod llm;
mod names;
mod realtime;
mod sound;
mod stt;
mod tts;
mod wer;

use std::sync::OnceLock;

use sidetone_models::{Cache, Loaded, Settings, fetch};

/// The default models, loaded once.
fn models() -> &'static Loaded {
    static MODELS: OnceLock<Loaded> = OnceLock::new();
    MODELS.get_or_init(|| {
        let settings = Settings {
            cache: Cache::default(),
            ..Settings::default()
        };
        let needed = settings.models();
        // not on the test's own runtime, because this blocks
        let load = move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            let mut bars = fetch::Bars::default();
            runtime
                .block_on(fetch::fetch(&settings.cache, &needed, &mut |p| {
                    bars.draw(p)
                }))
                .unwrap();
            sidetone_models::load(&settings).unwrap()
        };
        std::thread::spawn(load).join().unwrap()
    })
}

/// Held by tests of the language model: they test what it remembers, and other conversations would displace that.
async fn alone() -> tokio::sync::MutexGuard<'static, ()> {
    static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    ALONE.lock().await
}

/// The samples of a 16 kHz mono fixture.
fn fixture(name: &str) -> Vec<f32> {
    let mut reader = hound::WavReader::open(fixture_path(name)).unwrap();
    assert_eq!(reader.spec().sample_rate, 16_000);
    reader
        .samples::<i16>()
        .map(|s| f32::from(s.unwrap()) / 32_768.0)
        .collect()
}

fn fixture_path(name: &str) -> String {
    format!(
        "{}/../../fixtures/audio/{name}.wav",
        env!("CARGO_MANIFEST_DIR")
    )
}

/// Converts 24 kHz speech to 16 kHz samples, the format of transcriptions.
fn to_16k(samples: &[i16]) -> Vec<f32> {
    use rubato::Resampler;
    use rubato::audioadapter_buffers::owned::InterleavedOwned;
    let input: Vec<f32> = samples.iter().map(|s| f32::from(*s) / 32_768.0).collect();
    let frames = input.len();
    let input = InterleavedOwned::new_from(input, 1, frames).unwrap();
    let mut fft =
        rubato::Fft::<f32>::new(24_000, 16_000, 1024, 1, rubato::FixedSync::Input).unwrap();
    fft.process_all(&input, frames, None).unwrap().take_data()
}
