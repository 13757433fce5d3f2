//! What a source may be asked to do.

/// Processing a source may ask for; none is applied by this engine.
#[derive(Default, Debug)]
pub struct AudioSourceOptions {
    /// Remove what the loudspeaker plays from what the microphone hears.
    pub echo_cancellation: bool,
    /// Remove steady noise.
    pub noise_suppression: bool,
    /// Level the voice.
    pub auto_gain_control: bool,
}
