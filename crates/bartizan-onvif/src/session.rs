//! Calls with one login, its lock-out guard and the device's clock.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use bartizan_base::{Code, UtcMicros};
use bartizan_device::{CertificatePin, Credentials, Login};
use bartizan_http::{
    Auth, Client, HttpError, Options, Request, Response,
    xml::{Element, XmlError},
};
use tokio::time::Instant;

use crate::{
    clock::DeviceTime,
    error::{Fault, OnvifError},
    services::{DEVICE_PATH, Service, Services},
    soap::{self, Answer},
};

/// One call.
const CALL_TIMEOUT: Duration = Duration::from_secs(8);
/// A call that asks whether there is ONVIF at all.
pub(crate) const RECOGNISE_TIMEOUT: Duration = Duration::from_secs(4);
/// Longest SOAP answer, bytes: a recorder's 256 profiles are about 1 MiB.
const ANSWER_LIMIT: usize = 6 << 20;
/// The device's clock is asked again after this, where the login depends on it.
const CLOCK_AGE: Duration = Duration::from_secs(600);
/// A clock this far off, together with a refusal, is more likely the reason than the password: the device may judge by
/// another time than it tells.
const CLOCK_OFF: Duration = Duration::from_secs(3600);
/// A clock that moved this far since the login explains a refusal.
const CLOCK_MOVED: Duration = Duration::from_secs(5);
/// Oddities remembered.
const MOST_ODDITIES: usize = 100;

/// How the login is carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Not at all.
    #[default]
    Anonymous,
    /// WS-UsernameToken.
    Token,
    /// HTTP Digest.
    Http,
}

#[derive(Default)]
struct State {
    mode: Mode,
    refused: Option<OnvifError>,
    /// Operations this user may not call, and what the device said.
    forbidden: BTreeMap<(Service, &'static str), OnvifError>,
    succeeded: BTreeSet<(Service, &'static str)>,
    oddities: Vec<String>,
    synced: Option<Instant>,
}

/// One device's SOAP side.
pub(crate) struct Session {
    client: Client,
    /// For pictures over plain HTTP: a refusal there must not end SOAP.
    web: OnceLock<Client>,
    login: Login,
    options: Options,
    pin: Option<CertificatePin>,
    /// Device minus ours, microseconds.
    offset: AtomicI64,
    services: OnceLock<Services>,
    state: Mutex<State>,
}

/// An HTTP exchange with its answer read.
struct Exchanged {
    answer: Result<Answer, XmlError>,
    response: Response,
}

impl Exchanged {
    /// The HTTP layer itself refuses: no SOAP server has judged anything.
    fn is_http_refusal(&self) -> bool {
        self.response.status == 401
    }

    fn has_challenge(&self) -> bool {
        self.response.header("www-authenticate").is_some()
    }

    fn fault(&self) -> Option<&Fault> {
        match &self.answer {
            Ok(Answer::Fault(fault)) => Some(fault),
            _ => None,
        }
    }

    fn is_refusal(&self) -> bool {
        self.is_http_refusal() || self.fault().is_some_and(Fault::is_refusal)
    }
}

/// One request without a session: what recognising needs.
pub(crate) async fn ask_time(
    client: &Client,
) -> Result<(u16, Result<Answer, XmlError>, UtcMicros), HttpError> {
    let body = soap::envelope(Service::Device, "GetSystemDateAndTime", "", "");
    let request = request(DEVICE_PATH, Service::Device, "GetSystemDateAndTime", body)
        .without_login()
        .timeout(RECOGNISE_TIMEOUT);
    let response = client.send(request).await?;
    Ok((response.status, soap::read(&response.body, "GetSystemDateAndTime"), response.date))
}

fn request(path: &str, service: Service, operation: &str, body: String) -> Request {
    let action =
        format!("application/soap+xml; charset=utf-8; action=\"{}/{operation}\"", service.namespace());
    Request::post(path, body).content_type(&action).timeout(CALL_TIMEOUT).body_limit(ANSWER_LIMIT)
}

impl Session {
    /// `device_clock` is what [`ask_time`] learnt: the device's UTC and ours at that moment.
    pub(crate) fn new(
        client: Client,
        login: &Login,
        options: Options,
        pin: Option<CertificatePin>,
        device_clock: Option<(UtcMicros, UtcMicros)>,
    ) -> Self {
        let session = Self {
            client,
            web: OnceLock::new(),
            login: login.clone(),
            options,
            pin,
            offset: AtomicI64::new(0),
            services: OnceLock::new(),
            state: Mutex::default(),
        };
        if let Some((device, ours)) = device_clock {
            session.set_offset(device, ours);
        }
        session
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn note(&self, oddity: String) {
        let mut state = self.state();
        if state.oddities.len() < MOST_ODDITIES && !state.oddities.contains(&oddity) {
            tracing::debug!(peer = %self.client.peer(), oddity);
            state.oddities.push(oddity);
        }
    }

    pub(crate) fn oddities(&self) -> Vec<String> {
        let mut all = self.client.oddities();
        all.extend(self.state().oddities.iter().cloned());
        all
    }

    pub(crate) fn services(&self) -> &Services {
        static NONE: OnceLock<Services> = OnceLock::new();
        self.services.get().unwrap_or_else(|| NONE.get_or_init(Services::only_device))
    }

    fn set_offset(&self, device: UtcMicros, ours: UtcMicros) {
        self.offset.store(device.0.saturating_sub(ours.0), Ordering::Relaxed);
        self.state().synced = Some(Instant::now());
    }

    fn error_of(&self, operation: &'static str, exchanged: Exchanged) -> OnvifError {
        let (peer, status) = (self.client.peer(), exchanged.response.status);
        match exchanged.answer {
            Ok(Answer::Fault(fault)) => OnvifError::Fault { operation, peer, status, fault },
            Ok(Answer::Other(found)) => OnvifError::Unexpected { operation, peer, status, found },
            Ok(Answer::Response(found)) => {
                OnvifError::Unexpected { operation, peer, status, found: found.name }
            }
            Err(reason) => OnvifError::NotSoap { operation, peer, status, reason },
        }
    }

    async fn exchange(
        &self,
        service: Service,
        operation: &'static str,
        arguments: &str,
        mode: Mode,
    ) -> Result<Exchanged, OnvifError> {
        let path = self
            .services()
            .path(service)
            .ok_or_else(|| OnvifError::not_offered(format!("the {} service", service.name())))?;
        let header = match (&self.login.credentials, mode) {
            (Some(credentials), Mode::Token) => self.token(credentials, operation)?,
            _ => String::new(),
        };
        let body = soap::envelope(service, operation, arguments, &header);
        let mut request = request(path, service, operation, body);
        request.auth = if mode == Mode::Http { Auth::Digest } else { Auth::None };
        let response =
            self.client.send(request).await.map_err(|error| OnvifError::Http { operation, error })?;
        let answer = soap::read(&response.body, operation);
        Ok(Exchanged { answer, response })
    }

    fn token(&self, credentials: &Credentials, operation: &'static str) -> Result<String, OnvifError> {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce)
            .map_err(|e| OnvifError::Invalid(format!("{operation}: no random numbers: {e}")))?;
        let now = self.options.clock.now().0.saturating_add(self.offset.load(Ordering::Relaxed));
        Ok(soap::security_header(credentials, UtcMicros(now), nonce))
    }

    /// Logs in by asking who the device is, spending one try at most.
    ///
    /// The first request carries no password: a device that speaks HTTP Digest answers it with a challenge (ONVIF
    /// Core 5.9.1), any other with a fault. The password then goes once, in the form asked for. After a refusal in that
    /// form the other is not tried: some devices judge both, and count both.
    pub(crate) async fn log_in(&self) -> Result<Element, OnvifError> {
        const OPERATION: &str = "GetDeviceInformation";
        let ask = async |mode| Box::pin(self.exchange(Service::Device, OPERATION, "", mode)).await;
        let open = ask(Mode::Anonymous).await?;
        if self.login.credentials.is_none() {
            if open.is_refusal() {
                let reason = "it wants a user name and password".to_owned();
                return Err(self.refused(OPERATION, reason, Code::PasswordNeeded));
            }
            return self.accept(OPERATION, Mode::Anonymous, open);
        }
        if open.is_http_refusal() && open.has_challenge() {
            match ask(Mode::Http).await {
                Ok(answer) => return self.judge(OPERATION, Mode::Http, answer),
                Err(OnvifError::Http { error: HttpError::LoginUnsafe { reason, .. }, .. }) => {
                    // The password was not sent; a token never shows it.
                    self.note(format!("HTTP login not used: {reason}"));
                }
                Err(error) => return Err(self.sort(OPERATION, error)),
            }
        } else if !open.is_refusal() {
            self.note("GetDeviceInformation is answered without a login".into());
        }
        let answer = ask(Mode::Token).await?;
        self.judge(OPERATION, Mode::Token, answer)
    }

    fn judge(&self, operation: &'static str, mode: Mode, answer: Exchanged) -> Result<Element, OnvifError> {
        if !answer.is_refusal() {
            return self.accept(operation, mode, answer);
        }
        let fault = answer.fault().cloned().unwrap_or_default();
        let reason = if fault == Fault::default() {
            format!("status {}", answer.response.status)
        } else {
            fault.to_string()
        };
        let offset = Duration::from_micros(self.offset.load(Ordering::Relaxed).unsigned_abs());
        Err(if fault.is_lock() {
            self.refused(operation, reason, Code::Locked)
        } else if mode == Mode::Token && (fault.is_stale() || offset > CLOCK_OFF) {
            let reason = format!(
                "{reason}; its clock is {} s off ours, and it refuses its own time too (or the password is wrong)",
                offset.as_secs()
            );
            self.refused(operation, reason, Code::ClockSkew)
        } else {
            self.refused(operation, reason, Code::WrongPassword)
        })
    }

    /// An error of the HTTP login, kept so that nothing more is sent.
    fn sort(&self, operation: &'static str, error: OnvifError) -> OnvifError {
        match &error {
            OnvifError::Http { error: HttpError::Refused { .. }, .. } => {
                self.refused(operation, "HTTP Digest login refused".into(), Code::WrongPassword)
            }
            _ => error,
        }
    }

    fn refused(&self, operation: &'static str, reason: String, code: Code) -> OnvifError {
        let error = OnvifError::Refused { operation, peer: self.client.peer(), reason, code };
        self.state().refused = Some(error.clone());
        error
    }

    fn accept(&self, operation: &'static str, mode: Mode, answer: Exchanged) -> Result<Element, OnvifError> {
        self.state().mode = mode;
        match answer.answer {
            Ok(Answer::Response(element)) => {
                self.state().succeeded.insert((Service::Device, operation));
                Ok(element)
            }
            _ => Err(self.error_of(operation, answer)),
        }
    }

    /// Learns the services: GetServices, else GetCapabilities (which does not know Media2).
    pub(crate) async fn find_services(&self) -> Result<(), OnvifError> {
        let arguments = "<q:IncludeCapability>true</q:IncludeCapability>";
        let services = match self.call(Service::Device, "GetServices", arguments).await {
            Ok(answer) if answer.child("Service").is_some() => Services::of_services(&answer),
            other => {
                match other {
                    Ok(_) => self.note("GetServices names none; GetCapabilities is used".into()),
                    Err(error) if error.is_answer() => {
                        self.note(format!("GetCapabilities is used: {error}"));
                    }
                    Err(error) => return Err(error),
                }
                let arguments = "<q:Category>All</q:Category>";
                Services::of_capabilities(&self.call(Service::Device, "GetCapabilities", arguments).await?)
            }
        };
        tracing::debug!(peer = %self.client.peer(), services = ?services.names(), "services");
        let _ = self.services.set(services);
        Ok(())
    }

    /// Calls an operation. `arguments` are its child elements, see [`soap::envelope`].
    pub(crate) async fn call(
        &self,
        service: Service,
        operation: &'static str,
        arguments: &str,
    ) -> Result<Element, OnvifError> {
        let mode = {
            let state = self.state();
            if let Some(refused) = &state.refused {
                return Err(refused.clone());
            }
            if let Some(error) = state.forbidden.get(&(service, operation)) {
                return Err(error.clone());
            }
            state.mode
        };
        let by_clock = mode == Mode::Token;
        if by_clock && self.state().synced.is_none_or(|at| at.elapsed() > CLOCK_AGE) {
            let _ = Box::pin(self.sync_clock()).await;
        }
        let mut outcome = Box::pin(self.exchange(service, operation, arguments, mode)).await;
        if let Err(OnvifError::Http { error: HttpError::Disconnected { .. }, .. }) = &outcome
            && operation.starts_with("Get")
            && self.state().succeeded.contains(&(Service::Device, "GetDeviceInformation"))
        {
            // Small servers close kept connections without a word; reading twice does no harm.
            outcome = Box::pin(self.exchange(service, operation, arguments, mode)).await;
        }
        let answer = match outcome {
            Ok(answer) => answer,
            Err(error) => return Err(self.sort(operation, error)),
        };
        if answer.is_refusal() {
            return Err(self.refusal_after_login(service, operation, by_clock, answer).await);
        }
        if let Ok(Answer::Response(element)) = answer.answer {
            self.state().succeeded.insert((service, operation));
            return Ok(element);
        }
        if answer.response.is_success()
            && !operation.starts_with("Get")
            && matches!(&answer.answer, Err(XmlError::Empty))
        {
            self.note(format!("{operation}: an empty answer is taken for success"));
            return Ok(Element::new(operation, ""));
        }
        Err(self.error_of(operation, answer))
    }

    /// A refusal of one operation after the login was taken: the user lacks the right, or the login is no longer good.
    async fn refusal_after_login(
        &self,
        service: Service,
        operation: &'static str,
        by_clock: bool,
        answer: Exchanged,
    ) -> OnvifError {
        let worked_before = self.state().succeeded.contains(&(service, operation));
        if self.login.credentials.is_none() {
            return OnvifError::Refused {
                operation,
                peer: self.client.peer(),
                reason: "it wants a user name and password".into(),
                code: Code::PasswordNeeded,
            };
        }
        let before = self.offset.load(Ordering::Relaxed);
        if by_clock && Box::pin(self.sync_clock()).await.is_ok() {
            let moved = Duration::from_micros(self.offset.load(Ordering::Relaxed).abs_diff(before));
            if moved > CLOCK_MOVED {
                let reason =
                    format!("its clock moved by {} s; the next call uses the new time", moved.as_secs());
                self.note(reason.clone());
                let peer = self.client.peer();
                return OnvifError::Refused { operation, peer, reason, code: Code::ClockSkew };
            }
        }
        if !worked_before {
            let error = if answer.is_http_refusal() {
                let reason = "the user may not do this".to_owned();
                OnvifError::Refused { operation, peer: self.client.peer(), reason, code: Code::Forbidden }
            } else {
                self.error_of(operation, answer)
            };
            self.note(format!("refused: {error}"));
            self.state().forbidden.insert((service, operation), error.clone());
            return error;
        }
        let reason = answer.fault().map_or_else(|| "status 401".to_owned(), ToString::to_string);
        self.refused(operation, format!("the login is no longer taken: {reason}"), Code::WrongPassword)
    }

    /// Asks for the device's clock, without login where it is open as it should be.
    pub(crate) async fn sync_clock(&self) -> Result<(DeviceTime, UtcMicros), OnvifError> {
        const OPERATION: &str = "GetSystemDateAndTime";
        let answer = Box::pin(self.exchange(Service::Device, OPERATION, "", Mode::Anonymous)).await?;
        let (answer, ours) = if answer.is_refusal() && self.state().mode != Mode::Anonymous {
            self.note(format!("{OPERATION} wants a login"));
            let (mode, refused) = {
                let state = self.state();
                (state.mode, state.refused.clone())
            };
            if let Some(refused) = refused {
                return Err(refused);
            }
            let answer = Box::pin(self.exchange(Service::Device, OPERATION, "", mode)).await?;
            let ours = answer.response.date;
            (answer, ours)
        } else {
            let ours = answer.response.date;
            (answer, ours)
        };
        let Ok(Answer::Response(element)) = &answer.answer else {
            return Err(self.error_of(OPERATION, answer));
        };
        let time =
            DeviceTime::read(element).ok_or_else(|| OnvifError::not_offered("a clock that can be read"))?;
        self.set_offset(time.utc, ours);
        Ok((time, ours))
    }

    /// Reads something that is not SOAP, by its path on the device.
    pub(crate) async fn get(&self, path: &str, limit: usize) -> Result<Response, OnvifError> {
        const OPERATION: &str = "GET";
        if let Some(refused) = &self.state().refused {
            return Err(refused.clone());
        }
        let http = self.state().mode == Mode::Http;
        let client = if http {
            &self.client
        } else if let Some(client) = self.web.get() {
            client
        } else {
            let pin = self.pin.or_else(|| self.client.certificate());
            let made = Client::at(self.client.base(), pin, &self.login, self.options.clone())
                .map_err(|error| OnvifError::Http { operation: OPERATION, error })?;
            self.web.get_or_init(|| made)
        };
        client
            .send(Request::get(path).body_limit(limit).timeout(CALL_TIMEOUT))
            .await
            .map_err(|error| OnvifError::Http { operation: OPERATION, error })
    }
}
