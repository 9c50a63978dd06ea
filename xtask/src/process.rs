//! Child processes that end with us, and what they cost.

use std::{
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader, Read},
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

/// Runs a command to its end; its output goes to standard error, since standard output may be for a JSON reader.
pub fn run(command: &mut Command) -> Result<(), String> {
    let shown = show(command);
    eprintln!("$ {shown}");
    let status = command.stdout(std::io::stderr()).status().map_err(|e| format!("{shown}: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("{shown}: {status}")) }
}

/// Runs a command to its end, shows its standard output as it comes and gives it back.
pub fn run_and_read(command: &mut Command) -> (String, Result<(), String>) {
    let shown = show(command);
    eprintln!("$ {shown}");
    let mut child = match command.stdout(Stdio::piped()).spawn() {
        Ok(child) => child,
        Err(e) => return (String::new(), Err(format!("{shown}: {e}"))),
    };
    let mut all = String::new();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            println!("{line}");
            all.push_str(&line);
            all.push('\n');
        }
    }
    let outcome = match child.wait() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{shown}: {status}")),
        Err(e) => Err(format!("{shown}: {e}")),
    };
    (all, outcome)
}

/// The standard output of a command that must succeed.
pub fn output(command: &mut Command) -> Result<String, String> {
    let shown = show(command);
    let output = command.stderr(Stdio::inherit()).output().map_err(|e| format!("{shown}: {e}"))?;
    if output.status.success() {
        String::from_utf8(output.stdout).map_err(|e| format!("{shown}: {e}"))
    } else {
        Err(format!("{shown}: {}", output.status))
    }
}

fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

/// A process in a group of its own, ended with all its children when dropped.
pub struct Server {
    child: Child,
    lines: Option<Receiver<String>>,
}

impl Server {
    /// Starts it. Its standard output is read by [`Server::wait_for_line`].
    pub fn start(command: &mut Command) -> Result<Self, String> {
        Self::spawn(command.process_group(0))
    }

    /// As [`Server::start`], but in our own group, so that the Ctrl-C which ends us reaches it too.
    pub fn start_in_foreground(command: &mut Command) -> Result<Self, String> {
        Self::spawn(command)
    }

    fn spawn(command: &mut Command) -> Result<Self, String> {
        let shown = show(command);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| format!("{shown}: {e}"))?;
        let (tell, lines) = channel();
        if let Some(stdout) = child.stdout.take() {
            // Reads on to the end, so that the child never blocks on a full pipe.
            thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    let _ = tell.send(line);
                }
            });
        }
        Ok(Self { child, lines: Some(lines) })
    }

    /// The process id, which is also its group's.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The first line of output that `pick` takes, within `limit`.
    pub fn wait_for_line<T>(&self, limit: Duration, pick: impl Fn(&str) -> Option<T>) -> Result<T, String> {
        let deadline = Instant::now() + limit;
        let lines = self.lines.as_ref().ok_or("no output to read")?;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match lines.recv_timeout(left) {
                Ok(line) => {
                    if let Some(found) = pick(&line) {
                        return Ok(found);
                    }
                }
                Err(RecvTimeoutError::Timeout) => return Err("a server did not start in time".into()),
                Err(RecvTimeoutError::Disconnected) => return Err("a server ended at its start".into()),
            }
        }
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> Result<(), String> {
        self.child.wait().map(|_| ()).map_err(|e| e.to_string())
    }

    /// True while it runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = self.child.id().to_string();
        let group = format!("-{pid}");
        let signal = |name: &str| {
            // The group is there only for servers of `start`; the other signal then finds the process alone.
            for target in [&group, &pid] {
                let _ = Command::new("kill").args([name, "--", target]).stderr(Stdio::null()).status();
            }
        };
        signal("-TERM");
        let deadline = Instant::now() + Duration::from_secs(4);
        while self.is_running() && Instant::now() < deadline {
            pause(Duration::from_millis(20));
        }
        signal("-KILL");
        let _ = self.child.wait();
    }
}

/// Waits; xtask is a plain program without a runtime.
#[expect(clippy::disallowed_methods, reason = "there is no runtime here to block")]
pub fn pause(time: Duration) {
    thread::sleep(time);
}

/// CPU time and memory of a process and all its descendants, from /proc.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// User and system time, seconds.
    pub cpu_s: f64,
    /// Resident memory counted once per process, so shared pages count several times, MiB.
    pub rss_mib: f64,
    /// Proportional share of memory, MiB; shared pages are divided among their users.
    pub pss_mib: f64,
    /// Processes.
    pub processes: usize,
}

/// The usage of the tree below `pid`.
pub fn usage(pid: u32) -> Usage {
    let mut sum = Usage::default();
    for pid in tree(pid) {
        let Some((ticks, rss_pages)) = stat(pid) else { continue };
        // CLK_TCK is 100 on every Linux that this runs on.
        sum.cpu_s += ticks as f64 / 100.0;
        sum.rss_mib += rss_pages as f64 * 4096.0 / 1_048_576.0;
        sum.pss_mib += pss_kib(pid) as f64 / 1024.0;
        sum.processes += 1;
    }
    sum
}

/// `pid` and everything that descends from it.
pub fn tree(pid: u32) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return vec![pid] };
    let parents: Vec<(u32, u32)> = entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid: u32| Some((pid, fields(pid)?.get(1)?.parse().ok()?)))
        .collect();
    let mut tree = vec![pid];
    let mut at = 0;
    while at < tree.len() {
        let parent = tree[at];
        tree.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(child, _)| *child));
        at += 1;
    }
    tree
}

/// The fields of /proc/PID/stat after the command name: state, parent, …
fn fields(pid: u32) -> Option<Vec<String>> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The command name may hold spaces and parentheses; the last ')' ends it.
    let (_, rest) = text.rsplit_once(") ")?;
    Some(rest.split_whitespace().map(str::to_owned).collect())
}

fn stat(pid: u32) -> Option<(u64, u64)> {
    let fields = fields(pid)?;
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    // utime and stime are fields 14 and 15 of proc(5), rss field 24; ours begin at field 3. Children already reaped
    // (cutime, cstime) are counted too.
    Some((number(11)? + number(12)? + number(13)? + number(14)?, number(21)?))
}

fn pss_kib(pid: u32) -> u64 {
    let mut text = String::new();
    let read = fs::File::open(format!("/proc/{pid}/smaps_rollup"))
        .and_then(|mut file| file.read_to_string(&mut text));
    if read.is_err() {
        return 0;
    }
    text.lines()
        .find_map(|line| line.strip_prefix("Pss:")?.trim().strip_suffix("kB")?.trim().parse().ok())
        .unwrap_or(0)
}
