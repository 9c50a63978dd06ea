//! The event service's pull points (Core specification, ch. 9.1), without events as yet: a pull waits and is empty.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use bartizan_base::UtcMicros;
use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

use super::{
    Answer, Request,
    security::moment,
    soap::{Call, Fault, duration},
    stamp,
};

/// Where subscriptions are, with their number behind it.
pub(crate) const SUBSCRIPTION_PATH: &str = "/onvif/Subscription";
/// Life of a subscription whose client names none.
const DEFAULT_LIFE: Duration = Duration::from_secs(60);
/// The longest life granted.
const LONGEST_LIFE: Duration = Duration::from_secs(3600);
/// The longest a pull waits.
const LONGEST_PULL: Duration = Duration::from_secs(60);
/// Subscriptions at a time; more are refused.
const SUBSCRIPTION_LIMIT: usize = 32;

struct Subscription {
    expires: Instant,
    /// Dropped with the subscription, which ends the pulls that wait on it.
    alive: watch::Sender<()>,
}

/// Pull points of one unit.
#[derive(Default)]
pub(crate) struct PullPoints {
    open: Mutex<HashMap<u32, Subscription>>,
    next: AtomicU32,
}

impl PullPoints {
    fn lock(&self) -> MutexGuard<'_, HashMap<u32, Subscription>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        open.retain(|_, subscription| subscription.expires > now);
        open
    }

    /// Subscriptions open now.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    pub async fn answer(&self, request: &Request<'_>) -> Answer {
        let call = request.call;
        match call.body.name.as_str() {
            "GetServiceCapabilities" => Ok(format!(
                "<tev:GetServiceCapabilitiesResponse>{}</tev:GetServiceCapabilitiesResponse>",
                CAPABILITIES
            )),
            "GetEventProperties" => Ok(properties()),
            "CreatePullPointSubscription" => self.create(request),
            "PullMessages" => self.pull(request).await,
            "Renew" if request.quirks.renew => self.renew(request),
            "Unsubscribe" => self.unsubscribe(request),
            "SetSynchronizationPoint" => {
                self.number(request)?;
                Ok("<tev:SetSynchronizationPointResponse/>".into())
            }
            other => Err(Fault::not_supported(other)),
        }
    }

    fn create(&self, request: &Request<'_>) -> Answer {
        let life = life(request.call, "InitialTerminationTime", request.now)?;
        let mut open = self.lock();
        if open.len() >= SUBSCRIPTION_LIMIT {
            return Err(Fault::receiver(&["Action", "MaxPullPoints"], "too many subscriptions"));
        }
        let number = self.next.fetch_add(1, Relaxed);
        open.insert(number, Subscription { expires: Instant::now() + life, alive: watch::Sender::new(()) });
        let address = request.text(&format!("{}{SUBSCRIPTION_PATH}?Idx={number}", request.base));
        Ok(format!(
            "<tev:CreatePullPointSubscriptionResponse><tev:SubscriptionReference><wsa5:Address>{address}\
             </wsa5:Address></tev:SubscriptionReference>{}</tev:CreatePullPointSubscriptionResponse>",
            times("wsnt", request.now, life)
        ))
    }

    /// The subscription's number, by the address the request was sent to.
    fn number(&self, request: &Request<'_>) -> Result<u32, Fault> {
        let number = request.target.split_once("Idx=").and_then(|(_, rest)| {
            let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
            rest[..end].parse().ok()
        });
        number.filter(|number| self.lock().contains_key(number)).ok_or_else(unknown)
    }

    async fn pull(&self, request: &Request<'_>) -> Answer {
        let number = self.number(request)?;
        let wait = request.call.body.text_at(&["Timeout"]).and_then(duration);
        let wait = wait.ok_or_else(|| Fault::invalid("Timeout"))?.min(LONGEST_PULL);
        let started = Instant::now();
        let (mut alive, life) = {
            let mut open = self.lock();
            let Some(subscription) = open.get_mut(&number) else { return Err(unknown()) };
            // A pull keeps its subscription alive while it waits, and a little longer.
            subscription.expires = subscription.expires.max(started + wait + DEFAULT_LIFE);
            (subscription.alive.subscribe(), subscription.expires - started)
        };
        // There are no events yet: either the time passes or the subscription ends.
        let _ = timeout(wait, alive.changed()).await;
        let waited = started.elapsed();
        let now = UtcMicros(request.now.0.saturating_add(i64::try_from(waited.as_micros()).unwrap_or(0)));
        Ok(format!(
            "<tev:PullMessagesResponse>{}</tev:PullMessagesResponse>",
            times("tev", now, life.saturating_sub(waited))
        ))
    }

    fn renew(&self, request: &Request<'_>) -> Answer {
        let number = self.number(request)?;
        let life = life(request.call, "TerminationTime", request.now)?;
        if let Some(subscription) = self.lock().get_mut(&number) {
            subscription.expires = Instant::now() + life;
        }
        let (now, end) = (stamp(request.now), stamp(later(request.now, life)));
        Ok(format!(
            "<wsnt:RenewResponse><wsnt:TerminationTime>{end}</wsnt:TerminationTime>\
             <wsnt:CurrentTime>{now}</wsnt:CurrentTime></wsnt:RenewResponse>"
        ))
    }

    fn unsubscribe(&self, request: &Request<'_>) -> Answer {
        let number = self.number(request)?;
        self.lock().remove(&number);
        Ok("<wsnt:UnsubscribeResponse/>".into())
    }
}

fn unknown() -> Fault {
    Fault::sender(&["InvalidArgVal"], "ResourceUnknownFault: no such subscription")
}

/// Attributes of the event service.
pub(crate) const CAPABILITIES: &str = "<tev:Capabilities WSSubscriptionPolicySupport=\"false\" \
    WSPausableSubscriptionManagerInterfaceSupport=\"false\" MaxNotificationProducers=\"0\" MaxPullPoints=\"32\" \
    PersistentNotificationStorage=\"false\"/>";

fn later(now: UtcMicros, by: Duration) -> UtcMicros {
    UtcMicros(now.0.saturating_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)))
}

fn times(prefix: &str, now: UtcMicros, life: Duration) -> String {
    let (now, end) = (stamp(now), stamp(later(now, life)));
    format!(
        "<{prefix}:CurrentTime>{now}</{prefix}:CurrentTime><{prefix}:TerminationTime>{end}</{prefix}:TerminationTime>"
    )
}

/// A life asked for: relative, absolute by the device's clock, or not at all.
fn life(call: &Call, name: &str, now: UtcMicros) -> Result<Duration, Fault> {
    let Some(text) = call.body.text_at(&[name]) else { return Ok(DEFAULT_LIFE) };
    let life = duration(text).or_else(|| Some(moment(text)?.since(now)));
    match life {
        Some(life) if !life.is_zero() => Ok(life.min(LONGEST_LIFE)),
        _ => Err(Fault::invalid(format!("UnacceptableInitialTerminationTimeFault: {name}"))),
    }
}

/// The topics a unit could speak of.
fn properties() -> String {
    let topic = |path: &[&str], source: &str, data: &str| {
        let described = format!(
            "<tt:MessageDescription IsProperty=\"true\"><tt:Source><tt:SimpleItemDescription Name=\"{source}\" \
             Type=\"tt:ReferenceToken\"/></tt:Source><tt:Data><tt:SimpleItemDescription Name=\"{data}\" \
             Type=\"xsd:boolean\"/></tt:Data></tt:MessageDescription>"
        );
        let last = path.len() - 1;
        path.iter().enumerate().rev().fold(described, |inner, (level, name)| {
            let name = if level == 0 { format!("tns1:{name}") } else { (*name).to_owned() };
            let mark = if level == last { " wstop:topic=\"true\"" } else { "" };
            format!("<{name}{mark}>{inner}</{name}>")
        })
    };
    let topics = [
        topic(&["VideoSource", "MotionAlarm"], "Source", "State"),
        topic(&["RuleEngine", "TamperDetector", "Tamper"], "VideoSourceConfigurationToken", "IsTamper"),
        topic(&["Device", "Trigger", "Relay"], "RelayToken", "LogicalState"),
    ];
    let dialects = [
        "http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet",
        "http://docs.oasis-open.org/wsn/t-1/TopicExpression/Concrete",
    ];
    let dialects: String = dialects
        .iter()
        .map(|one| format!("<wsnt:TopicExpressionDialect>{one}</wsnt:TopicExpressionDialect>"))
        .collect();
    format!(
        "<tev:GetEventPropertiesResponse>\
         <tev:TopicNamespaceLocation>http://www.onvif.org/onvif/ver10/topics/topicns.xml</tev:TopicNamespaceLocation>\
         <wsnt:FixedTopicSet>true</wsnt:FixedTopicSet><wstop:TopicSet>{}</wstop:TopicSet>{dialects}\
         <tev:MessageContentFilterDialect>http://www.onvif.org/ver10/tev/messageContentFilter/ItemFilter\
         </tev:MessageContentFilterDialect>\
         <tev:MessageContentSchemaLocation>http://www.onvif.org/onvif/ver10/schema/onvif.xsd\
         </tev:MessageContentSchemaLocation></tev:GetEventPropertiesResponse>",
        topics.concat()
    )
}
