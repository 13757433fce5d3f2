//! The bucket that recordings are uploaded to, on any S3 server.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use object_store::CredentialProvider;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, AwsCredential};
use object_store::path::Path as Key;
use object_store::signer::{HeaderName, HeaderValue, Method, SignedUrlOptions, Signer};
use object_store::{
    Attribute, Attributes, Error, ObjectStore, ObjectStoreExt, PutMultipartOptions, PutOptions,
    RetryConfig,
};
use sha2::{Digest as _, Sha256};
use tokio::fs::File;
use tokio::io::AsyncReadExt;

use sidetone_config::recording::{Bucket, BucketKey};
use sidetone_config::secret::Secret;

/// Files up to this size are uploaded in one request, larger ones in parts of this size. S3's minimum is 5 MiB.
const PART: usize = 8 * 1024 * 1024;
/// How long one request is retried before the spool's own, more patient retries take over.
const RETRY: Duration = Duration::from_secs(20);
const REQUEST_DEADLINE: Duration = Duration::from_secs(60);
/// More of an answer about CORS rules is not read: a bucket has at most a hundred rules.
const ANSWER_LIMIT: usize = 1024 * 1024;

/// Why a request to the bucket failed.
#[derive(Debug, thiserror::Error)]
#[error("bucket {bucket}: {reason}; {fix}")]
pub struct BucketError {
    bucket: String,
    /// The message of the server or of the connection.
    pub reason: String,
    /// How to fix it.
    pub fix: &'static str,
}

/// Reads the current key: it may change while the process runs.
#[derive(Debug)]
struct Credentials {
    id: Secret,
    secret: Secret,
    session_token: Option<Secret>,
}

#[async_trait]
impl CredentialProvider for Credentials {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        Ok(Arc::new(AwsCredential {
            key_id: self.id.expose().to_string(),
            secret_key: self.secret.expose().to_string(),
            token: (self.session_token.as_ref()).map(|token| token.expose().to_string()),
        }))
    }
}

/// A client of one bucket.
#[derive(Debug)]
pub struct S3 {
    bucket: Bucket,
    client: AmazonS3,
}

impl S3 {
    /// Creates a client without contacting the server.
    ///
    /// # Errors
    /// If the endpoint is not a valid address.
    pub fn new(bucket: &Bucket) -> Result<Self, BucketError> {
        let retry = RetryConfig {
            retry_timeout: RETRY,
            ..RetryConfig::default()
        };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&bucket.name)
            .with_region(&bucket.region)
            .with_virtual_hosted_style_request(!bucket.path_style)
            .with_client_options(object_store::ClientOptions::new().with_timeout(REQUEST_DEADLINE))
            .with_retry(retry);
        builder = match bucket.key.clone() {
            BucketKey::Own {
                id,
                secret,
                session_token,
            } => builder.with_credentials(Arc::new(Credentials {
                id,
                secret,
                session_token,
            })),
            BucketKey::Role(told) => told.into_iter().fold(builder, at),
        };
        if let Some(endpoint) = &bucket.endpoint {
            let endpoint = match endpoint.split_once("://") {
                Some((scheme, host)) if !bucket.path_style => {
                    format!("{scheme}://{}.{host}", bucket.name)
                }
                _ => endpoint.clone(),
            };
            builder = builder
                .with_allow_http(endpoint.starts_with("http://"))
                .with_endpoint(endpoint);
        }
        let client = builder.build().map_err(|error| told(bucket, &error))?;
        Ok(Self {
            bucket: bucket.clone(),
            client,
        })
    }

    /// The URL of an object.
    pub fn url(&self, key: &str) -> String {
        self.bucket.url(key)
    }

    /// Uploads a file, replacing an existing object under `key`. A partial file is never visible.
    ///
    /// # Errors
    /// If the file cannot be read, or the bucket does not accept it.
    pub async fn upload(&self, key: &str, path: &Path) -> Result<(), BucketError> {
        let unreadable = |error: std::io::Error| BucketError {
            bucket: self.bucket.name.clone(),
            reason: format!("{} cannot be read: {error}", path.display()),
            fix: "check the data folder",
        };
        let mut file = File::open(path).await.map_err(unreadable)?;
        let mut part = read_part(&mut file).await.map_err(unreadable)?;
        let attributes = Attributes::from_iter([(Attribute::ContentType, "audio/ogg")]);
        let key = Key::from(key);
        let told = |error: Error| told(&self.bucket, &error);
        if part.len() < PART {
            let options = PutOptions::from(attributes);
            let put = self.client.put_opts(&key, part.into(), options).await;
            return put.map(|_| ()).map_err(told);
        }
        let options = PutMultipartOptions::from(attributes);
        let upload = self.client.put_multipart_opts(&key, options).await;
        let mut upload = upload.map_err(told)?;
        while !part.is_empty() {
            let sent = upload.put_part(part.into()).await.map_err(told);
            let next = match sent {
                Ok(()) => read_part(&mut file).await.map_err(unreadable),
                Err(error) => Err(error),
            };
            part = match next {
                Ok(part) => part,
                Err(error) => {
                    // Abandoned parts cost money; a lifecycle rule of the bucket may also remove them.
                    let _ = upload.abort().await;
                    return Err(error);
                }
            };
        }
        upload.complete().await.map(|_| ()).map_err(told)
    }

    /// Deletes an object; a missing one is not an error.
    ///
    /// # Errors
    /// If the bucket did not delete it.
    pub async fn delete(&self, key: &str) -> Result<(), BucketError> {
        match self.client.delete(&Key::from(key)).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(told(&self.bucket, &error)),
        }
    }

    /// A temporary URL by which anybody can download the object, as a file of this name.
    ///
    /// # Errors
    /// If it could not be signed.
    pub async fn link(
        &self,
        key: &str,
        file_name: &str,
        valid: Duration,
    ) -> Result<String, BucketError> {
        let disposition = format!("inline; filename=\"{file_name}\"");
        let options =
            SignedUrlOptions::new().with_query([("response-content-disposition", disposition)]);
        let get = Method::GET;
        let key = Key::from(key);
        let signed = self.client.signed_url_opts(get, &key, valid, &options);
        let url = signed.await.map_err(|error| told(&self.bucket, &error))?;
        Ok(url.into())
    }

    /// Origins whose pages may read the bucket's objects, according to its CORS rules; `*` is any.
    ///
    /// # Errors
    /// If the bucket did not return its rules.
    pub async fn cors_origins(&self) -> Result<Vec<String>, BucketError> {
        Ok(allowed_origins(&self.cors_rules().await?))
    }

    /// Lets the pages of these origins read the bucket's objects. Existing rules are kept.
    ///
    /// # Errors
    /// If the bucket did not accept the change.
    pub async fn allow_origins(&self, origins: &[String]) -> Result<(), BucketError> {
        let rules = self.cors_rules().await?;
        let origins = origins
            .iter()
            .map(|origin| format!("<AllowedOrigin>{}</AllowedOrigin>", escape(origin)));
        let rule = format!(
            "<CORSRule>{}<AllowedMethod>GET</AllowedMethod><AllowedMethod>HEAD</AllowedMethod>\
             <AllowedHeader>*</AllowedHeader><ExposeHeader>Content-Range</ExposeHeader>\
             <MaxAgeSeconds>3600</MaxAgeSeconds></CORSRule>",
            origins.collect::<String>()
        );
        let body = format!(
            "<CORSConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{rules}{rule}\
             </CORSConfiguration>"
        );
        let (status, answer) = self.cors_request(Method::PUT, body).await?;
        match status {
            200 | 204 => Ok(()),
            _ => Err(self.refused(status, &answer)),
        }
    }

    /// The rules as XML; empty if there are none.
    async fn cors_rules(&self) -> Result<String, BucketError> {
        let (status, answer) = self.cors_request(Method::GET, String::new()).await?;
        match status {
            200 => {
                let from = answer.find("<CORSRule").unwrap_or(answer.len());
                let to = answer.rfind("</CORSConfiguration>").unwrap_or(from);
                Ok(answer.get(from..to).unwrap_or_default().to_owned())
            }
            404 if answer.contains("NoSuchCORSConfiguration") => Ok(String::new()),
            _ => Err(self.refused(status, &answer)),
        }
    }

    /// The library handles objects only, so it signs and we send this request.
    async fn cors_request(
        &self,
        method: Method,
        body: String,
    ) -> Result<(u16, String), BucketError> {
        let mut options = SignedUrlOptions::new().with_query([("cors", "")]);
        // S3 requires a checksum with a configuration.
        let sum = STANDARD.encode(Sha256::digest(body.as_bytes()));
        let sum = HeaderValue::from_str(&sum).expect("base64 is plain text");
        let name = HeaderName::from_static("x-amz-checksum-sha256");
        let is_put = method == Method::PUT;
        if is_put {
            options = options.with_signed_header(name.clone(), sum.clone());
        }
        let nothing = Key::from("");
        let signed =
            self.client
                .signed_url_opts(method.clone(), &nothing, REQUEST_DEADLINE, &options);
        let url = signed.await.map_err(|error| told(&self.bucket, &error))?;
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| BucketError {
                bucket: self.bucket.name.clone(),
                reason: error.to_string(),
                fix: "check this machine's certificates",
            })?;
        let mut request = http.request(method, String::from(url)).timeout(RETRY);
        if is_put {
            request = request.header(name, sum).body(body);
        }
        let unreachable = |error: reqwest::Error| BucketError {
            bucket: self.bucket.name.clone(),
            reason: error.without_url().to_string(),
            fix: "check LIVEKIT_RECORDING_ENDPOINT",
        };
        let mut answer = request.send().await.map_err(unreachable)?;
        let mut rules = Vec::new();
        while rules.len() < ANSWER_LIMIT
            && let Some(piece) = answer.chunk().await.map_err(unreachable)?
        {
            rules.extend_from_slice(&piece);
        }
        let rules = String::from_utf8_lossy(&rules).into_owned();
        Ok((answer.status().as_u16(), rules))
    }

    fn refused(&self, status: u16, answer: &str) -> BucketError {
        let code = between(answer, "<Code>", "</Code>").next();
        BucketError {
            bucket: self.bucket.name.clone(),
            reason: format!("its CORS rules: HTTP {status} {}", code.unwrap_or_default()),
            fix: "the key needs s3:GetBucketCORS and s3:PutBucketCORS",
        }
    }

    /// Writes an object, reads it and deletes it.
    ///
    /// # Errors
    /// The first failure.
    pub async fn try_out(&self, key: &str) -> Result<(), BucketError> {
        let told = |error: Error| told(&self.bucket, &error);
        let key = Key::from(key);
        let text = Bytes::from_static(b"sidetone check");
        self.client
            .put(&key, text.clone().into())
            .await
            .map_err(told)?;
        let got = self.client.get(&key).await.map_err(told)?;
        let read = got.bytes().await.map_err(told)?;
        self.client.delete(&key).await.map_err(told)?;
        if read == text {
            return Ok(());
        }
        Err(BucketError {
            bucket: self.bucket.name.clone(),
            reason: "the object that was read differs from the one that was written".into(),
            fix: "check what answers at LIVEKIT_RECORDING_ENDPOINT",
        })
    }
}

/// Sets where a role's credentials come from, by a variable.
fn at(builder: AmazonS3Builder, (name, value): (&str, String)) -> AmazonS3Builder {
    let key = match name {
        "AWS_WEB_IDENTITY_TOKEN_FILE" => AmazonS3ConfigKey::WebIdentityTokenFile,
        "AWS_ROLE_ARN" => AmazonS3ConfigKey::RoleArn,
        "AWS_ROLE_SESSION_NAME" => AmazonS3ConfigKey::RoleSessionName,
        "AWS_ENDPOINT_URL_STS" => AmazonS3ConfigKey::StsEndpoint,
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" => {
            AmazonS3ConfigKey::ContainerCredentialsRelativeUri
        }
        "AWS_CONTAINER_CREDENTIALS_FULL_URI" => AmazonS3ConfigKey::ContainerCredentialsFullUri,
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE" => {
            AmazonS3ConfigKey::ContainerAuthorizationTokenFile
        }
        "AWS_EC2_METADATA_SERVICE_ENDPOINT" => AmazonS3ConfigKey::MetadataEndpoint,
        _ => return builder,
    };
    builder.with_config(key, value)
}

/// Origins of the rules that allow reading.
fn allowed_origins(rules: &str) -> Vec<String> {
    between(rules, "<CORSRule", "</CORSRule>")
        .filter(|rule| rule.contains("<AllowedMethod>GET</AllowedMethod>"))
        .flat_map(|rule| between(rule, "<AllowedOrigin>", "</AllowedOrigin>"))
        .map(|origin| origin.replace("&amp;", "&"))
        .collect()
}

/// The text between each pair of marks.
fn between<'a>(text: &'a str, from: &'a str, to: &'a str) -> impl Iterator<Item = &'a str> {
    let parts = text.split(from).skip(1);
    parts.filter_map(move |part| part.split(to).next())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

async fn read_part(file: &mut File) -> std::io::Result<Vec<u8>> {
    let mut part = Vec::new();
    file.take(PART as u64).read_to_end(&mut part).await?;
    Ok(part)
}

/// Requests for a role's credentials.
const ROLES: [&str; 3] = ["/latest/api/token", "/latest/meta-data", "AssumeRole"];

fn told(bucket: &Bucket, error: &Error) -> BucketError {
    let mut reason = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let text = cause.to_string();
        if !reason.contains(&text) {
            reason = format!("{reason}: {text}");
        }
        source = cause.source();
    }
    let fix = if reason.contains("SignatureDoesNotMatch") {
        "AWS_SECRET_ACCESS_KEY does not belong to AWS_ACCESS_KEY_ID"
    } else if reason.contains("InvalidAccessKeyId") || reason.contains("UserNotFound") {
        "the server does not know AWS_ACCESS_KEY_ID"
    } else if reason.contains("ExpiredToken") || reason.contains("InvalidToken") {
        "AWS_SESSION_TOKEN has expired, or belongs to another key: set all three again"
    } else if matches!(&bucket.key, BucketKey::Role(_)) && reason.contains("credential")
        || ROLES.iter().any(|asked| reason.contains(asked))
    {
        "this machine's role has no key: give it a role that may use the bucket, or set \
         AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    } else if reason.contains("NoSuchBucket") {
        "LIVEKIT_RECORDING_BUCKET names no bucket there: create it, or correct the name"
    } else if reason.contains("AuthorizationHeaderMalformed")
        || reason.contains("PermanentRedirect")
        || reason.contains("wrong region")
    {
        "LIVEKIT_RECORDING_REGION is not the bucket's region"
    } else if matches!(
        error,
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. }
    ) {
        "the key needs s3:PutObject, s3:GetObject and s3:DeleteObject on this bucket"
    } else {
        "check LIVEKIT_RECORDING_ENDPOINT and LIVEKIT_RECORDING_REGION, and that this machine may \
         reach the server"
    };
    BucketError {
        bucket: bucket.name.clone(),
        reason,
        fix,
    }
}
