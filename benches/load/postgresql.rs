//! Creates, starts and stops a temporary PostgreSQL cluster.

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

/// A cluster with the default settings of the installation. It listens on a socket in its
/// directory, and runs until it is dropped.
pub struct Postgresql {
    binaries: PathBuf,
    directory: PathBuf,
    /// The user and group of the processes, if started by root: PostgreSQL refuses to run as root.
    user: Option<(u32, u32)>,
    postmaster: u32,
}

impl Postgresql {
    /// Starts a new cluster in the directory, or returns `None` if PostgreSQL is not installed.
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

    /// Returns the address for `DATABASE_URL`.
    pub fn url(&self) -> String {
        Self::url_at(&self.directory)
    }

    /// Returns the address by another socket, in the directory `sockets`.
    pub fn url_at(sockets: &Path) -> String {
        format!(
            "postgresql://cubby@localhost/postgres?host={}",
            sockets.display()
        )
    }

    /// Returns the directory of the socket.
    pub fn sockets(&self) -> &Path {
        &self.directory
    }

    /// Returns the CPU time of all processes of the cluster since its start.
    pub fn cpu(&self) -> Result<Duration> {
        cpu::of_process_tree(self.postmaster)
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
        // Its files are removed next, so it need not write its data.
        self.run("pg_ctl", &["stop", "--wait", "--mode=immediate"])
            .ok();
    }
}

/// Returns the directory of `initdb` and `pg_ctl`: one of `PATH`, or Debian's directory of the
/// newest version.
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

/// Returns the user and group `postgres`, or else `nobody`, if this process runs as root.
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
        "PostgreSQL refuses to run as root, and the users postgres and nobody do not exist",
    )?))
}
