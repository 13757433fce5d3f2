//! Processing options of a source.

/// Processing that a source may request; this engine applies none of it.
#[derive(Default, Debug)]
pub struct AudioSourceOptions {
    /// Remove the loudspeaker's output from the microphone's input.
    pub echo_cancellation: bool,
    /// Remove steady noise.
    pub noise_suppression: bool,
    /// Level the voice.
    pub auto_gain_control: bool,
}
