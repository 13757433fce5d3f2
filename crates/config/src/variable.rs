//! Environment variables, and errors in their values.

use super::secret::{Judge, Secret};

/// A variable whose value cannot be used; the process does not start with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} is \"{value}\": {fix}")]
pub struct BadVariable {
    /// The name of the variable.
    pub name: &'static str,
    /// Its value (never a secret's).
    pub value: String,
    /// What to write instead.
    pub fix: String,
}

/// Variables that hold secrets, each with the variable that names a file with the secret.
pub const SECRET_FILES: [(&str, &str); 10] = [
    ("LIVEKIT_API_KEY", "LIVEKIT_API_KEY_FILE"),
    ("LIVEKIT_API_SECRET", "LIVEKIT_API_SECRET_FILE"),
    ("OPENAI_API_KEY", "OPENAI_API_KEY_FILE"),
    ("SIDETONE_JWT_SECRET", "SIDETONE_JWT_SECRET_FILE"),
    ("SIDETONE_API_KEYS", "SIDETONE_API_KEYS_FILE"),
    (
        "SIDETONE_CALL_WEBHOOK_SECRET",
        "SIDETONE_CALL_WEBHOOK_SECRET_FILE",
    ),
    ("DATABASE_URL", "DATABASE_URL_FILE"),
    ("AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID_FILE"),
    ("AWS_SECRET_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY_FILE"),
    ("AWS_SESSION_TOKEN", "AWS_SESSION_TOKEN_FILE"),
];

/// Reads variables; blank ones count as unset.
pub(super) struct Variables<'a>(pub(super) &'a dyn Fn(&str) -> Option<String>);

impl Variables<'_> {
    /// The value of a variable.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let value = (self.0)(name)?;
        let value = value.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// A secret: the value of a variable, or the content of the file that its `…_FILE` names.
    ///
    /// # Errors
    /// Both are set, the file cannot be read, or `judge` rejects the secret.
    pub(super) fn secret(
        &self,
        name: &'static str,
        judge: Judge,
    ) -> Result<Option<Secret>, BadVariable> {
        let listed = SECRET_FILES.iter().find(|(secret, _)| *secret == name);
        let file = listed.and_then(|(_, file)| Some((*file, self.text(file)?)));
        match (self.text(name), file) {
            (None, None) => Ok(None),
            (Some(_), Some((file, path))) => Err(BadVariable {
                name: file,
                value: path,
                fix: format!("{name} is set, too; unset one of them"),
            }),
            (Some(value), None) => match judge(&value) {
                Ok(()) => Ok(Some(Secret::new(value))),
                Err(fix) => Err(BadVariable {
                    name,
                    value: "…".into(),
                    fix,
                }),
            },
            (None, Some((file, path))) => match Secret::in_file(&path, judge) {
                Ok(secret) => Ok(Some(secret)),
                Err(fix) => Err(BadVariable {
                    name: file,
                    value: path,
                    fix,
                }),
            },
        }
    }
}
