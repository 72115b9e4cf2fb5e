//! What CPU processes have used, from `/proc/<pid>/stat` (proc_pid_stat(5)).

use std::{fs, time::Duration};

use crate::Result;

/// What Linux counts CPU time in for programs, whatever its own clock does.
const TICKS_PER_SECOND: u64 = 100;

struct Stat {
    parent: u32,
    /// Its own CPU time, in ticks.
    own: u64,
    /// That of its children that ended, in ticks.
    reaped: u64,
}

/// The CPU time of one process: user and system, all threads.
pub fn of_process(pid: u32) -> Result<Duration> {
    Ok(ticks(stat(&pid.to_string())?.own))
}

/// The CPU time of a process and its children, those that live and those that ended.
pub fn of_family(pid: u32) -> Result<Duration> {
    let root = stat(&pid.to_string())?;
    let mut sum = root.own + root.reaped;
    for entry in fs::read_dir("/proc")? {
        // What is no process, or ended meanwhile, has no such file.
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
    // The second field, the name, ends at the last parenthesis; what follows are numbers.
    let (_, rest) = stat
        .rsplit_once(')')
        .ok_or("no name in the stat of a process")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let field = |number: usize| -> Result<u64> {
        Ok(fields.get(number - 3).ok_or("a short stat")?.parse()?)
    };
    Ok(Stat {
        parent: u32::try_from(field(4)?)?,
        own: field(14)? + field(15)?,
        reaped: field(16)? + field(17)?,
    })
}
