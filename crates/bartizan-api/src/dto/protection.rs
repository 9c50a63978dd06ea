//! PIN or password of the app.

use std::fmt;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// How the app is protected, and what it asks for now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ProtectionState {
    /// False where nothing is stored that could be protected.
    pub offered: bool,
    /// `null`: not protected.
    pub kind: Option<ProtectionKind>,
    /// The secret is asked before anything else.
    pub locked: bool,
    /// How long the app may be away before it asks again, seconds.
    pub ask_after_s: u32,
    /// How long it takes no further try, milliseconds.
    #[ts(type = "number | null")]
    pub wait_ms: Option<u64>,
    /// Wrong tries that are left before the first pause.
    pub tries_left: u32,
    /// Whether a finger or a face opens the app.
    pub biometrics: BiometricState,
}

/// Whether a finger or a face opens the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum BiometricState {
    /// This program has no access to the sensors of the system.
    Absent,
    /// Nobody is enrolled in the system, or the sensor does not work now.
    NotEnrolled,
    /// It could.
    Off,
    /// It does.
    On,
}

/// What protects the app.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub enum ProtectionKind {
    /// 6 to 12 digits.
    Pin,
    /// 8 to 128 characters.
    Password,
}

/// `protection.unlock`, `protection.turnOff`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ProtectionSecret {
    /// The present PIN or password.
    pub secret: String,
}

/// `protection.setUp`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ProtectionSetUp {
    /// Which of the two.
    pub kind: ProtectionKind,
    /// The PIN or password.
    pub secret: String,
}

/// `protection.change`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ProtectionChange {
    /// The present PIN or password.
    pub current: String,
    /// Which of the two the new one is.
    pub kind: ProtectionKind,
    /// The new PIN or password.
    pub secret: String,
}

macro_rules! prints_nothing {
    ($($name:ident)*) => {
        $(impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(***)"))
            }
        })*
    };
}
prints_nothing!(ProtectionSecret ProtectionSetUp ProtectionChange);

/// `protection.unlockByBiometrics`: what the system's sheet says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ProtectionPrompt {
    /// Why a finger or a face is asked, 1–200 characters.
    pub reason: String,
    /// The words of the way out, 1–40 characters.
    pub cancel: String,
}

/// `protection.back`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase", default)]
#[ts(optional_fields)]
pub struct ProtectionBack {
    /// The page has just been loaded: the secret is asked unless the app was away for a short time only.
    pub starting: Option<bool>,
}

/// `protection.askAfter`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ProtectionAskAfter {
    /// 0–3600; 0 asks at every return.
    pub seconds: u32,
}

/// `protection.forget`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "camelCase")]
pub struct ProtectionForget {
    /// Must be true: a person agreed that the passwords of all devices are erased.
    pub erase_passwords: bool,
}
