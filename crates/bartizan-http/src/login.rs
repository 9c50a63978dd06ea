//! The login of one client: which challenge is being answered, whether it was ever accepted, and that a refusal is
//! final.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bartizan_device::Credentials;
use bytes::Bytes;
use http_auth::{BasicClient, DigestClient, PasswordParams, digest::Qop};

use crate::Request;

/// The challenge in use.
enum Scheme {
    Digest(DigestClient),
    Basic(BasicClient),
}

#[derive(Default)]
struct State {
    scheme: Option<Scheme>,
    /// Goes up with every new challenge, so that a request knows whether the one it answered is still in use.
    generation: u64,
    /// An answer to the present challenge was accepted.
    proven: bool,
    /// The device said no: the body it said it with.
    refused: Option<Bytes>,
    /// Answers to challenges that no verdict came back for.
    unanswered: u64,
}

/// See the module.
pub(crate) struct LoginState {
    credentials: Option<Credentials>,
    state: Mutex<State>,
    /// Held by the one request that tries the credentials first.
    pub(crate) gate: tokio::sync::Mutex<()>,
}

/// An `Authorization` header and the challenge it answers.
pub(crate) struct Answer {
    pub(crate) header: String,
    pub(crate) generation: u64,
    /// The challenge had been answered with success before.
    pub(crate) was_proven: bool,
}

/// What is to be done with a 401.
pub(crate) enum Verdict {
    /// Answer the present challenge.
    Answer,
    /// Final.
    Refused(Bytes),
    /// There is no challenge that can be answered safely.
    Unsafe(String),
}

impl LoginState {
    pub(crate) fn new(credentials: Option<Credentials>) -> Self {
        Self { credentials, state: Mutex::default(), gate: tokio::sync::Mutex::new(()) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn has_credentials(&self) -> bool {
        self.credentials.is_some()
    }

    pub(crate) fn refused(&self) -> Option<Bytes> {
        self.state().refused.clone()
    }

    pub(crate) fn proven(&self) -> bool {
        self.state().proven
    }

    pub(crate) fn unanswered(&self) -> u64 {
        self.state().unanswered
    }

    /// The header for a request; `None` before the first challenge. `uri` is the request target as sent.
    pub(crate) fn answer(&self, request: &Request, uri: &str) -> Result<Option<Answer>, String> {
        let mut state = self.state();
        let (generation, was_proven) = (state.generation, state.proven);
        let (Some(credentials), Some(scheme)) = (&self.credentials, &mut state.scheme) else {
            return Ok(None);
        };
        let (user, password) = (credentials.user.as_str(), credentials.password.expose());
        let header = match scheme {
            Scheme::Basic(basic) => basic.respond(user, password),
            Scheme::Digest(digest) => {
                // http-auth prefers auth-int when it has a body; devices that offer it often cannot check it.
                let body = if digest.qop() & Qop::Auth { None } else { Some(request.body.as_ref()) };
                digest.respond(&PasswordParams {
                    username: user,
                    password,
                    uri,
                    method: request.method.as_str(),
                    body,
                })?
            }
        };
        Ok(Some(Answer { header, generation, was_proven }))
    }

    /// The device took the answer.
    pub(crate) fn accepted(&self, answer: &Answer) {
        let mut state = self.state();
        if state.generation == answer.generation {
            state.proven = true;
        }
    }

    /// An answer went out and no verdict came back.
    pub(crate) fn lost(&self) {
        self.state().unanswered += 1;
    }

    /// Reads a 401. `answered` is what the request carried.
    ///
    /// A new nonce is answered once more in three cases only: nothing was answered yet, the device says `stale`
    /// (RFC 7616 §3.3), or the nonce had been accepted before, which means it has run out on a device that does not
    /// say so. Everything else is a refusal. The newest challenge is taken even when another request renewed the nonce
    /// meanwhile: devices with one nonce for everybody have forgotten that one already.
    pub(crate) fn challenged(
        &self,
        headers: &[String],
        body: Bytes,
        answered: Option<&Answer>,
        may_basic: bool,
    ) -> Verdict {
        let mut state = self.state();
        if let Some(body) = &state.refused {
            return Verdict::Refused(body.clone());
        }
        let (digest, basic) = challenges(headers);
        if let Some(answer) = answered {
            let stale = digest.as_ref().is_some_and(DigestClient::stale);
            let ran_out = answer.was_proven && digest.is_some();
            if !stale && !ran_out {
                state.refused = Some(body.clone());
                return Verdict::Refused(body);
            }
        }
        state.scheme = Some(match (digest, basic) {
            (Some(digest), _) => Scheme::Digest(digest),
            (None, Some(basic)) if may_basic => Scheme::Basic(basic),
            (None, Some(_)) => {
                return Verdict::Unsafe("only Basic is offered, over plain HTTP across networks".into());
            }
            (None, None) => return Verdict::Unsafe(format!("no known scheme in {:?}", schemes(headers))),
        });
        state.generation += 1;
        state.proven = false;
        Verdict::Answer
    }

    /// A second fresh nonce in a row was not taken: the device means no.
    pub(crate) fn refuse(&self, body: Bytes) {
        self.state().refused.get_or_insert(body);
    }

    pub(crate) fn uses_basic(&self) -> bool {
        matches!(self.state().scheme, Some(Scheme::Basic(_)))
    }
}

/// The first Digest and the first Basic challenge that can be answered (RFC 7616 §3.7: the server's order is its
/// preference).
fn challenges(headers: &[String]) -> (Option<DigestClient>, Option<BasicClient>) {
    let (mut digest, mut basic) = (None, None);
    for header in headers {
        for challenge in http_auth::ChallengeParser::new(header).map_while(Result::ok) {
            if digest.is_none() {
                digest = DigestClient::try_from(&challenge).ok();
            }
            if basic.is_none() {
                basic = BasicClient::try_from(&challenge).ok();
            }
        }
    }
    (digest, basic)
}

fn schemes(headers: &[String]) -> Vec<&str> {
    headers.iter().map(|header| header.split_whitespace().next().unwrap_or("")).collect()
}
