//! The protocols of speech and language providers, one room each; OpenAI's ([`openai`]) is what most
//! servers speak, each in its own way.
//!
//! A client is made of settings (values of `sidetone_base::provider`) and asks for one stage: words of an
//! utterance, pieces of an answer, sound of a sentence. What it learned of a server's dialect is shared by
//! all calls of the process.
//!
//! Imported by calls and by `sidetone check`; imports `base`. Knows no call, no file and no environment.
//!
//! Always true here: pieces go out as they arrive; every wait has a deadline, every body a limit that is
//! applied while reading; a refusal is the request's fault and says nothing of the provider's health; no
//! key and no four consecutive words of a conversation get into an error.

pub mod openai;
