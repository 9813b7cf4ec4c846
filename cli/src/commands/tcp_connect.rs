//! `mesos-tcp-connect`: tries a TCP connection; TCP checks run it in the namespaces of their task.
//!
//! Mirrors `src/checks/tcp_connect.cpp`.

use std::ffi::OsString;
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream};
use std::process::ExitCode;

use anyhow::{Context, Result};
use mesos_common::flags::{Row, Source, load, usage};
use mesos_common::{flag, flag_struct};

const PROGRAM: &str = "mesos-tcp-connect";

flag_struct! {
    /// Flags of `mesos-tcp-connect`.
    pub struct Flags {
        ip: Option<String>,
        port: Option<u16>,
    }
    groups: [ROWS]
}

const ROWS: &[Row<Flags>] = &[
    flag!(Flags.ip, "IP of the target host."),
    flag!(Flags.port, "Port to connect to."),
];

/// Exits with 0 when the connection came about.
pub fn run(arguments: &[OsString]) -> ExitCode {
    let arguments = arguments.iter().map(|argument| argument.to_string_lossy());
    let loading = load::<Flags>(&Source::arguments(arguments));
    let flags = loading.flags;
    if flags.help {
        print!("{}", usage::<Flags>(PROGRAM, None, None));
        return ExitCode::SUCCESS;
    }
    let refused = match (loading.error, &flags.ip, flags.port) {
        (Some(error), _, _) => error.to_string(),
        (None, None, _) => "Missing required option --ip".to_owned(),
        (None, _, None) => "Missing required option --port".to_owned(),
        (None, Some(ip), Some(port)) => {
            return match connect(ip, port) {
                Ok(()) => ExitCode::SUCCESS,
                Err(error) => {
                    eprintln!("{error:#}");
                    ExitCode::FAILURE
                }
            };
        }
    };
    eprint!("{}", usage::<Flags>(PROGRAM, None, Some(&refused)));
    ExitCode::FAILURE
}

fn connect(ip: &str, port: u16) -> Result<()> {
    let address: IpAddr = ip
        .parse()
        .with_context(|| format!("Cannot convert '{ip}' into a network address"))?;
    println!("Connecting to {ip}:{port}");
    let stream = TcpStream::connect(SocketAddr::new(address, port))
        .with_context(|| format!("Failed to connect to {ip}:{port}"))?;
    println!("Successfully established TCP connection");
    // The peer may have closed it already.
    let _ = stream.shutdown(Shutdown::Both);
    Ok(())
}
