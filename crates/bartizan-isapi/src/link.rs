//! Requests and answers: XML in, XML out, the device's refusals sorted.

use std::sync::{Mutex, PoisonError};

use bartizan_http::{Client, Request, Response, xml::Element};

use crate::{IsapiError, error::ResponseStatus};

/// Most oddities kept; a device that is odd in more ways than this has said enough.
const MAX_ODDITIES: usize = 100;

/// A logged-in client that speaks XML and remembers what was odd.
#[derive(Debug)]
pub(crate) struct Link {
    client: Client,
    oddities: Mutex<Vec<String>>,
}

impl Link {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, oddities: Mutex::default() }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Adds an oddity once.
    pub(crate) fn note(&self, oddity: impl Into<String>) {
        let oddity = oddity.into();
        let mut oddities = self.oddities.lock().unwrap_or_else(PoisonError::into_inner);
        if oddities.len() < MAX_ODDITIES && !oddities.contains(&oddity) {
            oddities.push(oddity);
        }
    }

    pub(crate) fn oddities(&self) -> Vec<String> {
        let mut all = self.client.oddities();
        all.extend(self.oddities.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned());
        all
    }

    /// Reads a document.
    pub(crate) async fn get(&self, path: &str) -> Result<Element, IsapiError> {
        self.exchange(Request::get(path)).await
    }

    /// Reads a document that many devices do not have; what they say then is kept as an oddity.
    pub(crate) async fn get_optional(&self, path: &str) -> Result<Option<Element>, IsapiError> {
        match self.get(path).await {
            Ok(root) => Ok(Some(root)),
            Err(error) if error.is_absence() => {
                self.note(format!("refused: {error}"));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Writes a document, or calls a resource that takes none.
    pub(crate) async fn put(&self, path: &str, body: Option<&Element>) -> Result<(), IsapiError> {
        let request = match body {
            Some(body) => Request::put(path, body.to_xml()).content_type("application/xml"),
            None => Request::put(path, ""),
        };
        self.write(request).await
    }

    /// Removes a resource.
    pub(crate) async fn delete(&self, path: &str) -> Result<(), IsapiError> {
        self.write(Request::delete(path)).await
    }

    /// Sends a change; an empty success is a success.
    pub(crate) async fn write(&self, request: Request) -> Result<(), IsapiError> {
        let what = self.what(&request);
        let response = self.client.send(request).await?;
        if let Some(status) = said(&response) {
            if status.wants_reboot() {
                self.note(format!("{what}: works after a restart of the device"));
                return Ok(());
            }
            if !status.is_ok() {
                return Err(IsapiError::Refused { what, status });
            }
            return Ok(());
        }
        if response.is_success() { Ok(()) } else { Err(refusal(what, &response)) }
    }

    pub(crate) async fn exchange(&self, request: Request) -> Result<Element, IsapiError> {
        let what = self.what(&request);
        let response = self.client.send(request).await?;
        read(what, &response)
    }

    /// Method, path and peer, for errors.
    pub(crate) fn what(&self, request: &Request) -> String {
        let path = bartizan_http::shown_path(&request.path);
        format!("{} {path} at {}", request.method.as_str(), self.client.peer())
    }
}

/// The document of a response, or the refusal it is.
pub(crate) fn read(what: String, response: &Response) -> Result<Element, IsapiError> {
    if !response.is_success() {
        return Err(refusal(what, response));
    }
    let root = Element::parse(&response.body)
        .map_err(|reason| IsapiError::Unreadable { what: what.clone(), reason })?;
    match ResponseStatus::of(response.status, &root).filter(|_| root.name == "ResponseStatus") {
        Some(status) if !status.is_ok() => Err(IsapiError::Refused { what, status }),
        _ => Ok(root),
    }
}

/// The device's own words about a request, in XML or JSON.
fn said(response: &Response) -> Option<ResponseStatus> {
    let body = response.body.trim_ascii_start();
    if body.starts_with(b"{") {
        let value: serde_json::Value = serde_json::from_slice(body).ok()?;
        let text = |key: &str| value.get(key).and_then(|v| v.as_str()).unwrap_or("").to_owned();
        let words =
            Some(text("errorMsg")).filter(|words| !words.is_empty()).unwrap_or_else(|| text("statusString"));
        let code = value.get("statusCode")?.as_u64()?;
        return Some(ResponseStatus {
            http: response.status,
            code: u32::try_from(code).ok(),
            sub: text("subStatusCode"),
            words,
        });
    }
    ResponseStatus::of(response.status, &Element::parse(body).ok()?)
}

pub(crate) fn refusal(what: String, response: &Response) -> IsapiError {
    let status =
        said(response).unwrap_or(ResponseStatus { http: response.status, ..ResponseStatus::default() });
    IsapiError::Refused { what, status }
}
