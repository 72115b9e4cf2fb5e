//! The HTTP client that fetches an external provider's public keys, with limits of time and size.

use std::time::Duration;

use reqwest::{Client, StatusCode, redirect};

use crate::error::ErrorChain;

/// The maximum duration of one fetch.
const FETCH_TIMEOUT: Duration = Duration::from_secs(5);

const MAX_JWKS_BYTES: usize = 256 * 1024;

/// Fetches the JWK set at one URL.
pub(super) struct JwksFetcher {
    client: Client,
    url: String,
}

/// The reason why a fetch failed, for the log.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("{}", ErrorChain(.0))]
    Http(#[from] reqwest::Error),
    #[error("the response status is {0}")]
    Status(StatusCode),
    #[error("the response has more than {MAX_JWKS_BYTES} bytes")]
    TooLarge,
}

impl JwksFetcher {
    /// # Errors
    /// If the TLS library cannot be initialized.
    pub(super) fn new(url: &http::Uri) -> Result<Self, FetchError> {
        let client = Client::builder()
            .timeout(FETCH_TIMEOUT)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .build()?;
        let url = url.to_string();
        Ok(Self { client, url })
    }

    pub(super) async fn fetch(&self) -> Result<Vec<u8>, FetchError> {
        let mut response = self.client.get(&self.url).send().await?;
        if response.status() != StatusCode::OK {
            return Err(FetchError::Status(response.status()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len() + chunk.len() > MAX_JWKS_BYTES {
                return Err(FetchError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}
