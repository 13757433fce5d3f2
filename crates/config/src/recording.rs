//! Which calls are recorded, and where recordings are stored.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::secret::{self, Secret};
use super::variable::{BadVariable, Variables};

/// How a call is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RecordingMode {
    /// Not at all.
    Off,
    /// By the process that holds the call.
    Process,
    /// By LiveKit's Egress; by the process that holds the call until Egress records, or if it cannot.
    Egress,
}

impl RecordingMode {
    /// The word in files and requests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Process => "process",
            Self::Egress => "egress",
        }
    }
}

impl fmt::Display for RecordingMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RecordingMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        [Self::Off, Self::Process, Self::Egress]
            .into_iter()
            .find(|mode| mode.as_str() == text)
            .ok_or_else(|| format!("\"{text}\" is not one of off, process, egress"))
    }
}

/// A bucket on an S3 server, and our credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// Its region, such as `eu-central-1`.
    pub region: String,
    /// Our credentials for the server.
    pub key: BucketKey,
    /// `https://…` of a server other than Amazon's, without the bucket.
    pub endpoint: Option<String>,
    /// Whether the bucket's name is in the path of URLs, not in the host.
    pub path_style: bool,
}

/// Credentials for a bucket's server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BucketKey {
    /// A given key.
    Own {
        /// `AWS_ACCESS_KEY_ID`.
        id: Secret,
        /// `AWS_SECRET_ACCESS_KEY`.
        secret: Secret,
        /// `AWS_SESSION_TOKEN`, for a key that expires after some hours.
        session_token: Option<Secret>,
    },
    /// The role of this machine, container or pod, whose keys are requested when they are needed. The `AWS_…`
    /// variables, here with their values, say where; if there are none, from the machine itself (IMDSv2).
    Role(Vec<(&'static str, String)>),
}

/// Variables that say where a role's keys come from: EKS's web identity, the agents of ECS and of EKS Pod Identity, or
/// the machine.
const ROLE: [&str; 8] = [
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_ENDPOINT_URL_STS",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    METADATA,
];
/// The address of the machine's metadata service, if it is not Amazon's own.
const METADATA: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";

impl Bucket {
    /// The URL of an object; only holders of a key or of a presigned URL can fetch it.
    pub fn url(&self, key: &str) -> String {
        let endpoint = match &self.endpoint {
            Some(endpoint) => endpoint.clone(),
            None => format!("https://s3.{}.amazonaws.com", self.region),
        };
        match endpoint.split_once("://") {
            Some((scheme, host)) if !self.path_style => {
                format!("{scheme}://{}.{host}/{key}", self.name)
            }
            _ => format!("{endpoint}/{}/{key}", self.name),
        }
    }
}

/// Where recordings are stored, and by default how calls are recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordingEnv {
    /// `None` if they stay in the data folder.
    pub bucket: Option<Bucket>,
    /// How many bytes recordings may take in the data folder; when they are used up, no new recording begins.
    pub spool_limit: u64,
    /// The mode if neither the agent's file nor the call says: to record if there is a bucket.
    pub default_mode: RecordingMode,
}

/// Ten gigabytes: 500 hours.
const SPOOL_LIMIT: u64 = 10_000_000_000;

impl RecordingEnv {
    /// Reads `LIVEKIT_RECORDING_…` and `AWS_…`.
    ///
    /// # Errors
    /// A bucket with half a key, or a value that cannot be used.
    pub(super) fn read(variables: &Variables<'_>) -> Result<Self, BadVariable> {
        let var = |name: &str| variables.text(name);
        let bad = |name, value: &str, fix: &str| BadVariable {
            name,
            value: value.to_owned(),
            fix: fix.to_owned(),
        };
        let spool_limit = match var("SIDETONE_RECORDING_SPOOL_LIMIT") {
            None => SPOOL_LIMIT,
            Some(value) => bytes(&value).ok_or_else(|| {
                let fix = "write a size, such as 500MB or 20GB";
                bad("SIDETONE_RECORDING_SPOOL_LIMIT", &value, fix)
            })?,
        };
        let mode = var("LIVEKIT_RECORDING_MODE").map(|value| match value.parse() {
            Ok(mode) => Ok((mode, value)),
            Err(_) => Err(bad(
                "LIVEKIT_RECORDING_MODE",
                &value,
                "write off, process or egress",
            )),
        });
        let mode = mode.transpose()?;
        let Some(name) = var("LIVEKIT_RECORDING_BUCKET") else {
            if let Some((RecordingMode::Egress, value)) = &mode {
                let fix = "set LIVEKIT_RECORDING_BUCKET too: Egress uploads there";
                return Err(bad("LIVEKIT_RECORDING_MODE", value, fix));
            }
            return Ok(Self {
                bucket: None,
                spool_limit,
                default_mode: mode.map_or(RecordingMode::Off, |(mode, _)| mode),
            });
        };
        let endpoint = var("LIVEKIT_RECORDING_ENDPOINT");
        if let Some(endpoint) = &endpoint
            && !endpoint.starts_with("https://")
            && !endpoint.starts_with("http://")
        {
            let fix = "write the S3 server's address, such as https://s3.example.com";
            return Err(bad("LIVEKIT_RECORDING_ENDPOINT", endpoint, fix));
        }
        let path_style = match var("LIVEKIT_RECORDING_PATH_STYLE") {
            // Other S3 servers have no DNS names for their buckets.
            None => endpoint.is_some(),
            Some(value) => value.parse().map_err(|_| {
                let fix = "write true or false";
                bad("LIVEKIT_RECORDING_PATH_STYLE", &value, fix)
            })?,
        };
        let region = match (var("LIVEKIT_RECORDING_REGION"), &endpoint) {
            (Some(region), _) => region,
            // Other servers accept this region.
            (None, Some(_)) => "us-east-1".to_owned(),
            (None, None) => {
                let fix = "set it to the bucket's region, such as us-east-1";
                return Err(bad("LIVEKIT_RECORDING_REGION", "", fix));
            }
        };
        Ok(Self {
            bucket: Some(Bucket {
                name,
                region,
                key: BucketKey::read(variables, endpoint.is_some())?,
                endpoint: endpoint.map(|url| url.trim_end_matches('/').to_owned()),
                path_style,
            }),
            spool_limit,
            default_mode: mode.map_or(RecordingMode::Process, |(mode, _)| mode),
        })
    }
}

impl BucketKey {
    /// A key, or else the role; servers other than Amazon's do not provide one.
    fn read(variables: &Variables<'_>, is_elsewhere: bool) -> Result<Self, BadVariable> {
        const FIX: &str = "set it: LIVEKIT_RECORDING_BUCKET needs a key (or unset that)";
        let id = variables.secret("AWS_ACCESS_KEY_ID", secret::any)?;
        let secret = variables.secret("AWS_SECRET_ACCESS_KEY", secret::any)?;
        let session_token = variables.secret("AWS_SESSION_TOKEN", secret::any)?;
        let missing = |name| BadVariable {
            name,
            value: String::new(),
            fix: FIX.to_owned(),
        };
        match (id, secret) {
            (Some(id), Some(secret)) => Ok(Self::Own {
                id,
                secret,
                session_token,
            }),
            (Some(_), None) => Err(missing("AWS_SECRET_ACCESS_KEY")),
            (None, Some(_)) => Err(missing("AWS_ACCESS_KEY_ID")),
            (None, None) if session_token.is_some() => Err(missing("AWS_ACCESS_KEY_ID")),
            (None, None) => {
                let told = ROLE.into_iter();
                let told: Vec<_> = told
                    .filter_map(|name| Some((name, variables.text(name)?)))
                    .collect();
                if told.is_empty() && is_elsewhere {
                    return Err(missing("AWS_ACCESS_KEY_ID"));
                }
                Ok(Self::Role(told))
            }
        }
    }
}

/// Parses `500MB`, `20GB`, or plain bytes.
fn bytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let factor = match text[digits.len()..].trim() {
        "" => 1,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests;
