//! The microphone in WebKitGTK, which gives pages none unless the program around them asks for it.
//!
//! The window shows nothing but our own page, and the page asks only after a person pressed Talk (or, for a code, Scan).

use tauri::WebviewWindow;
use webkit2gtk::{
    PermissionRequestExt, SettingsExt, UserMediaPermissionRequest, WebViewExt, glib::object::Cast,
};

/// With this set the engine brings its own microphone, which beeps: for tests on machines without one.
const FAKE: &str = "BARTIZAN_FAKE_MICROPHONE";

/// Lets the page of a window use microphone and camera.
pub fn allow(window: &WebviewWindow) -> tauri::Result<()> {
    window.with_webview(|webview| {
        let view = webview.inner();
        if let Some(settings) = WebViewExt::settings(&view) {
            settings.set_enable_media_stream(true);
            settings.set_enable_mock_capture_devices(std::env::var_os(FAKE).is_some());
        }
        view.connect_permission_request(|_, request| {
            let asked = request.downcast_ref::<UserMediaPermissionRequest>();
            if let Some(asked) = asked {
                asked.allow();
            }
            asked.is_some()
        });
    })
}
