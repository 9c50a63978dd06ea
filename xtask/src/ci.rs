//! Every check that is not a test.

use std::{fs, process::Command};

use crate::{
    licences, mobile,
    process::{output, run},
    root, setup, target_dir,
};

/// Format, lints, types, licences, generated code, phones.
pub fn run_checks() -> Result<(), String> {
    setup::packages(setup::BUILD_PACKAGES)?;
    setup::node_modules()?;
    setup::page()?;
    let cargo = || {
        let mut command = Command::new(env!("CARGO"));
        command.current_dir(root());
        command
    };
    run(cargo().args(["fmt", "--all", "--", "--check"]))?;
    run(cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    codegen(true)?;
    licences::generate(true)?;
    run(&mut setup::npm(&["run", "--silent", "typecheck"]))?;
    run(&mut setup::npm(&["run", "--silent", "lint"]))?;
    if !has_cargo_deny() {
        run(cargo().args(["install", "cargo-deny", "--locked", "--quiet"]))?;
    }
    run(cargo().args(["deny", "--log-level", "error", "check", "bans", "licenses", "sources"]))?;
    mobile()
}

fn has_cargo_deny() -> bool {
    Command::new(env!("CARGO")).args(["deny", "--version"]).output().is_ok_and(|out| out.status.success())
}

/// Type-checks the app for phones.
pub fn mobile() -> Result<(), String> {
    setup::node_modules()?;
    setup::page()?;
    mobile::check(&target_dir().join("mobile"))
}

/// Writes, or with `check` compares, the TypeScript of the command list.
pub fn codegen(check: bool) -> Result<(), String> {
    let generated = output(
        Command::new(env!("CARGO"))
            .args(["run", "--quiet", "-p", "bartizan-api", "--example", "codegen"])
            .current_dir(root()),
    )?;
    let file = root().join("ui/src/api/generated.ts");
    let present = fs::read_to_string(&file).unwrap_or_default();
    if present == generated {
        return Ok(());
    }
    if check {
        return Err("ui/src/api/generated.ts is stale: run `cargo xtask codegen`".into());
    }
    fs::write(&file, generated).map_err(|e| format!("{}: {e}", file.display()))
}
