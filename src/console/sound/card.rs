//! The system's own devices, through cpal. Their callbacks run on threads that must never wait: they exchange samples
//! with the call through two lock-free rings, and allocate nothing.

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::Context as _;
use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{
    BufferSize, Device, ErrorKind, FromSample, Sample, SampleFormat, SizedSample, Stream,
    StreamConfig, SupportedBufferSize, SupportedStreamConfigRange,
};
use rtrb::{Consumer, Producer, RingBuffer};

use super::{SoundCard, SoundOptions};

/// The call's own rate: preferred if the device has it, because nothing needs converting then.
const WANTED_RATE: u32 = 48_000;
/// Supported sample formats, best first.
const FORMATS: [SampleFormat; 4] = [
    SampleFormat::F32,
    SampleFormat::I16,
    SampleFormat::I32,
    SampleFormat::U16,
];
/// A second in each direction. The microphone's ring is full if the call's thread sleeps that long, and audio is lost
/// then. The loudspeaker's never is, see [`SoundCard::ahead`].
const RING_SECONDS: u32 = 1;
/// The minimum queued for the loudspeaker: two ticks and two scheduling delays.
const AHEAD: Duration = Duration::from_millis(40);
/// A device that has not opened by then counts as missing.
const OPEN_DEADLINE: Duration = Duration::from_secs(5);

/// A microphone and a loudspeaker that are open until this is dropped.
pub struct Card {
    _streams: [Stream; 2],
    heard: Consumer<f32>,
    to_play: Producer<f32>,
    mic_rate: u32,
    speaker_rate: u32,
    /// The most samples that the loudspeaker took at once.
    largest: Arc<AtomicUsize>,
    troubles: mpsc::Receiver<String>,
}

impl Card {
    /// Opens and starts the devices.
    ///
    /// # Errors
    /// If they do not exist, or cannot be used; the message names them.
    pub fn open(options: &SoundOptions) -> anyhow::Result<Self> {
        let host = cpal::default_host();
        let (trouble, troubles) = mpsc::sync_channel(4);

        let device = find(
            "microphone",
            "--input",
            options.input.as_deref(),
            host.default_input_device(),
            host.input_devices().context("looking for microphones")?,
        )?;
        let offers = device.supported_input_configs();
        let (config, format) = choose(&device, offers)?;
        let mic_rate = config.sample_rate;
        let (hears, heard) = RingBuffer::new((mic_rate * RING_SECONDS) as usize);
        let on_error = on_error(device.to_string(), trouble.clone());
        let mic = match format {
            SampleFormat::F32 => listen::<f32>(&device, config, hears, on_error),
            SampleFormat::I16 => listen::<i16>(&device, config, hears, on_error),
            SampleFormat::I32 => listen::<i32>(&device, config, hears, on_error),
            _ => listen::<u16>(&device, config, hears, on_error),
        };
        let mic = mic.with_context(|| format!("the microphone {device} cannot be opened"))?;

        let device = find(
            "loudspeaker",
            "--output",
            options.output.as_deref(),
            host.default_output_device(),
            host.output_devices().context("looking for loudspeakers")?,
        )?;
        let offers = device.supported_output_configs();
        let (config, format) = choose(&device, offers)?;
        let speaker_rate = config.sample_rate;
        let (to_play, plays) = RingBuffer::new((speaker_rate * RING_SECONDS) as usize);
        let largest = Arc::new(AtomicUsize::new(0));
        let on_error = self::on_error(device.to_string(), trouble);
        let plays = Plays {
            ring: plays,
            largest: Arc::clone(&largest),
        };
        let speaker = match format {
            SampleFormat::F32 => speak::<f32>(&device, config, plays, on_error),
            SampleFormat::I16 => speak::<i16>(&device, config, plays, on_error),
            SampleFormat::I32 => speak::<i32>(&device, config, plays, on_error),
            _ => speak::<u16>(&device, config, plays, on_error),
        };
        let speaker =
            speaker.with_context(|| format!("the loudspeaker {device} cannot be opened"))?;

        mic.play().context("the microphone does not start")?;
        speaker.play().context("the loudspeaker does not start")?;
        Ok(Self {
            _streams: [mic, speaker],
            heard,
            to_play,
            mic_rate,
            speaker_rate,
            largest,
            troubles,
        })
    }
}

impl SoundCard for Card {
    fn mic_rate(&self) -> u32 {
        self.mic_rate
    }

    fn speaker_rate(&self) -> u32 {
        self.speaker_rate
    }

    fn heard(&mut self) -> Vec<f32> {
        let there = self.heard.slots();
        match self.heard.read_chunk(there) {
            Ok(chunk) => chunk.into_iter().collect(),
            Err(_) => Vec::new(),
        }
    }

    fn unplayed(&self) -> usize {
        self.to_play.buffer().capacity() - self.to_play.slots()
    }

    /// Twice what the device takes at once.
    fn ahead(&self) -> usize {
        let least = AHEAD.as_millis() as usize * self.speaker_rate as usize / 1_000;
        let wanted = least.max(2 * self.largest.load(Ordering::Relaxed));
        wanted.min(self.to_play.buffer().capacity() / 2)
    }

    fn play(&mut self, samples: &[f32]) {
        for &sample in samples {
            // There is room: what is queued is half the ring.
            self.to_play.push(sample).ok();
        }
    }

    fn trouble(&mut self) -> Option<String> {
        self.troubles.try_recv().ok()
    }
}

/// The devices of this machine, one per line.
///
/// # Errors
/// If the system does not list them.
pub fn devices() -> anyhow::Result<String> {
    let host = cpal::default_host();
    let mut lines = String::new();
    let mut list = |what, devices: &mut dyn Iterator<Item = Device>, usual: Option<Device>| {
        for device in devices {
            let mark = if Some(&device) == usual.as_ref() {
                " (default)"
            } else {
                ""
            };
            lines.push_str(&format!("{what:12} {device}{mark}\n"));
        }
    };
    let mut inputs = host.input_devices().context("looking for microphones")?;
    list("microphone", &mut inputs, host.default_input_device());
    let mut outputs = host.output_devices().context("looking for loudspeakers")?;
    list("loudspeaker", &mut outputs, host.default_output_device());
    Ok(lines)
}

/// The device with this name, or the default.
fn find(
    what: &str,
    option: &str,
    wanted: Option<&str>,
    usual: Option<Device>,
    all: impl Iterator<Item = Device>,
) -> anyhow::Result<Device> {
    let Some(wanted) = wanted else {
        return usual.with_context(|| {
            format!("this machine has no {what}: plug one in, name one by {option}, or use --text")
        });
    };
    let called = wanted.to_lowercase();
    let mut names = Vec::new();
    for device in all {
        let name = device.to_string();
        if name.to_lowercase().contains(&called) {
            return Ok(device);
        }
        names.push(name);
    }
    anyhow::bail!(
        "{option} {wanted}: there is no {what} of that name; there is {}",
        names.join(", ")
    )
}

/// The best configuration of the device.
fn choose(
    device: &Device,
    offers: Result<impl Iterator<Item = SupportedStreamConfigRange>, impl Display>,
) -> anyhow::Result<(StreamConfig, SampleFormat)> {
    let offers = match offers {
        Ok(offers) => offers.collect::<Vec<_>>(),
        Err(error) => anyhow::bail!(
            "{device} cannot be used: {error} (`--devices` lists what there is; `--text` needs none)"
        ),
    };
    best(&offers).with_context(|| {
        format!(
            "{device} has no format that Sidetone supports (f32, i16, i32, u16); choose another"
        )
    })
}

/// Nearest to the call's rate, then the best format, then the fewest channels.
fn best(offers: &[SupportedStreamConfigRange]) -> Option<(StreamConfig, SampleFormat)> {
    let ranked = offers.iter().filter_map(|offer| {
        let format = FORMATS.iter().position(|f| *f == offer.sample_format())?;
        let rate = WANTED_RATE.clamp(offer.min_sample_rate(), offer.max_sample_rate());
        Some((
            rate.abs_diff(WANTED_RATE),
            format,
            offer.channels(),
            rate,
            offer,
        ))
    });
    let (_, format, channels, sample_rate, offer) =
        ranked.min_by_key(|(off, format, channels, ..)| (*off, *format, *channels))?;
    // 10 ms at a time, if the device says that it can.
    let frames = sample_rate / 100;
    let buffer_size = match offer.buffer_size() {
        SupportedBufferSize::Range { min, max } if (*min..=*max).contains(&frames) => {
            BufferSize::Fixed(frames)
        }
        _ => BufferSize::Default,
    };
    let config = StreamConfig {
        channels,
        sample_rate,
        buffer_size,
    };
    Some((config, FORMATS[format]))
}

/// A click is not a failure, nor is a change of the default device.
fn on_error(
    device: String,
    trouble: mpsc::SyncSender<String>,
) -> impl FnMut(cpal::Error) + Send + 'static {
    move |error| match error.kind() {
        ErrorKind::Xrun | ErrorKind::DeviceChanged | ErrorKind::RealtimeDenied => {}
        _ => {
            let why = format!(
                "{device} has stopped working ({error}): check that it is plugged in, or quit and name another \
                 by --input or --output"
            );
            // One is enough.
            trouble.try_send(why).ok();
        }
    }
}

/// Mixes the channels into one.
fn listen<T>(
    device: &Device,
    config: StreamConfig,
    mut hears: Producer<f32>,
    on_error: impl FnMut(cpal::Error) + Send + 'static,
) -> Result<Stream, cpal::Error>
where
    T: SizedSample + Send + 'static,
    f32: FromSample<T>,
{
    let channels = usize::from(config.channels);
    let callback = move |data: &[T], _: &_| {
        for frame in data.chunks_exact(channels) {
            let sum: f32 = frame.iter().map(|&sample| f32::from_sample(sample)).sum();
            // A full ring means that the call's thread sleeps.
            hears.push(sum / channels as f32).ok();
        }
    };
    device.build_input_stream(config, callback, on_error, Some(OPEN_DEADLINE))
}

struct Plays {
    ring: Consumer<f32>,
    largest: Arc<AtomicUsize>,
}

/// Plays the same on all channels; silence if there is nothing.
fn speak<T>(
    device: &Device,
    config: StreamConfig,
    mut plays: Plays,
    on_error: impl FnMut(cpal::Error) + Send + 'static,
) -> Result<Stream, cpal::Error>
where
    T: SizedSample + FromSample<f32> + Send + 'static,
{
    let channels = usize::from(config.channels);
    let callback = move |data: &mut [T], _: &_| {
        plays
            .largest
            .fetch_max(data.len() / channels, Ordering::Relaxed);
        for frame in data.chunks_exact_mut(channels) {
            frame.fill(T::from_sample(plays.ring.pop().unwrap_or(0.0)));
        }
    };
    device.build_output_stream(config, callback, on_error, Some(OPEN_DEADLINE))
}

#[cfg(test)]
mod tests;
