use std::time::Instant;
#[tokio::main]
async fn main() {
    let cache = sidetone_models::Cache::default();
    let t = Instant::now();
    let which = if std::env::var("TINY").is_ok() {
        sidetone_models::stt::SttModel::TinyEn
    } else {
        Default::default()
    };
    let stt = sidetone_models::try_stt(&cache, which).unwrap();
    println!("load {:?}", t.elapsed());
    for path in std::env::args().skip(1) {
        let mut r = hound::WavReader::open(&path).unwrap();
        let s: Vec<f32> = r
            .samples::<i16>()
            .map(|s| s.unwrap() as f32 / 32768.)
            .collect();
        for _ in 0..3 {
            let t = Instant::now();
            let out = stt.transcribe(s.clone(), "en").await.unwrap();
            println!(
                "{} {:.2}s {:?} {:?}",
                path.rsplit('/').next().unwrap(),
                out.duration,
                t.elapsed(),
                out
            );
        }
    }
    println!(
        "{}",
        std::fs::read_to_string("/proc/self/status")
            .unwrap()
            .lines()
            .filter(|l| l.starts_with("Vm") || l.starts_with("Rss"))
            .collect::<Vec<_>>()
            .join(" ")
    );
}
