//! Logged-in drivers of stored devices: one each, made when first needed.

use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
};

use bartizan_base::{Code, DeviceId, Error, ErrorKind, Result};
use bartizan_device::{CertificatePin, Driver, Endpoint, FamilyId, Login, ServicePorts};
use bartizan_store::{DeviceRow, RouteRow};
use tokio::sync::Mutex as AsyncMutex;

use crate::{
    adding::{Families, connect},
    devices::{DeviceBook, credentials},
    gate::LoginGate,
};

type Slot = Arc<AsyncMutex<Option<Arc<dyn Driver>>>>;

/// The drivers in use.
pub struct Drivers {
    families: Arc<Families>,
    book: Arc<DeviceBook>,
    gate: Arc<LoginGate>,
    slots: Mutex<HashMap<DeviceId, Slot>>,
}

impl Drivers {
    /// No driver yet.
    pub fn new(families: Arc<Families>, book: Arc<DeviceBook>, gate: Arc<LoginGate>) -> Self {
        Self { families, book, gate, slots: Mutex::default() }
    }

    /// The driver of a device; logs in when there is none. Callers wait for one login together.
    pub async fn get(&self, id: &DeviceId) -> Result<Arc<dyn Driver>> {
        let row = self.book.get(id)?;
        if row.facts.family == FamilyId::RTSP.0 || row.facts.family.is_empty() {
            return Err(Error::new(Code::NotOffered, "this device is known by its video alone"));
        }
        let slot = self.slot(id);
        let mut driver = slot.lock().await;
        if let Some(driver) = &*driver {
            return Ok(driver.clone());
        }
        let fresh = self.log_in(&row).await?;
        *driver = Some(fresh.clone());
        Ok(fresh)
    }

    fn slot(&self, id: &DeviceId) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.entry(id.clone()).or_default().clone()
    }

    async fn log_in(&self, row: &DeviceRow) -> Result<Arc<dyn Driver>> {
        if row.password_lost {
            return Err(Error::new(Code::KeyLost, "the stored password cannot be decrypted"));
        }
        let family = self.families.get(&row.facts.family).ok_or_else(|| {
            Error::new(Code::NotOffered, format!("this version does not speak {:?}", row.facts.family))
        })?;
        let place = self.book.routes().choose(row).await;
        let route = row.routes.get(place).cloned().unwrap_or_default();
        let endpoint = endpoint(&route);
        let login = Login { credentials: credentials(row), spend_last_try: false };
        let driver = connect(&self.gate, &**family, &endpoint, &login, false).await?;
        if route.pin.is_none()
            && let Some(pin) = driver.reached().certificate
        {
            self.book.pin(&row.id, place, pin).await?;
        }
        Ok(driver)
    }

    /// Works with a device's driver. A connection that broke is not used again; the next call logs in anew.
    pub async fn with<T, F>(&self, id: &DeviceId, work: impl FnOnce(Arc<dyn Driver>) -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let outcome = work(self.get(id).await?).await;
        if let Err(error) = &outcome
            && matches!(error.kind(), ErrorKind::Unreachable | ErrorKind::Timeout | ErrorKind::Unauthorized)
            && error.code() != Code::ChannelOffline
        {
            self.forget(id);
        }
        outcome
    }

    /// The device was edited or removed, or the way to it changed.
    pub fn forget(&self, id: &DeviceId) {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    /// The network changed.
    pub fn forget_all(&self) {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// A stored way as drivers take it.
pub(crate) fn endpoint(route: &RouteRow) -> Endpoint {
    let RouteRow { host, http, https, rtsp, server, pin } = route.clone();
    Endpoint { host, ports: ServicePorts { http, https, rtsp, server }, pin: pin.map(CertificatePin) }
}
