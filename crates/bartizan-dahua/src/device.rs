//! A device that let us in: calls, config tables and what is remembered about it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex as StdMutex, PoisonError},
    time::Duration,
};

use bartizan_base::{Code, OwnedTask};
use bartizan_device::{Identity, Login, quirks};
use bartizan_http::{Client, HttpError, Options, Request, Response};
use serde_json::{Value, json};
use tokio::{
    sync::{Mutex, OnceCell},
    time::Instant,
};

use crate::{
    channel::Facts,
    error::DahuaError,
    identity::Told,
    ptz::Motion,
    query::Query,
    quirks::{Difference, QUIRKS},
    rpc::Rpc,
    text::{Values, excerpt, failure, is_ok},
};

/// Longest line of a write; some firmware stops reading at 2 KiB.
const LONGEST_WRITE: usize = 1800;
/// Tables of large recorders take a while.
const CONFIG_TIME: Duration = Duration::from_secs(15);

/// A config table, `None` where it was refused, and when it was asked for.
type Table = (Instant, Option<Arc<Values>>);

/// What the driver's parts share.
pub(crate) struct Device {
    pub client: Client,
    pub rpc: Rpc,
    login: Login,
    /// CGI takes the login; else only RPC2 does.
    pub cgi: bool,
    /// RPC2 took the login once.
    pub rpc_known: bool,
    pub oddities: Oddities,
    identity: OnceCell<Identity>,
    snapshot_client: OnceCell<Client>,
    tables: Mutex<HashMap<String, Table>>,
    rtsp_port: StdMutex<Option<u16>>,
    facts: Mutex<HashMap<u16, Arc<Facts>>>,
    motions: StdMutex<HashMap<u16, Arc<Mutex<Motion>>>>,
    /// Snapshots go one by one: devices limit their rate.
    pub snapshots: Mutex<crate::snapshot::Base>,
    pub defaults: OnceCell<Option<Values>>,
    /// What goes on after its caller has its answer.
    tasks: StdMutex<Vec<OwnedTask>>,
}

impl Device {
    pub fn new(
        client: Client,
        rpc: Rpc,
        login: Login,
        cgi: bool,
        rpc_known: bool,
        oddities: Oddities,
    ) -> Self {
        Self {
            client,
            rpc,
            login,
            cgi,
            rpc_known,
            oddities,
            identity: OnceCell::new(),
            snapshot_client: OnceCell::new(),
            tables: Mutex::default(),
            rtsp_port: StdMutex::default(),
            facts: Mutex::default(),
            motions: StdMutex::default(),
            snapshots: Mutex::default(),
            defaults: OnceCell::new(),
            tasks: StdMutex::default(),
        }
    }

    /// Owns a task. It should hold this device, so that it ends before its owner does.
    pub fn keep(&self, task: OwnedTask) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.retain(|task| !task.is_finished());
        tasks.push(task);
    }

    /// Host and port, for messages.
    pub fn peer(&self) -> String {
        self.client.peer()
    }

    /// One CGI call.
    pub async fn send(&self, query: &Query, time: Duration) -> Result<Response, DahuaError> {
        if !self.cgi {
            let what =
                format!("{} here: its firmware refuses CGI logins and RPC2 is used instead", query.label());
            return Err(DahuaError::not_offered(&what));
        }
        let answer = self.client.send(Request::get(query.as_str()).timeout(time)).await?;
        self.accept(query.label(), answer)
    }

    /// As [`Device::send`], for snapshots. Some devices answer 401 to a channel they do not have; that must not end the
    /// login of everything else, so these calls have a client of their own.
    pub async fn send_snapshot(&self, query: &Query, time: Duration) -> Result<Response, DahuaError> {
        if !self.cgi {
            return Err(DahuaError::not_offered("snapshots: its firmware refuses CGI logins"));
        }
        let make = || async {
            Client::at(self.client.base(), self.client.certificate(), &self.login, Options::default())
        };
        let client = self.snapshot_client.get_or_try_init(make).await?;
        let answer =
            client.send(Request::get(query.as_str()).timeout(time)).await.map_err(|error| match error {
                HttpError::Refused { at, body } => {
                    let words = excerpt(&String::from_utf8_lossy(&body));
                    DahuaError::Here(
                        Code::Forbidden,
                        format!("{at}: a snapshot is refused like a login: {words:?}"),
                    )
                }
                error => error.into(),
            })?;
        self.accept(query.label(), answer)
    }

    fn accept(&self, call: &str, answer: Response) -> Result<Response, DahuaError> {
        let is_picture = answer.body.starts_with(&[0xFF, 0xD8]);
        let words = if is_picture { None } else { failure(&answer.text()) };
        if answer.is_success() && words.is_none() {
            return Ok(answer);
        }
        let words = words.unwrap_or_else(|| excerpt(&answer.text()));
        Err(DahuaError::Refused { peer: self.peer(), call: call.to_owned(), status: answer.status, words })
    }

    /// A call that answers with values.
    pub async fn values(&self, query: &Query) -> Result<Values, DahuaError> {
        let answer = self.send(query, CONFIG_TIME).await?;
        Values::parse(&answer.text()).map_err(|why| DahuaError::unreadable(&self.peer(), query.label(), why))
    }

    /// A call that answers `OK`.
    pub async fn order(&self, query: &Query) -> Result<(), DahuaError> {
        let answer = self.send(query, Duration::from_secs(8)).await?;
        if is_ok(&answer.text()) {
            return Ok(());
        }
        let (peer, call) = (self.peer(), query.label().to_owned());
        Err(DahuaError::Refused { peer, call, status: answer.status, words: excerpt(&answer.text()) })
    }

    /// A JSON call of the newer interface below `/cgi-bin/api/`.
    pub async fn api(&self, path: &str, body: &Value) -> Result<Value, DahuaError> {
        if !self.cgi {
            return Err(DahuaError::not_offered(path));
        }
        let request = Request::post(path, body.to_string()).content_type("application/json");
        let answer = self.accept(path, self.client.send(request).await?)?;
        serde_json::from_slice(&answer.body).map_err(|why| DahuaError::Unreadable {
            peer: self.peer(),
            call: path.to_owned(),
            why: why.to_string(),
        })
    }

    /// What may be missing: `None` where the device refuses, an error only where it cannot be reached.
    pub async fn optional(&self, query: &Query) -> Result<Option<Values>, DahuaError> {
        self.if_offered(self.values(query).await, query.label())
    }

    fn if_offered<T>(&self, answer: Result<T, DahuaError>, call: &str) -> Result<Option<T>, DahuaError> {
        match answer {
            Ok(values) => Ok(Some(values)),
            Err(DahuaError::Unreadable { why, .. }) => {
                self.oddities.note(format!("{call}: {why}"));
                Ok(None)
            }
            Err(error) if error.is_refusal() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A config table, by CGI or RPC2.
    pub async fn config(&self, name: &str) -> Result<Option<Values>, DahuaError> {
        if self.cgi {
            return self.optional(&Query::config(name)).await;
        }
        let answer = self.rpc.call("configManager.getConfig", json!({ "name": name })).await;
        let table = answer.map(|params| Values::from_json(name, params.get("table").unwrap_or(&Value::Null)));
        Ok(self.if_offered(table, name)?.filter(|table| !table.is_empty()))
    }

    /// A config table that may be some seconds old: what the channels of a recorder are asked for one after another
    /// stands in the same few tables.
    pub async fn recent_config(&self, name: &str) -> Result<Option<Arc<Values>>, DahuaError> {
        const FRESH: Duration = Duration::from_secs(20);
        let mut tables = self.tables.lock().await;
        if let Some((_, table)) = tables.get(name).filter(|(asked, _)| asked.elapsed() < FRESH) {
            return Ok(table.clone());
        }
        let table = self.config(name).await?.map(Arc::new);
        tables.insert(name.to_owned(), (Instant::now(), table.clone()));
        Ok(table)
    }

    /// Writes config values, in few requests. Keys have no `table.`.
    pub async fn set_config(&self, changes: &[(String, String)]) -> Result<(), DahuaError> {
        self.tables.lock().await.clear();
        if !self.cgi {
            return self.set_config_by_rpc(changes).await;
        }
        let begin = || Query::new("configManager", "setConfig");
        let mut query = begin();
        for (key, value) in changes {
            let longer = query.clone().with(key, value);
            if longer.as_str().len() > LONGEST_WRITE && query != begin() {
                self.order(&query).await?;
                query = begin().with(key, value);
            } else {
                query = longer;
            }
        }
        if query == begin() { Ok(()) } else { self.order(&query).await }
    }

    /// RPC2 takes whole tables only.
    async fn set_config_by_rpc(&self, changes: &[(String, String)]) -> Result<(), DahuaError> {
        let mut names: Vec<&str> = changes.iter().map(|(key, _)| root(key)).collect();
        names.dedup();
        for name in names {
            let read = self.rpc.call("configManager.getConfig", json!({ "name": name })).await?;
            let mut table = read.get("table").cloned().unwrap_or_default();
            for (key, value) in changes.iter().filter(|(key, _)| root(key) == name) {
                let place = place_in(&mut table, &key[name.len()..])
                    .ok_or_else(|| DahuaError::not_offered(&format!("the setting {key}")))?;
                *place = like(place, value);
            }
            let params = json!({ "name": name, "table": table, "options": [] });
            self.rpc.call("configManager.setConfig", params).await?;
        }
        Ok(())
    }

    /// `magicBox` by either way; empty where it is refused.
    async fn magic_box(&self, action: &str) -> Result<Values, DahuaError> {
        if self.cgi {
            return Ok(self.optional(&Query::new("magicBox", action)).await?.unwrap_or_default());
        }
        let answer = self.rpc.call(&format!("magicBox.{action}"), Value::Null).await;
        let told = self.if_offered(answer, action)?.unwrap_or_default();
        let mut values = Values::from_json("", &told);
        if action == "getDeviceClass" {
            values = Values::from_json("", &json!({ "class": told.get("type").or(told.get("class")) }));
        }
        Ok(values)
    }

    /// Who it is, asked once.
    pub async fn identity(&self) -> Result<&Identity, DahuaError> {
        let ask = || async {
            let mut told = Told { system: self.magic_box("getSystemInfo").await?, ..Told::default() };
            let (device_type, class, version) = tokio::join!(
                self.magic_box("getDeviceType"),
                self.magic_box("getDeviceClass"),
                self.magic_box("getSoftwareVersion"),
            );
            (told.device_type, told.class, told.version) = (device_type?, class?, version?);
            let (name, serial, vendor) = tokio::join!(
                self.magic_box("getMachineName"),
                self.magic_box("getSerialNo"),
                self.magic_box("getVendor"),
            );
            (told.name, told.serial, told.vendor) = (name?, serial?, vendor?);
            if told.name.is_empty() {
                told.name = self.config("General").await?.unwrap_or_default();
            }
            told.network = self.config("Network").await?.unwrap_or_default();
            let identity = told.identity();
            for quirk in quirks(QUIRKS, &identity) {
                self.oddities.note(quirk.line().to_owned());
            }
            Ok(identity)
        };
        self.identity.get_or_try_init(ask).await
    }

    /// Whether a quirk applies.
    pub async fn has(&self, what: Difference) -> Result<bool, DahuaError> {
        let identity = self.identity().await?;
        Ok(quirks(QUIRKS, identity).any(|quirk| *quirk == what))
    }

    /// The RTSP port as config `RTSP` tells it, once it was asked for.
    pub fn rtsp_port(&self) -> Option<u16> {
        *self.rtsp_port.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for the RTSP port.
    pub async fn ask_rtsp_port(&self) -> Result<Option<u16>, DahuaError> {
        let table = self.config("RTSP").await?;
        let port = table.and_then(|table| table.number("RTSP.Port")).filter(|port| *port != 0);
        *self.rtsp_port.lock().unwrap_or_else(PoisonError::into_inner) = port;
        Ok(port)
    }

    /// What is known of a channel, asked once.
    pub async fn facts(&self, channel: u16) -> Result<Arc<Facts>, DahuaError> {
        let mut facts = self.facts.lock().await;
        if let Some(known) = facts.get(&channel) {
            return Ok(known.clone());
        }
        let asked = Arc::new(Facts::ask(self, channel).await?);
        facts.insert(channel, asked.clone());
        Ok(asked)
    }

    /// The channel's moving state. Its lock also keeps a stop from overtaking a start.
    pub fn motion(&self, channel: u16) -> Arc<Mutex<Motion>> {
        let mut motions = self.motions.lock().unwrap_or_else(PoisonError::into_inner);
        motions.entry(channel).or_default().clone()
    }
}

/// The table's name in a key: `Encode` in `Encode[0].MainFormat[0]`.
fn root(key: &str) -> &str {
    &key[..key.find(['[', '.']).unwrap_or(key.len())]
}

/// The place of `[0].MainFormat[0].X` in a table. `None` where the table has none.
fn place_in<'a>(table: &'a mut Value, path: &str) -> Option<&'a mut Value> {
    let mut place = table;
    for part in path.split(['.', '[']).map(|part| part.trim_end_matches(']')).filter(|part| !part.is_empty())
    {
        place = match place {
            Value::Array(items) => items.get_mut(part.parse::<usize>().ok()?)?,
            Value::Object(fields) => fields.get_mut(part)?,
            _ => return None,
        };
    }
    Some(place)
}

/// A text as the kind of value that stood there.
fn like(old: &Value, text: &str) -> Value {
    match old {
        Value::Bool(_) => json!(crate::text::flag(text).unwrap_or_default()),
        Value::Number(_) => text
            .parse::<i64>()
            .map(|number| json!(number))
            .or_else(|_| text.parse::<f64>().map(|number| json!(number)))
            .unwrap_or_else(|_| json!(text)),
        _ => json!(text),
    }
}

/// What was odd so far, each once, a bounded number.
#[derive(Clone, Default)]
pub(crate) struct Oddities(Arc<StdMutex<Vec<String>>>);

impl Oddities {
    const MOST: usize = 64;

    pub fn note(&self, line: String) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() < Self::MOST && !lines.contains(&line) {
            tracing::debug!(oddity = %line);
            lines.push(line);
        }
    }

    pub fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_in_tables() {
        let mut table = json!([{ "Brightness": 50, "Flip": false, "Name": "a" }]);
        for (path, text) in [("[0].Brightness", "70"), ("[0].Flip", "true"), ("[0].Name", "b")] {
            let place = place_in(&mut table, path).expect(path);
            *place = like(place, text);
        }
        assert_eq!(table, json!([{ "Brightness": 70, "Flip": true, "Name": "b" }]));
        assert!(place_in(&mut table, "[1].Name").is_none() && place_in(&mut table, "[0].Name.x").is_none());
        assert_eq!(root("VideoColor[0][1].Hue"), "VideoColor");
    }

    #[test]
    fn oddities_are_bounded() {
        let oddities = Oddities::default();
        (0..200).for_each(|at| oddities.note(format!("line {}", at % 100)));
        assert_eq!(oddities.lines().len(), Oddities::MOST);
    }
}
