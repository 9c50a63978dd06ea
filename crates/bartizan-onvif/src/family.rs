use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bartizan_base::{Code, Error, Result, UtcMicros};
use bartizan_device::{
    Driver, Endpoint, Family, FamilyId, Identity, Login, Recognised, SearchScope, Sighting,
};
use bartizan_http::{Client, HttpError, Options, Scheme};
use futures::future::join_all;
use tokio::sync::mpsc;

use crate::{
    clock::DeviceTime,
    discovery::{self, DISCOVERY_PORT},
    driver::OnvifDriver,
    session::{Session, ask_time},
    soap::Answer,
};

/// The family's word.
pub const FAMILY: FamilyId = FamilyId("onvif");

/// Ports of the device service on makes that do not use 80, tried when no port is given.
const WELL_KNOWN_PORTS: [u16; 5] = [8000, 2020, 8899, 8080, 5000];
/// Connecting to one of them and asking.
const PORT_LIMIT: Duration = Duration::from_secs(4);

/// The ONVIF family.
#[derive(Clone)]
pub struct Onvif {
    options: Options,
    discovery_port: u16,
}

impl Default for Onvif {
    fn default() -> Self {
        Self { options: Options::default(), discovery_port: DISCOVERY_PORT }
    }
}

/// Where ONVIF answers.
struct Answered {
    client: Client,
    evidence: String,
    /// The device's clock and ours at that moment.
    clock: Option<(DeviceTime, UtcMicros)>,
}

enum Look {
    Onvif(Box<Answered>),
    /// A login is asked for before anything is told: perhaps.
    Perhaps(Client),
    /// Something else answers.
    Other,
    Nothing(HttpError),
}

impl Onvif {
    /// With the machine's clock and the standard ports.
    pub fn new() -> Self {
        Self::default()
    }

    /// With another clock or a transcript. The scheme in `options` is not used: the endpoint decides.
    #[must_use]
    pub fn with_options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Another UDP port than 3702 to search at, for tests.
    #[must_use]
    pub fn with_discovery_port(mut self, port: u16) -> Self {
        self.discovery_port = port;
        self
    }

    async fn look(&self, endpoint: &Endpoint, login: &Login, scheme: Scheme) -> Look {
        let options = Options { scheme, ..self.options.clone() };
        let client = match Client::dial_with(endpoint, login, options).await {
            Ok(client) => client,
            Err(error) => return Look::Nothing(error),
        };
        let (status, answer, ours) = match ask_time(&client).await {
            Ok(answer) => answer,
            // It took the connection and speaks no HTTP.
            Err(HttpError::Protocol { .. } | HttpError::TooLarge { .. }) => return Look::Other,
            Err(error) => return Look::Nothing(error),
        };
        let asked = format!("GetSystemDateAndTime at {}", client.peer());
        let (evidence, clock) = match answer {
            Ok(Answer::Response(element)) if element.name == "GetSystemDateAndTimeResponse" => {
                let time = DeviceTime::read(&element);
                let evidence = match &time {
                    Some(_) => format!("{asked}: its clock, status {status}"),
                    None => format!("{asked}: answered without a time, status {status}"),
                };
                (evidence, time.map(|time| (time, ours)))
            }
            Ok(Answer::Fault(fault)) => (format!("{asked}: SOAP fault {fault}, status {status}"), None),
            Ok(_) | Err(_) if status == 401 => return Look::Perhaps(client),
            Ok(_) | Err(_) => return Look::Other,
        };
        Look::Onvif(Box::new(Answered { client, evidence, clock }))
    }

    /// Where the user said; without a port also HTTP beside HTTPS, and then the ports of other makes.
    async fn reach(&self, endpoint: &Endpoint, login: &Login) -> std::result::Result<Look, HttpError> {
        let first = self.look(endpoint, login, Scheme::Auto).await;
        let ports = endpoint.ports;
        match &first {
            Look::Onvif(_) => return Ok(first),
            Look::Nothing(error @ (HttpError::HostUnknown { .. } | HttpError::CertificateChanged { .. })) => {
                return Err(error.clone());
            }
            _ if endpoint.pin.is_some() || ports.http.is_some() || ports.https.is_some() => {
                return match first {
                    Look::Nothing(error) => Err(error),
                    other => Ok(other),
                };
            }
            _ => {}
        }
        let others =
            [80].into_iter().chain(WELL_KNOWN_PORTS).map(|port| {
                let mut endpoint = endpoint.clone();
                endpoint.ports.http = Some(port);
                async move {
                    tokio::time::timeout(PORT_LIMIT, self.look(&endpoint, login, Scheme::Http)).await.ok()
                }
            });
        let mut all: Vec<Look> = join_all(others).await.into_iter().flatten().collect();
        all.insert(0, first);
        let rank = |look: &Look| match look {
            Look::Onvif(_) => 0,
            Look::Perhaps(_) => 1,
            Look::Other => 2,
            Look::Nothing(_) => 3,
        };
        match all.into_iter().min_by_key(rank) {
            Some(Look::Nothing(error)) => Err(error),
            Some(look) => Ok(look),
            None => Ok(Look::Other),
        }
    }
}

#[async_trait]
impl Family for Onvif {
    fn id(&self) -> FamilyId {
        FAMILY
    }

    async fn recognise(&self, endpoint: &Endpoint) -> Result<Option<Recognised>> {
        let Look::Onvif(answered) = Box::pin(self.reach(endpoint, &Login::default())).await? else {
            return Ok(None);
        };
        Ok(Some(Recognised {
            family: FAMILY,
            evidence: answered.evidence,
            activated: None,
            https: answered.client.base().scheme() == "https",
            certificate: answered.client.certificate(),
            identity: Identity::default(),
        }))
    }

    async fn connect(&self, endpoint: &Endpoint, login: &Login) -> Result<Arc<dyn Driver>> {
        let (client, clock) = match Box::pin(self.reach(endpoint, login)).await? {
            Look::Onvif(answered) => (answered.client, answered.clock),
            Look::Perhaps(client) => (client, None),
            Look::Nothing(error) => return Err(error.into()),
            Look::Other => {
                return Err(Error::new(Code::NotADevice, "nothing speaks ONVIF at /onvif/device_service"));
            }
        };
        let told = clock.as_ref().map(|(time, ours)| (time.utc, *ours));
        let options = self.options.clone();
        let session = Session::new(client, login, options, endpoint.pin, told);
        match &clock {
            Some((time, _)) if time.local_only => {
                session.note("the device tells its local time only".into());
            }
            Some(_) => {}
            None => session.note("the device does not tell its time before the login".into()),
        }
        let driver = Box::pin(OnvifDriver::log_in(session)).await?;
        Ok(Arc::new(driver))
    }

    async fn discover(&self, scope: &SearchScope, found: mpsc::Sender<Sighting>) -> Result<()> {
        discovery::discover(scope, self.discovery_port, found).await
    }
}
