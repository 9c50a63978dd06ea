//! The app's secret behind a finger or a face: the system keeps it, and gives it back to whoever is enrolled there.
//!
//! A mere yes or no of the system would not do: the key of the device passwords is wrapped by the secret.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bartizan_base::{Code, Error, Result, Secret};

use super::Protection;

/// The longest that a finger or a face is waited for. The system's own sheet gives up earlier.
const PROMPT_LIMIT: Duration = Duration::from_secs(120);

/// What a page waits for at its start waits no longer for a keystore.
const LOOK_LIMIT: Duration = Duration::from_secs(3);

/// What the system's sheet says, in the language of the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BiometricPrompt {
    /// Why it is asked.
    pub reason: String,
    /// The words of the way out.
    pub cancel: String,
}

/// A keystore item that the system opens for an enrolled finger or face alone.
#[async_trait]
pub trait BiometricVault: Send + Sync {
    /// Somebody is enrolled, and the sensor works.
    async fn enrolled(&self) -> Result<bool>;
    /// There is a secret in it.
    async fn holds(&self) -> Result<bool>;
    /// Keeps a secret in place of any other. Asks nobody.
    async fn keep(&self, secret: &Secret) -> Result<()>;
    /// Asks for a finger or a face and gives the secret. [`Code::Cancelled`] when the person did not want to,
    /// [`Code::BiometricsFailed`] when the system did not open it.
    async fn open(&self, prompt: &BiometricPrompt) -> Result<Secret>;
    /// Forgets the secret; no error when there is none.
    async fn erase(&self) -> Result<()>;
}

/// Whether a finger or a face opens the app.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Biometrics {
    /// This program has no access to the sensors of the system.
    #[default]
    Absent,
    /// Nobody is enrolled in the system, or the sensor does not work now.
    NotEnrolled,
    /// It could.
    Off,
    /// It does.
    On,
}

impl Protection {
    /// The system's keystore, from a shell that reaches it; the first one given stays.
    pub fn set_biometrics(&self, vault: Arc<dyn BiometricVault>) {
        let _ = self.vault.set(vault);
    }

    /// Whether a finger or a face opens the app, as the system tells it now.
    pub async fn biometrics(&self) -> Biometrics {
        let Some(vault) = self.vault.get() else { return Biometrics::Absent };
        let look =
            tokio::time::timeout(LOOK_LIMIT, futures::future::try_join(vault.enrolled(), vault.holds()));
        let (enrolled, holds) = match look.await {
            Ok(Ok(told)) => told,
            Ok(Err(error)) => {
                tracing::warn!(%error, "the keystore does not answer");
                return Biometrics::NotEnrolled;
            }
            Err(_) => {
                tracing::warn!("the keystore does not answer in time");
                return Biometrics::NotEnrolled;
            }
        };
        // An item may outlive the app's data: Apple's keychain keeps it when the app is removed.
        match (enrolled, holds && self.inner().kind.is_some()) {
            (false, _) => Biometrics::NotEnrolled,
            (true, false) => Biometrics::Off,
            (true, true) => Biometrics::On,
        }
    }

    /// Lets a finger or a face open the app too. The present secret is asked for, as for [`unlock`](Self::unlock).
    pub async fn let_biometrics(&self, current: &Secret) -> Result<()> {
        let vault = self.vault()?;
        let _alone = self.trying.lock().await;
        self.check(current).await?;
        vault.keep(current).await
    }

    /// Only the secret opens the app.
    pub async fn forget_biometrics(&self) -> Result<()> {
        self.vault()?.erase().await
    }

    /// Unlocks the app by a finger or a face.
    ///
    /// As [`unlock`](Self::unlock), and [`Code::Cancelled`] or [`Code::BiometricsFailed`] where the system did not give
    /// the secret; then the PIN or password is asked.
    pub async fn unlock_by_biometrics(&self, prompt: &BiometricPrompt) -> Result<()> {
        let vault = self.vault()?;
        let epoch = self.inner().epoch;
        if !self.is_locked() {
            return Ok(());
        }
        if let Some(wait) = self.inner().wait() {
            return Err(Error::new(Code::AppPasswordWait, "too many wrong tries").with_retry_after(wait));
        }
        let secret = tokio::time::timeout(PROMPT_LIMIT, vault.open(prompt))
            .await
            .map_err(|_| Error::new(Code::Cancelled, "nobody touched the sensor"))??;
        if self.inner().epoch != epoch {
            return Err(Error::new(Code::AppLocked, "the app went away meanwhile"));
        }
        match self.unlock(&secret).await {
            Err(error) if error.code() == Code::AppPassword => {
                // It was changed while the keystore did not answer. A further look would cost another try.
                self.erase_biometrics().await;
                Err(Error::new(Code::BiometricsFailed, "the keystore has another secret than the app"))
            }
            other => other,
        }
    }

    /// The secret is another now.
    pub(super) async fn renew_biometrics(&self, secret: &Secret) {
        if self.biometrics().await != Biometrics::On {
            return;
        }
        let Some(vault) = self.vault.get() else { return };
        if let Err(error) = vault.keep(secret).await {
            tracing::warn!(%error, "the keystore did not take the new secret");
            self.erase_biometrics().await;
        }
    }

    /// The secret is none any more, or not the one in the keystore.
    pub(super) async fn erase_biometrics(&self) {
        let Some(vault) = self.vault.get() else { return };
        if let Err(error) = vault.erase().await {
            tracing::warn!(%error, "the keystore did not forget the secret");
        }
    }

    fn vault(&self) -> Result<Arc<dyn BiometricVault>> {
        self.vault
            .get()
            .cloned()
            .ok_or_else(|| Error::new(Code::UnsupportedCommand, "this program has no access to sensors"))
    }
}

#[cfg(test)]
mod tests;
