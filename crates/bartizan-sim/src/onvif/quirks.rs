//! Ways in which real devices leave the specification, each to be switched on for a test.

use std::time::Duration;

/// How a refused login is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OnvifRefusal {
    /// Fault `ter:NotAuthorized` with status 400, as the Core specification says (ch. 5.9.1).
    #[default]
    Fault400,
    /// Status 401 with Digest challenges and no fault, as devices of profile T.
    Http401,
    /// Fault `wsse:FailedAuthentication` with status 500, as gSOAP's own plugin.
    Fault500,
    /// Fault `ter:NotAuthorized` with status 200.
    Fault200,
}

/// Which logins the device takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OnvifLogin {
    /// WS-UsernameToken or HTTP Digest; a request with neither is answered 401 with challenges.
    #[default]
    Either,
    /// WS-UsernameToken alone, as devices of the first years; nothing speaks of HTTP Digest.
    UsernameToken,
    /// HTTP Digest alone; a right UsernameToken is answered 401.
    HttpDigest,
}

/// Which address the device gives for its services.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum OnvifAddress {
    /// The one the client used.
    #[default]
    Reached,
    /// `0.0.0.0` and the right port.
    Zero,
    /// Host and port of another network, as behind a NAT: `192.168.1.108:80`.
    Other(String),
}

/// What is odd about a unit's ONVIF. The default is a well-behaved device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnvifQuirks {
    /// How a refused login is answered.
    pub refusal: OnvifRefusal,
    /// Which logins are taken.
    pub login: OnvifLogin,
    /// How far `Created` may lie from the device's clock.
    pub created_window: Duration,
    /// A nonce that was used before is refused.
    pub replay_check: bool,
    /// Address in XAddr, subscription, stream and snapshot addresses.
    pub address: OnvifAddress,
    /// The XML declaration has typographic quotes.
    pub curly_quotes: bool,
    /// The answer's header repeats the request's `wsse:Security`, digest and all.
    pub echoes_security: bool,
    /// `&` in addresses is escaped twice.
    pub double_escape: bool,
    /// Addresses stand between line feeds and blanks.
    pub padded_addresses: bool,
    /// Media2 is there.
    pub media2: bool,
    /// GetServices is there.
    pub get_services: bool,
    /// GetStatus of PTZ is there.
    pub ptz_status: bool,
    /// Renew of a subscription is there.
    pub renew: bool,
}

impl Default for OnvifQuirks {
    fn default() -> Self {
        Self {
            refusal: OnvifRefusal::default(),
            login: OnvifLogin::default(),
            created_window: Duration::from_secs(60),
            replay_check: true,
            address: OnvifAddress::default(),
            curly_quotes: false,
            echoes_security: false,
            double_escape: false,
            padded_addresses: false,
            media2: true,
            get_services: true,
            ptz_status: true,
            renew: true,
        }
    }
}
