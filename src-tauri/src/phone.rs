//! What only phones have: a secret behind a finger or a face, and a list of apps with pictures of them.

use std::sync::Arc;

use async_trait::async_trait;
use bartizan_app::{BiometricPrompt, BiometricVault, Protection};
use bartizan_base::{Code, Error, Result, Secret};
use tauri::AppHandle;
use tauri_plugin_biometry::{BiometryExt, DataOptions, GetDataOptions, SetDataOptions};

/// The item of the app's secret in the system's keystore.
const DOMAIN: &str = "bartizan";
const NAME: &str = "app-secret";

/// Connects the app's protection with the phone.
pub fn protect(handle: &AppHandle, protection: &Protection) {
    protection.set_biometrics(Arc::new(Keystore { handle: handle.clone() }));
    #[cfg(target_os = "android")]
    {
        let handle = handle.clone();
        protection.on_change(move |protected| hide_from_recents(&handle, protected));
    }
}

/// Android: a key of the Keystore that asks for a finger or a face at every use and that a newly enrolled one voids.
/// Apple: a keychain item of this device that asks for the same or the device's passcode.
struct Keystore {
    handle: AppHandle,
}

fn item() -> DataOptions {
    DataOptions { domain: DOMAIN.into(), name: NAME.into() }
}

impl Keystore {
    /// The plugin blocks until the system has answered.
    async fn ask<T: Send + 'static>(
        &self,
        what: impl FnOnce(&AppHandle) -> tauri_plugin_biometry::Result<T> + Send + 'static,
    ) -> Result<T> {
        let handle = self.handle.clone();
        match tauri::async_runtime::spawn_blocking(move || what(&handle)).await {
            Ok(told) => told.map_err(|error| refusal(&error)),
            Err(_) => Err(Error::new(Code::Internal, "the plugin ended early")),
        }
    }
}

/// What the system said, as `[code] - words` of the plugin.
fn refusal(error: &tauri_plugin_biometry::Error) -> Error {
    let text = error.to_string();
    let wanted_out = ["userCancel", "systemCancel", "appCancel"].iter().any(|code| text.contains(code));
    Error::new(if wanted_out { Code::Cancelled } else { Code::BiometricsFailed }, text)
}

#[async_trait]
impl BiometricVault for Keystore {
    async fn enrolled(&self) -> Result<bool> {
        self.ask(|handle| handle.biometry().status()).await.map(|status| status.is_available)
    }

    async fn holds(&self) -> Result<bool> {
        self.ask(|handle| handle.biometry().has_data(item())).await
    }

    async fn keep(&self, secret: &Secret) -> Result<()> {
        let data = secret.expose().to_owned();
        let options = SetDataOptions { domain: DOMAIN.into(), name: NAME.into(), data };
        self.ask(move |handle| handle.biometry().set_data(options)).await
    }

    async fn open(&self, prompt: &BiometricPrompt) -> Result<Secret> {
        let options = GetDataOptions {
            domain: DOMAIN.into(),
            name: NAME.into(),
            reason: prompt.reason.clone(),
            cancel_title: Some(prompt.cancel.clone()),
        };
        self.ask(move |handle| handle.biometry().get_data(options)).await.map(|kept| Secret::new(kept.data))
    }

    async fn erase(&self) -> Result<()> {
        self.ask(|handle| handle.biometry().remove_data(item())).await
    }
}

/// The list of recent apps shows a picture of the app only where it is not protected. The page covers itself too, but
/// the system does not wait for it.
#[cfg(target_os = "android")]
fn hide_from_recents(handle: &AppHandle, hidden: bool) {
    use tauri::Manager;
    /// `WindowManager.LayoutParams.FLAG_SECURE`.
    const FLAG_SECURE: i32 = 0x2000;
    /// `Build.VERSION_CODES.TIRAMISU`, the first with `Activity.setRecentsScreenshotEnabled`.
    const TIRAMISU: i32 = 33;

    let Some(window) = handle.get_webview_window("main") else { return };
    let told = window.with_webview(move |webview| {
        webview.jni_handle().exec(move |env, activity, _| {
            let done = (|| {
                let sdk = env.get_static_field("android/os/Build$VERSION", "SDK_INT", "I")?.i()?;
                if sdk >= TIRAMISU {
                    let shown = (!hidden).into();
                    env.call_method(activity, "setRecentsScreenshotEnabled", "(Z)V", &[shown])?;
                    return Ok(());
                }
                // Older systems know only a flag that forbids screenshots of every kind.
                let window = env.call_method(activity, "getWindow", "()Landroid/view/Window;", &[])?.l()?;
                let change = if hidden { "addFlags" } else { "clearFlags" };
                env.call_method(&window, change, "(I)V", &[FLAG_SECURE.into()])?;
                Ok(())
            })();
            let done: std::result::Result<(), jni::errors::Error> = done;
            if let Err(error) = done {
                // What Java threw would meet the next call.
                let _ = env.exception_clear();
                tracing::warn!(%error, "the list of recent apps may show the app");
            }
        });
    });
    if let Err(error) = told {
        tracing::warn!(%error, "the list of recent apps may show the app");
    }
}
