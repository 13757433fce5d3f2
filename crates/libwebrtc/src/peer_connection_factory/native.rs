//! The factory methods of a native build.

use super::PeerConnectionFactory;
use crate::audio_source::AudioSourceOptions;
use crate::audio_source::native::NativeAudioSource;
use crate::audio_track::RtcAudioTrack;
use crate::unsupported::Unsupported;
use crate::video_source::native::NativeVideoSource;
use crate::video_track::RtcVideoTrack;

/// Declares the methods for this machine's sound devices, of which there are none: lists are empty and everything else
/// is refused.
macro_rules! device_methods {
    ($($name:ident($($arg:ident: $type:ty),*) $(-> $ret:ty = $value:expr)?;)+) => {
        /// Tracks, and sound devices ([`Unsupported::AudioDevices`]).
        #[allow(missing_docs)]
        pub trait PeerConnectionFactoryExt {
            fn create_video_track(&self, label: &str, source: NativeVideoSource) -> RtcVideoTrack;
            fn create_audio_track(&self, label: &str, source: NativeAudioSource) -> RtcAudioTrack;
            fn create_device_audio_track(&self, label: &str) -> RtcAudioTrack;
            $(fn $name(&self, $($arg: $type),*) $(-> $ret)?;)+
        }

        impl PeerConnectionFactoryExt for PeerConnectionFactory {
            fn create_video_track(&self, label: &str, _source: NativeVideoSource) -> RtcVideoTrack {
                Unsupported::Video.report();
                RtcVideoTrack::new(label.to_owned())
            }

            fn create_audio_track(&self, label: &str, source: NativeAudioSource) -> RtcAudioTrack {
                RtcAudioTrack::local(label.to_owned(), source)
            }

            /// A silent track: there is no microphone.
            fn create_device_audio_track(&self, label: &str) -> RtcAudioTrack {
                Unsupported::AudioDevices.report();
                let source = NativeAudioSource::new(AudioSourceOptions::default(), 48_000, 1, 0);
                RtcAudioTrack::local(label.to_owned(), source)
            }

            $(fn $name(&self, $(_: $type),*) $(-> $ret)? {
                Unsupported::AudioDevices.report();
                $($value)?
            })+
        }
    };
}

device_methods! {
    playout_devices() -> i16 = 0;
    recording_devices() -> i16 = 0;
    playout_device_name(index: u16) -> String = String::new();
    recording_device_name(index: u16) -> String = String::new();
    playout_device_guid(index: u16) -> String = String::new();
    recording_device_guid(index: u16) -> String = String::new();
    set_playout_device(index: u16) -> bool = false;
    set_recording_device(index: u16) -> bool = false;
    set_playout_device_by_guid(guid: &str) -> bool = false;
    set_recording_device_by_guid(guid: &str) -> bool = false;
    stop_recording() -> bool = false;
    init_recording() -> bool = false;
    start_recording() -> bool = false;
    recording_is_initialized() -> bool = false;
    stop_playout() -> bool = false;
    init_playout() -> bool = false;
    start_playout() -> bool = false;
    playout_is_initialized() -> bool = false;
    builtin_aec_is_available() -> bool = false;
    builtin_agc_is_available() -> bool = false;
    builtin_ns_is_available() -> bool = false;
    enable_builtin_aec(enable: bool) -> bool = false;
    enable_builtin_agc(enable: bool) -> bool = false;
    enable_builtin_ns(enable: bool) -> bool = false;
    set_adm_recording_enabled(enabled: bool);
    adm_recording_enabled() -> bool = false;
    set_adm_playout_enabled(enabled: bool);
    adm_playout_enabled() -> bool = false;
    acquire_platform_adm() -> bool = false;
    release_platform_adm();
    platform_adm_ref_count() -> i32 = 0;
    is_platform_adm_active() -> bool = false;
}
