//! Diagnostics bundles.

use bartizan_app::{App, KeyStorage, diagnostics::Program};
use bartizan_base::{Code, Error, Result};

use crate::dto;

/// Most windows told of.
const MOST_WINDOWS: usize = 256;
/// Longest text taken from the page, characters.
const LONGEST_TEXT: usize = 400;

pub(super) async fn make(
    app: &App,
    shell: dto::Shell,
    request: dto::DiagnosticsRequest,
) -> Result<dto::Diagnostics> {
    let mut page = request.page;
    page.windows.truncate(MOST_WINDOWS);
    page.user_agent = page.user_agent.chars().take(LONGEST_TEXT).collect();
    page.network = page.network.map(|network| network.chars().take(LONGEST_TEXT).collect());
    let program = Program {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        shell: match shell {
            dto::Shell::Tauri => "tauri",
            dto::Shell::Web => "web",
        }
        .to_owned(),
        os: std::env::consts::OS.to_owned(),
        arch: std::env::consts::ARCH.to_owned(),
        release: !cfg!(debug_assertions),
        key_storage: match app.key_storage() {
            KeyStorage::Keychain => "keychain",
            KeyStorage::KeyFile => "keyFile",
            KeyStorage::Memory => "memory",
            KeyStorage::Wrapped => "wrapped",
        }
        .to_owned(),
    };
    let page = serde_json::to_value(page).map_err(|e| Error::new(Code::Internal, e.to_string()))?;
    let bundle = app.diagnostics(program, page, request.answers).await?;
    Ok(dto::Diagnostics {
        file_name: format!("bartizan-diagnostics-{}.json", bundle.made_at_ms / 1000),
        text: bundle.write()?,
    })
}
