//! AAC-LC, which Safari records.

use symphonia_codec_aac::AacDecoder;
use symphonia_core::codecs::audio::well_known::CODEC_ID_AAC;
use symphonia_core::codecs::audio::{AudioCodecParameters, AudioDecoder as _, AudioDecoderOptions};
use symphonia_core::packet::PacketRef;
use symphonia_core::units::{Duration, Timestamp};

use super::LONGEST;
use sidetone_base::audio::{Pcm, resampler};

/// Bytes of an access unit with two channels (ISO 14496-3: 6144 bits per channel).
const LONGEST_PACKET: usize = 2 * 6144 / 8;

/// Decodes until [`LONGEST`] is reached.
pub(super) struct Decoder {
    decoder: AacDecoder,
    rate: u32,
    /// One channel, at `rate`.
    samples: Vec<f32>,
    full: usize,
    interleaved: Vec<f32>,
}

impl Decoder {
    /// From the file's description of its frames, an AudioSpecificConfig.
    pub(super) fn new(config: &[u8]) -> Result<Self, String> {
        let mut parameters = AudioCodecParameters::new();
        parameters
            .for_codec(CODEC_ID_AAC)
            .with_extra_data(config.into());
        let options = AudioDecoderOptions::default();
        let decoder =
            AacDecoder::try_new(&parameters, &options).map_err(|error| error.to_string())?;
        let rate = decoder.codec_params().sample_rate.unwrap_or_default();
        if !(8_000..=96_000).contains(&rate) {
            return Err(format!("it was sampled at {rate} Hz"));
        }
        Ok(Self {
            decoder,
            rate,
            samples: Vec::new(),
            full: rate as usize * LONGEST.as_secs() as usize,
            interleaved: Vec::new(),
        })
    }

    pub(super) fn is_full(&self) -> bool {
        self.samples.len() >= self.full
    }

    pub(super) fn push(&mut self, packet: &[u8]) -> Result<(), String> {
        if packet.len() > LONGEST_PACKET {
            return Err(format!("a frame in it has {} bytes", packet.len()));
        }
        // Times are the container's business; this decoder ignores them.
        let packet = PacketRef::new(0, Timestamp::ZERO, Duration::ZERO, packet);
        let decoded = self.decoder.decode_ref(&packet);
        let decoded = decoded.map_err(|error| error.to_string())?;
        let channels = decoded.num_planes().max(1);
        decoded.copy_to_vec_interleaved(&mut self.interleaved);
        let room = self.full - self.samples.len();
        let frames = self.interleaved.chunks_exact(channels).take(room);
        let mono = frames.map(|frame| frame.iter().sum::<f32>() / channels as f32);
        self.samples.extend(mono);
        Ok(())
    }

    pub(super) fn into_sound(self) -> Pcm<16_000> {
        resampler::from_f32(resampler::convert(self.samples, self.rate, 16_000))
    }
}
