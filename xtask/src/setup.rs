//! Brings a bare Debian or Ubuntu machine to where the app builds, and builds it.

use std::{
    collections::hash_map::DefaultHasher,
    fs,
    hash::{Hash, Hasher},
    path::Path,
    process::{Command, Stdio},
};

use crate::{process::run, root, target_dir};

/// What compiling the app needs.
pub const BUILD_PACKAGES: &[&str] = &["build-essential", "pkg-config", "nasm", "libwebkit2gtk-4.1-dev"];
/// What running it in a window needs: WebKitGTK decodes H.264 through GStreamer's libav plugin.
pub const RUN_PACKAGES: &[&str] = &[
    "fonts-dejavu-core",
    "gstreamer1.0-plugins-base",
    "gstreamer1.0-plugins-good",
    "gstreamer1.0-plugins-bad",
    "gstreamer1.0-libav",
    "libgl1-mesa-dri",
];
/// What a run without a display needs on top.
pub const HEADLESS_PACKAGES: &[&str] =
    &["xvfb", "xauth", "chromium", "webkit2gtk-driver", "fonts-wqy-microhei"];
/// The clients and servers we did not write, for the tests and benchmarks.
pub const TEST_PACKAGES: &[&str] = &[
    "ffmpeg",
    "gstreamer1.0-tools",
    "gstreamer1.0-plugins-ugly",
    "python3-gi",
    "python3-venv",
    "gir1.2-gst-rtsp-server-1.0",
    "imagemagick",
    "mediainfo",
    "mkvtoolnix",
    "atomicparsley",
];
/// The peers of the benchmarks.
pub const BENCH_PACKAGES: &[&str] = &["mpv", "x11-utils", "gstreamer1.0-x"];

/// Installs what is missing of `wanted`, or tells the line that does.
pub fn packages(wanted: &[&str]) -> Result<(), String> {
    let missing: Vec<&str> = wanted.iter().copied().filter(|name| !installed(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let line = format!("apt-get install -y --no-install-recommends {}", missing.join(" "));
    let on_debian = Path::new("/usr/bin/apt-get").exists();
    if !on_debian {
        return Err(format!(
            "these are missing (Debian's names; install your system's): {}",
            missing.join(" ")
        ));
    }
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|out| out.stdout.starts_with(b"0\n"));
    if !is_root {
        return Err(format!("some packages are missing; install them with\n  sudo {line}"));
    }
    let lock = "DPkg::Lock::Timeout=400";
    run(Command::new("apt-get").args(["-o", lock, "-q", "update"]))?;
    run(Command::new("apt-get")
        .args(["-o", lock, "-q", "install", "-y", "--no-install-recommends"])
        .args(&missing)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null()))
}

fn installed(package: &str) -> bool {
    Command::new("dpkg-query")
        .args(["-W", "-f", "${db:Status-Status}", package])
        .stderr(Stdio::null())
        .output()
        .is_ok_and(|out| out.stdout == b"installed")
}

/// `npm` in the page's folder.
pub fn npm(arguments: &[&str]) -> Command {
    let mut command = Command::new("npm");
    command.args(arguments).current_dir(root().join("ui")).env("CI", "true");
    command
}

/// `npm ci`, when the lock file changed since the last time.
pub fn node_modules() -> Result<(), String> {
    let ui = root().join("ui");
    let lock = fs::read(ui.join("package-lock.json")).map_err(|e| format!("ui/package-lock.json: {e}"))?;
    let stamp = ui.join("node_modules/.bartizan-lock");
    let fingerprint = fingerprint(&[&lock]);
    if fs::read_to_string(&stamp).is_ok_and(|old| old == fingerprint) {
        return Ok(());
    }
    run(&mut npm(&["ci", "--no-audit", "--no-fund"]))?;
    fs::write(&stamp, fingerprint).map_err(|e| e.to_string())
}

/// Builds the page, when one of its sources changed since the last time.
pub fn page() -> Result<(), String> {
    let ui = root().join("ui");
    let mut sources = Vec::new();
    for part in ["src", "public", "index.html", "vite.config.ts", "package-lock.json"] {
        collect(&ui.join(part), &mut sources)?;
    }
    let fingerprint = fingerprint(&sources.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let stamp = ui.join("node_modules/.bartizan-built");
    let fresh = fs::read_to_string(&stamp).is_ok_and(|old| old == fingerprint);
    if fresh && ui.join("dist/index.html").is_file() {
        return Ok(());
    }
    run(&mut npm(&["run", "--silent", "build"]))?;
    fs::write(&stamp, fingerprint).map_err(|e| e.to_string())
}

fn collect(path: &Path, into: &mut Vec<Vec<u8>>) -> Result<(), String> {
    if path.is_dir() {
        let mut entries: Vec<_> =
            fs::read_dir(path).map_err(|e| e.to_string())?.filter_map(|e| Some(e.ok()?.path())).collect();
        entries.sort();
        entries.iter().try_for_each(|entry| collect(entry, into))
    } else if path.is_file() {
        into.push(path.to_string_lossy().into_owned().into_bytes());
        into.push(fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?);
        Ok(())
    } else {
        Ok(())
    }
}

fn fingerprint(parts: &[&[u8]]) -> String {
    let mut hasher = DefaultHasher::new();
    parts.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// Builds an optimised example.
pub fn build_example(package: &str, example: &str) -> Result<(), String> {
    let mut command = Command::new(env!("CARGO"));
    run(command.args(["build", "--release", "-p", package, "--example", example]).current_dir(root()))
}

/// Builds programs; gives the folder they are in.
pub fn build(packages: &[&str], release: bool) -> Result<std::path::PathBuf, String> {
    let mut command = Command::new(env!("CARGO"));
    command.arg("build").current_dir(root());
    for package in packages {
        command.args(["-p", package]);
        if *package == "bartizan" && release {
            // Without it a release build asks for a development server.
            command.args(["--features", "bartizan/custom-protocol"]);
        }
    }
    command.arg("--bins");
    if release {
        command.arg("--release");
    }
    run(&mut command)?;
    Ok(target_dir().join(if release { "release" } else { "debug" }))
}
