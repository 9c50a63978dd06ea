// No console window beside the app on Windows.
#![cfg_attr(all(not(debug_assertions), target_os = "windows"), windows_subsystem = "windows")]

fn main() {
    #[cfg(target_os = "linux")]
    without_gpu::restart();
    bartizan_lib::run();
}

/// WebKitGTK hands each frame of a page to the screen through GPU buffers. Without a GPU it emulates them, and showing
/// sixteen pictures costs 1.6 times the processor time of its plain path (measured; see `docs/performance.md`).
#[cfg(target_os = "linux")]
mod without_gpu {
    use std::{env, os::unix::process::CommandExt, path::Path, process::Command};

    const PLAIN_PATH: &str = "WEBKIT_DISABLE_DMABUF_RENDERER";

    /// Starts this program again with the plain path chosen, where there is no GPU and nobody chose otherwise. The
    /// variable has to be there before the first thread, and setting one's own is not safe later.
    pub(crate) fn restart() {
        if env::var_os(PLAIN_PATH).is_some() || has_gpu() {
            return;
        }
        if let Ok(program) = env::current_exe() {
            // Returns only when it failed; the app then runs as it is, only slower.
            let _ = Command::new(program).args(env::args_os().skip(1)).env(PLAIN_PATH, "1").exec();
        }
    }

    fn has_gpu() -> bool {
        let Ok(nodes) = Path::new("/dev/dri").read_dir() else { return false };
        nodes.flatten().any(|node| node.file_name().to_string_lossy().starts_with("renderD"))
    }
}
