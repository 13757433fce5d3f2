//! The protocols of speech and language providers, one room each; OpenAI's ([`openai`]) is what most
//! servers speak, each in its own way. Knows of no call, no file and no environment: settings come as
//! values (`sidetone_base::provider`), pieces of an answer go out as they arrive, and a failure says
//! whether asking again makes sense.

pub mod openai;
