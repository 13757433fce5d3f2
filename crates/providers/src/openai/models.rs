//! The models that a provider lists, and when it shuts them down (`GET /models` and `/models/{id}`).

use serde::Deserialize;
use serde_json::Value;

use super::error::{ErrorKind, ProviderError, Stage};
use super::http::{Http, Provider, Settings, SettingsError};

/// A model that a provider lists.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Listed {
    /// Its name.
    pub id: String,
    /// The day on which it is shut down, `YYYY-MM-DD`, if the provider says so.
    #[serde(default, deserialize_with = "text_or_nothing")]
    pub shutdown_date: Option<String>,
}

/// Asks a provider for its models.
#[derive(Clone)]
pub struct Models {
    provider: Provider,
}

impl Models {
    /// A client for the server at `settings.base_url`, with the key from there; `settings.model` is ignored.
    ///
    /// # Errors
    /// If the settings cannot be used.
    pub fn new(http: &Http, settings: Settings) -> Result<Self, SettingsError> {
        // Errors name a stage; every provider has a language model.
        let provider = Provider::new(Stage::Llm, http, settings)?;
        Ok(Self { provider })
    }

    /// All models. `None` if this server does not list them, as with gateways and Azure.
    ///
    /// # Errors
    /// The server refuses the key, is unreachable, or fails.
    pub async fn all(&self) -> Result<Option<Vec<Listed>>, ProviderError> {
        #[derive(Deserialize)]
        struct All {
            data: Vec<Listed>,
        }
        let all: Option<All> = self.get("/models").await?;
        Ok(all.map(|all| all.data))
    }

    /// One model. `None` if this server does not know it, or does not say.
    ///
    /// # Errors
    /// See [`Models::all`].
    pub async fn one(&self, id: &str) -> Result<Option<Listed>, ProviderError> {
        self.get(&format!("/models/{id}")).await
    }

    /// An answer that does not follow the protocol counts as one that says nothing.
    async fn get<T: for<'de> Deserialize<'de>>(
        &self,
        path: &str,
    ) -> Result<Option<T>, ProviderError> {
        let provider = &self.provider;
        let response = match provider.try_once(provider.get(path)).await? {
            Ok(response) => response,
            Err(refused) if matches!(refused.status, 404 | 405 | 501) => return Ok(None),
            Err(refused) => return Err(provider.refused(&refused, &Value::Null)),
        };
        let body = match provider.body(response).await {
            Ok(body) => body,
            // A long list is not read to its end.
            Err(error) if error.kind == ErrorKind::Garbage => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok(serde_json::from_slice(&body).ok())
    }
}

/// Anything but text counts as no date.
fn text_or_nothing<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<String>, D::Error> {
    Ok(Value::deserialize(value)?.as_str().map(str::to_owned))
}
