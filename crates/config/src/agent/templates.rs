//! An agent's texts as its file has them.

/// The texts of an agent's file before their variables are filled in.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Templates {
    pub(super) system_prompt: String,
    /// In its place, for small models.
    pub(super) small_prompt: Option<String>,
    pub(super) greeting: String,
    pub(super) recording_announcement: String,
    pub(super) apology: String,
    pub(super) cut_off: String,
    pub(super) say_again: String,
    pub(super) filler: String,
    pub(super) voicemail: String,
}

impl Templates {
    /// Each, by its key.
    pub(super) fn all(&self) -> [(&'static str, &str); 9] {
        [
            ("prompt", &self.system_prompt),
            (
                "small_prompt",
                self.small_prompt.as_deref().unwrap_or_default(),
            ),
            ("greeting", &self.greeting),
            ("recording_announcement", &self.recording_announcement),
            ("apology", &self.apology),
            ("cut_off", &self.cut_off),
            ("say_again", &self.say_again),
            ("filler", &self.filler),
            ("voicemail.message", &self.voicemail),
        ]
    }
}
