//! Where spans are sent: OpenTelemetry's own variables, interpreted as all its SDKs do.

use std::time::Duration;

use form_urlencoded::parse as decode;
use reqwest::Url;
use sidetone_base::trace::Sampler;

use super::secret::Secret;
use super::variable::{BadVariable, Variables};

/// The path for spans, below a collector's general address.
const PATH: &str = "v1/traces";
/// The name of this service, unless a variable sets another.
const SERVICE: &str = "sidetone";

/// How spans are encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// `http/protobuf`
    Protobuf,
    /// `http/json`
    Json,
}

/// A collector of spans.
#[derive(Clone, Debug, PartialEq)]
pub struct Traces {
    /// The URL to which spans are posted.
    pub endpoint: Url,
    /// Headers of each request; they often contain a key.
    pub headers: Vec<(String, Secret)>,
    /// How they are encoded.
    pub encoding: Encoding,
    /// How long a request may take.
    pub timeout: Duration,
    /// The attributes of this process, including `service.name`.
    pub resource: Vec<(String, String)>,
    /// Which traces are recorded.
    pub sampler: Sampler,
}

impl Traces {
    /// Reads the variables. `None` without an address: no spans are created then.
    ///
    /// # Errors
    /// The first variable that cannot be used, if there is an address.
    pub(super) fn read(var: &Variables<'_>) -> Result<Option<Self>, BadVariable> {
        let is_off = var.text("OTEL_SDK_DISABLED");
        let is_off = is_off.is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let endpoint = match is_off {
            true => None,
            false => endpoint(var)?,
        };
        let Some(endpoint) = endpoint else {
            return Ok(None);
        };
        if let Some(exporter) = var.text("OTEL_TRACES_EXPORTER") {
            match exporter.as_str() {
                "none" => return Ok(None),
                "otlp" => {}
                _ => return Err(bad("OTEL_TRACES_EXPORTER", exporter, "write otlp or none")),
            }
        }
        Ok(Some(Self {
            endpoint,
            headers: headers(var)?,
            encoding: encoding(var)?,
            timeout: timeout(var)?,
            resource: resource(var)?,
            sampler: sampler(var)?,
        }))
    }
}

/// The variable for traces alone, or else the one for all signals.
fn either(
    var: &Variables<'_>,
    own: &'static str,
    all: &'static str,
) -> Option<(&'static str, String)> {
    let named = |name| Some((name, var.text(name)?));
    named(own).or_else(|| named(all))
}

fn endpoint(var: &Variables<'_>) -> Result<Option<Url>, BadVariable> {
    const OWN: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
    let Some((name, value)) = either(var, OWN, "OTEL_EXPORTER_OTLP_ENDPOINT") else {
        return Ok(None);
    };
    let is_http = |url: &Url| matches!(url.scheme(), "http" | "https");
    let Some(mut url) = Url::parse(&value).ok().filter(is_http) else {
        let fix = "write the collector's address for OTLP over HTTP, such as http://collector:4318";
        return Err(bad(name, value, fix));
    };
    if name != OWN {
        url.set_path(&format!("{}/{PATH}", url.path().trim_end_matches('/')));
    }
    Ok(Some(url))
}

/// Parses `name=value,name=value`, with values encoded as in a URL.
fn pairs(name: &'static str, text: &str) -> Result<Vec<(String, String)>, BadVariable> {
    let items = text
        .split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty());
    items
        .map(|item| {
            let pair = item
                .split_once('=')
                .map(|(key, value)| (key.trim(), value.trim()));
            let (key, value) = pair.filter(|(key, _)| !key.is_empty()).ok_or_else(|| {
                // The item may contain a key.
                bad(
                    name,
                    "…".into(),
                    "write name=value,name=value; a comma within a value is %2C",
                )
            })?;
            // Here a plus is a plus, not a space.
            let value = format!("v={}", value.replace('+', "%2B").replace('&', "%26"));
            let value = decode(value.as_bytes()).next();
            Ok((
                key.to_owned(),
                value
                    .map(|(_, value)| value.into_owned())
                    .unwrap_or_default(),
            ))
        })
        .collect()
}

fn headers(var: &Variables<'_>) -> Result<Vec<(String, Secret)>, BadVariable> {
    let named = either(
        var,
        "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
        "OTEL_EXPORTER_OTLP_HEADERS",
    );
    let Some((name, text)) = named else {
        return Ok(Vec::new());
    };
    let all = pairs(name, &text)?;
    let legal = |(key, value): &(String, String)| {
        reqwest::header::HeaderName::from_bytes(key.as_bytes()).is_ok()
            && reqwest::header::HeaderValue::from_str(value).is_ok()
    };
    if !all.iter().all(legal) {
        let fix = "write header=value,header=value, of characters that HTTP headers may have";
        return Err(bad(name, "…".into(), fix));
    }
    Ok(all
        .into_iter()
        .map(|(key, value)| (key, Secret::new(value)))
        .collect())
}

fn encoding(var: &Variables<'_>) -> Result<Encoding, BadVariable> {
    let named = either(
        var,
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
        "OTEL_EXPORTER_OTLP_PROTOCOL",
    );
    match named.as_ref().map(|(name, value)| (*name, value.as_str())) {
        None | Some((_, "http/protobuf")) => Ok(Encoding::Protobuf),
        Some((_, "http/json")) => Ok(Encoding::Json),
        Some((name, value)) => {
            let fix = "write http/protobuf or http/json, with the collector's port for HTTP \
                       (4318); gRPC is not supported";
            Err(bad(name, value.to_owned(), fix))
        }
    }
}

fn timeout(var: &Variables<'_>) -> Result<Duration, BadVariable> {
    let named = either(
        var,
        "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
        "OTEL_EXPORTER_OTLP_TIMEOUT",
    );
    let Some((name, value)) = named else {
        return Ok(Duration::from_secs(10));
    };
    match value.parse() {
        Ok(ms @ 1..=60_000) => Ok(Duration::from_millis(ms)),
        _ => Err(bad(name, value, "write milliseconds, 1 to 60000")),
    }
}

fn resource(var: &Variables<'_>) -> Result<Vec<(String, String)>, BadVariable> {
    const NAME: &str = "service.name";
    let listed = var.text("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
    let mut all = pairs("OTEL_RESOURCE_ATTRIBUTES", &listed)?;
    let listed = all
        .iter()
        .find(|(key, _)| key == NAME)
        .map(|(_, value)| value.clone());
    let name = var.text("OTEL_SERVICE_NAME").or(listed);
    all.retain(|(key, _)| key != NAME);
    all.insert(0, (NAME.into(), name.unwrap_or_else(|| SERVICE.into())));
    Ok(all)
}

fn sampler(var: &Variables<'_>) -> Result<Sampler, BadVariable> {
    const NAME: &str = "OTEL_TRACES_SAMPLER";
    const ARGUMENT: &str = "OTEL_TRACES_SAMPLER_ARG";
    let Some(value) = var.text(NAME) else {
        return Ok(Sampler::default());
    };
    let (follows_parent, own) = match value.strip_prefix("parentbased_") {
        Some(own) => (true, own),
        None => (false, value.as_str()),
    };
    let share = match own {
        "always_on" => 1.0,
        "always_off" => 0.0,
        "traceidratio" => match var.text(ARGUMENT) {
            None => 1.0,
            Some(share) => match share.parse() {
                Ok(share) if (0.0..=1.0).contains(&share) => share,
                _ => return Err(bad(ARGUMENT, share, "write the share of calls, 0 to 1")),
            },
        },
        _ => {
            let fix = "write always_on, always_off or traceidratio, each also with parentbased_ before it";
            return Err(bad(NAME, value, fix));
        }
    };
    Ok(Sampler {
        share,
        follows_parent,
    })
}

fn bad(name: &'static str, value: String, fix: &str) -> BadVariable {
    BadVariable {
        name,
        value,
        fix: fix.to_owned(),
    }
}

#[cfg(test)]
mod tests;
