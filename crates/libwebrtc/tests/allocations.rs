//! How often the way of sound asks for memory: Opus's own memory is made once, so that all asking is counted here.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::borrow::Cow;
use std::f64::consts::TAU;
use std::sync::Arc;

use libwebrtc::audio_frame::AudioFrame;
use libwebrtc::audio_source::AudioSourceOptions;
use libwebrtc::audio_source::native::NativeAudioSource;
use libwebrtc::audio_stream::native::NativeAudioStream;
use libwebrtc::measured::{Receiver, Sender};
use tokio_stream::StreamExt;

#[allow(dead_code, reason = "nothing of this is about memory at once")]
#[path = "../../../tests/support/heap.rs"]
mod heap;

#[global_allocator]
static HEAP: heap::Counted = heap::Counted;

/// Rates that Opus runs at, and one that is resampled.
const RATES: [u32; 4] = [16_000, 24_000, 48_000, 44_100];

/// 10 ms of a tone of 400 Hz.
fn tone(rate: u32) -> AudioFrame<'static> {
    let samples = rate / 100;
    let sample = |n| ((f64::from(n) / f64::from(rate) * 400.0 * TAU).sin() * 8_000.0) as i16;
    AudioFrame {
        data: Cow::Owned((0..samples).map(sample).collect()),
        sample_rate: rate,
        num_channels: 1,
        samples_per_channel: samples,
    }
}

fn source(rate: u32) -> NativeAudioSource {
    NativeAudioSource::new(AudioSourceOptions::default(), rate, 1, 20)
}

/// Captures this many frames, and hands on the packets that become of them.
async fn encoded(
    source: &NativeAudioSource,
    sender: &mut Sender,
    frames: usize,
    mut packet: impl FnMut(Arc<[u8]>),
) {
    let frame = tone(source.sample_rate());
    for _ in 0..frames {
        source.capture_frame(&frame).await.unwrap();
        while let Some(encoded) = sender.packet() {
            packet(encoded);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn from_a_captured_frame_to_a_packet_only_the_packet_is_allocated() {
    for rate in RATES {
        let source = source(rate);
        let mut sender = Sender::of(&source).unwrap();
        encoded(&source, &mut sender, 100, drop).await;
        let (before, mut packets) = (heap::allocations(), 0);
        encoded(&source, &mut sender, 200, |_| packets += 1).await;
        let allocations = heap::allocations() - before;
        assert!((99..=101).contains(&packets), "{packets} of 200 frames");
        // And the frame that is captured again and again.
        assert_eq!(allocations, packets + 1, "at {rate} Hz");
    }
}

/// A tenth of the packets is lost: they are rebuilt or concealed.
#[tokio::test(start_paused = true)]
async fn from_a_packet_to_frames_only_the_frames_are_allocated() {
    const PACKETS: usize = 1_000;
    let sent = source(48_000);
    let mut sender = Sender::of(&sent).unwrap();
    let mut packets = Vec::new();
    encoded(&sent, &mut sender, 2 * PACKETS + 10, |packet| {
        packets.push(packet)
    })
    .await;
    packets.truncate(PACKETS);
    // It would go on encoding silence.
    drop((sent, sender));
    for rate in RATES {
        let mut receiver = Receiver::default();
        let mut stream = NativeAudioStream::new(receiver.track(), rate as i32, 1);
        let (mut before, mut loud) = (0, 0);
        for (number, packet) in packets.iter().enumerate() {
            // By then the estimate of the delay has seen as many packets as it remembers.
            if number == PACKETS / 2 {
                (before, loud) = (heap::allocations(), 0);
            }
            let is_lost = number % 10 == 9;
            receiver.arrived((!is_lost).then(|| packet.clone()));
            for _ in 0..2 {
                let frame = stream.next().await.unwrap();
                loud += usize::from(frame.data.iter().any(|sample| sample.abs() > 2_000));
            }
        }
        let allocations = heap::allocations() - before;
        assert!(
            loud > PACKETS * 9 / 10,
            "{loud} of {PACKETS} frames at {rate} Hz"
        );
        assert_eq!(allocations, PACKETS, "at {rate} Hz");
    }
}
