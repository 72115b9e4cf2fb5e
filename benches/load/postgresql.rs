//! A PostgreSQL of one's own: set up, started, and stopped in the end.

use std::{
    env, fs,
    os::unix::{
        fs::{MetadataExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use crate::{Result, cpu};

/// A cluster with the settings that it is installed with, reached by a socket in its directory,
/// that runs until it is dropped.
pub struct Postgresql {
    binaries: PathBuf,
    directory: PathBuf,
    /// The user and group it runs as: it refuses to run as root.
    user: Option<(u32, u32)>,
    postmaster: u32,
}

impl Postgresql {
    /// Starts a new cluster in the directory, or nothing where PostgreSQL is not installed.
    pub fn start(directory: &Path) -> Result<Option<Self>> {
        let Some(binaries) = find_binaries() else {
            return Ok(None);
        };
        let mut postgresql = Self {
            binaries,
            directory: directory.join("postgresql"),
            user: unprivileged_user()?,
            postmaster: 0,
        };
        fs::create_dir(&postgresql.directory)?;
        if let Some((uid, gid)) = postgresql.user {
            chown(&postgresql.directory, Some(uid), Some(gid))?;
        }
        postgresql.run("initdb", &["--username=cubby", "--auth=trust", "--no-sync"])?;
        let socket = format!(
            "--listen-addresses= --unix-socket-directories={}",
            postgresql.directory.display()
        );
        postgresql.run(
            "pg_ctl",
            &["start", "--wait", "--log=log", "--options", &socket],
        )?;
        let file = fs::read_to_string(postgresql.data().join("postmaster.pid"))?;
        let first = file.lines().next().ok_or("postmaster.pid is empty")?;
        postgresql.postmaster = first.trim().parse()?;
        Ok(Some(postgresql))
    }

    /// Where it is, for `DATABASE_URL`.
    pub fn url(&self) -> String {
        Self::url_at(&self.directory)
    }

    /// The same by another socket, in this directory.
    pub fn url_at(sockets: &Path) -> String {
        format!(
            "postgresql://cubby@localhost/postgres?host={}",
            sockets.display()
        )
    }

    /// The directory of its socket.
    pub fn sockets(&self) -> &Path {
        &self.directory
    }

    /// The CPU time of all its processes since it was started.
    pub fn cpu(&self) -> Result<Duration> {
        cpu::of_family(self.postmaster)
    }

    fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<()> {
        let mut command = Command::new(self.binaries.join(program));
        command
            .arg("--pgdata")
            .arg(self.data())
            .args(arguments)
            .current_dir(&self.directory)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        match command.status()? {
            status if status.success() => Ok(()),
            status => Err(format!("{program}: {status}").into()),
        }
    }
}

impl Drop for Postgresql {
    fn drop(&mut self) {
        // Its files are removed next, so nothing is worth being written.
        self.run("pg_ctl", &["stop", "--wait", "--mode=immediate"])
            .ok();
    }
}

/// The directory of `initdb` and `pg_ctl`: in `PATH`, or where Debian keeps those of each version.
fn find_binaries() -> Option<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    versions.sort_unstable_by(|a, b| b.cmp(a));
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(versions.into_iter().map(|(_, binaries)| binaries))
        .find(|binaries| {
            ["initdb", "pg_ctl"]
                .iter()
                .all(|name| binaries.join(name).is_file())
        })
}

/// For root, the user and group to run as instead: `postgres`, or else `nobody`.
fn unprivileged_user() -> Result<Option<(u32, u32)>> {
    if fs::metadata("/proc/self")?.uid() != 0 {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd")?;
    let ids_of = |name| {
        users.lines().find_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            match fields[..] {
                [user, _, uid, gid, ..] if user == name => {
                    Some((uid.parse().ok()?, gid.parse().ok()?))
                }
                _ => None,
            }
        })
    };
    let user = ids_of("postgres").or_else(|| ids_of("nobody"));
    Ok(Some(user.ok_or(
        "PostgreSQL refuses to run as root, and there is no other user",
    )?))
}
