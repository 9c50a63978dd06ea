use std::sync::Arc;

use async_trait::async_trait;
use bartizan_base::{Code, Error, Result};
use bartizan_device::{
    Activation, Driver, Endpoint, Family, FamilyId, Identity, Login, Recognised, SearchScope, Sighting,
};
use bartizan_http::{Client, HttpError, Options, Recorder, Request, Response, xml::Element};
use tokio::sync::mpsc;

use crate::{
    IsapiError, activation, channels,
    device::Device,
    error::ResponseStatus,
    login::{USER_CHECK, UserCheck, Warnings},
    sadp,
};

/// The family's word.
pub const FAMILY: FamilyId = FamilyId("isapi");
const DEVICE_INFO: &str = "/ISAPI/System/deviceInfo";
/// Resources that only these devices have, asked for without a login.
const PROBES: [&str; 2] = [activation::STATUS, DEVICE_INFO];
/// Beginnings of Digest realms, lower case, by which these devices show themselves: `IP Camera(51253)`,
/// `DVRNVRDVS`, a model.
const REALMS: &[&str] =
    &["ip camera(", "dvrnvrdvs", "ds-", "ids-", "embedded net dvr", "hikvision", "network camera("];

/// The ISAPI family. One instance serves all devices: it remembers which accounts have one try left.
pub struct Isapi {
    warnings: Warnings,
    inquiry_port: u16,
    recorder: Option<Arc<dyn Recorder>>,
}

impl Default for Isapi {
    fn default() -> Self {
        Self { warnings: Warnings::default(), inquiry_port: sadp::INQUIRY_PORT, recorder: None }
    }
}

impl Isapi {
    /// A family without memories.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks on another port than [`sadp::INQUIRY_PORT`](crate::INQUIRY_PORT): for simulated devices.
    #[must_use]
    pub fn with_inquiry_port(mut self, port: u16) -> Self {
        self.inquiry_port = port;
        self
    }

    /// Takes a transcript of recognising and of all that follows a login; first passwords are left out.
    #[must_use]
    pub fn with_recorder(mut self, recorder: Arc<dyn Recorder>) -> Self {
        self.recorder = Some(recorder);
        self
    }

    async fn dial(&self, endpoint: &Endpoint, login: &Login) -> Result<Client, HttpError> {
        let options = Options { recorder: self.recorder.clone(), ..Options::default() };
        Client::dial_with(endpoint, login, options).await
    }

    /// What the device tells about an account before any password is sent.
    async fn ask_first(&self, client: &Client, user: &str) -> Result<(), HttpError> {
        let response = client.send(Request::get(USER_CHECK).without_login()).await?;
        if let Some(check) = UserCheck::parse(&response.body) {
            // Only warnings count here: without a login it may say the full number whatever this account has left.
            if check.locked || matches!(check.tries_left, Some(0 | 1)) {
                self.warnings.learn(&client.peer(), user, &check);
            }
        }
        Ok(())
    }

    async fn log_in(&self, client: &Client, login: &Login) -> Result<Vec<String>> {
        let peer = client.peer();
        let user = login.credentials.as_ref().map_or("", |credentials| credentials.user.as_str());
        if !user.is_empty() {
            self.warnings.check(&peer, user, login.spend_last_try)?;
            self.ask_first(client, user).await?;
            self.warnings.check(&peer, user, login.spend_last_try)?;
        }
        match client.send(Request::get(USER_CHECK)).await {
            Ok(response) => self.judge(&peer, user, &response),
            Err(HttpError::Refused { at, body }) => {
                let check = UserCheck::parse(&body).unwrap_or_default();
                self.warnings.learn(&peer, user, &check);
                Err(check.refusal(HttpError::Refused { at, body }.to_string()))
            }
            Err(HttpError::PasswordNeeded { at, body }) => {
                let error = HttpError::PasswordNeeded { at, body: body.clone() };
                Err(match ResponseStatus::of_body(401, &body) {
                    Some(status) if status.meaning() == Code::NotActivated => {
                        Error::new(Code::NotActivated, error.to_string())
                    }
                    _ => error.into(),
                })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// An answer to `userCheck` that is not a 401.
    fn judge(&self, peer: &str, user: &str, response: &Response) -> Result<Vec<String>> {
        let mut odd = Vec::new();
        let refusal = || crate::link::refusal(format!("GET {USER_CHECK} at {peer}"), response);
        if let Some(check) = UserCheck::parse(&response.body) {
            if check.activated == Some(false) {
                return Err(Error::new(Code::NotActivated, format!("{peer} has no password yet")));
            }
            // Some firmware says so in the body of a 200.
            if !check.ok && (check.locked || check.tries_left.is_some()) {
                self.warnings.learn(peer, user, &check);
                return Err(check.refusal(refusal().to_string()));
            }
            if check.weak_password {
                odd.push("the device calls this password weak or the factory's own".to_owned());
            }
            self.warnings.forget(peer, user);
        } else if !response.is_success() {
            // Old firmware has no such resource; the next request is the login then.
            let error = refusal();
            match error.code() {
                Code::NotOffered | Code::Protocol => odd.push(format!("refused: {error}")),
                _ => return Err(error.into()),
            }
        }
        Ok(odd)
    }
}

#[async_trait]
impl Family for Isapi {
    fn id(&self) -> FamilyId {
        FAMILY
    }

    async fn recognise(&self, endpoint: &Endpoint) -> Result<Option<Recognised>> {
        let client = self.dial(endpoint, &Login::default()).await?;
        let mut recognised: Option<Recognised> = None;
        for path in PROBES {
            let response = match client.send(Request::get(path).without_login()).await {
                Ok(response) => response,
                Err(error @ HttpError::CertificateChanged { .. }) => return Err(error.into()),
                Err(error) if recognised.is_none() && path == PROBES[0] && ends_search(&error) => {
                    return Err(error.into());
                }
                Err(_) => continue,
            };
            let Some(evidence) = evidence(path, &response) else { continue };
            let (activated, identity) = (told_activation(path, &response), told_identity(path, &response));
            match &mut recognised {
                None => {
                    recognised = Some(Recognised {
                        family: FAMILY,
                        evidence,
                        activated,
                        https: client.base().scheme() == "https",
                        certificate: client.certificate(),
                        identity: identity.unwrap_or_default(),
                    });
                }
                Some(known) => {
                    known.evidence = format!("{}; {evidence}", known.evidence);
                    known.activated = known.activated.or(activated);
                    if let Some(identity) = identity {
                        known.identity = identity;
                    }
                }
            }
        }
        Ok(recognised)
    }

    async fn connect(&self, endpoint: &Endpoint, login: &Login) -> Result<Arc<dyn Driver>> {
        let client = self.dial(endpoint, login).await?;
        let odd = self.log_in(&client, login).await?;
        match Device::open(client.clone()).await {
            Ok(device) => {
                odd.iter().for_each(|oddity| device.note(oddity));
                Ok(Arc::new(device))
            }
            Err(IsapiError::Http(HttpError::Refused { at, body })) => {
                let check = UserCheck::parse(&body).unwrap_or_default();
                let user = login.credentials.as_ref().map_or("", |credentials| credentials.user.as_str());
                self.warnings.learn(&client.peer(), user, &check);
                Err(check.refusal(HttpError::Refused { at, body }.to_string()))
            }
            Err(error @ (IsapiError::Unreadable { .. } | IsapiError::Unexpected { .. })) => {
                Err(Error::new(Code::NotADevice, error.to_string()))
            }
            Err(IsapiError::Refused { what, status }) if status.http == 404 => {
                Err(Error::new(Code::NotADevice, format!("{what}: {status}")))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn activate(&self, endpoint: &Endpoint, given: &Activation) -> Result<()> {
        activation::check_password(&given.password)?;
        let client = Client::dial(endpoint, &Login::default()).await?;
        let key = tokio::task::spawn_blocking(activation::new_key)
            .await
            .map_err(|e| Error::new(Code::Internal, e.to_string()))??;
        activation::activate(client, &given.password, &key).await
    }

    async fn discover(&self, scope: &SearchScope, found: mpsc::Sender<Sighting>) -> Result<()> {
        sadp::discover(scope, self.inquiry_port, found).await
    }
}

/// Nothing else will be reached there either.
fn ends_search(error: &HttpError) -> bool {
    matches!(error, HttpError::HostUnknown { .. } | HttpError::Unreachable { .. } | HttpError::Timeout { .. })
}

/// What in an answer shows this family; `None` when nothing does.
fn evidence(path: &str, response: &Response) -> Option<String> {
    let said = |what: &str| Some(format!("GET {path} answers {}: {what}", response.status));
    let root = Element::parse(&response.body).ok();
    if path == activation::STATUS {
        let state = activation::status(&response.body).filter(|_| response.is_success())?;
        return said(if state { "activated" } else { "not activated" });
    }
    if let Some(root) = &root {
        if root.name == "DeviceInfo" && root.child("model").or(root.child("deviceName")).is_some() {
            return said("DeviceInfo");
        }
        let ours = root.attribute("xmlns").is_some_and(|xmlns| {
            ["hikvision.com", "isapi.org", "psialliance"].iter().any(|owner| xmlns.contains(owner))
        });
        if root.name == "ResponseStatus" && (ours || root.child("subStatusCode").is_some()) {
            return said("ResponseStatus");
        }
        if root.name == "userCheck" {
            return said("userCheck");
        }
    }
    if response.status == 401 {
        let challenges: Vec<&str> = response.header_all("www-authenticate").collect();
        let realm = challenges.iter().find_map(|challenge| {
            let at = challenge.find("realm=\"")? + 7;
            let realm = &challenge[at..at + challenge[at..].find('"')?];
            let lower = realm.to_ascii_lowercase();
            REALMS.iter().any(|start| lower.starts_with(start)).then_some(realm)
        });
        if let Some(realm) = realm {
            return said(&format!("realm {realm:?}"));
        }
    }
    None
}

fn told_activation(path: &str, response: &Response) -> Option<bool> {
    if path == activation::STATUS {
        return activation::status(&response.body);
    }
    let status = ResponseStatus::of_body(response.status, &response.body)?;
    (status.meaning() == Code::NotActivated).then_some(false)
}

fn told_identity(path: &str, response: &Response) -> Option<Identity> {
    if path != DEVICE_INFO || !response.is_success() {
        return None;
    }
    Element::parse(&response.body)
        .ok()
        .filter(|root| root.name == "DeviceInfo")
        .map(|root| channels::identity(&root))
}
