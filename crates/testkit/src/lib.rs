//! What tests and benchmarks share: a real livekit-server on free ports, a fake OpenAI provider
//! with set delays and scripted failures. Everything listens on loopback only.

pub mod fake_openai;
pub mod livekit_server;

pub use fake_openai::{Answer, Endpoint, Failure, FakeOpenAi, Timing};
pub use livekit_server::LiveKitServer;
