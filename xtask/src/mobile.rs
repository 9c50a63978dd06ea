//! Type-checks the app for Android and iOS without an NDK or Xcode.
//!
//! Rust's own standard library for the phones is built once from source into a private sysroot, with Debian's
//! `rustc-web` (a rustup toolchain brings no source and its std cannot be mixed with this one). C code is not compiled:
//! the stand-ins in `xtask/mobile` leave empty objects and archives. Nothing is linked, so this finds type errors and
//! missing `cfg`s only.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

const TARGETS: [&str; 2] = ["aarch64-linux-android", "aarch64-apple-ios"];
const RUSTC: &str = "/usr/bin/rustc";
const CARGO: &str = "/usr/bin/cargo";
const LIBRARY_SOURCE: &str = "/usr/lib/rustlib/src/rust/library/Cargo.lock";
const PACKAGES: [&str; 3] = ["rustc-web", "cargo-web", "rust-web-src"];
/// Tauri and rusqlite need it.
const OLDEST_MINOR: u32 = 95;

/// Checks `bartizan` for every phone target. `target_root` keeps the sysroots and build caches between runs.
///
/// # Errors
///
/// Names the missing package with the line that installs it, or the check that failed.
pub fn check(target_root: &Path) -> Result<(), String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("xtask lies in no workspace")?;
    if !root.join("ui/dist/index.html").is_file() {
        return Err("the app embeds the built UI: run `npm --prefix ui run build` first".into());
    }
    let version = toolchain()?;
    fs::create_dir_all(target_root).map_err(|error| format!("{}: {error}", target_root.display()))?;
    let target_root =
        target_root.canonicalize().map_err(|error| format!("{}: {error}", target_root.display()))?;
    let stubs = root.join("xtask/mobile");
    let sysroot = target_root.join("sysroot");
    for target in TARGETS {
        build_std(&target_root, &sysroot, target, &version)?;
        let started = Instant::now();
        run(
            &mut check_command(root, &target_root, &sysroot, &stubs, target)?,
            &format!("check for {target}"),
        )?;
        println!("{target}: type-checked in {} s", started.elapsed().as_secs());
    }
    Ok(())
}

fn check_command(
    root: &Path,
    target_root: &Path,
    sysroot: &Path,
    stubs: &Path,
    target: &str,
) -> Result<Command, String> {
    let compiler = stubs.join("phone-cc");
    let archiver = stubs.join("phone-ar");
    let variable = target.replace('-', "_");
    let mut command = cargo();
    command
        .args(["check", "--locked", "--package", "bartizan", "--lib", "--target", target, "--target-dir"])
        .arg(target_root.join("check"))
        .current_dir(root)
        .env("CARGO_ENCODED_RUSTFLAGS", prefixed("--sysroot=", sysroot))
        .env(format!("CC_{variable}"), &compiler)
        .env(format!("CXX_{variable}"), &compiler)
        .env(format!("AR_{variable}"), archiver);
    if target.contains("-apple-") {
        let path = env::var_os("PATH").unwrap_or_default();
        let path = env::join_paths([stubs.join("bin")].into_iter().chain(env::split_paths(&path)))
            .map_err(|error| format!("PATH: {error}"))?;
        command.env("PATH", path);
    }
    Ok(command)
}

/// Builds std for `target` into `sysroot`, unless the same compiler has done so before.
fn build_std(target_root: &Path, sysroot: &Path, target: &str, version: &str) -> Result<(), String> {
    let library = sysroot.join("lib/rustlib").join(target).join("lib");
    let stamp = library.join("built-by");
    if fs::read_to_string(&stamp).is_ok_and(|built_by| built_by == version) {
        return Ok(());
    }
    let failed = |error: std::io::Error| format!("building std for {target}: {error}");
    let started = Instant::now();
    let probe = target_root.join("std");
    let output = probe.join("target");
    let built = output.join(target).join("debug/deps");
    for stale in [&library, &built] {
        if stale.exists() {
            fs::remove_dir_all(stale).map_err(failed)?;
        }
    }
    fs::create_dir_all(probe.join("src")).map_err(failed)?;
    fs::create_dir_all(&library).map_err(failed)?;
    let manifest =
        "[package]\nname = \"std-probe\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n";
    fs::write(probe.join("Cargo.toml"), manifest).map_err(failed)?;
    fs::write(probe.join("src/lib.rs"), "").map_err(failed)?;
    run(
        cargo()
            .args(["build", "--lib", "-Zbuild-std=std,panic_abort", "--target", target, "--target-dir"])
            .arg(&output)
            .current_dir(&probe)
            .env("RUSTC_BOOTSTRAP", "1"),
        &format!("building std for {target}"),
    )?;
    for entry in fs::read_dir(&built).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let Some(name) = path.file_name() else { continue };
        let text = name.to_string_lossy();
        if text.ends_with(".rlib") && !text.starts_with("libstd_probe-") {
            fs::copy(&path, library.join(name)).map_err(failed)?;
        }
    }
    fs::write(&stamp, version).map_err(failed)?;
    println!("{target}: standard library built in {} s", started.elapsed().as_secs());
    Ok(())
}

/// Debian's cargo and rustc, whatever rustup has put first in PATH, and none of the caller's flags. `cargo xtask` also
/// leaves rustup's libraries in LD_LIBRARY_PATH, which this compiler must not load.
fn cargo() -> Command {
    let mut command = Command::new(CARGO);
    command.env("RUSTC", RUSTC);
    for inherited in [
        "CARGO_ENCODED_RUSTFLAGS",
        "RUSTFLAGS",
        "RUSTC_BOOTSTRAP",
        "RUSTC_WRAPPER",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTUP_TOOLCHAIN",
        "CARGO_BUILD_TARGET",
        "CARGO_TARGET_DIR",
        "LD_LIBRARY_PATH",
    ] {
        command.env_remove(inherited);
    }
    command
}

/// The compiler's full version text; installs the Debian packages when it may.
fn toolchain() -> Result<String, String> {
    if let Some(version) = usable() {
        return Ok(version);
    }
    let line = format!("apt-get install -y --no-install-recommends {} gcc libc6-dev", PACKAGES.join(" "));
    if is_root() && Path::new("/usr/bin/apt-get").exists() {
        println!("mobile check: {line}");
        let mut update = Command::new("apt-get");
        run(update.args(["update", "-qq"]), "apt-get update")?;
        let mut install = Command::new("sh");
        run(install.args(["-c", &line]).env("DEBIAN_FRONTEND", "noninteractive"), "installing rustc-web")?;
    }
    usable().ok_or_else(|| {
        format!("the mobile check needs Debian's rustc-web 1.{OLDEST_MINOR} or later with its sources. As root: {line}")
    })
}

fn usable() -> Option<String> {
    if !Path::new(LIBRARY_SOURCE).exists() || !Path::new(CARGO).exists() {
        return None;
    }
    let output = Command::new(RUSTC).arg("-vV").stderr(Stdio::null()).output().ok()?;
    let version = String::from_utf8(output.stdout).ok()?;
    is_new_enough(&version).then_some(version)
}

fn is_new_enough(version: &str) -> bool {
    let minor = version.strip_prefix("rustc 1.").and_then(|rest| rest.split('.').next());
    minor.and_then(|minor| minor.parse::<u32>().ok()).is_some_and(|minor| minor >= OLDEST_MINOR)
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn run(command: &mut Command, what: &str) -> Result<(), String> {
    let status = command.status().map_err(|error| format!("{what}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{what} failed: {status}")) }
}

fn prefixed(prefix: &str, path: &Path) -> OsString {
    let mut text = OsString::from(prefix);
    text.push(path);
    text
}

#[cfg(test)]
mod tests {
    use super::is_new_enough;

    #[test]
    fn only_a_recent_compiler_will_do() {
        assert!(is_new_enough(
            "rustc 1.96.0 (ac68faa20 2026-05-25) (built from a source tarball)\nbinary: rustc"
        ));
        assert!(!is_new_enough("rustc 1.85.1 (4eb161250 2025-03-15)"));
        assert!(!is_new_enough(""));
    }
}
