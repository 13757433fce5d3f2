//! The cost of recording a minute of a call in the process: both voices through the timeline, the encoder and the Ogg
//! writer into a file. The rest of a recorder only waits.
//!
//! `cargo bench --profile dev --bench recording`.

#![allow(clippy::unwrap_used, reason = "a benchmark may panic")]

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use sidetone_base::audio::{Pcm, Resampler, wav};
use sidetone_base::clock;
use sidetone_base::tap::Sound;
use sidetone_recording::ogg::Writer;
use sidetone_recording::timeline::Timeline;

/// Minutes measured, one after the other.
const MINUTES: usize = 5;
const FRAME: Duration = Duration::from_millis(10);
/// Frames between a recorder's writes.
const WRITE_EVERY: usize = 100;

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let voice = root.join("fixtures/audio/caller-opening-hours.wav");
    let caller: Pcm<16_000> = wav::read(&voice).unwrap();
    let agent = Resampler::<16_000, 48_000>::convert(&caller);
    let (mut seconds, mut bytes) = (Vec::new(), 0);
    for _ in 0..MINUTES {
        let begun = cpu_seconds();
        bytes = minute(caller.samples(), agent.samples());
        seconds.push(cpu_seconds() - begun);
    }
    seconds.sort_by(f64::total_cmp);
    println!(
        "recording in the process: {:.3} CPU-seconds a call-minute (median of {MINUTES}, {:.3} to {:.3}), {} kB",
        seconds[MINUTES / 2],
        seconds[0],
        seconds[MINUTES - 1],
        bytes / 1_000
    );
}

/// Records a minute in which the caller speaks for three seconds, then the agent. Returns the file's length.
fn minute(caller: &[i16], agent: &[i16]) -> u64 {
    let mut writer = Writer::new(tempfile::tempfile().unwrap(), 7, &[]).unwrap();
    let start = clock::now();
    let mut timeline = Timeline::new(start, Duration::ZERO);
    for n in 1..=6_000 {
        let at = start + FRAME * n as u32;
        let caller_speaks = n / 300 % 2 == 0;
        timeline.push(at, Sound::Caller(frame(caller, n, caller_speaks)));
        if !caller_speaks {
            timeline.push(at, Sound::Agent(frame(agent, n, true)));
        }
        if n % WRITE_EVERY == 0 {
            writer.push(timeline.settled(at)).unwrap();
        }
    }
    writer.push(timeline.rest(start + FRAME * 6_000)).unwrap();
    let written: sidetone_recording::ogg::Written = Writer::<File>::finish(writer).unwrap();
    written.bytes
}

/// The `n`th 10 ms of a voice that repeats over and over.
fn frame<const HZ: u32>(voice: &[i16], n: usize, speaks: bool) -> Pcm<HZ> {
    let length = HZ as usize / 100;
    let from = n * length % (voice.len() - length);
    match speaks {
        true => Pcm::new(voice[from..from + length].to_vec()),
        false => Pcm::silence(FRAME),
    }
}

/// The CPU time that this thread has used.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    stat.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}
