//! The protocols of speech and language providers, one module each. Most servers speak OpenAI's ([`openai`]), each in
//! its own way.
//!
//! A client is built from settings (values of `sidetone_base::provider`) and serves one stage: the words of an
//! utterance, the pieces of an answer, or the audio of a sentence. What it learns about a server's dialect is shared by
//! all calls of the process.
//!
//! Used by calls and by `sidetone check`; depends on `base`. Knows no call, no file and no environment.
//!
//! Invariants: pieces are passed on as they arrive; every wait has a deadline, and every body a limit that is applied
//! while reading; a refusal is the request's fault and says nothing about the provider's health; no key and no four
//! consecutive words of a conversation get into an error.

pub mod openai;
