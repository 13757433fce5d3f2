//! Local speech and language models behind the OpenAI protocol, on loopback.
