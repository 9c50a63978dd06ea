//! PIN or password of the app.

use bartizan_app::{BiometricPrompt, Biometrics, Protection, SecretKind};
use bartizan_base::{Code, Error, Result, Secret};

use crate::dto;

pub(super) async fn state(protection: &Protection) -> dto::ProtectionState {
    let biometrics = protection.biometrics().await;
    let state = protection.state();
    dto::ProtectionState {
        offered: state.offered,
        kind: state.kind.map(|kind| match kind {
            SecretKind::Pin => dto::ProtectionKind::Pin,
            SecretKind::Password => dto::ProtectionKind::Password,
        }),
        locked: state.locked,
        ask_after_s: state.ask_after_s,
        wait_ms: state.wait.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
        tries_left: state.tries_left,
        biometrics: match biometrics {
            Biometrics::Absent => dto::BiometricState::Absent,
            Biometrics::NotEnrolled => dto::BiometricState::NotEnrolled,
            Biometrics::Off => dto::BiometricState::Off,
            Biometrics::On => dto::BiometricState::On,
        },
    }
}

pub(super) async fn unlock_by_biometrics(
    protection: &Protection,
    dto::ProtectionPrompt { reason, cancel }: dto::ProtectionPrompt,
) -> Result<()> {
    for (text, most) in [(&reason, 200), (&cancel, 40)] {
        if text.trim().is_empty() || text.chars().count() > most {
            return Err(Error::new(Code::InvalidInput, format!("words of 1 to {most} characters")));
        }
    }
    protection.unlock_by_biometrics(&BiometricPrompt { reason, cancel }).await
}

fn kind(kind: dto::ProtectionKind) -> SecretKind {
    match kind {
        dto::ProtectionKind::Pin => SecretKind::Pin,
        dto::ProtectionKind::Password => SecretKind::Password,
    }
}

pub(super) async fn set_up(protection: &Protection, request: dto::ProtectionSetUp) -> Result<()> {
    protection.set_up(kind(request.kind), &Secret::new(request.secret)).await
}

pub(super) async fn change(protection: &Protection, request: dto::ProtectionChange) -> Result<()> {
    let (current, secret) = (Secret::new(request.current), Secret::new(request.secret));
    protection.change(&current, kind(request.kind), &secret).await
}

pub(super) async fn forget(protection: &Protection, request: dto::ProtectionForget) -> Result<()> {
    if !request.erase_passwords {
        return Err(Error::new(Code::InvalidInput, "nobody agreed to lose the passwords of the devices"));
    }
    protection.forget().await
}
