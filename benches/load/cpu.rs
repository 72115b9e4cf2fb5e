//! Reads the CPU time of processes from `/proc/<pid>/stat` (proc_pid_stat(5)).

use std::{fs, time::Duration};

use crate::Result;

/// The unit in which Linux reports CPU times to programs (`USER_HZ`).
const TICKS_PER_SECOND: u64 = 100;

struct Stat {
    parent: u32,
    /// The CPU time of the process, in ticks.
    own: u64,
    /// The CPU time of its ended children, in ticks.
    reaped: u64,
}

/// Returns the user and system CPU time of all threads of a process.
pub fn of_process(pid: u32) -> Result<Duration> {
    Ok(ticks(stat(&pid.to_string())?.own))
}

/// Returns the CPU time of a process and of its running and ended children.
pub fn of_process_tree(pid: u32) -> Result<Duration> {
    let root = stat(&pid.to_string())?;
    let mut sum = root.own + root.reaped;
    for entry in fs::read_dir("/proc")? {
        // Fails for entries that are not processes, and for processes that have just ended.
        if let Ok(child) = stat(&entry?.file_name().to_string_lossy())
            && child.parent == pid
        {
            sum += child.own;
        }
    }
    Ok(ticks(sum))
}

fn ticks(ticks: u64) -> Duration {
    Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND)
}

fn stat(pid: &str) -> Result<Stat> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The second field is the name in parentheses, which may contain parentheses and spaces.
    // Numbers follow.
    let (_, rest) = stat
        .rsplit_once(')')
        .ok_or("a process's stat file has no name")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let field = |number: usize| -> Result<u64> {
        Ok(fields
            .get(number - 3)
            .ok_or("a process's stat file has too few fields")?
            .parse()?)
    };
    Ok(Stat {
        parent: u32::try_from(field(4)?)?,
        own: field(14)? + field(15)?,
        reaped: field(16)? + field(17)?,
    })
}
