//! The parts of the interface that only a native build has.

pub mod frame_cryptor;
pub mod packet_trailer;

/// A random (version 4) UUID, as text.
pub fn create_random_uuid() -> String {
    uuid::Uuid::new_v4().to_string()
}
