use std::time::Instant;
#[tokio::main]
async fn main() {
    let cache = sidetone_models::Cache::default();
    let t = Instant::now();
    let tts = sidetone_models::try_tts(&cache, 2).unwrap();
    println!("load {:?}", t.elapsed());
    let text = std::env::args()
        .nth(1)
        .unwrap_or("Hello, how can I help you today? Your order of 3 books costs $12.50.".into());
    for voice in sidetone_models::tts::Voice::ALL {
        let t = Instant::now();
        let mut speech = tts.speak(&text, voice, 1.0);
        let mut all = vec![];
        while let Some(s) = speech.next().await {
            let s = s.unwrap();
            println!(
                "{} {:?} {} s, peak {:?}",
                voice.name(),
                t.elapsed(),
                s.len() as f32 / 24000.,
                s.iter().map(|x| x.unsigned_abs()).max()
            );
            all.extend(s);
        }
        let mut w = hound::WavWriter::create(
            format!("/tmp/m-{}.wav", voice.name()),
            hound::WavSpec {
                channels: 1,
                sample_rate: 24000,
                bits_per_sample: 16,
                sample_format: hound::SampleFormat::Int,
            },
        )
        .unwrap();
        for s in all {
            w.write_sample(s).unwrap();
        }
        w.finalize().unwrap();
    }
}
