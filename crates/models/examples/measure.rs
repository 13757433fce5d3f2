//! Measures each stage on this machine: `cargo run -p sidetone-models --example measure -- [threads]`.
//!
//! Prints the median of several runs. It measures wall-clock time, so other load on the same cores shows up in the
//! results.

use std::time::{Duration, Instant};

use sidetone_models::llm::{Chat, ChatEvent, Message, Role, Sampling};
use sidetone_models::tts::{LocalVoice, RATE};
use sidetone_models::{Settings, default_threads, limit_threads, load};

const RUNS: usize = 7;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let threads = std::env::args()
        .nth(1)
        .map_or_else(|| Ok(default_threads()), |n| n.parse())?;
    // SAFETY: no other thread runs yet.
    unsafe { limit_threads(threads) };
    let start = Instant::now();
    let models = load(&Settings {
        threads,
        ..Settings::default()
    })?;
    println!("threads                    {threads}");
    println!(
        "load and warm up           {:>6} ms",
        start.elapsed().as_millis()
    );
    println!("resident after loading     {:>6} MB", resident());
    tokio::runtime::Runtime::new()?.block_on(measure(models))
}

async fn measure(models: sidetone_models::Loaded) -> Result<(), Box<dyn std::error::Error>> {
    let clip = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures/audio/librivox-made-amiable.wav"
    );
    let samples: Vec<f32> = hound::WavReader::open(clip)?
        .into_samples::<i16>()
        .map(|sample| sample.map(|s| f32::from(s) / 32_768.0))
        .collect::<Result<_, _>>()?;
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let start = Instant::now();
        models.stt.transcribe(samples.clone(), "en").await?;
        times.push(start.elapsed());
    }
    report("STT, 3.3 s clip", &mut times);

    let rules = "The shop opens at nine in the morning and closes at six in the evening. \
                 Deliveries take three to five days. Returns are free within thirty days. ";
    let system = |n: usize| {
        let begin = format!("You are the voice of shop number {n}. Answer in one sentence.");
        Message::new(Role::System, format!("{begin} {}", rules.repeat(7)))
    };
    let mut first = Vec::new();
    let mut kept = Vec::new();
    let mut clause = Vec::new();
    let mut per_token = Vec::new();
    let mut tokens = 0;
    for n in 0..RUNS {
        let mut messages = vec![system(n)];
        let start = Instant::now();
        tokens = models.llm.prefill(messages.clone(), vec![]).await?.prompt;
        first.push(start.elapsed());
        let question = "Hello, when do you open on Tuesday, please?".to_owned();
        messages.push(Message::new(Role::User, question));
        let start = Instant::now();
        let sampling = Sampling {
            temperature: 0.0,
            ..Sampling::default()
        };
        let chat = Chat {
            messages,
            sampling,
            max_tokens: Some(24),
            ..Chat::default()
        };
        let mut answer = models.llm.chat(chat)?;
        let (mut text, mut begun, mut spoken) = (String::new(), None, None);
        while let Some(event) = answer.recv().await {
            match event {
                ChatEvent::Text(more) => {
                    begun.get_or_insert_with(|| start.elapsed());
                    text.push_str(&more);
                    if text.len() > 20 || text.ends_with(['.', ',', '!', '?']) {
                        spoken.get_or_insert_with(|| start.elapsed());
                    }
                }
                ChatEvent::Done { usage, .. } => {
                    let decoding = start.elapsed() - begun.unwrap_or_default();
                    per_token.push(decoding / (usage.completion.max(2) - 1) as u32);
                }
                ChatEvent::Call(_) => {}
                ChatEvent::Failed(failure) => return Err(failure.into()),
            }
        }
        kept.extend(begun);
        clause.extend(spoken);
    }
    report(&format!("LLM, prefill {tokens} tokens"), &mut first);
    report("LLM, first token, kept", &mut kept);
    report("LLM, first clause, kept", &mut clause);
    report("LLM, each token", &mut per_token);

    for voice in [LocalVoice::Alloy, LocalVoice::Onyx] {
        for text in [SHORT, LONG] {
            speech(&models, voice, text).await?;
        }
    }
    println!("resident at the end        {:>6} MB", resident());
    Ok(())
}

const SHORT: &str = "We open at nine on Tuesday.";
/// As long as a clause can be.
const LONG: &str = "If you would rather wait until the end of the week then we can send both parcels \
    together on Friday morning";

async fn speech(
    models: &sidetone_models::Loaded,
    voice: LocalVoice,
    text: &str,
) -> Result<(), Box<dyn std::error::Error>> {
    let (mut times, mut begun, mut seconds) = (Vec::new(), Vec::new(), 0.0);
    // one extra run: the first word loads the speaker
    for run in 0..=RUNS {
        let start = Instant::now();
        let mut speech = models.tts.speak(text, voice, 1.0);
        let (mut samples, mut first) = (0, Duration::ZERO);
        while let Some(stretch) = speech.next().await {
            if samples == 0 {
                first = start.elapsed();
            }
            samples += stretch?.len();
        }
        match run {
            0 => println!(
                "{}, loaded and spoke in {:>6} ms",
                voice.name(),
                first.as_millis()
            ),
            _ => {
                begun.push(first);
                times.push(start.elapsed());
            }
        }
        seconds = samples as f64 / f64::from(RATE);
    }
    report(&format!("{}, first sound", voice.name()), &mut begun);
    let median = report(
        &format!("{}, {seconds:.1} s of speech", voice.name()),
        &mut times,
    );
    println!(
        "{}, real-time factor    {:>6.3}",
        voice.name(),
        median.as_secs_f64() / seconds
    );
    Ok(())
}

fn report(what: &str, times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    let median = times[times.len() / 2];
    println!(
        "{what:<26} {:>6} ms  (best {})",
        median.as_millis(),
        times[0].as_millis()
    );
    median
}

/// Memory of this process in megabytes (Linux; 0 elsewhere).
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes: Option<u64> = line.and_then(|l| l.trim().split(' ').next()?.parse().ok());
    kilobytes.unwrap_or(0) / 1024
}
