//! Runs clients we did not write: packages of fixed versions, kept between runs, and the scripts beside this file.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use serde_json::Value;
use tokio::{process::Command, time::timeout};

use crate::support::workspace;

/// No witness may take longer, whatever the machine is doing besides; loading WSDLs is most of it.
pub const LIMIT: Duration = Duration::from_secs(120);
/// Fetching and installing packages, the first time.
const INSTALL_LIMIT: Duration = Duration::from_secs(300);

/// Runs a command to its end; `None` where the tool is not installed.
pub async fn run(command: &mut Command, limit: Duration) -> Option<Result<String, String>> {
    let shown = format!("{:?}", command.as_std().get_program());
    let running = command.stdin(Stdio::null()).kill_on_drop(true).output();
    match timeout(limit, running).await {
        Err(_) => Some(Err(format!("{shown} did not end within {limit:?}"))),
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => {
            println!("skipped: {shown} is not installed");
            None
        }
        Ok(Err(error)) => Some(Err(format!("{shown}: {error}"))),
        Ok(Ok(output)) => {
            let (out, err) =
                (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
            Some(if output.status.success() {
                Ok(out.into_owned())
            } else {
                Err(format!("{shown}\n{out}\n{err}"))
            })
        }
    }
}

/// A folder of packages, made once and kept for later runs under a name that tells its contents.
async fn kept(name: &str, fill: impl AsyncFnOnce(&Path) -> Option<()>) -> Option<PathBuf> {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("witnesses");
    let folder = home.join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    fs::create_dir_all(&home).unwrap();
    // Filled beside and moved: a torn installation is never taken for a whole one.
    let fresh = tempfile::tempdir_in(&home).unwrap();
    fill(fresh.path()).await?;
    let fresh = fresh.keep();
    if let Err(error) = fs::rename(&fresh, &folder) {
        // Another run was quicker.
        fs::remove_dir_all(&fresh).unwrap();
        assert!(folder.is_dir(), "{error}");
    }
    Some(folder)
}

/// A Python with these packages of exactly these versions.
pub async fn python(name: &str, packages: &[&str]) -> Option<PathBuf> {
    let folder = kept(name, async |folder| {
        let made = run(Command::new("python3").args(["-m", "venv"]).arg(folder), INSTALL_LIMIT).await?;
        made.unwrap_or_else(|error| panic!("python3-venv is needed: {error}"));
        let mut pip = Command::new(folder.join("bin/python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"])
            .args(packages);
        run(&mut pip, INSTALL_LIMIT).await?.unwrap_or_else(|error| panic!("{error}"));
        Some(())
    });
    Some(folder.await?.join("bin/python"))
}

/// A `node_modules` with this package of exactly this version.
pub async fn npm(name: &str, package: &str) -> Option<PathBuf> {
    let folder = kept(name, async |folder| {
        fs::write(folder.join("package.json"), r#"{"private":true}"#).unwrap();
        let mut npm = Command::new("npm");
        npm.args(["install", "--ignore-scripts", "--no-audit", "--no-fund", package]).current_dir(folder);
        run(&mut npm, INSTALL_LIMIT).await?.unwrap_or_else(|error| panic!("{error}"));
        Some(())
    });
    Some(folder.await?.join("node_modules"))
}

/// Runs a script beside this file and reads the JSON it prints.
pub async fn script(interpreter: &Path, name: &str, arguments: &[String]) -> Option<Value> {
    let mut command = Command::new(interpreter);
    command.arg(workspace().join("tests/it").join(name)).args(arguments);
    let said = run(&mut command, LIMIT).await?.unwrap_or_else(|error| panic!("{name}: {error}"));
    let line = said.lines().last().unwrap_or_default();
    Some(serde_json::from_str(line).unwrap_or_else(|error| panic!("{name}: {error}: {said}")))
}
