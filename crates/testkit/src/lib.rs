//! What tests and benchmarks share: real servers on free ports, a fake OpenAI provider with set delays.

pub mod postgres;
