//! Qwen's tokeniser and chat template (ChatML).
//!
//! Each piece of a conversation is tokenised by itself, and control tokens are
//! only ever put in by the template: text that contains `<|im_end|>` stays text.
//! So the tokens of a conversation's start do not change when it goes on.

use candle_core::quantized::gguf_file::Content;
use candle_core::quantized::tokenizer::TokenizerFromGguf;
use serde::{Deserialize, Serialize};
use tokenizers::Tokenizer;

use crate::byte_level;

/// A turn of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who says it.
    pub role: Role,
    /// What is said.
    pub content: String,
}

/// Who says a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Instructions. `developer` is OpenAI's newer word for it.
    #[serde(alias = "developer")]
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
    /// The result of a tool that a model called. `function` is OpenAI's older word for it.
    #[serde(alias = "function")]
    Tool,
}

pub(super) struct Tokens {
    tokenizer: Tokenizer,
    /// The bytes of each token; empty for control tokens.
    bytes: Vec<Vec<u8>>,
    start: u32,
    end: u32,
    end_of_text: u32,
    newline: Vec<u32>,
}

impl Tokens {
    pub(super) fn load(content: &Content) -> Result<Self, String> {
        let mut tokenizer = Tokenizer::from_gguf(content).map_err(|e| e.to_string())?;
        tokenizer.set_encode_special_tokens(true);
        let control = |name: &str| {
            tokenizer
                .token_to_id(name)
                .ok_or_else(|| format!("the vocabulary has no {name}"))
        };
        let (start, end) = (control("<|im_start|>")?, control("<|im_end|>")?);
        let end_of_text = control("<|endoftext|>")?;
        let bytes = (0..tokenizer.get_vocab_size(true) as u32)
            .map(|id| match tokenizer.id_to_token(id) {
                // control tokens stand behind all text tokens
                Some(token) if id < end_of_text => byte_level::bytes(&token).unwrap_or_default(),
                _ => Vec::new(),
            })
            .collect();
        let mut tokens = Self {
            tokenizer,
            bytes,
            start,
            end,
            end_of_text,
            newline: vec![],
        };
        tokens.newline = tokens.encode("\n")?;
        Ok(tokens)
    }

    /// The tokens of a conversation; with `reply`, up to where the model's answer
    /// begins.
    pub(super) fn conversation(
        &self,
        messages: &[Message],
        reply: bool,
    ) -> Result<Vec<u32>, String> {
        let mut tokens = Vec::new();
        for message in messages {
            let (role, content) = match message.role {
                Role::System => ("system", message.content.clone()),
                Role::User => ("user", message.content.clone()),
                Role::Assistant => ("assistant", message.content.clone()),
                Role::Tool => (
                    "user",
                    format!("<tool_response>\n{}\n</tool_response>", message.content),
                ),
            };
            tokens.push(self.start);
            tokens.extend(self.encode(&format!("{role}\n"))?);
            tokens.extend(self.encode(&content)?);
            tokens.push(self.end);
            tokens.extend(&self.newline);
        }
        if reply {
            tokens.push(self.start);
            tokens.extend(self.encode("assistant\n")?);
        }
        Ok(tokens)
    }

    /// Whether this token ends the model's turn.
    pub(super) fn ends(&self, token: u32) -> bool {
        token == self.end || token == self.end_of_text
    }

    /// The bytes of a token.
    pub(super) fn bytes(&self, token: u32) -> &[u8] {
        self.bytes.get(token as usize).map_or(&[], Vec::as_slice)
    }

    /// Tokens that stand for text, from 0 on; those behind are for control.
    pub(super) fn texts(&self) -> usize {
        self.end_of_text as usize
    }

    /// The tokens besides text that may be said.
    pub(super) fn endings(&self) -> [u32; 2] {
        [self.end, self.end_of_text]
    }

    fn encode(&self, text: &str) -> Result<Vec<u32>, String> {
        let encoding = self
            .tokenizer
            .encode_fast(text, false)
            .map_err(|e| e.to_string())?;
        Ok(encoding.get_ids().to_vec())
    }
}
