//! Reads `tauri.conf.json` and the capabilities, and names the one command the web view may call.

fn main() {
    // Naming the commands puts them under the capability list: what is not here cannot be called, by any window.
    let commands = tauri_build::AppManifest::new().commands(&["rpc"]);
    let attributes = tauri_build::Attributes::new().app_manifest(commands);
    if let Err(error) = tauri_build::try_build(attributes) {
        println!("cargo::error={error:#}");
    }
}
