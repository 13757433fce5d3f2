//! What tests and benchmarks share: a real livekit-server on free ports, a fake OpenAI provider
//! with set delays and scripted failures. Everything listens on loopback only.

pub mod fake_openai;

pub use fake_openai::{Answer, Endpoint, Failure, FakeOpenAi, Timing};
pub use sidetone_livekit_server::{self as livekit_server, LiveKitServer};
