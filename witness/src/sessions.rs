//! Which databases the command is connected to while it runs: the server's list of sessions, compared with the sockets of
//! the command's processes.
//!
//! A session in another database is proof that the command was there. No session proves nothing: it may have been too
//! short to be seen, or have gone through a proxy.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashSet};
use std::convert::Infallible;
use std::fs;
use std::future::pending;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::{Client, SimpleQueryMessage};

/// Between two looks: when the server does not list a connection yet, until some time after the command's first
/// connection, and later.
const SOON: Duration = Duration::from_millis(1);
const OFTEN: Duration = Duration::from_millis(5);
const SELDOM: Duration = Duration::from_millis(100);
/// How long looks are close together after the first connection.
const BEGINNING: Duration = Duration::from_secs(5);
/// Looks for a connection that the server does not list. It shows those of another role to some roles only.
const LOOKS: u32 = 100;
/// How long a look may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// ESTABLISHED in /proc/net/tcp.
const ESTABLISHED: &str = "01";

/// Databases in which the command had a session.
pub type Seen = BTreeSet<String>;

/// A TCP connection of this machine, as /proc/net/tcp has it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Connection {
    local: SocketAddr,
    remote: SocketAddr,
    inode: u64,
}

/// Looks until it is dropped, and writes down what it sees. `process` is the command's id.
///
/// It sees nothing where the server knows this program by another address than its own socket has, as behind a proxy or
/// NAT: another machine could then have the same address.
pub async fn watch(client: &Client, process: i32, seen: &RefCell<Seen>) -> Infallible {
    let Some(own) = own_connection(client).await else { pending().await };
    let mut command = Command { process, family: HashSet::from([process]) };
    let (mut first, mut unlisted) = (None, 0);
    while !client.is_closed() {
        let looked = look(client, &own, &mut command, seen).await;
        if looked != Looked::None {
            first.get_or_insert_with(Instant::now);
        }
        unlisted = if looked == Looked::Unlisted { unlisted + 1 } else { 0 };
        let is_beginning = first.is_none_or(|first| first.elapsed() < BEGINNING);
        sleep(match () {
            () if (1..LOOKS).contains(&unlisted) => SOON,
            () if is_beginning => OFTEN,
            () => SELDOM,
        })
        .await;
    }
    pending().await
}

/// What a look has found of the command's connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Looked {
    None,
    /// The server does not list one of them, or not yet.
    Unlisted,
    Listed,
}

/// Looks once. A look that fails sees nothing, which proves nothing.
async fn look(client: &Client, own: &Connection, command: &mut Command, seen: &RefCell<Seen>) -> Looked {
    let before = alike(own);
    if before.is_empty() {
        return Looked::None;
    }
    // The address and port of another role's session are shown to some roles only.
    let query = "SELECT datname, client_port FROM pg_stat_activity \
                 WHERE datname IS NOT NULL AND client_addr = inet_client_addr()";
    // The processes are looked at while the server answers: a session may be short.
    let (rows, owned) = tokio::join!(rows(client, query), async { command.owned(&before) });
    if owned.is_empty() {
        return Looked::None;
    }
    let sessions = rows.into_iter().filter_map(|row| {
        let [Some(database), Some(port)] = <[Option<String>; 2]>::try_from(row).ok()? else { return None };
        let port: u16 = port.parse().ok()?;
        Some((database, owned.iter().find(|connection| connection.local.port() == port)?))
    });
    let sessions: Vec<(String, &Connection)> = sessions.collect();
    let looked = if sessions.len() < owned.len() { Looked::Unlisted } else { Looked::Listed };
    if sessions.iter().all(|(database, _)| seen.borrow().contains(database)) {
        return looked;
    }
    // A port whose connection ended meanwhile could belong to another process's session: only a socket that was there all
    // the time is proof.
    let after = alike(own);
    let still = sessions.into_iter().filter(|(_, connection)| after.contains(*connection));
    seen.borrow_mut().extend(still.map(|(database, _)| database));
    looked
}

/// The command's processes, as they were when they were looked at last.
struct Command {
    process: i32,
    family: HashSet<i32>,
}

impl Command {
    /// Returns those of the connections that belong to the command.
    fn owned(&mut self, connections: &HashSet<Connection>) -> HashSet<Connection> {
        let owned = |family: &HashSet<i32>| {
            let sockets = sockets_of(family);
            connections.iter().filter(|one| sockets.contains(&one.inode)).cloned().collect::<HashSet<_>>()
        };
        let found = owned(&self.family);
        if found.len() == connections.len() {
            return found;
        }
        self.family = family(self.process);
        found.union(&owned(&self.family)).cloned().collect()
    }
}

/// Returns the connection of the client itself, if the server and this machine agree about its address.
async fn own_connection(client: &Client) -> Option<Connection> {
    let row = rows(client, "SELECT host(inet_client_addr()), inet_client_port()").await.pop()?;
    let [Some(address), Some(port)] = <[Option<String>; 2]>::try_from(row).ok()? else { return None };
    let local = SocketAddr::new(address.parse::<IpAddr>().ok()?, port.parse().ok()?);
    let own = sockets_of(&HashSet::from([i32::try_from(std::process::id()).ok()?]));
    connections().into_iter().find(|one| one.local == local && own.contains(&one.inode))
}

async fn rows(client: &Client, query: &str) -> Vec<Vec<Option<String>>> {
    let Ok(Ok(messages)) = timeout(PATIENCE, client.simple_query(query)).await else { return Vec::new() };
    let rows = messages.into_iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => {
            Some((0..row.len()).map(|column| row.get(column).map(str::to_owned)).collect())
        }
        _ => None,
    });
    rows.collect()
}

/// Returns the other connections from the same address to the same server, of whatever process.
fn alike(own: &Connection) -> HashSet<Connection> {
    let is_alike = |one: &Connection| {
        one.remote == own.remote && one.local.ip() == own.local.ip() && one.local != own.local
    };
    connections().into_iter().filter(is_alike).collect()
}

/// Returns the established connections of this machine, or of this container.
fn connections() -> Vec<Connection> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].iter().filter_map(|path| fs::read_to_string(path).ok());
    tables.flat_map(|table| table.lines().filter_map(connection).collect::<Vec<_>>()).collect()
}

/// Reads a line of /proc/net/tcp.
fn connection(line: &str) -> Option<Connection> {
    let mut fields = line.split_whitespace().skip(1);
    let (local, remote, state) = (fields.next()?, fields.next()?, fields.next()?);
    // Behind the state: queues, timer, retransmits, user, timeout.
    let inode = fields.nth(5)?.parse().ok()?;
    (state == ESTABLISHED).then_some(())?;
    Some(Connection { local: address(local)?, remote: address(remote)?, inode })
}

/// Reads `0100007F:1538`: words of the machine's byte order, and the port. A mapped address is the one of IPv4.
fn address(text: &str) -> Option<SocketAddr> {
    let (digits, port) = text.split_once(':')?;
    let word = |at: usize| u32::from_str_radix(digits.get(at..at + 8)?, 16).ok().map(u32::to_ne_bytes);
    let ip = match digits.len() {
        8 => IpAddr::from(word(0)?),
        32 => {
            let words = [word(0)?, word(8)?, word(16)?, word(24)?];
            IpAddr::from(<[u8; 16]>::try_from(words.concat()).ok()?).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}

/// Returns a process, its group, and the descendants of all of these.
fn family(process: i32) -> HashSet<i32> {
    let ids = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = ids.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let all: Vec<(i32, i32, i32)> = ids
        .filter_map(|id| {
            let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
            // The name stands in parentheses, and may have some itself. Behind it: state, parent, group.
            let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(1);
            Some((id, fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
        })
        .collect();
    let mut family = HashSet::from([process]);
    loop {
        let is_new = |(id, parent, group): &&(i32, i32, i32)| {
            !family.contains(id) && (*group == process || family.contains(parent))
        };
        let new: Vec<i32> = all.iter().filter(is_new).map(|(id, ..)| *id).collect();
        if new.is_empty() {
            return family;
        }
        family.extend(new);
    }
}

/// Returns the inodes of the sockets that processes have open.
fn sockets_of(processes: &HashSet<i32>) -> HashSet<u64> {
    let files = processes.iter().flat_map(|id| fs::read_dir(format!("/proc/{id}/fd")).into_iter().flatten());
    let links = files.flatten().filter_map(|file| fs::read_link(file.path()).ok());
    links
        .filter_map(|link| link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};
    use std::process::{Command, Stdio};

    #[test]
    fn the_connections_of_a_process_are_found_by_where_they_lead() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let remote = listener.local_addr().expect("an address");
        let first = TcpStream::connect(remote).expect("a connection");
        let second = TcpStream::connect(remote).expect("a connection");
        let local = |stream: &TcpStream| stream.local_addr().expect("an address");
        let own = connections().into_iter().find(|one| one.local == local(&first)).expect("in the table");
        assert_eq!(own.remote, remote);
        let this = i32::try_from(std::process::id()).expect("an id");
        let owned = |process: i32, own: &Connection| -> Vec<SocketAddr> {
            let mut command = super::Command { process, family: HashSet::new() };
            command.owned(&alike(own)).into_iter().map(|one| one.local).collect()
        };
        assert_eq!(owned(this, &own), [local(&second)]);
        // Another process's, and another server's.
        let mut cat = Command::new("cat").stdin(Stdio::piped()).spawn().expect("another process");
        assert_eq!(owned(i32::try_from(cat.id()).expect("an id"), &own), []);
        drop(cat.stdin.take());
        cat.wait().expect("it ends");
        let elsewhere = Connection { remote: local(&first), ..own };
        assert_eq!(owned(this, &elsewhere), []);
    }

    #[test]
    fn descendants_are_of_the_family_and_others_are_not() {
        let mut shell = Command::new("sh");
        shell.args(["-c", "cat; :"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut shell = shell.spawn().expect("a shell");
        let this = i32::try_from(std::process::id()).expect("an id");
        let of_shell = family(i32::try_from(shell.id()).expect("an id"));
        assert!(!of_shell.contains(&this));
        let own = family(this);
        assert!(own.is_superset(&of_shell) && own.len() > of_shell.len());
        drop(shell.stdin.take());
        shell.wait().expect("it ends");
    }

    #[test]
    fn a_line_of_the_table_is_read() {
        let rest = "00000000:00000000 00:00000000 00000000  1000        0 4242 1 0";
        let line = format!("   1: 0100007F:9C40 0200007F:1538 01 {rest}");
        let read = connection(&line).expect("a connection");
        assert_eq!(
            (read.local.to_string(), read.remote.to_string()),
            ("127.0.0.1:40000".into(), "127.0.0.2:5432".into())
        );
        assert_eq!(read.inode, 4242);
        let mapped = address("0000000000000000FFFF00000100007F:1538").expect("an address");
        assert_eq!(mapped.to_string(), "127.0.0.1:5432");
        assert_eq!(connection(&line.replace(" 01 ", " 0A ")), None);
        assert_eq!(connection("  sl  local_address rem_address   st tx_queue rx_queue tr tm->when"), None);
    }
}
