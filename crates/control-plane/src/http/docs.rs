//! The OpenAPI document, and a page that shows it to people: no script, nothing from elsewhere.

use std::fmt::Write as _;

use axum::Json;
use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use serde_json::Value;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Content, Ref, RefOr, ResponseBuilder};
use utoipa::{Modify, OpenApi};

use super::{
    agent, commands, events, health, history, listen, live, metrics, outbound, recording, session,
    token, users, webhook, workers,
};

#[derive(OpenApi)]
#[openapi(
    info(title = "Sidetone", description = "Voice calls with agents over LiveKit."),
    paths(
        token::create, token::status, agent::spawn, agent::list, agent::end, outbound::call, commands::command, events::events, listen::listen, history::list,
        history::series::series, history::call::one, history::call::delete, recording::get, recording::pause, recording::resume,
        live::live, session::sign_in, session::who, session::sign_out, session::list, session::revoke, users::export, users::erase, workers::list, workers::drain, webhook::receive, webhook::health, health::alive,
        health::ready,
        metrics::scrape
    ),
    modifiers(&Bearer, &Problems),
    security(("bearer" = []))
)]
struct Api;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("The product's own user token (JWT), or an API key."))
            .build();
        let components = api.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// Errors are `application/problem+json`, and some come from before any route: a malformed address
/// (400), too many requests (429), too slow an answer (504).
struct Problems;

const PROBLEM: &str = "application/problem+json";

impl Modify for Problems {
    fn modify(&self, api: &mut utoipa::openapi::OpenApi) {
        for path in api.paths.paths.values_mut() {
            let operations = [&mut path.get, &mut path.post, &mut path.delete];
            operations.into_iter().flatten().for_each(state_problems);
        }
    }
}

fn state_problems(operation: &mut Operation) {
    let problem = Ref::from_schema_name("ProblemDocument");
    let responses = &mut operation.responses.responses;
    for (status, title) in [
        ("400", "Invalid"),
        ("429", "Too many requests"),
        ("504", "Too slow"),
    ] {
        responses.entry(status.to_owned()).or_insert_with(|| {
            let content = Content::new(Some(problem.clone()));
            let response = ResponseBuilder::new().description(title);
            RefOr::T(response.content(PROBLEM, content).build())
        });
    }
    for response in responses.values_mut() {
        let RefOr::T(response) = response else {
            continue;
        };
        let is_problem = |content: &RefOr<Content>| {
            let RefOr::T(content) = content else {
                return false;
            };
            matches!(&content.schema, Some(RefOr::Ref(schema)) if *schema == problem)
        };
        if response
            .content
            .get("application/json")
            .is_some_and(is_problem)
            && let Some(content) = response.content.shift_remove("application/json")
        {
            response.content.insert(PROBLEM.to_owned(), content);
        }
    }
}

/// The OpenAPI document.
pub async fn openapi() -> Json<utoipa::openapi::OpenApi> {
    Json(Api::openapi())
}

/// The document as a page.
pub async fn page() -> Response {
    let api = serde_json::to_value(Api::openapi()).unwrap_or_default();
    let mut response = Html(render(&api)).into_response();
    response.headers_mut().insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        ),
    );
    response
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;\
    padding:0 1rem;color:#1b1f24;background:#fff}section{border-top:1px solid #ccd;\
    margin-top:1.5rem}code,pre{font:14px/1.5 ui-monospace,monospace}pre{background:#f3f4f7;\
    padding:.75rem;overflow:auto}td{vertical-align:top;padding:.15rem .75rem .15rem 0}\
    @media(prefers-color-scheme:dark){body{color:#e4e7eb;background:#14171a}\
    pre{background:#1f2429}}";

fn render(api: &Value) -> String {
    let mut html = format!(
        "<!doctype html><html lang=en><meta charset=utf-8>\
         <meta name=viewport content=\"width=device-width\"><title>Sidetone API</title>\
         <style>{STYLE}</style><h1>Sidetone API</h1><p>The document for machines: \
         <a href=openapi.json>openapi.json</a></p>"
    );
    for (path, methods) in api["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            // Writing to a String cannot fail.
            let _ = write!(
                html,
                "<section><h2><code>{} {}</code></h2><p>{}</p><p>{}</p>",
                method.to_uppercase(),
                escape(path),
                escape(text(&operation["summary"])),
                escape(text(&operation["description"])),
            );
            parameters(&mut html, operation);
            for (_, content) in operation["requestBody"]["content"]
                .as_object()
                .into_iter()
                .flatten()
            {
                schema(&mut html, api, "Body", &content["schema"]);
            }
            for (status, response) in operation["responses"].as_object().into_iter().flatten() {
                let content = &response["content"]["application/json"]["schema"];
                if status.starts_with('2') {
                    schema(&mut html, api, &format!("Answer {status}"), content);
                }
            }
            html.push_str("</section>");
        }
    }
    html
}

fn parameters(html: &mut String, operation: &Value) {
    let Some(parameters) = operation["parameters"].as_array() else {
        return;
    };
    html.push_str("<table>");
    for parameter in parameters {
        let _ = write!(
            html,
            "<tr><td><code>{}</code><td>{}",
            escape(text(&parameter["name"])),
            escape(text(&parameter["description"]))
        );
    }
    html.push_str("</table>");
}

fn schema(html: &mut String, api: &Value, title: &str, schema: &Value) {
    let name = text(&schema["$ref"]).rsplit('/').next().unwrap_or_default();
    let Some(properties) = api["components"]["schemas"][name]["properties"].as_object() else {
        return;
    };
    let _ = write!(html, "<h3>{}</h3><table>", escape(title));
    for (field, property) in properties {
        let _ = write!(
            html,
            "<tr><td><code>{}</code><td>{}",
            escape(field),
            escape(text(&property["description"]))
        );
    }
    html.push_str("</table>");
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
