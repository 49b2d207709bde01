//! A `PostgreSQL` of its own for a test, on a socket in a folder of its own; it ends with the test.

use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

use crate::projection::Place;
use crate::projection::sql::Database;

/// An unprivileged user; `PostgreSQL` does not run as root.
const NOBODY: u32 = 65_534;

pub(super) struct Cluster {
    folder: TempDir,
    server: Child,
}

impl Cluster {
    /// `None` where there is no `PostgreSQL`, which is an error in CI.
    pub(super) async fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            assert!(std::env::var_os("CI").is_none(), "there is no PostgreSQL");
            // Past the harness, which shows what passing tests print to nobody.
            let _ = writeln!(
                std::io::stderr(),
                "\n*** THE READ MODEL IN POSTGRESQL IS NOT TESTED: no initdb in PATH or /usr/lib/postgresql\n"
            );
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        if is_root() && !has_namespaces() {
            std::os::unix::fs::chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let data = folder.path().join("data");
        let mut initdb = command(&programs.join("initdb"), folder.path());
        initdb.arg("-D").arg(&data);
        initdb.args(["-U", "chop", "--auth=trust", "-N", "-E", "UTF8"]);
        let made = initdb.output().unwrap();
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        let server = serve(&programs, folder.path(), &[]);
        let cluster = Self { folder, server };
        cluster.until_it_answers().await;
        Some(cluster)
    }

    /// A new database.
    pub(super) async fn database(&self, name: &str) -> Place {
        let database = Database::at(&self.place("postgres")).unwrap();
        database.run_alone(format!("CREATE DATABASE {name}")).await;
        database.close().await;
        self.place(name)
    }

    /// A new database of a user who needs this password; how both are named to a program with another one.
    pub(super) async fn locked(&self, name: &str, password: &str) -> Place {
        let rules = "local all chop trust\nlocal all all scram-sha-256\n";
        std::fs::write(self.folder.path().join("data/pg_hba.conf"), rules).unwrap();
        let database = Database::at(&self.place("postgres")).unwrap();
        for sql in [
            "SELECT pg_reload_conf()".to_owned(),
            format!("CREATE ROLE {name} LOGIN PASSWORD '{password}'"),
            format!("CREATE DATABASE {name} OWNER {name}"),
        ] {
            database.run_alone(sql).await;
        }
        database.close().await;
        let folder = self.folder.path().display();
        Place::parse(&format!(
            "postgres://{name}:wrong@localhost/{name}?host={folder}"
        ))
        .unwrap()
    }

    /// Gives a user another password.
    pub(super) async fn change_password(&self, name: &str, password: &str) {
        let database = Database::at(&self.place("postgres")).unwrap();
        let sql = format!("ALTER ROLE {name} PASSWORD '{password}'");
        database.run_alone(sql).await;
        database.close().await;
    }

    fn place(&self, name: &str) -> Place {
        Place::parse(&self.url(name)).unwrap()
    }

    /// How a database is named to a program.
    pub(super) fn url(&self, name: &str) -> String {
        let folder = self.folder.path().display();
        format!("postgres://chop@localhost/{name}?host={folder}")
    }

    /// Ends the server in the middle of its work, and its connections.
    pub(super) fn break_off(&mut self) {
        let server = rustix::process::Pid::from_child(&self.server);
        rustix::process::kill_process(server, rustix::process::Signal::QUIT).unwrap();
        self.server.wait().unwrap();
    }

    /// Starts it again.
    pub(super) async fn resume(&mut self) {
        self.server = serve(&programs().unwrap(), self.folder.path(), &[]);
        self.until_it_answers().await;
    }

    /// Starts it again with a port for connections over TLS alone, under a certificate for `name`; the port, and the file of the
    /// authority that certified it.
    pub(super) async fn encrypt(&mut self, name: &str) -> (u16, PathBuf) {
        let folder = self.folder.path();
        let authority = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = parameters.self_signed(&authority).unwrap();
        let issuer = Issuer::from_params(&parameters, &authority);
        let pair = KeyPair::generate().unwrap();
        let parameters = CertificateParams::new([name.to_owned()]).unwrap();
        let certificate = parameters.signed_by(&pair, &issuer).unwrap();
        let [trusted, shown, secret, rules] = [
            "authority.pem",
            "server.pem",
            "server.key",
            "data/pg_hba.conf",
        ]
        .map(|file| folder.join(file));
        std::fs::write(&trusted, root.pem()).unwrap();
        std::fs::write(&shown, certificate.pem()).unwrap();
        std::fs::write(&secret, pair.serialize_pem()).unwrap();
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(0o600)).unwrap();
        if is_root() && !has_namespaces() {
            std::os::unix::fs::chown(&secret, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        std::fs::write(
            rules,
            "local all all trust\nhostssl all all 127.0.0.1/32 trust\n",
        )
        .unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let settings = [
            "ssl=on".to_owned(),
            format!("ssl_cert_file={}", shown.display()),
            format!("ssl_key_file={}", secret.display()),
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={port}"),
        ];
        self.break_off();
        self.server = serve(&programs().unwrap(), self.folder.path(), &settings);
        self.until_it_answers_at(&format!("{}&port={port}", self.url("postgres")))
            .await;
        (port, trusted)
    }

    async fn until_it_answers(&self) {
        self.until_it_answers_at(&self.url("postgres")).await;
    }

    async fn until_it_answers_at(&self, url: &str) {
        let since = Instant::now();
        let database = Database::at(&Place::parse(url).unwrap()).unwrap();
        while database.begin_reading().await.is_err() {
            assert!(since.elapsed() < Duration::from_secs(30), "it never starts");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        database.close().await;
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ended = self.server.kill();
        let _ended = self.server.wait();
    }
}

/// The server of a folder, on a socket in it, with settings beside the usual ones.
fn serve(programs: &Path, folder: &Path, settings: &[String]) -> Child {
    let mut postgres = command(&programs.join("postgres"), folder);
    postgres
        .arg("-D")
        .arg(folder.join("data"))
        .arg("-k")
        .arg(folder);
    postgres.args(["-c", "listen_addresses=", "-c", "fsync=off"]);
    for setting in settings {
        postgres.arg("-c").arg(setting);
    }
    let postgres = postgres.stdout(Stdio::null()).stderr(Stdio::null());
    postgres.spawn().unwrap()
}

/// A program that must not run as root: in a user namespace that calls root somebody else, or as somebody else.
fn command(program: &Path, folder: &Path) -> Command {
    let mut command;
    if is_root() && has_namespaces() {
        command = Command::new("unshare");
        command.args(["--user", &format!("--map-user={NOBODY}")]);
        command.arg(program);
    } else {
        command = Command::new(program);
        if is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
    }
    command.current_dir(folder);
    command
}

fn has_namespaces() -> bool {
    let mut unshare = Command::new("unshare");
    unshare.args(["--user", &format!("--map-user={NOBODY}"), "true"]);
    unshare.output().is_ok_and(|ended| ended.status.success())
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Where the programs of `PostgreSQL` are.
fn programs() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let installed = std::fs::read_dir("/usr/lib/postgresql");
    let installed = installed
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"));
    std::env::split_paths(&path)
        .chain(installed)
        .find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
}
