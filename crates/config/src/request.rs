//! An HTTP request as a file describes it: a tool's, or the lookup before a call.

use std::collections::BTreeMap;
use std::time::Duration;

use super::secret::{Secret, Secrets};
use super::section::{Section, Text, nearest};
use super::template;
use super::timing::{ms, secs};

/// The request's method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Arguments that the address does not name go into the query.
    Get,
    /// Arguments that the address does not name go into a JSON body.
    Post,
    /// Like POST.
    Put,
    /// Like POST.
    Patch,
    /// Like GET.
    Delete,
}

impl Method {
    const ALL: [(&str, Self); 5] = [
        ("GET", Self::Get),
        ("POST", Self::Post),
        ("PUT", Self::Put),
        ("PATCH", Self::Patch),
        ("DELETE", Self::Delete),
    ];

    /// The name in the request.
    pub fn as_str(self) -> &'static str {
        let found = Self::ALL.into_iter().find(|(_, method)| *method == self);
        found.map_or("GET", |(name, _)| name)
    }

    /// Whether arguments are sent in a body.
    pub fn has_body(self) -> bool {
        matches!(self, Self::Post | Self::Put | Self::Patch)
    }
}

/// A request with template variables.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpRequest {
    /// The request's method.
    pub method: Method,
    /// A template whose scheme and host are literal.
    pub url: String,
    /// Names, and templates for the values.
    pub headers: Vec<(String, String)>,
    /// The secrets that the headers name.
    pub secrets: BTreeMap<String, Secret>,
    /// Hosts to which a redirect may lead, in addition to the address's own.
    pub hosts: Vec<String>,
    /// Whether addresses of this machine and of private networks are allowed.
    pub allow_private: bool,
    /// From the request to the end of the response, redirects included.
    pub timeout: Duration,
    /// How the response is shown to the model: a template over `status` and `body`. `None` for the body.
    pub result: Option<String>,
}

/// Reads the keys of a request.
///
/// `known` says whether a template may use a variable.
pub fn read(
    section: &mut Section<'_>,
    secrets: &Secrets,
    default_timeout: Duration,
    known: &dyn Fn(&str) -> bool,
) -> Option<HttpRequest> {
    let names: Vec<&'static str> = Method::ALL.iter().map(|(name, _)| *name).collect();
    let method = match section.choice("method", names.clone()) {
        None => Method::Get,
        Some(text) => {
            let found = Method::ALL
                .into_iter()
                .find(|(name, _)| *name == text.value);
            if found.is_none() {
                let message = format!(
                    "{} = {:?} must be one of {}",
                    section.full("method"),
                    text.value,
                    names.join(", ")
                );
                section.complain(&text.place, message);
            }
            found.map_or(Method::Get, |(_, method)| method)
        }
    };
    let url = section.text("url");
    let headers = section.map("headers");
    let hosts = section.list("hosts", Vec::new());
    let allow_private = section.flag("allow_private", false);
    let timeout = section.duration("timeout", default_timeout, ms(50)..=secs(60));
    let result = section.text("result");

    let url = url?;
    let path = section.full("url");
    if let Err(message) = check_address(&url.value, allow_private) {
        section.complain(&url.place, format!("{path} = {:?}: {message}", url.value));
    }
    check_template(section, "url", &url, known);
    if let Some(result) = &result {
        let known = |name: &str| matches!(root(name), "status" | "body");
        check_template(section, "result", result, &known);
    }
    let mut used = BTreeMap::new();
    let mut templates = Vec::new();
    for (name, text) in headers {
        used.extend(used_secrets(
            section, "headers", &name, &text, secrets, known,
        ));
        templates.push((name, text.value));
    }
    Some(HttpRequest {
        method,
        url: url.value,
        headers: templates,
        secrets: used,
        hosts,
        allow_private,
        timeout,
        result: result.map(|text| text.value),
    })
}

/// The secrets that the template under `key.name` names; reports those that are not set.
pub(super) fn used_secrets<'a>(
    section: &Section<'a>,
    key: &str,
    name: &str,
    text: &Text<'a>,
    secrets: &Secrets,
    known: &dyn Fn(&str) -> bool,
) -> BTreeMap<String, Secret> {
    let mut used = BTreeMap::new();
    let known = |name: &str| root(name) == "secret" || known(name);
    check_template(section, key, text, &known);
    for variable in template::variables(&text.value) {
        let Some(secret) = variable.strip_prefix("secret.") else {
            continue;
        };
        match secrets.get(secret) {
            Some(value) => {
                used.insert(secret.to_owned(), value.clone());
            }
            None => section.complain(
                &text.place,
                format!(
                    "{}.{name}: the secret {secret} is not set; set the variable {}",
                    section.full(key),
                    Secrets::variable(secret)
                ),
            ),
        }
    }
    used
}

/// The first part of a dotted name: `a` of `a.b.c`.
pub fn root(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

/// Reports a template that is invalid, or that uses an unknown variable.
pub fn check_template(
    section: &Section<'_>,
    key: &str,
    text: &Text<'_>,
    known: &dyn Fn(&str) -> bool,
) {
    if let Err((_, message)) = template::fill(&text.value, &serde_json::json!({})) {
        section.complain(&text.place, format!("{}: {message}", section.full(key)));
    }
    for name in template::variables(&text.value) {
        if !known(&name) {
            let near = nearest(
                &name,
                ["args", "caller.name", "call.id", "lookup", "secret"],
            );
            let advice = near.map_or_else(String::new, |near| format!(" (or {near}?)"));
            let message = format!(
                "{}: {{{{{name}}}}} is not known here; arguments are {{{{ args.… }}}}, variables \
                 need a line under [variables]{advice}",
                section.full(key)
            );
            section.complain(&text.place, message);
        }
    }
}

/// Scheme and host must be literal: no variable may choose where secrets are sent.
pub(super) fn check_address(url: &str, allow_private: bool) -> Result<(), String> {
    let (scheme, rest) = url
        .split_once("://")
        .ok_or("write the whole address, such as https://api.example.com/orders")?;
    let host = rest.split(['/', '?']).next().unwrap_or_default();
    if host.is_empty() || scheme.contains('{') || host.contains('{') || host.contains('@') {
        return Err(
            "scheme and host must be fixed; only what follows them may contain {{variables}}, and \
                    passwords belong in headers"
                .into(),
        );
    }
    match scheme {
        "https" => Ok(()),
        "http" if allow_private => Ok(()),
        "http" => Err("must start with https:// (http:// needs allow_private = true)".into()),
        _ => Err("must start with https://".into()),
    }
}
