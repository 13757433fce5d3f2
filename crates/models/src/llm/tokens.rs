//! Qwen's tokeniser.
//!
//! Each piece of a conversation is tokenised separately, and text that contains a control token's name stays text. So
//! the tokens at the start of a conversation do not change when it continues.

use candle_core::quantized::gguf_file::Content;
use candle_core::quantized::tokenizer::TokenizerFromGguf;
use serde::{Deserialize, Serialize};
use tokenizers::Tokenizer;

use super::form::{Call, Token};
use super::template::{CALL_OPENING, Control, Piece, render};
use crate::byte_level;

/// A message of a conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Its author.
    pub role: Role,
    /// Its text.
    pub content: String,
    /// The tools that the model called after the text.
    #[serde(default)]
    pub calls: Vec<Call>,
}

impl Message {
    /// A message without tool calls.
    pub fn new(role: Role, content: impl Into<String>) -> Self {
        Self {
            role,
            content: content.into(),
            calls: Vec::new(),
        }
    }
}

/// A tool that the model may read about.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// When to call it.
    pub description: String,
    /// JSON Schema of its arguments.
    pub parameters: serde_json::Value,
}

/// The author of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Instructions. `developer` is OpenAI's newer name for it.
    #[serde(alias = "developer")]
    System,
    /// The caller.
    User,
    /// The model.
    Assistant,
    /// The result of a tool that a model called. `function` is OpenAI's older name for it.
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
    call: u32,
    call_end: u32,
    /// What the model reads where a call begins.
    opening: Vec<u32>,
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
        let (call, call_end) = (control("<tool_call>")?, control("</tool_call>")?);
        let bytes = (0..tokenizer.get_vocab_size(true) as u32)
            .map(|id| match tokenizer.id_to_token(id) {
                // control tokens come after all text tokens
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
            call,
            call_end,
            opening: vec![call],
        };
        tokens.opening.extend(tokens.encode(CALL_OPENING)?);
        Ok(tokens)
    }

    /// The tokens of a conversation; with `reply`, up to where the model's answer begins.
    pub(super) fn conversation(
        &self,
        messages: &[Message],
        tools: &[Tool],
        reply: bool,
    ) -> Result<Vec<u32>, String> {
        let mut tokens = Vec::new();
        for piece in render(messages, tools, reply) {
            match piece {
                Piece::Text(text) => tokens.extend(self.encode(&text)?),
                Piece::Control(Control::Start) => tokens.push(self.start),
                Piece::Control(Control::End) => tokens.push(self.end),
                Piece::Control(Control::Call) => tokens.push(self.call),
                Piece::Control(Control::CallEnd) => tokens.push(self.call_end),
            }
        }
        Ok(tokens)
    }

    /// What a token stands for.
    pub(super) fn token(&self, id: u32) -> Token<'_> {
        match self.bytes.get(id as usize) {
            Some(bytes) if !bytes.is_empty() => Token::Text(bytes),
            _ if id == self.end || id == self.end_of_text => Token::End,
            _ if id == self.call => Token::Call,
            _ => Token::Other,
        }
    }

    /// What the model reads where a call begins.
    pub(super) fn opening(&self) -> &[u32] {
        &self.opening
    }

    fn encode(&self, text: &str) -> Result<Vec<u32>, String> {
        let encoding = self
            .tokenizer
            .encode_fast(text, false)
            .map_err(|e| e.to_string())?;
        Ok(encoding.get_ids().to_vec())
    }
}
