//! Logging in with at most one try of the password.
//!
//! RPC2 says why it refuses and how many tries are left; CGI says 401 and nothing else. So where RPC2 answers its
//! challenge, the one try is spent there, and CGI's Digest then uses the same, good password.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bartizan_base::Code;
use bartizan_device::{Endpoint, Identity, Login, quirks};
use bartizan_http::{Client, HttpError, Options};
use serde_json::Value;
use tokio::time::Instant;

use crate::{
    device::{Device, Oddities},
    error::{DahuaError, Refusal},
    initialise::{self, Initialised},
    query::Query,
    quirks::{Difference, QUIRKS},
    rpc::Rpc,
    text::{excerpt, failure},
};

/// Devices forget wrong tries after 5 to 30 minutes.
const REMEMBERED: Duration = Duration::from_secs(30 * 60);
const MOST_REMEMBERED: usize = 256;

/// How many tries devices said are left, by host, port and user.
#[derive(Clone, Default)]
pub(crate) struct TriesLeft(Arc<Mutex<HashMap<Account, (u32, Instant)>>>);

type Account = (String, String);

impl TriesLeft {
    fn of(&self, account: &Account) -> Option<u32> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, (_, told)| told.elapsed() < REMEMBERED);
        known.get(account).map(|(tries, _)| *tries)
    }

    fn told(&self, account: &Account, tries: u32) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() < MOST_REMEMBERED || known.contains_key(account) {
            known.insert(account.clone(), (tries, Instant::now()));
        }
    }

    fn forget(&self, account: &Account) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(account);
    }
}

/// Logs in.
pub(crate) async fn connect(
    endpoint: &Endpoint,
    login: &Login,
    tries: &TriesLeft,
    options: Options,
) -> Result<Device, DahuaError> {
    let client = Client::dial_with(endpoint, login, options).await?;
    let peer = client.peer();
    let Some(credentials) = login.credentials.clone() else {
        let words = format!("{peer} shows nothing without a user name and password");
        return Err(DahuaError::Here(Code::PasswordNeeded, words));
    };
    let account = (peer.clone(), credentials.user.clone());
    let rpc = Rpc::new(client.clone(), Some(credentials));
    let outside = Rpc::new(client.clone(), None);
    let (challenge, init) = tokio::join!(rpc.challenge(), initialise::status(&outside));
    // Asked beside the login only; a device that does not answer it is not worse for that.
    if init.ok().flatten() == Some(Initialised::No) {
        let words = format!("{peer} is fresh from the factory and has no password yet");
        return Err(DahuaError::Here(Code::NotActivated, words));
    }
    let challenge = match challenge {
        Ok(challenge) => challenge,
        Err(error @ DahuaError::Login { .. }) => return Err(error),
        // No RPC2 there, or one that does not answer: CGI decides.
        Err(DahuaError::Http(error)) if !is_final(&error) => None,
        Err(error) => return Err(error),
    };
    if tries.of(&account).is_some_and(|left| left <= 1) && !login.spend_last_try {
        let words = format!("{peer} said that one more wrong password locks the account");
        return Err(DahuaError::Here(Code::LastTry, words));
    }
    let oddities = Oddities::default();
    let Some(challenge) = challenge else {
        oddities.note("no RPC2: CGI alone, which does not say why it refuses a login".into());
        try_cgi(&client, &oddities).await?;
        tries.forget(&account);
        return Ok(Device::new(client, rpc, login.clone(), true, false, oddities));
    };
    if let Err(error) = rpc.answer(&challenge).await {
        match &error {
            DahuaError::Login { tries_left: Some(left), .. } => tries.told(&account, *left),
            DahuaError::Login { refusal: Refusal::Locked, .. } => tries.forget(&account),
            _ => {}
        }
        return Err(error);
    }
    tries.forget(&account);
    let cgi = !refuses_cgi(&rpc).await && cgi_takes_it(&client, &oddities).await?;
    if cgi {
        // The device has few places for sessions, and CGI needs none.
        rpc.log_out().await;
    }
    Ok(Device::new(client, rpc, login.clone(), cgi, true, oddities))
}

/// What no other way of logging in can change.
fn is_final(error: &HttpError) -> bool {
    matches!(error.code(), Code::HostUnknown | Code::Unreachable | Code::CertificateChanged)
}

/// The first CGI call, with the login.
async fn try_cgi(client: &Client, oddities: &Oddities) -> Result<(), DahuaError> {
    let query = Query::new("magicBox", "getSystemInfo");
    let answer = match client.get(query.as_str()).await {
        Err(HttpError::Refused { at, body }) => {
            let words = excerpt(&String::from_utf8_lossy(&body));
            if words.to_ascii_lowercase().contains("lock") {
                return Err(DahuaError::Here(Code::Locked, format!("{at}: {words:?}")));
            }
            return Err(HttpError::Refused { at, body }.into());
        }
        answer => answer?,
    };
    let refused = |status| DahuaError::Refused {
        peer: client.peer(),
        call: query.label().to_owned(),
        status,
        words: excerpt(&answer.text()),
    };
    match answer.status {
        404 => Err(DahuaError::Here(Code::NotADevice, refused(404).to_string())),
        // A locked account is refused before its password is looked at.
        403 => Err(DahuaError::Here(Code::Locked, refused(403).to_string())),
        _ if answer.is_success() && failure(&answer.text()).is_none() => Ok(()),
        // Out of connections, or busy: the login is neither taken nor refused.
        status if !refused(status).is_refusal() => Err(refused(status)),
        status => {
            oddities.note(refused(status).to_string());
            Ok(())
        }
    }
}

/// Whether CGI takes the password that RPC2 took.
async fn cgi_takes_it(client: &Client, oddities: &Oddities) -> Result<bool, DahuaError> {
    match try_cgi(client, oddities).await {
        Ok(()) => Ok(true),
        Err(DahuaError::Http(HttpError::Refused { .. } | HttpError::LoginUnsafe { .. })) => {
            oddities.note("CGI refuses the password that RPC2 took: RPC2 is used alone".into());
            Ok(false)
        }
        Err(DahuaError::Here(Code::NotADevice | Code::Locked, words)) => {
            oddities.note(format!("no CGI, RPC2 is used alone: {words}"));
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

/// Firmware known to refuse the right password by CGI is not asked there: that would count as a wrong try.
async fn refuses_cgi(rpc: &Rpc) -> bool {
    let model = rpc.call("magicBox.getDeviceType", Value::Null).await.ok();
    let version = rpc.call("magicBox.getSoftwareVersion", Value::Null).await.ok();
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let identity = Identity {
        model: text(model.as_ref().and_then(|params| params.get("type"))),
        firmware: text(version.as_ref().and_then(|params| params.pointer("/version/Version"))),
        ..Identity::default()
    };
    quirks(QUIRKS, &identity).any(|quirk| *quirk == Difference::RefusesCgiLogin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn tries_are_remembered_for_as_long_as_devices_do() {
        let tries = TriesLeft::default();
        let account = ("cam:80".to_owned(), "admin".to_owned());
        assert_eq!(tries.of(&account), None);
        tries.told(&account, 1);
        assert_eq!(tries.of(&account), Some(1));
        tokio::time::advance(REMEMBERED).await;
        assert_eq!(tries.of(&account), None);
        (0..1000).for_each(|at| tries.told(&(format!("cam{at}:80"), String::new()), 1));
        assert_eq!(tries.0.lock().unwrap().len(), MOST_REMEMBERED);
        tries.told(&account, 1);
        tries.forget(&account);
        assert_eq!(tries.of(&account), None);
    }
}
