//! The address of a provider: a base URL whose query (`?api-version=…`) is sent with every request.

use url::Url;

/// OpenAI's own server, possibly with a region in front.
const OPENAI: &str = "api.openai.com";
/// Azure's servers, which take keys in a header of their own.
const AZURE: &str = ".azure.com";

/// A provider's base URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Up to the path, without a trailing "/".
    base: String,
    query: Option<String>,
    /// For messages: host and port, without path or user.
    pub host: String,
}

impl Address {
    /// Parses `https://host/v1`, with or without a query.
    pub fn parse(base_url: &str) -> Option<Self> {
        let mut url = Url::parse(base_url).ok()?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return None;
        }
        let query = url
            .query()
            .filter(|query| !query.is_empty())
            .map(str::to_owned);
        url.set_query(None);
        url.set_fragment(None);
        let name = url.host_str().unwrap_or_default();
        let host = url
            .port()
            .map_or(name.to_owned(), |port| format!("{name}:{port}"));
        Some(Self {
            base: url.as_str().trim_end_matches('/').to_owned(),
            query,
            host,
        })
    }

    /// The URL of `path`, which may have a query of its own.
    pub fn at(&self, path: &str) -> String {
        match &self.query {
            None => format!("{}{path}", self.base),
            Some(query) => {
                let joint = if path.contains('?') { '&' } else { '?' };
                format!("{}{path}{joint}{query}", self.base)
            }
        }
    }

    /// Like [`Address::at`], for a WebSocket.
    pub fn socket_at(&self, path: &str) -> String {
        // `http` becomes `ws`, `https` `wss`.
        let address = self.at(path);
        format!("ws{}", address.strip_prefix("http").unwrap_or(&address))
    }

    /// The base URL, as the key for what is learned about the provider.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Whether it is OpenAI's own server, possibly in a region.
    pub fn is_openai(&self) -> bool {
        self.host == OPENAI || self.host.ends_with(&format!(".{OPENAI}"))
    }

    /// Whether it is Azure's, which takes keys in a header of its own.
    pub fn is_azure(&self) -> bool {
        self.host.ends_with(AZURE)
    }
}

/// Whether a base URL leads to OpenAI's own server.
pub fn is_openai(base_url: &str) -> bool {
    Address::parse(base_url).is_some_and(|address| address.is_openai())
}

#[cfg(test)]
mod tests;
