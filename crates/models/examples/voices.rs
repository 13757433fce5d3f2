//! What the local voices sound like, and what the local Whisper hears of them:
//! `cargo run -p sidetone-models --example voices -- [folder for a WAV file of each] [voices, all by default]`.
//!
//! Prints the table of docs/local-models.md.

use std::path::PathBuf;
use std::time::Instant;

use sidetone_models::tts::{LocalVoice, RATE};
use sidetone_models::{Loaded, Settings, load};

#[path = "../tests/local_models/names.rs"]
mod names;
#[path = "../tests/local_models/sound.rs"]
mod sound;
#[path = "../tests/local_models/wer.rs"]
mod wer;

/// Several sentences, because the melody of a single one says little.
const TEXT: &str = "We are open from nine in the morning until six. Your order is on its way. \
    Please tell me your name and the town you live in. I will look that up for you. \
    The number is on the back of the card. It takes three days at most.";

const SENTENCE: &str = "Thank you for calling Harbour Books. We open at nine. How can I help you?";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).map(PathBuf::from);
    let mut voices: Vec<_> = std::env::args()
        .skip(2)
        .map(|name| LocalVoice::of(&name))
        .collect();
    if voices.is_empty() {
        voices.extend(LocalVoice::ALL);
    }
    let settings = Settings::default();
    // SAFETY: no other thread runs yet.
    unsafe { sidetone_models::limit_threads(settings.threads) };
    let models = load(&settings)?;
    tokio::runtime::Runtime::new()?.block_on(tell(models, folder, &voices))
}

async fn tell(
    models: Loaded,
    folder: Option<PathBuf>,
    voices: &[LocalVoice],
) -> Result<(), Box<dyn std::error::Error>> {
    println!(
        "voice    pitch  melody  centre   level  first sound  words wrong  lost of {}",
        names::things()
    );
    let mut sounds = Vec::new();
    for &voice in voices {
        let (samples, first) = say(&models, voice, TEXT).await?;
        let heard = sound::Sound::of(&samples);
        let (mut wrong, mut lost) = (0.0, Vec::new());
        for told in names::TOLD {
            let (samples, _) = say(&models, voice, told.text).await?;
            let transcript = models.stt.transcribe(to_16k(&samples)?, "en").await?;
            wrong += wer::word_error_rate(told.text, &transcript.text);
            let missing = names::lost(told, &transcript.text);
            if !missing.is_empty() {
                lost.push(format!("{missing:?} in «{}»", transcript.text));
            }
        }
        println!(
            "{:<8} {:>3.0} Hz  {:>4.1} st  {:>4.0} Hz  {:>3.0} dB  {first:>8.0} ms  {:>9.1} %  {}",
            voice.name(),
            heard.pitch,
            heard.melody,
            heard.centre,
            heard.level,
            wrong / names::TOLD.len() as f64 * 100.0,
            lost.iter()
                .map(|sentence| sentence.matches('"').count() / 2)
                .sum::<usize>(),
        );
        lost.iter()
            .for_each(|sentence| println!("         {sentence}"));
        if let Some(folder) = &folder {
            let (samples, _) = say(&models, voice, SENTENCE).await?;
            write(&folder.join(format!("{}.wav", voice.name())), &samples)?;
        }
        sounds.push(heard);
    }
    println!("\nspectra, mean difference in dB");
    for (one, voice) in sounds.iter().zip(voices) {
        let apart = sounds
            .iter()
            .map(|other| format!("{:>5.1}", one.apart(other)));
        println!("{:<8} {}", voice.name(), apart.collect::<String>());
    }
    Ok(())
}

/// Returns the samples, and the milliseconds until the first of them.
async fn say(
    models: &Loaded,
    voice: LocalVoice,
    text: &str,
) -> Result<(Vec<i16>, f64), Box<dyn std::error::Error>> {
    let start = Instant::now();
    let mut speech = models.tts.speak(text, voice, 1.0);
    let (mut samples, mut first) = (Vec::new(), None);
    while let Some(stretch) = speech.next().await {
        first.get_or_insert_with(|| start.elapsed());
        samples.extend(stretch?);
    }
    Ok((samples, first.unwrap_or_default().as_secs_f64() * 1000.0))
}

fn write(path: &std::path::Path, samples: &[i16]) -> hound::Result<()> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: RATE,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = hound::WavWriter::create(path, spec)?;
    samples
        .iter()
        .try_for_each(|sample| file.write_sample(*sample))?;
    file.finalize()
}

/// Converts 24 kHz speech to 16 kHz samples, the format of transcriptions.
fn to_16k(samples: &[i16]) -> Result<Vec<f32>, Box<dyn std::error::Error>> {
    use rubato::Resampler;
    use rubato::audioadapter_buffers::owned::InterleavedOwned;
    let input: Vec<f32> = samples.iter().map(|s| f32::from(*s) / 32_768.0).collect();
    let frames = input.len();
    let input = InterleavedOwned::new_from(input, 1, frames)?;
    let mut fft =
        rubato::Fft::<f32>::new(RATE as usize, 16_000, 1024, 1, rubato::FixedSync::Input)?;
    Ok(fft.process_all(&input, frames, None)?.take_data())
}
